# The same as one text, in the form with curves.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002'
[Microsoft.Win32.Registry]::SetValue($key, 'Functions', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384_P384, TLS_RSA_WITH_AES_256_CBC_SHA', 'String')
