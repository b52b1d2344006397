# Windows 11 24H2, whose LAPS has made an account with digits at the end of its name; the name in the policy counts no more.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion', 'CurrentBuildNumber', '26100')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS', 'AutomaticAccountManagementEnabled', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS', 'AutomaticAccountManagementEnableAccount', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS', 'AutomaticAccountManagementRandomizeName', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'Administrator', '500,disabled,administrator')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'lapsadmin', '1003,enabled,administrator')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers', 'WLapsAdmin482913', '1009,enabled,administrator')
