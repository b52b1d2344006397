# .NET 2 and 3.5, both bitnesses.
$key1 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v2.0.50727'
[Microsoft.Win32.Registry]::SetValue($key1, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key1, 'SystemDefaultTlsVersions', 0, 'DWord')
$key2 = 'HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Microsoft\.NETFramework\v2.0.50727'
[Microsoft.Win32.Registry]::SetValue($key2, 'SchUseStrongCrypto', 0, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key2, 'SystemDefaultTlsVersions', 0, 'DWord')
