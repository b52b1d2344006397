# A stand-in for the module on a simulated device: C:, encrypted, with a TPM protector and a recovery password.
# HKLM\SOFTWARE\Lab\BitLocker tells otherwise: State = no_recovery | off | failing; RecoveryPassword: what is in its protector,
# readable as on Windows, so that a test can show that nothing keeps it.
# Documented (https://learn.microsoft.com/powershell/module/bitlocker/get-bitlockervolume):
#   VolumeType      Mount CapacityGB VolumeStatus           Encryption KeyProtector              AutoUnlock Protection
#   OperatingSystem C:        237.86 FullyEncrypted         100        {Tpm, RecoveryPassword}              On
# and of a protector: KeyProtectorId, AutoUnlockProtector, KeyProtectorType, KeyFileName, RecoveryPassword, KeyCertificateType, Thumbprint.
Set-StrictMode -Version 2.0
enum VolumeStatus { FullyEncrypted; FullyDecrypted; EncryptionInProgress; DecryptionInProgress }
enum ProtectionStatus { Off; On; Unknown }
enum ProtectorType { Unknown; Tpm; ExternalKey; RecoveryPassword }

function Get-Protector([string] $Id, [ProtectorType] $Type, [string] $Password) {
    [pscustomobject]@{ KeyProtectorId = $Id; AutoUnlockProtector = $null; KeyProtectorType = $Type; KeyFileName = ''; RecoveryPassword = $Password; KeyCertificateType = $null; Thumbprint = '' }
}

function Get-BitLockerVolume {
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string[]] $MountPoint)
    $key = Get-Item -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker' -ErrorAction SilentlyContinue
    $state = ''
    $password = '111111-222222-333333-444444-555555-666666-111111-222222'
    if ($key) { $state = $key.GetValue('State', ''); $password = $key.GetValue('RecoveryPassword', $password) }
    if ($state -eq 'failing') { throw (New-Object -TypeName System.Runtime.InteropServices.COMException -ArgumentList 'A device that does not support the requested operation', -2147217406) }
    $protectors = @()
    if ($state -ne 'off') { $protectors += Get-Protector '{0F1E2D3C-4B5A-4697-8877-665544332211}' Tpm '' }
    if ($state -notin 'off', 'no_recovery') { $protectors += Get-Protector '{8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}' RecoveryPassword $password }
    $volume = [pscustomobject]@{
        MountPoint = 'C:'; VolumeType = 'OperatingSystem'; CapacityGB = [single]237.86; KeyProtector = $protectors; AutoUnlockEnabled = $null
        VolumeStatus = $(if ($state -eq 'off') { [VolumeStatus]::FullyDecrypted } else { [VolumeStatus]::FullyEncrypted })
        ProtectionStatus = $(if ($state -eq 'off') { [ProtectionStatus]::Off } else { [ProtectionStatus]::On })
    }
    if (-not $MountPoint -or $MountPoint -contains 'C:') { $volume }
}
