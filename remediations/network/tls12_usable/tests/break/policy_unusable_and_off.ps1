# The same as a list, and Schannel is off too.
$key1 = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key1, 'Enabled', 0, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002'
[Microsoft.Win32.Registry]::SetValue($key2, 'Functions', [string[]]@('TLS_RSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'), 'MultiString')
