#!powershell

# Copyright: teamsmedic contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

#Requires -Version 5.1

<#
.SYNOPSIS
Runs statements one after the other in a runspace of its own and returns the lines they wrote, whatever became of them.

.DESCRIPTION
Knows no remediation: the action plugin of the same name composes the statements and reads the lines. What comes back is
what the same statements, which catch their own errors, give as one pipeline through PSRP: `exit` and `break` end only
their own statement; one that throws or does not parse ends the pipeline, and the lines before it stay.

statements: list of name, text, limit. `limit` is the longest wait in seconds for a line while the statement is due; as many
    lines as have come, that many statements are done.
argument: handed to the first statement alone.

.OUTPUTS
lines: every string written, in order; what is no string stands as <no string>.
end: completed; failed (a statement ended the pipeline); timeout (no line within the limit); flooded (over 8 MB).
detail: the error id of what failed.
#>

# Without Ansible.Basic: compiling it takes longer than a whole check, and it would write the module's arguments into the
# device's Application log. What the action plugin sends is in $complex_args, where Ansible puts it for every module.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$maximum = 8000000
$objects = 'System.Management.Automation.PSDataCollection[System.Management.Automation.PSObject]'
$statements = @($complex_args['statements'])

# The module's own runspace holds Ansible's strict mode, preferences and functions; a statement must not see them.
$runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace()
$runspace.ThreadOptions = [System.Management.Automation.Runspaces.PSThreadOptions]::ReuseThread
$runspace.Open()
$shell = [System.Management.Automation.PowerShell]::Create()
$shell.Runspace = $runspace
$nothing = New-Object -TypeName $objects
$nothing.Complete()

$lines = New-Object -TypeName 'System.Collections.Generic.List[string]'
$size = 0
$end = ''
$detail = ''
# What a script writes to the console itself would stand before the result, and Ansible could not read it.
$console = [System.Console]::Out
try {
    [System.Console]::SetOut([System.IO.TextWriter]::Null)
    $waited = [System.Diagnostics.Stopwatch]::StartNew()
    # One invocation a statement: in process, PowerShell's own AddStatement goes on after an error, and with ReuseThread its
    # second statement never starts (seen on 7.6).
    for ($index = 0; -not $end -and $index -lt $statements.Count; $index++) {
        $shell.Commands.Clear()
        $null = $shell.AddScript([string]$statements[$index]['text'], $false)
        if ($index -eq 0) { $null = $shell.AddArgument([string]$complex_args['argument']) }
        $output = New-Object -TypeName $objects
        $running = $shell.BeginInvoke($nothing, $output)
        do {
            # Asked before reading: what has ended writes no more, so nothing is left behind.
            $ended = $running.AsyncWaitHandle.WaitOne(20)
            foreach ($item in $output.ReadAll()) {
                if ($item -is [string]) { $line = [string]$item } else { $line = '<no string>' }
                $size += $line.Length
                if ($size -gt $maximum) { break }
                $lines.Add($line)
                $waited.Restart()
            }
            $due = $statements[[Math]::Min($lines.Count, $statements.Count - 1)]
            if ($size -gt $maximum) {
                $end = 'flooded'
            } elseif ($ended) {
                $state = $shell.InvocationStateInfo
                if ($state.State -ne [System.Management.Automation.PSInvocationState]::Completed) {
                    $end = 'failed'
                    if ($state.Reason -is [System.Management.Automation.RuntimeException]) {
                        $detail = $state.Reason.ErrorRecord.FullyQualifiedErrorId
                    }
                }
            } elseif ($waited.Elapsed.TotalSeconds -ge [int]$due['limit']) {
                $end = 'timeout'
            }
        } until ($ended -or $end)
    }
    if (-not $end) { $end = 'completed' }

    # A thread in a .NET call cannot be stopped: asked once, given a moment, and otherwise left to end with the process.
    if (-not $ended) {
        $null = $shell.BeginStop($null, $null)
        $ended = $running.AsyncWaitHandle.WaitOne(1000)
    }
    if ($ended) {
        $shell.Dispose()
        $runspace.Dispose()
    }
} finally {
    [System.Console]::SetOut($console)
}
# The payload stays out of what Ansible prints with -vvv.
$result = @{ changed = $false; invocation = @{ module_args = @{} }; lines = $lines.ToArray(); end = $end; detail = $detail }
ConvertTo-Json -InputObject $result -Compress -Depth 4
