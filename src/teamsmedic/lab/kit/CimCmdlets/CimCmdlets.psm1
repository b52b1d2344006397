# Wine's WMI knows the command line of the asking process only and no image path: both are filled in here, from the process
# itself. Everything else is the engine's own.
$script:Engine = (Import-Module -Name "$PSHOME\Modules\CimCmdlets\CimCmdlets.psd1" -Scope Local -PassThru).ExportedCommands['Get-CimInstance']

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

Export-ModuleMember -Function Get-CimInstance -Cmdlet * -Alias *
