# Sets the caches among the drift aside. All are renamed before anything is removed, and a rename that fails takes the
# others back, so a cache in use costs nothing but the processes that were ended.
param([object] $Parameters, [object[]] $Drift)

$items = @(Get-TMTeamsItem -Item $Drift)
foreach ($item in $items) { if ($item.fault) { Stop-TMBlocked -Reason $item.fault -Detail $item.detail } }
Assert-TMNoCall -Item $items -Allow ([bool]$Parameters.allow_unknown_call)
Stop-TMTeams -Item $items

$held = @(Lock-TMTeams -Item $items)
$removed = $false
try {
    Start-TMChange
    $moves = @(foreach ($item in $items) {
        if (-not [System.IO.Directory]::Exists($item.folder)) {
            $held += Add-TMFolder -Path $item.folder -Owner (Get-TMSidBytes -Sid $item.sid)
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

# The repair is done: a copy that cannot be removed costs that copy only.
$gone = @()
$kept = @()
foreach ($item in $items) {
    $gone += $item.root
    foreach ($path in $item.removes) {
        $at = $path
        if ($path -eq $item.aside) { $at = "$path-old" }
        try { $gone += @(Remove-TMTeamsCopy -Path $at) }
        catch {
            $why = "$($_.Exception.Message)"
            if ($null -ne $TM.Blocked) { $why = "$($TM.Blocked.reason -creplace '_', ' '): $($TM.Blocked.detail)" }
            $TM.Blocked = $null
            $kept += [ordered]@{ object = $path; detail = $why }
        }
    }
}

# An older entry whose copies are all gone has nothing to give back.
foreach ($treatment in Get-TMTreatment) {
    if ($treatment.run -ceq $TM.Entry.run) { continue }
    if (@($treatment.items | Where-Object -FilterScript { $gone -notcontains $_.object }).Count -eq 0) { Set-TMSuperseded -Run $treatment.run }
}
[ordered]@{ set_aside = $items.Count; kept = $kept }
