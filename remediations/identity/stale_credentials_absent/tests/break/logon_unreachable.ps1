# No domain controller can be asked for the name of amber's logon.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Logon', 'S-1-12-1-1111111111-1222222222-1333333333-1444444444', 'unreachable')
