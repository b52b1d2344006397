# A Room whose user has no cache.
[System.IO.Directory]::Delete('\\?\C:\Users\Skype\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
