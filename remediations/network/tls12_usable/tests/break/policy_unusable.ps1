# A policy without an ECDHE AES-GCM suite, nothing else is wrong.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002'
[Microsoft.Win32.Registry]::SetValue($key, 'Functions', 'TLS_RSA_WITH_AES_128_CBC_SHA,TLS_RSA_WITH_AES_256_CBC_SHA,TLS_AES_256_GCM_SHA384', 'String')
