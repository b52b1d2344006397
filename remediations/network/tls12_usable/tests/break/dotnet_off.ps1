# .NET 4, 64 bits.
$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v4.0.30319'
[Microsoft.Win32.Registry]::SetValue($key, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key, 'SystemDefaultTlsVersions', 0, 'DWord')
