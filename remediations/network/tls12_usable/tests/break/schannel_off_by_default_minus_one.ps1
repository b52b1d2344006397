# The same, written as 0xFFFFFFFF.
$key = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key, 'DisabledByDefault', -1, 'DWord')
