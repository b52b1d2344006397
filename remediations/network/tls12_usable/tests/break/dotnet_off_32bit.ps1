# .NET 4, 32 bits; the 64-bit value is right.
$key1 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key1, 'SchUseStrongCrypto', 1, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key2, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key2, 'SystemDefaultTlsVersions', 0, 'DWord')
