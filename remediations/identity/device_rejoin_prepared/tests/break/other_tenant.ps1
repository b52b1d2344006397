# The registry leads to another tenant.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD', 'TenantId', '99999999-2222-4222-8333-9a0b1c2d3e4f')
