# Sets the caches among the drift aside. All are renamed before anything is removed, and a rename that fails takes the
# others back, so a cache in use costs nothing but the processes that were ended.
param([object] $Parameters, [object[]] $Drift)

$items = @(Get-TMTeamsItem -Item $Drift)
Assert-TMNoCall -Item $items -Allow ([bool]$Parameters.allow_unknown_call)
Stop-TMTeams -Item $items

$held = @(Lock-TMTeams -Item $items)
$removed = $false
try {
    Start-TMChange
    $moves = @(foreach ($item in $items) {
        if (-not [System.IO.Directory]::Exists($item.folder)) {
            $held += [TMChange]::Make($item.folder, (Get-TMSidBytes -Sid $item.sid))
        }
        $old = "$($item.aside)-old"
        if ([System.IO.Directory]::Exists($item.aside)) {
            # Left by a treatment that was cut off after it had set a newer one aside.
            if ([System.IO.Directory]::Exists($old)) {
                $removed = $true
                Remove-TMFolder -Path $old
            }
            @{ from = $item.aside; to = $old }
        }
        @{ from = $item.root; to = $item.aside; note = "+$($item.root)" }
    })
    try { Move-TMFolder -Move $moves }
    catch {
        Unlock-TMWay -Held $held
        $held = @()
        Remove-TMTeamsFolder -Item $items
        # All is as it was: nothing needs a way back.
        if ($null -ne $TM.Blocked -and -not $removed) { $TM.Changed = $false }
        throw
    }
    foreach ($item in $items) {
        Copy-TMBackground -From $item.aside -Item $item
        # Left by an undo that was cut off.
        Copy-TMBackground -From "$($item.aside)-since" -Item $item
    }
}
finally { Unlock-TMWay -Held $held }

# A copy that is being removed is no way back any more: the note tells an undo after a cut.
$gone = @()
foreach ($item in $items) {
    $gone += $item.root
    foreach ($path in $item.removes) {
        $copy = $item
        if ($path -eq $item.aside) { $path = "$path-old" }
        elseif ("$($item.aside)-old", "$($item.aside)-since" -notcontains $path) { $copy = Get-TMTeamsCopy -Path $path }
        if (-not [System.IO.Directory]::Exists($path)) { continue }
        $held = @(Lock-TMTeams -Item $copy)
        try {
            Add-TMNote -Key 'removing' -Value $path
            Remove-TMFolder -Path $path
        }
        finally { Unlock-TMWay -Held $held }
        $gone += $copy.root
    }
}

# An older entry whose copies are all gone has nothing to give back.
foreach ($treatment in Get-TMTreatment) {
    if ($treatment.run -ceq $TM.Entry.run) { continue }
    if (@($treatment.items | Where-Object -FilterScript { $gone -notcontains $_.object }).Count -eq 0) { Set-TMSuperseded -Run $treatment.run }
}
[ordered]@{ set_aside = $items.Count }
