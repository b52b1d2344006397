# Puts the caches back that this treatment set aside. What has grown since goes; backgrounds uploaded since stay. Every step
# looks at what is there now: a fix or an undo may have been cut off anywhere. A copy that somebody has removed since is
# told as `lost`.
param([object] $Parameters, [object[]] $Items)

$caches = @(Get-TMTeamsItem -Item $Items)
foreach ($cache in $caches) {
    $run = Get-TMTeamsRun -Root $cache.root
    if ($run -cne $TM.Entry.run -and [System.IO.Directory]::Exists($cache.aside)) {
        Stop-TMBlocked -Reason 'superseded' -Detail "the copy of $($cache.root) is of $run, undo that first"
    }
}
$lost = @($caches | Where-Object -FilterScript { Test-TMLostCopy -Item $_ })
if ($lost.Count -eq $caches.Count) { Stop-TMBlocked -Reason 'copy_gone' -Detail (@($lost | ForEach-Object -Process { $_.aside }) -join ', ') }
$caches = @($caches | Where-Object -FilterScript { -not (Test-TMLostCopy -Item $_) })
Assert-TMNoCall -Item $caches -Allow ([bool]$Parameters.allow_unknown_call)
Stop-TMTeams -Item $caches

$removing = @(Get-TMNote -Key 'removing')
$held = @(Lock-TMTeams -Item $caches)
try {
    $moves = @(foreach ($cache in $caches) {
        $since = "$($cache.aside)-since"
        $old = "$($cache.aside)-old"
        if (Test-TMOwnCopy -Item $cache) {
            if ([System.IO.Directory]::Exists($cache.root)) {
                if ([System.IO.Directory]::Exists($since)) {
                    Copy-TMBackground -From $since -Item $cache
                    Remove-TMFolder -Path $since
                }
                @{ from = $cache.root; to = $since }
            }
            Add-TMNote -Key 'returning' -Value $cache.root
            @{ from = $cache.aside; to = $cache.root; note = "-$($cache.root)" }
        }
        if ([System.IO.Directory]::Exists($old) -and $removing -notcontains $old) { @{ from = $old; to = $cache.aside } }
    })
    Move-TMFolder -Move $moves
    foreach ($cache in $caches) {
        Copy-TMBackground -From "$($cache.aside)-since" -Item $cache
        foreach ($path in "$($cache.aside)-since", "$($cache.aside)-old") {
            if ([System.IO.Directory]::Exists($path)) { Remove-TMFolder -Path $path }
        }
    }
}
finally { Unlock-TMWay -Held $held }
Remove-TMTeamsFolder -Item $caches
[ordered]@{ restored = $caches.Count; lost = @($lost | ForEach-Object -Process { $_.aside }) }
