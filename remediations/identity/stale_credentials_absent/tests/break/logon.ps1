# Windows names amber's logon, and its identity store does not know her: OneAuth and the logon are the places that name her.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Logon', 'S-1-12-1-1111111111-1222222222-1333333333-1444444444', 'Amber@contoso.example')
[Microsoft.Win32.Registry]::LocalMachine.DeleteSubKeyTree('SOFTWARE\Microsoft\IdentityStore\Cache\S-1-12-1-1111111111-1222222222-1333333333-1444444444')
