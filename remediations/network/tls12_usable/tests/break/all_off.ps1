# Every switch at once.
$key1 = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key1, 'Enabled', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key1, 'DisabledByDefault', 1, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key2, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key2, 'SystemDefaultTlsVersions', 0, 'DWord')
$key3 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key3, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key3, 'SystemDefaultTlsVersions', 0, 'DWord')
$key4 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v2.0.50727'
[Microsoft.Win32.Registry]::SetValue($key4, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key4, 'SystemDefaultTlsVersions', 0, 'DWord')
$key5 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\.NETFramework\v2.0.50727'
[Microsoft.Win32.Registry]::SetValue($key5, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key5, 'SystemDefaultTlsVersions', 0, 'DWord')
$key6 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key6, 'DefaultSecureProtocols', 160, 'DWord')
$key7 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp'
[Microsoft.Win32.Registry]::SetValue($key7, 'DefaultSecureProtocols', 160, 'DWord')
