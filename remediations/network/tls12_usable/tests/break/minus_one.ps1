# Old scripts wrote 0xFFFFFFFF, which is on.
$key1 = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key1, 'Enabled', -1, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key2, 'SchUseStrongCrypto', -1, 'DWord')
