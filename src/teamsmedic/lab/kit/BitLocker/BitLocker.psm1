# A stand-in for the module on a simulated device, over the one for Win32_EncryptableVolume (CimCmdlets), as on Windows.
# Documented (https://learn.microsoft.com/powershell/module/bitlocker/get-bitlockervolume):
#   VolumeType      Mount CapacityGB VolumeStatus           Encryption KeyProtector              AutoUnlock Protection
#   OperatingSystem C:        237.86 FullyEncrypted         100        {Tpm, RecoveryPassword}              On
# and of a protector: KeyProtectorId, AutoUnlockProtector, KeyProtectorType, KeyFileName, RecoveryPassword, KeyCertificateType, Thumbprint.
Set-StrictMode -Version 2.0
enum VolumeStatus { FullyDecrypted; FullyEncrypted; EncryptionInProgress; DecryptionInProgress }
enum ProtectionStatus { Off; On; Unknown }
enum ProtectorType { Unknown; Tpm; ExternalKey; RecoveryPassword }

function Get-BitLockerVolume {
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string[]] $MountPoint)
    foreach ($volume in Get-CimInstance -Namespace 'root/CIMV2/Security/MicrosoftVolumeEncryption' -ClassName Win32_EncryptableVolume) {
        if ($MountPoint -and $MountPoint -notcontains $volume.DriveLetter) { continue }
        $status = Invoke-CimMethod -InputObject $volume -MethodName GetConversionStatus
        $locked = $status.ReturnValue -ne 0
        $protectors = foreach ($id in (Invoke-CimMethod -InputObject $volume -MethodName GetKeyProtectors).VolumeKeyProtectorID) {
            if (-not $id) { continue }
            $wanted = @{ VolumeKeyProtectorID = $id }
            $type = [ProtectorType](Invoke-CimMethod -InputObject $volume -MethodName GetKeyProtectorType -Arguments $wanted).KeyProtectorType
            $password = ''
            if ($type -eq 'RecoveryPassword' -and -not $locked) { $password = (Invoke-CimMethod -InputObject $volume -MethodName GetKeyProtectorNumericalPassword -Arguments $wanted).NumericalPassword }
            [pscustomobject]@{ KeyProtectorId = $id; AutoUnlockProtector = $null; KeyProtectorType = $type; KeyFileName = ''; RecoveryPassword = $password; KeyCertificateType = $null; Thumbprint = '' }
        }
        [pscustomobject]@{
            MountPoint = $volume.DriveLetter; VolumeType = $(if ($volume.DriveLetter -eq 'C:') { 'OperatingSystem' } else { 'Data' }); CapacityGB = [single]237.86; KeyProtector = @($protectors); AutoUnlockEnabled = $null
            VolumeStatus = $(if (-not $locked) { [VolumeStatus]$status.ConversionStatus })
            ProtectionStatus = [ProtectionStatus](Invoke-CimMethod -InputObject $volume -MethodName GetProtectionStatus).ProtectionStatus
        }
    }
}
