# The registry names no tenant: Active Directory decides.
[Microsoft.Win32.Registry]::LocalMachine.DeleteSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD')
