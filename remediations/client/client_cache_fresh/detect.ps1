# Facts: scope, room, users, caches. What only a cache that would move needs (processes, microphone, sizes) is read for
# those alone: it takes longer than all else.
param([object] $Parameters)

if (-not $TM.Full) { Stop-TMFault -Kind 'language' -Message 'processes and links are read by functions of Windows' }
$now = Get-TMUnixTime
$given = Get-TMProperty -Object $Parameters -Name 'users'
$given = @($given | Where-Object -FilterScript { $_ })
$clients = @($Parameters.clients | Where-Object -FilterScript { 'new', 'classic' -ccontains $_ })
if ($clients.Count -eq 0 -or $clients.Count -ne @($Parameters.clients).Count) { Stop-TMFault -Kind 'exception' -Message 'clients are new and classic' }
$own = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
$treated = @{}
foreach ($treatment in Get-TMTreatment) {
    foreach ($item in $treatment.items) {
        if ($treatment.state -cne 'begun' -and $treatment.returned -notcontains "$($item.object)" -and -not $treated.ContainsKey("$($item.object)")) { $treated["$($item.object)"] = $treatment.at }
    }
}

$users = @()
$caches = @()
$expired = @()
$running = $null
foreach ($person in Get-TMProfile -User $given) {
    $mine = @()
    try {
        if ($person.state -ceq 'looked_at') {
            foreach ($client in $clients) {
                $place = Get-TMTeamsPlace -Person $person -Client $client
                $fault = @(foreach ($path in $place.root, $place.aside) { Get-TMPlaceFault -Path $path })
                if ($fault.Count -eq 0) {
                    $link = Get-TMTeamsFault -Place $place -Person $person
                    if ($link) { $fault = 'reparse_point', $link }
                }
                if ($fault.Count -gt 0) {
                    $person.state, $person.detail = $fault[0, 1]
                    break
                }
                $names = @()
                if ([System.IO.Directory]::Exists($place.root)) { $names = @([System.IO.Directory]::GetFileSystemEntries($place.root)) }
                # What a treatment brings back is no cache.
                $present = @($names -notlike '*\Backgrounds').Count -gt 0
                $aside = [System.IO.Directory]::Exists($place.aside)
                $age = $null
                if ($treated.ContainsKey($place.root)) { $age = $now - $treated[$place.root] }
                $fresh = -not $present -or ($null -ne $age -and $age -le $Parameters.symptom_since)
                if ($fresh -and $null -ne $age -and $age -gt 86400 * $Parameters.keep_days) {
                    # The other name is that of a copy whose removal was cut off.
                    foreach ($copy in $place.aside, "$($place.aside)-old") { if ([System.IO.Directory]::Exists($copy)) { $expired += $copy } }
                }
                if ($names.Count -eq 0 -and -not $aside) { continue }
                $mine += [ordered]@{
                    object = $place.root; user = $person.name; sid = $person.sid; client = $client; present = $present; fresh = $fresh
                    aside = $place.aside; aside_present = $aside; folder = $place.folder; makes_folder = $false
                    backgrounds = $null; processes = @(); removes = @(); space = $null
                }
            }
        }
        if ($person.state -cne 'looked_at') { $mine = @() }
        $moving = @($mine | Where-Object { -not $_.fresh })
        foreach ($cache in $moving) {
            $cache.backgrounds = (Get-TMTree -Path "$($cache.object)\Backgrounds\Uploads").files
            if ($null -eq $running) { $running = @(Get-TMProcess) }
            $cache.processes = @(Get-TMTeamsProcess -Person $person -Client $cache.client -Process $running | ForEach-Object -Process { $_.name } | Sort-Object -Unique)
            $cache.removes = @(foreach ($copy in $cache.aside, "$($cache.aside)-old", "$($cache.aside)-since") { if ([System.IO.Directory]::Exists($copy)) { $copy } })
            # The new cache grows to about the size of the old one, which stays.
            $free = (New-Object -TypeName 'System.IO.DriveInfo' -ArgumentList $cache.aside.Substring(0, 3)).AvailableFreeSpace
            $cache.space = 'enough'
            if ($cache.object.Substring(0, 1) -ne $cache.aside.Substring(0, 1)) { $cache.space = 'other_volume' }
            elseif ($free - (Get-TMTree -Path $cache.object).bytes -lt 1048576 * $Parameters.reserve_mb) { $cache.space = 'short' }
        }
        if ($moving.Count -gt 0) { $moving[0].makes_folder = -not [System.IO.Directory]::Exists($moving[0].folder) }
    }
    catch [System.UnauthorizedAccessException], [System.ComponentModel.Win32Exception] {
        $person.state, $person.detail = 'unreadable', 'access denied'
        if ($_.Exception.GetBaseException() -is [System.ComponentModel.Win32Exception]) { $person.detail = $_.Exception.GetBaseException().Message }
        $mine = $moving = @()
    }
    # The administrator who came in has a profile as well; it counts where he uses Teams himself.
    if ($person.sid -ceq $own -and $mine.Count -eq 0 -and $person.state -ceq 'looked_at' -and $given.Count -eq 0) { continue }
    $microphone = [ordered]@{ state = $null; apps = @() }
    if ($moving.Count -gt 0) { $microphone = Get-TMMicrophone -Sid $person.sid -LoggedOn $person.logged_on }
    $caches += $mine
    $users += [ordered]@{
        object = $person.profile; name = $person.name; sid = $person.sid; logged_on = $person.logged_on; state = $person.state; detail = $person.detail
        microphone = $microphone.state; microphone_apps = $microphone.apps
    }
}
$moving = @($caches | Where-Object { -not $_.fresh })
if ($moving.Count -gt 0) { $moving[0].removes = @($moving[0].removes) + $expired }

$asked = 'everybody'
if ($given.Count -gt 0) { $asked = $given -join ', ' }
[ordered]@{
    room = [bool]$TM.Host.room
    scope = [ordered]@{ object = $asked; value = @($users | Where-Object { 'out_of_scope', 'not_found' -cnotcontains $_.state }).Count }
    users = $users
    caches = $caches
}
