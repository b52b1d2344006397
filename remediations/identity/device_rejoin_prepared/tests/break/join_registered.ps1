# Not joined; somebody at the desk has registered a work account.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Dsregcmd', 'Join', 'registered')
