# What fix, undo and forget of Teams' caches share. Needs teams_caches, profiles, microphone, paths_change, processes_change.
#
#   Get-TMTeamsItem -Item ITEMS        -> the caches among drift items, each checked against this device, [ordered] with
#                                         person, client, root, aside, folder, sid, makes_folder, removes
#   Assert-TMNoCall -Item I -Allow B   leaves with `blocked` where one of the people is in a call
#   Stop-TMTeams -Item I               ends the programs that use these caches, or leaves with `blocked`
#   Lock-TMTeams -Item I               -> what holds the ways to them (Lock-TMWay); Unlock-TMWay -Held H lets go
#   Get-TMTeamsCopy -Path P            -> the cache whose copy lies at P
#   Get-TMTeamsRun -Root R             -> the newest run that was to set a cache aside
#   Test-TMOwnCopy -Item I             -> whether the copy in place is the one of this entry
#   Test-TMLostCopy -Item I            -> whether the copy of this entry went, and not by an undo of it
#   Copy-TMBackground -From F -Item I  copies uploaded backgrounds that the cache in place lacks
#   Remove-TMTeamsFolder -Item I       removes the folders that the treatment made, where they are empty

# An item names paths; what is done is done to the paths that this device gives for the same person and client. Where they
# differ (a profile moved, a forged journal) nothing is done.
function Get-TMTeamsItem {
    param([object[]] $Item)
    foreach ($one in $Item) {
        if ((Get-TMProperty -Object $one -Name 'fact') -cne 'caches') { continue }
        $person = Get-TMProfile -User "$($one.sid)" | Where-Object -FilterScript { $_.sid -ceq "$($one.sid)" }
        if ($null -eq $person) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail "$($one.user) has no profile here" }
        if ($person.state -cne 'looked_at') { Stop-TMBlocked -Reason $person.state -Detail "$($person.name) $($person.detail)" }
        $place = Get-TMTeamsPlace -Person $person -Client "$($one.client)"
        if ($place.root -ne "$($one.object)" -or $place.aside -ne "$($one.aside)" -or $place.folder -ne "$($one.folder)") {
            Stop-TMBlocked -Reason 'changed_meanwhile' -Detail "$($one.object) is now $($place.root)"
        }
        $fault = Get-TMTeamsFault -Place $place -Person $person
        if ($fault) { Stop-TMBlocked -Reason 'reparse_point' -Detail $fault }
        [ordered]@{
            person = $person; client = "$($one.client)"; root = $place.root; aside = $place.aside; folder = $place.folder; sid = $person.sid
            makes_folder = [bool]$one.makes_folder; removes = @($one.removes | Where-Object -FilterScript { $_ })
        }
    }
}

function Assert-TMNoCall {
    param([object[]] $Item, [bool] $Allow)
    foreach ($one in $Item) {
        $microphone = Get-TMMicrophone -Sid $one.sid -LoggedOn $one.person.logged_on
        if ($microphone.state -ceq 'in_use') { Stop-TMBlocked -Reason 'in_a_call' -Detail "$($one.person.name) ($($microphone.apps -join ', '))" }
        if ($microphone.state -ceq 'unreadable' -and -not $Allow) { Stop-TMBlocked -Reason 'cannot_tell' -Detail "whether $($one.person.name) is in a call" }
    }
}

function Stop-TMTeams {
    param([object[]] $Item)
    $left = @(Stop-TMProcess -Find {
        $running = @(Get-TMProcess -Sid @($Item | ForEach-Object -Process { $_.sid }))
        foreach ($one in $Item) { Get-TMTeamsProcess -Person $one.person -Client $one.client -Process $running }
    })
    if ($left.Count -gt 0) { Stop-TMBlocked -Reason 'in_use' -Detail ($left -join ', ') }
}

