# Among the administrators is a SID that nobody can resolve: the cmdlet fails with 1789.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'UnresolvedMember', 1, 'DWord')
