# Ending processes. Needs the helper `processes`.
#
#   Stop-TMProcess -Find BLOCK [-Seconds N]   -> the names of what still runs after N seconds, none when all have ended
#
# `Find` lists what must not run, as Get-TMProcess does, each with the name of its `user`; it is asked again until it lists
# nothing, because a program may start others while it ends. A name is 'PROGRAM (USER)'; what was ended goes with the answer.
function Stop-TMProcess {
    param([scriptblock] $Find, [int] $Seconds = 15)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        $left = @(& $Find)
        if ($left.Count -eq 0 -or $clock.Elapsed.TotalSeconds -ge $Seconds) {
            return $left | ForEach-Object -Process { "$($_.name) ($($_.user))" } | Sort-Object -Unique
        }
        foreach ($one in $left) {
            try {
                $process = [System.Diagnostics.Process]::GetProcessById($one.id)
                try {
                    # While this handle is open the number cannot pass to another process, so what is read now is what ends.
                    $null = $process.Handle
                    $read = @(Read-TMProcess -Id $one.id)
                    if ($read.Count -gt 0 -and $read[0] -ceq $one.sid -and $read[1] -ceq $one.image) {
                        $process.Kill()
                        $TM.Ended = @(@($TM.Ended) + "$($one.name) ($($one.user))" | Sort-Object -Unique)
                    }
                }
                finally { $process.Dispose() }
            }
            catch { $null = $_ } # it has ended, or does not let itself be ended: the next look tells
        }
        Start-Sleep -Milliseconds 250
    }
}
