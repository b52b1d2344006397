# A policy with an ECDHE AES-GCM suite, as a list.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002'
[Microsoft.Win32.Registry]::SetValue($key, 'Functions', [string[]]@('TLS_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'), 'MultiString')
