# The roaming data of a person lie on a server.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders', 'AppData', '\\files\home$\%USERNAME%\AppData', 'ExpandString')
