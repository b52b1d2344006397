# The TPM is there and not ready.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab', 'Tpm', 'not_ready')
