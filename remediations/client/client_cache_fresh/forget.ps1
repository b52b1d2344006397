# Gives up the way back: removes the copies that this treatment set aside. A copy that a later treatment put in the same
# place is not ours, and what cannot be reached of one person keeps nobody else's.
param([object] $Parameters, [object[]] $Items)

$all = @(Get-TMTeamsItem -Item $Items)
$caches = @(Get-TMTeamsUsable -Item $all | Where-Object -FilterScript { (Get-TMTeamsRun -Root $_.root) -ceq $TM.Entry.run -and (Test-TMOwnCopy -Item $_) })
$removed = 0
$held = @(Lock-TMTeams -Item $caches -Copy)
try {
    foreach ($cache in $caches) {
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
[ordered]@{ removed = $removed; lost = @(Get-TMTeamsRest -Item $all -Final $true); left = @(Get-TMTeamsRest -Item $all -Final $false) }
