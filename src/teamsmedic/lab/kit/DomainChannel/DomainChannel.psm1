# A stand-in for Test-ComputerSecureChannel, which 5.1 has and 7 has not. HKLM\SOFTWARE\Lab, value SecureChannel = broken | failing;
# else it is sound. Documented output (https://learn.microsoft.com/powershell/module/microsoft.powershell.management/test-computersecurechannel?view=powershell-5.1):
# True or False; an error where the device is in no domain.
Set-StrictMode -Version 2.0

function Test-ComputerSecureChannel {
    [CmdletBinding()]
    param()
    $key = Get-Item -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab' -ErrorAction SilentlyContinue
    $state = if ($key) { $key.GetValue('SecureChannel', 'sound') } else { 'sound' }
    if ($state -eq 'failing') { throw (New-Object -TypeName System.InvalidOperationException -ArgumentList 'Cannot verify the secure channel for the local computer.') }
    $state -eq 'sound'
}
