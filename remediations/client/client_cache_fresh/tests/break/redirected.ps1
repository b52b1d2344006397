# The local data of a person is redirected to another folder; what lies in the default one is not his cache.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$null = New-Item -Path 'C:\Redirected\amber' -ItemType Directory
[System.IO.Directory]::Move('C:\Users\amber\AppData\Local', 'C:\Redirected\amber\Local')
$null = New-Item -Path 'C:\Users\amber\AppData\Local\Packages' -ItemType Directory
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders', 'Local AppData', '%SystemDrive%\Redirected\%USERNAME%\Local', 'ExpandString')
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Volatile Environment', 'USERNAME', 'amber', 'String')
