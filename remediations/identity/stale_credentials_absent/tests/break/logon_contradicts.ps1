# Windows names amber's logon by an account that no other place knows.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Logon', 'S-1-12-1-1111111111-1222222222-1333333333-1444444444', 'amber@fabrikam.example')
