# Saved for the account that carla has.
$vault3 = 'HKEY_USERS\S-1-5-21-1004336348-1177238915-682003330-1107\Software\Wine\Credential Manager\Generic: MicrosoftOffice16_Data:SSPI:carla@contoso.example'
[Microsoft.Win32.Registry]::SetValue($vault3, '', 'MicrosoftOffice16_Data:SSPI:carla@contoso.example')
[Microsoft.Win32.Registry]::SetValue($vault3, 'UserName', 'carla@contoso.example')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
