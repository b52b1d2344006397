# Joined to Entra alone.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Dsregcmd', 'Join', 'entra')
