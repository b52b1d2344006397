# The evidence has no time.
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\bundle.json' -Value ('{"format":1,"run":"20251103T080000Z-0a1b2c","age":' + $now + '}')
