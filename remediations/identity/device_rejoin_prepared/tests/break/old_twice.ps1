# The evidence before it is still there, in a folder like the first.
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, 'C:\ProgramData\teamsmedic\rejoin-old') }
else { $null = [System.IO.Directory]::CreateDirectory('C:\ProgramData\teamsmedic\rejoin-old', $security) }
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin-old\bundle.json' -Value ('{"format":1,"run":"20250903T080000Z-0a1b2d","device":"0b7c7a52-aaaa-4bbb-8ccc-1234567890ab","written":' + ($now - 6048000) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin-old\dsregcmd.txt' -Value 'AzureAdJoined : YES'
