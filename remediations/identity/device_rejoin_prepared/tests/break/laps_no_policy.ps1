# No policy of LAPS.
[Microsoft.Win32.Registry]::LocalMachine.DeleteSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS')
