# The policy of LAPS names no account, so it is the built-in administrator's password, and that one is disabled.
$key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS', $true)
$key.DeleteValue('AdministratorAccountName')
$key.Dispose()
