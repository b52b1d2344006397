# The device key cannot sign any more, and the TPM is well: what joining again mends.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Dsregcmd', 'KeySignTest', 'FAILED. ERROR: 0x80090016')
