# The evidence is of the registration before this one.
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\bundle.json' -Value ('{"format":1,"run":"20251103T080000Z-0a1b2c","device":"11111111-aaaa-4bbb-8ccc-1234567890ab","written":' + ($now - 7200) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\dsregcmd.txt' -Value 'AzureAdJoined : YES'
