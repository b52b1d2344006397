# Where Teams keeps its caches, which programs use them, and what treatments did with them. It only reads. Needs
# the helpers paths, processes and profiles.
#
#   Get-TMTeamsPlace -Person P -Client new|classic   -> [ordered] root, folder, aside, package
#   Get-TMTeamsFault -Place PLACE -Person P          -> the reparse point on the way, '' where none is
#   Get-TMTeamsProcess -Person P -Client C -Process L   -> those of a list of Get-TMProcess that use that cache
#   Get-TMTreatment                                  -> [ordered] run, state, at, items, returned: what is in force, newest
#                                                       first; returned: the caches of it that were put back already
#
# P is one of Get-TMProfile. `aside` is where a cache is kept after a treatment: beside other local data, on the volume of
# the profile and outside what roams.
function Get-TMTeamsPlace {
    param([object] $Person, [string] $Client)
    $package = "$($Person.local)\Packages\MSTeams_8wekyb3d8bbwe"
    $folder = "$($Person.local)\teamsmedic"
    $root = "$package\LocalCache\Microsoft\MSTeams"
    if ($Client -ceq 'classic') { $root = "$($Person.roaming)\Microsoft\Teams" }
    [ordered]@{ root = $root; folder = $folder; aside = "$folder\Teams-$Client"; package = $package }
}

# From the profile down the way is its owner's, and so is a redirected folder; what lies above belongs to the device.
function Get-TMTeamsFault {
    param([object] $Place, [object] $Person)
    foreach ($path in "$($Place.root)\Backgrounds\Uploads", $Place.aside, "$($Place.aside)-old", "$($Place.aside)-since") {
        $top = $path.Substring(0, 2)
        if (Test-TMBelow -Path $path -Folder $Person.profile) { $top = $Person.profile }
        $fault = Get-TMReparsePoint -Path $path -Below $top
        if ($fault) { return $fault }
    }
    return ''
}

# New Teams: every image of its package, since its programs have been renamed and joined by others before, and the WebView2
# that works in its data. Classic Teams: every image below its folder in the profile. A package lies in the folder of
# PackageRoot, or in WindowsApps at the top of another drive.
function Get-TMTeamsProcess {
    param([object] $Person, [string] $Client, [object[]] $Process)
    $place = Get-TMTeamsPlace -Person $Person -Client $Client
    $apps = 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Appx'
    $root = ''
    if (Test-Path -LiteralPath $apps) { $root = "$((Get-Item -LiteralPath $apps).GetValue('PackageRoot', ''))" }
    if (-not $root) { $root = "$env:ProgramFiles\WindowsApps" }
    $package = '^(' + [regex]::Escape($root.TrimEnd('\')) + '|[A-Z]:\\WindowsApps)\\MSTeams_[^\\]*_8wekyb3d8bbwe\\'
    foreach ($one in $Process) {
        if ($one.sid -cne $Person.sid) { continue }
        if ($Client -ceq 'classic') { $uses = Test-TMBelow -Path $one.image -Folder "$($Person.local)\Microsoft\Teams" }
        else { $uses = $one.image -match $package -or (Test-TMBelow -Path $one.data -Folder $place.package) }
        if ($uses) { $one }
    }
}

function Get-TMTreatment {
    if ("$($TM.Host.journal.state)" -cne 'sound') { return }
    foreach ($entry in $TM.Host.journal.entries) {
        if ($entry.remediation -cne 'client_cache_fresh' -or 'begun', 'done', 'forgotten' -cnotcontains $entry.state) { continue }
        $file = "$($TM.Journal)\$($entry.run)\client_cache_fresh.json"
        if (-not (Test-Path -LiteralPath $file) -or (Get-Item -LiteralPath $file -Force).Length -gt 1048576) { continue }
        try { $text = Get-Content -LiteralPath $file -Raw -Encoding UTF8 | ConvertFrom-Json } catch { continue }
        $drift = Get-TMProperty -Object $text -Name 'drift'
        $items = @($drift | Where-Object { (Get-TMProperty -Object $_ -Name 'fact') -ceq 'caches' })
        [ordered]@{ run = $entry.run; state = $entry.state; at = $entry.at; items = $items; returned = @(Get-TMReturned -Run $entry.run) }
    }
}

# An undo that had to leave one cache, or was cut off, has put others back: the last note of a copy tells (paths_change).
function Get-TMReturned {
    param([string] $Run)
    $file = "$($TM.Journal)\$Run\client_cache_fresh.notes.jsonl"
    if (-not (Test-Path -LiteralPath $file) -or (Get-Item -LiteralPath $file -Force).Length -gt 1048576) { return }
    $last = @{}
    foreach ($line in Get-Content -LiteralPath $file -Encoding UTF8) {
        try { $note = $line | ConvertFrom-Json } catch { continue }
        $value = "$(Get-TMProperty -Object $note -Name 'value')"
        if ((Get-TMProperty -Object $note -Name 'key') -ceq 'copy' -and $value) { $last[$value.Substring(1)] = $value.Substring(0, 1) }
    }
    foreach ($root in $last.Keys) { if ($last[$root] -ceq '-') { $root } }
}
