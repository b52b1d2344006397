# Everybody has logged off since.
[Microsoft.Win32.Registry]::Users.DeleteSubKeyTree('S-1-12-1-1111111111-1222222222-1333333333-1444444444\Volatile Environment')
[Microsoft.Win32.Registry]::Users.DeleteSubKeyTree('S-1-5-21-1004336348-1177238915-682003330-1107\Volatile Environment')
