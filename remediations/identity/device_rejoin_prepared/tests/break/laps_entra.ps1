# LAPS stores the password on the Entra device object, by a policy of Intune's, which comes first.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Policies\LAPS', 'BackupDirectory', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Policies\LAPS', 'AdministratorAccountName', 'lapsadmin')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-LAPS!Operational', 'Events', [string[]]@('10029,86500'), 'MultiString')
