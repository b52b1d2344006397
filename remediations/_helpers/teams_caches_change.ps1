# What fix, undo and forget of Teams' caches share. Needs teams_caches, profiles, microphone, paths_change, processes_change.
#
#   Get-TMTeamsItem -Item ITEMS        -> the caches among drift items, each checked against this device, [ordered] with
#                                         person, client, root, aside, folder, sid, makes_folder, removes; fault: why
#                                         nothing can be done there ('' where it can), detail, final (it will stay so)
#   Get-TMTeamsUsable -Item I          -> those of them without a fault; where all have one, leaves with the first
#   Get-TMTeamsRest -Item I -Final B   -> those with a fault, as [ordered] object, detail
#   Assert-TMNoCall -Item I -Allow B   leaves with `blocked` where one of the people is in a call
#   Stop-TMTeams -Item I               ends the programs that use these caches, or leaves with `blocked`
#   Lock-TMTeams -Item I [-Copy]       -> what holds the ways to them (Lock-TMWay; to the copies alone);
#                                         Unlock-TMWay -Held H lets go
#   Remove-TMTeamsCopy -Path P         removes a copy of an older treatment; it is no way back from its first step on
#   Get-TMTeamsRun -Root R             -> the newest run that was to set a cache aside
#   Test-TMOwnCopy -Item I             -> whether the copy in place is the one of this entry
#   Test-TMLostCopy -Item I            -> whether the copy of this entry went, and not by an undo of it
#   Copy-TMBackground -From F -Item I  copies uploaded backgrounds that the cache in place lacks
#   Remove-TMTeamsFolder -Item I       removes the folders that the treatment made, where they are empty

# An item names paths; what is done is done to the paths that this device gives for the same person and client. Where they
# differ (a profile moved, a forged journal) nothing is done there.
function Get-TMTeamsItem {
    param([object[]] $Item)
    foreach ($one in $Item) {
        if ((Get-TMProperty -Object $one -Name 'fact') -cne 'caches') { continue }
        $person = Get-TMProfile -User "$($one.sid)" | Where-Object -FilterScript { $_.sid -ceq "$($one.sid)" }
        $found = [ordered]@{
            person = $person; client = "$($one.client)"; root = "$($one.object)"; aside = "$($one.aside)"; folder = "$($one.folder)"; sid = "$($one.sid)"
            makes_folder = [bool]$one.makes_folder; removes = @($one.removes | Where-Object -FilterScript { $_ })
            fault = ''; detail = ''; final = $false
        }
        if ($null -eq $person) { $found.fault, $found.detail, $found.final = 'changed_meanwhile', "$($one.user) has no profile here any more", $true }
        elseif ($person.state -ceq 'no_folder') { $found.fault, $found.detail, $found.final = 'no_folder', "the profile folder $($person.profile) is gone", $true }
        elseif ($person.state -cne 'looked_at') { $found.fault, $found.detail = $person.state, "$($person.name) $($person.detail)" }
        else {
            $place = Get-TMTeamsPlace -Person $person -Client $found.client
            $link = Get-TMTeamsFault -Place $place -Person $person
            if ($place.root -ne $found.root -or $place.aside -ne $found.aside -or $place.folder -ne $found.folder) {
                $found.fault, $found.detail = 'changed_meanwhile', "$($found.root) is now $($place.root)"
            }
            elseif ($link) { $found.fault, $found.detail = 'reparse_point', $link }
        }
        $found
    }
}

function Get-TMTeamsUsable {
    param([object[]] $Item)
    $usable = @($Item | Where-Object -FilterScript { -not $_.fault })
    if ($usable.Count -eq 0) { Stop-TMBlocked -Reason $Item[0].fault -Detail (@($Item | ForEach-Object -Process { $_.detail } | Select-Object -Unique) -join '; ') }
    $usable
}

