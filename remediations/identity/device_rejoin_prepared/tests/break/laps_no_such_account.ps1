# The policy of LAPS names an account that this device does not have.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS', 'AdministratorAccountName', 'helpdesk')
