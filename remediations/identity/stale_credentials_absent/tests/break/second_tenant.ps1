# Saved for a second account that amber has.
$vault2 = 'HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Wine\Credential Manager\Generic: MicrosoftOffice16_Data:SSPI:amber@tailspin.example'
[Microsoft.Win32.Registry]::SetValue($vault2, '', 'MicrosoftOffice16_Data:SSPI:amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue($vault2, 'UserName', 'amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Type', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Flags', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Persist', 2, 'DWord')
[Microsoft.Win32.Registry]::SetValue($vault2, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
[Microsoft.Win32.Registry]::SetValue($vault2, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
[System.IO.File]::WriteAllText('C:\Users\amber\AppData\Local\Microsoft\OneAuth\accounts\second', '{"account_hints":["amber@tailspin.example"]}')
