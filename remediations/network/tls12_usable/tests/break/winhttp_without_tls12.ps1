# TLS 1.0 and 1.1 only.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key, 'DefaultSecureProtocols', 640, 'DWord')
