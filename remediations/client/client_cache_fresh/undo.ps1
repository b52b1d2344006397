# Puts the caches back that this treatment set aside. What has grown since goes; backgrounds uploaded since stay. Every step
# looks at what is there now: a fix or an undo may have been cut off anywhere. One person's cache that cannot be put back
# keeps nobody else's away: it is told as `lost` where that will stay so (the profile or the copy is gone), else as `left`.
param([object] $Parameters, [object[]] $Items)

$all = @(Get-TMTeamsItem -Item $Items)
foreach ($cache in $all) {
    if ($cache.fault) { continue }
    $run = Get-TMTeamsRun -Root $cache.root
    if ($run -cne $TM.Entry.run -and [System.IO.Directory]::Exists($cache.aside)) {
        Stop-TMBlocked -Reason 'superseded' -Detail "the copy of $($cache.root) is of $run, undo that first"
    }
    $above = $cache.root -creplace '\\[^\\]+$', ''
    if (Test-TMLostCopy -Item $cache) { $cache.fault, $cache.detail, $cache.final = 'copy_gone', $cache.aside, $true }
    elseif (-not [System.IO.Directory]::Exists($above)) { $cache.fault, $cache.detail = 'changed_meanwhile', "$above is not there" }
}
$caches = @(Get-TMTeamsUsable -Item $all)
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
[ordered]@{ restored = $caches.Count; lost = @(Get-TMTeamsRest -Item $all -Final $true); left = @(Get-TMTeamsRest -Item $all -Final $false) }
