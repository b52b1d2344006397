# The domain does not know this device's password.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab', 'SecureChannel', 'broken')
