# Windows 7, where absent does not mean on.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
[Microsoft.Win32.Registry]::SetValue($key, 'CurrentBuildNumber', '7601', 'String')
