# Neither BitLocker, the TPM nor the domain channel can be asked.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker', 'State', 'failing')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab', 'Tpm', 'failing')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab', 'SecureChannel', 'failing')
