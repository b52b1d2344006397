# Somebody's profile lies on a server.
[System.IO.Directory]::Delete('\\?\C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\S-1-5-21-1004336348-1177238915-682003330-1120', 'ProfileImagePath', '\\files\profiles\dora', 'ExpandString')
