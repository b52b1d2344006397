# The evidence is 40 days old.
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\bundle.json' -Value ('{"format":1,"run":"20251003T080000Z-0a1b2c","device":"0b7c7a52-aaaa-4bbb-8ccc-1234567890ab","written":' + ($now - 3456600) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\dsregcmd.txt' -Value 'AzureAdJoined : YES'
