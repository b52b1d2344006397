# One person has caches of both.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$teams = 'C:\Users\amber\AppData\Roaming\Microsoft\Teams'
$null = New-Item -Path "$teams\Cache", "$teams\Backgrounds\Uploads" -ItemType Directory
Set-Content -LiteralPath "$teams\Cache\data_0" -Value 'old'
Set-Content -LiteralPath "$teams\logs.txt" -Value 'Mon Nov 03 2025 07:58:12 <1234> -- info -- start'
Set-Content -LiteralPath "$teams\Backgrounds\Uploads\7f0e4a1c-2a37-4b5d-8e6f-0a1b2c3d4e5f.png" -Value 'lake'
