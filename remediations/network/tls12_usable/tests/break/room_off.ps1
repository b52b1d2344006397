# A Room after a hardening template.
$key1 = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key1, 'Enabled', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key1, 'DisabledByDefault', 1, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key2, 'DefaultSecureProtocols', 160, 'DWord')
$key3 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key3, 'DefaultSecureProtocols', 160, 'DWord')
