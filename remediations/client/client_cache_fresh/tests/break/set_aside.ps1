# A treatment of an hour ago set the cache aside, and Teams has built a new one since.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$cache = 'C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams'
$aside = 'C:\Users\amber\AppData\Local\teamsmedic\Teams-new'
$null = New-Item -Path "$aside\Logs" -ItemType Directory
Set-Content -LiteralPath "$aside\Logs\MSTeams_2025-11-02_07-58-12.08.log" -Value 'old'
Add-EarlierTreatment -SecondsAgo 3600 -Item @([ordered]@{ fact = 'caches'; object = $cache; aside = $aside; sid = 'S-1-12-1-1111111111-1222222222-1333333333-1444444444'; client = 'new' })
