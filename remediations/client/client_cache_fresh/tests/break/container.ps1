# A person's profile comes from an FSLogix container.
[System.IO.Directory]::Delete('\\?\C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\FSLogix\Profiles', 'Enabled', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\FSLogix\Profiles\Sessions\S-1-5-21-1004336348-1177238915-682003330-1107', 'Status', 0, 'DWord')
