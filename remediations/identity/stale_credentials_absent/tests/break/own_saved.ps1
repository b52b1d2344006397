# Saved for the account that amber has.
$vault1 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: MicrosoftOffice16_Data:SSPI:amber@contoso.example'
[Microsoft.Win32.Registry]::SetValue($vault1, '', 'MicrosoftOffice16_Data:SSPI:amber@contoso.example')
[Microsoft.Win32.Registry]::SetValue($vault1, 'UserName', 'amber@contoso.example')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
