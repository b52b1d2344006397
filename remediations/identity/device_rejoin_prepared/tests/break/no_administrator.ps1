# All local administrators are disabled.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'lapsadmin', '1003,disabled,administrator')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'Administrator', '500,disabled,administrator')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'helper', '1004,enabled')
