# In a domain, not yet joined to Entra.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Dsregcmd', 'Join', 'domain')
