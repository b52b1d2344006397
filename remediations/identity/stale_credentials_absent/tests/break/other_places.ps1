# Saved for two accounts that only the registration of the device and Office know.
$vault1 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: MicrosoftOffice16_Data:SSPI:amber@tailspin.example'
[Microsoft.Win32.Registry]::SetValue($vault1, '', 'MicrosoftOffice16_Data:SSPI:amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue($vault1, 'UserName', 'amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault1, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault1, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
$vault2 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: MicrosoftOffice16_Data:SSPI:amber@litware.example'
[Microsoft.Win32.Registry]::SetValue($vault2, '', 'MicrosoftOffice16_Data:SSPI:amber@litware.example')
[Microsoft.Win32.Registry]::SetValue($vault2, 'UserName', 'amber@litware.example')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo\A1B2C3D4E5F60718293A4B5C6D7E8F9012345678', 'UserEmail', 'amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Office\16.0\Common\Identity\Identities\7d1e8b3a-0a4d-4a51-9e6c-2f7d1e8b3a90_ADAL', 'EmailAddress', 'Amber@Litware.example')
