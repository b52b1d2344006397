# Gives up the way back: removes the copies that this treatment set aside. A copy that a later treatment put in the same
# place is not ours.
param([object] $Parameters, [object[]] $Items)

$caches = @(Get-TMTeamsItem -Item $Items)
$removed = 0
$held = @(Lock-TMTeams -Item $caches)
try {
    foreach ($cache in $caches) {
        if ((Get-TMTeamsRun -Root $cache.root) -cne $TM.Entry.run -or -not (Test-TMOwnCopy -Item $cache)) { continue }
        Add-TMNote -Key 'forgetting' -Value $cache.root
        foreach ($path in $cache.aside, "$($cache.aside)-old", "$($cache.aside)-since") {
            if ([System.IO.Directory]::Exists($path)) {
                Remove-TMFolder -Path $path
                $removed++
            }
        }
    }
}
finally { Unlock-TMWay -Held $held }
Remove-TMTeamsFolder -Item $caches
[ordered]@{ removed = $removed }
