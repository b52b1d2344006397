# The program prints something that no version is known to print.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Dsregcmd', 'Administrator', 'AzureAdJoined = MAYBE')
