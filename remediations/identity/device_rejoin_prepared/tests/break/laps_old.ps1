# The last success of LAPS is older than a password may be.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-LAPS!Operational', 'Events', [string[]]@('10005,3600', '10018,3456600'), 'MultiString')
