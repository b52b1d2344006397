# C: is not encrypted.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker', 'State', 'off')