function Get-TMTeamsRest {
    param([object[]] $Item, [bool] $Final)
    foreach ($one in $Item) {
        if ($one.fault -and $one.final -eq $Final) { [ordered]@{ object = $one.root; detail = "$($one.fault -creplace '_', ' '): $($one.detail)" } }
    }
}

function Assert-TMNoCall {
    param([object[]] $Item, [bool] $Allow)
    foreach ($one in $Item) {
        $microphone = Get-TMMicrophone -Sid $one.sid -LoggedOn $one.person.logged_on
        if ($microphone.state -ceq 'in_use') { Stop-TMBlocked -Reason 'in_a_call' -Detail "$($one.person.name) ($($microphone.apps -join ', '))" }
        if ($microphone.state -ceq 'unreadable' -and -not $Allow) { Stop-TMBlocked -Reason 'cannot_tell' -Detail "whether $($one.person.name) is in a call; allow_unknown_call goes on without knowing" }
    }
}

function Stop-TMTeams {
    param([object[]] $Item)
    $left = @(Stop-TMProcess -Find {
        $running = @(Get-TMProcess -Sid @($Item | ForEach-Object -Process { $_.sid }))
        foreach ($one in $Item) {
            foreach ($process in Get-TMTeamsProcess -Person $one.person -Client $one.client -Process $running) {
                $process['user'] = $one.person.name
                $process
            }
        }
    })
    if ($left.Count -gt 0) { Stop-TMBlocked -Reason 'in_use' -Detail ($left -join ', ') }
}

function Lock-TMTeams {
    param([object[]] $Item, [switch] $Copy)
    $held = @()
    try {
        foreach ($one in $Item) {
            foreach ($path in ($one.root -creplace '\\[^\\]+$', ''), ($one.folder -creplace '\\[^\\]+$', '')) {
                if ($Copy -and $path -eq ($one.root -creplace '\\[^\\]+$', '')) { continue }
                $top = $path.Substring(0, 2)
                if (Test-TMBelow -Path $path -Folder $one.person.profile) { $top = $one.person.profile }
                $held += @(Lock-TMWay -Path $path -Below $top)
            }
            if ([System.IO.Directory]::Exists($one.folder)) { $held += Lock-TMFolder -Path $one.folder }
        }
    }
    catch {
        # A process that serves several runs would keep them.
        Unlock-TMWay -Held $held
        throw
    }
    $held
}

function Unlock-TMWay {
    param([object[]] $Held)
    foreach ($way in $Held) { foreach ($handle in $way) { $handle.Dispose() } }
}

# Whose copy it is tells the path alone: it belongs to a treatment of another time. A copy in its place gets another name
# first, so that an undo of its own treatment never takes what is left of it for the whole.
# -> the cache it was of, nothing where the copy is gone already
function Remove-TMTeamsCopy {
    param([string] $Path)
    foreach ($person in Get-TMProfile) {
        foreach ($client in 'new', 'classic') {
            $place = Get-TMTeamsPlace -Person $person -Client $client
            if ($place.aside, "$($place.aside)-old", "$($place.aside)-since" -notcontains $Path -or -not [System.IO.Directory]::Exists($Path)) { continue }
            if ($person.state -cne 'looked_at') { throw "$($person.name) $($person.detail)" }
            $link = Get-TMTeamsFault -Place $place -Person $person
            if ($link) { throw "reparse point: $link" }
            $place.person = $person
            $held = @(Lock-TMTeams -Item $place -Copy)
            try {
                Add-TMNote -Key 'removing' -Value $Path
                if ($Path -eq $place.aside) {
                    if ([System.IO.Directory]::Exists("$Path-old")) { Remove-TMFolder -Path "$Path-old" }
                    Move-TMFolder -Move @(@{ from = $Path; to = "$Path-old" })
                    $Path = "$Path-old"
                }
                Remove-TMFolder -Path $Path
            }
            finally { Unlock-TMWay -Held $held }
            return $place.root
        }
    }
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
            $held += Lock-TMFolder -Path "$From$part"
            $held += Add-TMFolder -Path "$($Item.root)$part" -Owner $owner
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
