# A policy lets only signed scripts run.
$policy = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\PowerShell'
[Microsoft.Win32.Registry]::SetValue($policy, 'EnableScripts', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($policy, 'ExecutionPolicy', 'AllSigned')
