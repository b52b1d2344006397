# Saves what a vault holds for somebody, amber where nobody is named, as Wine keeps it: all but the secret in clear.
function Save-Credential {
    param([string] $Target, [string] $Name, [string] $Sid = 'S-1-12-1-1111111111-1222222222-1333333333-1444444444')
    $key = "HKEY_USERS\$Sid\Software\Wine\Credential Manager\Generic: $Target"
    [Microsoft.Win32.Registry]::SetValue($key, '', $Target)
    [Microsoft.Win32.Registry]::SetValue($key, 'UserName', $Name)
    [Microsoft.Win32.Registry]::SetValue($key, 'Type', 1, 'DWord')
    [Microsoft.Win32.Registry]::SetValue($key, 'Flags', 0, 'DWord')
    [Microsoft.Win32.Registry]::SetValue($key, 'Persist', 2, 'DWord')
    [Microsoft.Win32.Registry]::SetValue($key, 'LastWritten', [byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary')
    [Microsoft.Win32.Registry]::SetValue($key, 'Password', [byte[]](1, 2, 3, 4), 'Binary')
}
