# An application control lets no script of our folder run.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab', 'BlockedScripts', [string[]]@('C:\Program Files\teamsmedic'), 'MultiString')
