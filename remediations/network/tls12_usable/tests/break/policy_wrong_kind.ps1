# The policy's list is a number.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002'
[Microsoft.Win32.Registry]::SetValue($key, 'Functions', 1, 'DWord')
