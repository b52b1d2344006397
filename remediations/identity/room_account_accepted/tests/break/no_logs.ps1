# Neither log is there.
foreach ($log in 'Skype Room System', 'Microsoft-Windows-AAD!Operational') { [Microsoft.Win32.Registry]::SetValue("HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\$log", 'Missing', 1, 'DWord') }
