# LAPS has stored another password since the evidence was written.
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\bundle.json' -Value ('{"format":1,"run":"20251103T080000Z-0a1b2c","device":"0b7c7a52-aaaa-4bbb-8ccc-1234567890ab","volumes":[{"object":"C:","protectors":["{8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}"]}],"written":' + ($now - 345700) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\dsregcmd.txt' -Value 'AzureAdJoined : YES'
