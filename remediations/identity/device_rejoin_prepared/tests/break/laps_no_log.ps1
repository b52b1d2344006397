# No log of LAPS.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-LAPS!Operational', 'Missing', 1, 'DWord')
