# Saved for two accounts that only the registration of the device and Office know.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@tailspin.example' -Name 'amber@tailspin.example'
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@litware.example' -Name 'amber@litware.example'
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo\A1B2C3D4E5F60718293A4B5C6D7E8F9012345678', 'UserEmail', 'amber@tailspin.example')
[Microsoft.Win32.Registry]::SetValue('HKEY_USERS\S-1-12-1-1111111111-1222222222-1333333333-1444444444\Software\Microsoft\Office\16.0\Common\Identity\Identities\7d1e8b3a-0a4d-4a51-9e6c-2f7d1e8b3a90_ADAL', 'EmailAddress', 'Amber@Litware.example')
