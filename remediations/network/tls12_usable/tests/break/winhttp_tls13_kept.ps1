# TLS 1.3 is there and must stay.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key, 'DefaultSecureProtocols', 8192, 'DWord')
