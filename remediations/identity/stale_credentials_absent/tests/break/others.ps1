# What Windows and others keep, which is not looked at.
$vault3 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: OneDrive Cached Credential Business - Business1'
[Microsoft.Win32.Registry]::SetValue($vault3, '', 'OneDrive Cached Credential Business - Business1')
[Microsoft.Win32.Registry]::SetValue($vault3, 'UserName', 'amber@fabrikam.example')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault3, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault3, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
$vault4 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: TERMSRV/host'
[Microsoft.Win32.Registry]::SetValue($vault4, '', 'TERMSRV/host')
[Microsoft.Win32.Registry]::SetValue($vault4, 'UserName', 'FABRIKAM\amber')
[Microsoft.Win32.Registry]::SetValue($vault4, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault4, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault4, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault4, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault4, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
