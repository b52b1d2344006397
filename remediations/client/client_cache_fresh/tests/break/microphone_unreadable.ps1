# Windows keeps no record of the microphone.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
Remove-Item -LiteralPath 'Registry::HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone' -Recurse
