# Another program, outside a package, uses the microphone now.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$app = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone\NonPackaged\C:#Users#amber#AppData#Roaming#Zoom#bin#Zoom.exe'
[Microsoft.Win32.Registry]::SetValue($app, 'LastUsedTimeStart', [long]133773120000000000, 'QWord')
[Microsoft.Win32.Registry]::SetValue($app, 'LastUsedTimeStop', [long]0, 'QWord')
