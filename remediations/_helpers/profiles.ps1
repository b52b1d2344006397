# The people of a device: whose profiles lie where. Reads the registry and attributes of folders; no hive is ever loaded.
#
#   Get-TMProfile [-User NAMES]   -> [ordered] sid, name, profile, logged_on, local, roaming, state, detail; in the order of SIDs
#
# `User`: SIDs or names of profile folders; empty for everybody. `local`, `roaming`: where AppData lies, '' where unknown.
# state: looked_at | out_of_scope | not_found (asked for, no profile of it here) | no_folder | profile_container |
# profile_on_share | unreadable, `detail` says why.
#
# Sources: ProfileImagePath of ProfileList; for those logged on, User Shell Folders of their loaded hive, because AppData
# may be redirected. Of somebody logged off only the default layout is known: loading NTUSER.DAT in place can cost him his
# profile when he signs in at that moment. A key ending in `.bak` is a profile that Windows gave up.

# S-1-5-21-*: local and Active Directory; S-1-12-1-*: Entra.
function Get-TMProfileKey {
    foreach ($key in Get-ChildItem -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList') {
        if ($key.PSChildName -cmatch '^S-1-(5-21|12-1)(-\d+)+$') {
            [ordered]@{ sid = $key.PSChildName; profile = "$($key.GetValue('ProfileImagePath', ''))".TrimEnd('\') }
        }
    }
}

# A value of a loaded hive, not expanded; $null where the key or the value is not there. A key of a hive that stays open
# keeps Windows from unloading it when its person signs out.
function Get-TMHiveValue {
    param([string] $Sid, [string] $Key, [string] $Name)
    $path = "Registry::HKEY_USERS\$Sid\$Key"
    if (-not (Test-Path -LiteralPath $path)) { return }
    $item = Get-Item -LiteralPath $path
    try { $item.GetValue($Name, $null, 'DoNotExpandEnvironmentNames') } finally { $item.Dispose() }
}

# Volatile Environment is made at logon and goes with the session; a hive alone is also loaded for services and batch jobs.
function Test-TMLoggedOn {
    param([string] $Sid)
    $path = "Registry::HKEY_USERS\$Sid\Volatile Environment"
    if (-not (Test-Path -LiteralPath $path)) { return $false }
    $key = Get-Item -LiteralPath $path
    try { $key.ValueCount -gt 0 -or $key.SubKeyCount -gt 0 } finally { $key.Dispose() }
}

# Where a shell folder of somebody logged on lies; '' where a variable in it is unknown here.
function Get-TMShellFolder {
    param([string] $Sid, [string] $ProfilePath, [string] $Name, [string] $Default)
    $text = Get-TMHiveValue -Sid $Sid -Key 'Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders' -Name $Name
    if (-not "$text") { return "$ProfilePath\$Default" }
    $parts = foreach ($part in ("$text" -csplit '(%[^%]+%)')) {
        if ($part -cnotmatch '^%([^%]+)%$') {
            $part
            continue
        }
        $variable = $Matches[1]
        # The administrator's own variables mean another person; of his only those of the machine are taken.
        if ($variable -eq 'USERPROFILE') { $ProfilePath }
        elseif ('SystemDrive', 'SystemRoot', 'windir', 'ProgramData', 'PUBLIC' -contains $variable) { [System.Environment]::GetEnvironmentVariable($variable) }
        else {
            $value = "$(Get-TMHiveValue -Sid $Sid -Key 'Volatile Environment' -Name $variable)"
            if (-not $value -or $value -cmatch '%') { return '' }
            $value
        }
    }
    (-join $parts).TrimEnd('\')
}

# FSLogix leaves a key for each session whose profile (Profiles) or Office data (ODFC) it serves from a container.
function Test-TMContainer {
    param([string] $Sid)
    foreach ($kind in 'Profiles', 'ODFC') {
        foreach ($base in 'SOFTWARE\FSLogix', 'SOFTWARE\Policies\FSLogix') {
            $path = "Registry::HKEY_LOCAL_MACHINE\$base\$kind"
            if (-not (Test-Path -LiteralPath $path) -or (Get-Item -LiteralPath $path).GetValue('Enabled', 0) -ne 1) { continue }
            if (Test-Path -LiteralPath "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\FSLogix\$kind\Sessions\$Sid") { return $true }
        }
    }
    return $false
}

# Nothing for a folder on a drive of this device, else why it is none: state, detail.
function Get-TMPlaceFault {
    param([string] $Path)
    if ($Path -cmatch '^\\\\') { return 'profile_on_share', $Path }
    if ($Path -cnotmatch '^[A-Za-z]:\\.' -or $Path -cmatch '(^|\\)\.\.?(\\|$)') { return 'unreadable', "the path '$Path'" }
    # A mapped drive belongs to a session; this one does not see it, or sees another one.
    $drive = New-Object -TypeName 'System.IO.DriveInfo' -ArgumentList $Path.Substring(0, 3)
    if ("$($drive.DriveType)" -eq 'Network') { return 'profile_on_share', $Path }
    if ("$($drive.DriveType)" -eq 'NoRootDirectory') { return 'unreadable', "$Path lies on a drive that is not there" }
}

function Get-TMProfile {
    param([object[]] $User = @())
    $found = @()
    foreach ($key in Get-TMProfileKey) {
        $path = $key.profile
        $on = Test-TMLoggedOn -Sid $key.sid
        $entry = [ordered]@{
            sid = $key.sid; name = ($path -csplit '\\')[-1]; profile = $path; logged_on = $on
            local = "$path\AppData\Local"; roaming = "$path\AppData\Roaming"; state = 'looked_at'; detail = ''
        }
        if ($on) {
            $entry.local = Get-TMShellFolder -Sid $key.sid -ProfilePath $path -Name 'Local AppData' -Default 'AppData\Local'
            $entry.roaming = Get-TMShellFolder -Sid $key.sid -ProfilePath $path -Name 'AppData' -Default 'AppData\Roaming'
        }
        $found += $key.sid, $entry.name
        $fault = @(Get-TMPlaceFault -Path $path)
        if (@($User).Count -gt 0 -and $User -notcontains $key.sid -and $User -notcontains $entry.name) { $entry.state = 'out_of_scope' }
        elseif ($fault.Count -gt 0) { $entry.state, $entry.detail = $fault }
        elseif (-not [System.IO.Directory]::Exists($path)) { $entry.state = 'no_folder' }
        elseif ([int][System.IO.File]::GetAttributes($path) -band 0x400) { $entry.state, $entry.detail = 'profile_container', "$path is a link" }
        elseif (Test-TMContainer -Sid $key.sid) { $entry.state, $entry.detail = 'profile_container', 'FSLogix' }
        $entry
    }
    foreach ($name in @($User | Where-Object -FilterScript { $_ -and $found -notcontains $_ })) {
        [ordered]@{ sid = ''; name = "$name"; profile = "$name"; logged_on = $false; local = ''; roaming = ''; state = 'not_found'; detail = '' }
    }
}
