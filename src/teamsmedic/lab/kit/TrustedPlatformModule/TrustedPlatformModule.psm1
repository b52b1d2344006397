# A stand-in for the module on a simulated device. HKLM\SOFTWARE\Lab, value Tpm = not_ready | absent | failing; else it is ready.
# Documented output (https://learn.microsoft.com/powershell/module/trustedplatformmodule/get-tpm):
#   TpmPresent : True, TpmReady : True, ManufacturerId : 1229346816, ManufacturerIdTxt : IFX, ManufacturerVersion : 4.32.1.2,
#   ManagedAuthLevel : Delegated, OwnerAuth : (a secret where it is kept), OwnerClearDisabled : True, AutoProvisioning : Enabled,
#   LockedOut : False, LockoutCount : 0, SelfTest : {...}
Set-StrictMode -Version 2.0

function Get-Tpm {
    [CmdletBinding()]
    param()
    $key = Get-Item -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab' -ErrorAction SilentlyContinue
    $state = if ($key) { $key.GetValue('Tpm', 'ready') } else { 'ready' }
    if ($state -eq 'failing') { throw (New-Object -TypeName System.Runtime.InteropServices.COMException -ArgumentList 'An internal error was detected.', -2144845819) }
    $present = $state -ne 'absent'
    [pscustomobject]@{
        TpmPresent = $present; TpmReady = $state -eq 'ready'; TpmEnabled = $present; TpmActivated = $present; TpmOwned = $present; RestartPending = $false
        ManufacturerId = 1229346816; ManufacturerIdTxt = 'IFX'; ManufacturerVersion = '7.85.4555.0'; ManagedAuthLevel = 'Full'; OwnerAuth = 'Pl4ntedTpmOwner='
        OwnerClearDisabled = $false; AutoProvisioning = 'Enabled'; LockedOut = $false; LockoutCount = 0
    }
}
