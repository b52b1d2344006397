# The same for 32-bit programs alone.
$key1 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key1, 'DefaultSecureProtocols', 2560, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key2, 'DefaultSecureProtocols', 640, 'DWord')
