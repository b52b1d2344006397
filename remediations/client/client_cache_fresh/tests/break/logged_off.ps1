# Only of somebody who is logged off.
[System.IO.Directory]::Delete('\\?\C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
