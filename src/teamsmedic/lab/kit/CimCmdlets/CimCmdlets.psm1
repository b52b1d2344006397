# Wine's WMI knows the command line of the asking process only and no image path: both are filled in here, from the process
# itself. It has no Win32_EncryptableVolume: C: is one here, encrypted, with a TPM protector and a recovery password.
# HKLM\SOFTWARE\Lab\BitLocker tells otherwise: State = no_recovery | off | failing; RecoveryPassword: what is in its protector,
# readable as on Windows, so that a test can show that nothing keeps it; KeyId: the id of that protector; Data = locked | gone |
# never: a drive D: that is locked, was pulled out after it was listed, or never knew BitLocker.
# Documented: https://learn.microsoft.com/windows/win32/secprov/win32-encryptablevolume, values as it gives them.
# Everything else is the engine's own.
$script:Commands = (Import-Module -Name "$PSHOME\Modules\CimCmdlets\CimCmdlets.psd1" -Scope Local -PassThru).ExportedCommands
$script:Engine, $script:EngineInvoke = $script:Commands['Get-CimInstance'], $script:Commands['Invoke-CimMethod']
$script:Volume = 'Microsoft.Management.Infrastructure.CimInstance#ROOT/CIMV2/Security/MicrosoftVolumeEncryption/Win32_EncryptableVolume'

function Get-LabBitLocker([string] $Name, [string] $Default) {
    $value = [Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker', $Name, $Default)
    if ($null -eq $value) { $Default } else { $value }
}

function Get-LabVolume {
    if ((Get-LabBitLocker State '') -eq 'failing') { throw (New-Object -TypeName System.Runtime.InteropServices.COMException -ArgumentList 'Invalid namespace', -2147217394) }
    $letters = @('C:') + @(if (Get-LabBitLocker Data '') { 'D:' })
    foreach ($letter in $letters) { [pscustomobject]@{ PSTypeName = $script:Volume; DeviceID = "\\?\Volume{0c1d2e3f-0000-0000-0000-0000000000$([int][char]$letter[0])}\"; DriveLetter = $letter } }
}

function Invoke-LabVolume($Letter, [string] $Method, $Arguments) {
    $state = Get-LabBitLocker State ''
    $data = if ($Letter -eq 'D:') { Get-LabBitLocker Data '' } else { '' }
    $locked = $data -eq 'locked'
    if ($data -eq 'gone') { throw (New-Object -TypeName System.Runtime.InteropServices.COMException -ArgumentList 'Not found', -2147217406) }
    if ($data -eq 'never') { $state = 'off' }
    $password = Get-LabBitLocker KeyId '{8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}'
    # 1: TPM, 3: a recovery password.
    $protectors = [ordered]@{}
    if ($locked) { $protectors['{5A5B5C5D-7E6F-4A3B-9C2D-1E0F9A8B7C6D}'] = 3 }
    else {
        if ($state -ne 'off') { $protectors['{0F1E2D3C-4B5A-4697-8877-665544332211}'] = 1 }
        if ($state -notin 'off', 'no_recovery') { $protectors[$password] = 3 }
    }
    $out = [ordered]@{ ReturnValue = [uint32]0 }
    switch ($Method) {
        'GetKeyProtectors' {
            if ($data -eq 'never') { $out.ReturnValue = [uint32]2150694920; break }
            $type = if ($Arguments) { [int]$Arguments['KeyProtectorType'] } else { 0 }
            $ids = @($protectors.Keys | Where-Object -FilterScript { $type -in 0, $protectors[$_] })
            $out.VolumeKeyProtectorID = if ($ids.Count -gt 0) { [string[]]$ids } else { $null }
        }
        'GetKeyProtectorType' { $out.KeyProtectorType = [uint32]$protectors["$($Arguments['VolumeKeyProtectorID'])"] }
        'GetKeyProtectorNumericalPassword' { $out.NumericalPassword = Get-LabBitLocker RecoveryPassword '111111-222222-333333-444444-555555-666666-111111-222222' }
        'GetProtectionStatus' { $out.ProtectionStatus = [uint32]$(if ($locked) { 2 } else { [int]($state -ne 'off') }) }
        'GetConversionStatus' {
            if ($locked) { $out.ReturnValue = [uint32]2150694912 } else { $out.ConversionStatus = [uint32]($state -ne 'off') }
        }
        default { throw (New-Object -TypeName System.NotSupportedException -ArgumentList "This stand-in for Win32_EncryptableVolume has no $Method") }
    }
    [pscustomobject]$out
}

function Invoke-CimMethod {
    [CmdletBinding(DefaultParameterSetName = 'Class')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Class')] [Alias('Class')] [string] $ClassName,
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Instance')] [Alias('CimInstance')] [object] $InputObject,
        [Parameter(Mandatory, ParameterSetName = 'Query')] [string] $Query,
        [Parameter(Mandatory, Position = 1)] [Alias('Name')] [string] $MethodName,
        [Parameter(Position = 2)] [System.Collections.IDictionary] $Arguments,
        [string] $Namespace, [Alias('OT')] [uint32] $OperationTimeoutSec, [Alias('CN', 'ServerName')] [string[]] $ComputerName, [object[]] $CimSession)
    process {
        if ($InputObject -and $InputObject.PSObject.TypeNames[0] -eq $script:Volume) { return Invoke-LabVolume $InputObject.DriveLetter $MethodName $Arguments }
        & $script:EngineInvoke @PSBoundParameters
    }
}

function Get-CimInstance {
    [CmdletBinding(DefaultParameterSetName = 'ClassName')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'ClassName')] [string] $ClassName,
        [Parameter(Mandatory, ParameterSetName = 'Query')] [string] $Query,
        [Parameter(Mandatory, ParameterSetName = 'Instance', ValueFromPipeline)] [Alias('CimInstance')] [object] $InputObject,
        [Parameter(Mandatory, ParameterSetName = 'Resource')] [uri] $ResourceUri,
        [Parameter(ParameterSetName = 'ClassName')] [string] $Filter,
        [Parameter(ParameterSetName = 'ClassName')] [Alias('SelectProperties')] [string[]] $Property,
        [Parameter(ParameterSetName = 'ClassName')] [switch] $KeyOnly,
        [Parameter(ParameterSetName = 'Query')] [string] $QueryDialect,
        [string] $Namespace, [Alias('OT')] [uint32] $OperationTimeoutSec, [switch] $Shallow,
        [Alias('CN', 'ServerName')] [string[]] $ComputerName, [object[]] $CimSession)
    process {
        if ("$ClassName $Query" -match '\bWin32_EncryptableVolume\b' -and $Namespace -match '[\\/]MicrosoftVolumeEncryption$') { return Get-LabVolume }
        if ("$ClassName $Query" -notmatch '\bWin32_Process\b' -or $ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
            return & $script:Engine @PSBoundParameters
        }
        Add-Type -LiteralPath C:\ProgramData\lab\ContextHook.dll
        foreach ($process in & $script:Engine @PSBoundParameters) {
            foreach ($name in 'CommandLine', 'ExecutablePath') {
                if ($Query -or -not $Property -or $Property -contains $name) {
                    Add-Member -InputObject $process -NotePropertyName $name -NotePropertyValue ([LabProcess]::$name($process.ProcessId)) -Force
                }
            }
            $process
        }
    }
}

Export-ModuleMember -Function Get-CimInstance, Invoke-CimMethod -Cmdlet * -Alias *
