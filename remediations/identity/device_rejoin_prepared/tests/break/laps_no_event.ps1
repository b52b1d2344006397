# A LAPS policy, and no success was ever told.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-LAPS!Operational', 'Events', [string[]]@('10005,3600', '10021,3601'), 'MultiString')
