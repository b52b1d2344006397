# Off for programs that do not ask for it.
$key = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
[Microsoft.Win32.Registry]::SetValue($key, 'Enabled', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue($key, 'DisabledByDefault', 1, 'DWord')
