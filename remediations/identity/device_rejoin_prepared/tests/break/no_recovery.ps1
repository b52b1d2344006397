# C: is encrypted and has no recovery password.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker', 'State', 'no_recovery')