function Lock-TMTeams {
    param([object[]] $Item)
    foreach ($one in $Item) {
        foreach ($path in ($one.root -creplace '\\[^\\]+$', ''), ($one.folder -creplace '\\[^\\]+$', '')) {
            # Not there: Teams, or the person's roaming data, has been removed since.
            if (-not [System.IO.Directory]::Exists($path)) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail "$path is not there" }
            $top = $path.Substring(0, 2)
            if (Test-TMBelow -Path $path -Folder $one.person.profile) { $top = $one.person.profile }
            Lock-TMWay -Path $path -Below $top
        }
        if ([System.IO.Directory]::Exists($one.folder)) { [TMChange]::Hold($one.folder) }
    }
}

function Unlock-TMWay {
    param([object[]] $Held)
    foreach ($way in $Held) { foreach ($handle in $way) { $handle.Dispose() } }
}

# The cache, in the form of an item, whose copy lies at a path; `blocked` where no cache of this device has its copy there.
function Get-TMTeamsCopy {
    param([string] $Path)
    foreach ($person in Get-TMProfile) {
        foreach ($client in 'new', 'classic') {
            $place = Get-TMTeamsPlace -Person $person -Client $client
            if ($place.aside -ne $Path -or $person.state -cne 'looked_at' -or (Get-TMTeamsFault -Place $place -Person $person)) { continue }
            return [ordered]@{ person = $person; client = $client; root = $place.root; aside = $place.aside; folder = $place.folder; sid = $person.sid }
        }
    }
    Stop-TMBlocked -Reason 'changed_meanwhile' -Detail $Path
}

# An entry that was begun may have been cut off before it set anything aside: then the copy in place is an older one.
function Test-TMOwnCopy {
    param([object] $Item)
    $last = Get-TMNote -Key 'copy' | Where-Object -FilterScript { $_.Substring(1) -eq $Item.root } | Select-Object -Last 1
    "$last" -clike '+*' -and [System.IO.Directory]::Exists($Item.aside)
}

# It was set aside, and neither put back nor on its way back when an undo was cut off.
function Test-TMLostCopy {
    param([object] $Item)
    $last = Get-TMNote -Key 'copy' | Where-Object -FilterScript { $_.Substring(1) -eq $Item.root } | Select-Object -Last 1
    if (@(Get-TMNote -Key 'forgetting') -contains $Item.root) { return $true }
    if ("$last" -cnotlike '+*' -or [System.IO.Directory]::Exists($Item.aside)) { return $false }
    @(Get-TMNote -Key 'moved') -contains $Item.root -and @(Get-TMNote -Key 'returning') -notcontains $Item.root
}

function Get-TMTeamsRun {
    param([string] $Root)
    foreach ($treatment in Get-TMTreatment) {
        foreach ($item in $treatment.items) { if ("$($item.object)" -eq $Root) { return $treatment.run } }
    }
}

function Copy-TMBackground {
    param([string] $From, [object] $Item)
    $uploads = "$From\Backgrounds\Uploads"
    if (-not [System.IO.Directory]::Exists($uploads) -or @([System.IO.Directory]::GetFileSystemEntries($uploads)).Count -eq 0) { return }
    $owner = Get-TMSidBytes -Sid $Item.sid
    $held = @()
    try {
        foreach ($part in '', '\Backgrounds') {
            $held += [TMChange]::Hold("$From$part")
            $held += [TMChange]::Make("$($Item.root)$part", $owner)
        }
        Copy-TMFolder -From $uploads -To "$($Item.root)\Backgrounds\Uploads" -Sid $Item.sid
    }
    finally { Unlock-TMWay -Held $held }
}

function Remove-TMTeamsFolder {
    param([object[]] $Item)
    foreach ($one in $Item) {
        if (-not $one.makes_folder -or -not [System.IO.Directory]::Exists($one.folder)) { continue }
        if (@([System.IO.Directory]::GetFileSystemEntries($one.folder)).Count -eq 0) { Remove-TMFolder -Path $one.folder }
    }
}
