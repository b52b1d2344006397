# First text of every payload: how a statement answers, what a device is, and what its journal says. It reads only.
#
#   Invoke-TMDetect -Name ID -Script BLOCK    runs a detect.ps1 and answers its facts, or why there are none
#   Write-TMEnd                               the closing line
#   Stop-TMBlocked -Reason WORD [-Detail T]   leaves a fix or undo before its first change: outcome `blocked`
#   Get-TMProperty -Object O -Name N [-Default D]   a property of an object from JSON that may lack it
#   Get-TMUnixTime [-Time T]                  whole seconds since 1970 UTC (default: now)
#   Get-TMRoomUser                            SID of a Room's local user, '' where this is no Room
#   Get-TMHolder -Sid SID -Device NAME        programs that use that person's microphone or webcam now; throws where it cannot be told
#   Get-TMJournal                             this device's entries, newest run first: [ordered] run, remediation, state, at, since_boot, state_at
#   $TM.Argument, $TM.Host, $TM.Full          the request, the host line, whether the language is full
#
# Works on Windows PowerShell 5.1 and 7, in full and constrained language. There are no types of our own and no
# ConvertTo-Json here: 5.1 and 7 write dates, enumerations and pipeline objects differently, this writer refuses them.
# Constrained language sets members of core types only, and [ordered] is none before 7.3: it is written as a literal here.
# Nothing decides by an error's text, which is localised.
param([string] $TMJson)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$TM = @{
    Argument = $null; Host = $null; Booted = $null; Blocked = $null; Fault = ''; Size = 0; Limit = 262144
    Lock = $null; Changed = $false; Entry = $null; Begun = @(); Desk = @(); Parts = @{}; Scripts = @{}; Sessions = @{}; Ended = @()
    Full = "$($ExecutionContext.SessionState.LanguageMode)" -eq 'FullLanguage'
    Journal = "$env:ProgramData\teamsmedic\journal"
}

function Stop-TMFault {
    param([string] $Kind, [string] $Message)
    $TM.Fault = $Kind
    throw $Message
}

function Stop-TMBlocked {
    param([string] $Reason, [string] $Detail = '')
    $TM.Blocked = [ordered]@{ reason = $Reason; detail = $Detail }
    throw "$Reason $Detail"
}

function ConvertTo-TMJson {
    param([object] $Value, [int] $Depth = 0)
    $TM.Size += 4
    if ($Value -is [string]) { $TM.Size += $Value.Length }
    if ($TM.Size -gt $TM.Limit) { Stop-TMFault -Kind 'size' -Message "the answer is larger than $($TM.Limit / 1024) KB" }
    if ($null -eq $Value) { return 'null' }
    if ($Value -is [bool]) { if ($Value) { return 'true' } return 'false' }
    if ($Value -is [string]) {
        $text = $Value -creplace '(["\\])', '\$1'
        if ($text -cmatch '[^\x20-\x7E]') {
            $parts = foreach ($part in ($text -csplit '([^\x20-\x7E])')) {
                if ($part.Length -eq 1 -and $part -cmatch '[^\x20-\x7E]') { '\u{0:x4}' -f [int][char]$part } else { $part }
            }
            $text = $parts -join ''
        }
        return '"' + $text + '"'
    }
    if ($Value -is [int] -or $Value -is [long] -or $Value -is [uint32] -or $Value -is [uint64] -or $Value -is [byte]) { return "$Value" }
    if ($Depth -ge 8) { Stop-TMFault -Kind 'output' -Message 'the answer is nested deeper than 8' }
    if ($Value -is [System.Collections.Specialized.OrderedDictionary]) {
        # PSBase: a fact may be called `keys`.
        $parts = foreach ($key in $Value.PSBase.Keys) {
            (ConvertTo-TMJson -Value "$key") + ':' + (ConvertTo-TMJson -Value $Value[$key] -Depth ($Depth + 1))
        }
        return '{' + ($parts -join ',') + '}'
    }
    if ($Value -is [array] -or $Value -is [System.Collections.ArrayList]) {
        $parts = foreach ($item in $Value) { ConvertTo-TMJson -Value $item -Depth ($Depth + 1) }
        return '[' + ($parts -join ',') + ']'
    }
    Stop-TMFault -Kind 'output' -Message "the answer holds a $($Value.PSObject.TypeNames[0]): only null, bool, int, string, list and [ordered] are allowed"
}

# One line of ASCII; `Key` is host, facts, done, blocked, entry or error.
function Write-TMAnswer {
    param([string] $Statement, [string] $Key, [object] $Value)
    $TM.Size = 0
    '{"teamsmedic":1,"statement":' + (ConvertTo-TMJson -Value $Statement) + ',"' + $Key + '":' + (ConvertTo-TMJson -Value $Value) + '}'
}

function Write-TMEnd { '{"teamsmedic":1,"statement":"end"}' }

# The answer for an error record. In constrained language an error is laid to the language: what it forbids arrives in a
# dozen forms, and facts that fail there are read in full language.
function Write-TMError {
    param([string] $Statement, [object] $ErrorRecord)
    $kind = 'exception'
    if (-not $TM.Full) { $kind = 'language' }
    if ($ErrorRecord.FullyQualifiedErrorId -clike 'ScriptContainedMaliciousContent*') { $kind = 'antimalware' }
    if ($TM.Fault) { $kind = $TM.Fault }
    $message = "$($ErrorRecord.Exception.Message)"
    if ($message.Length -gt 500) { $message = $message.Substring(0, 500) }
    $line = 0
    if ($null -ne $ErrorRecord.InvocationInfo) { $line = [int]$ErrorRecord.InvocationInfo.ScriptLineNumber }
    Write-TMAnswer -Statement $Statement -Key 'error' -Value ([ordered]@{ kind = $kind; message = $message; line = $line })
}

# Whether every statement before this one has begun. One that does not parse or is blocked ends the pipeline for the other
# side, which then asks for the rest again; the engine itself goes on with the rest, unheard (seen on 7.6 over PSRP).
function Test-TMTurn {
    param([string] $Name)
    # In a session each script has a file of its own.
    if ($null -eq $TM.Begun) { return $true }
    foreach ($one in $TM.Desk) {
        if ($Name -ceq "$one.session") { return $true }
        if (-not $TM.Scripts.ContainsKey($one)) { return $false }
    }
    if ($Name -ceq 'sessions') { return $true }
    $TM.Begun += $Name
    $wanted = Get-TMProperty -Object $TM.Argument -Name 'remediations'
    if ($null -eq $wanted) { return $true }
    foreach ($property in $wanted.PSObject.Properties) {
        if ($property.Name -ceq $Name) { return $true }
        if ($TM.Begun -cnotcontains $property.Name) { return $false }
    }
    return $true
}

# Runs `Script` and answers. A script that returns, throws, breaks out of every loop, exits or floods costs only its own
# answer: the loop ends an escaping `break` or `continue`, Select-Object cuts a flood, and `finally` answers for the rest.
function Invoke-TMStatement {
    param([string] $Name, [string] $Key, [scriptblock] $Body)
    if (-not (Test-TMTurn -Name $Name)) { return }
    $answer = ''
    $TM.Fault = ''
    $TM.Blocked = $null
    $TM.Ended = @()
    try {
        foreach ($once in 1) {
            try {
                $output = @(& $Body 2>$null 3>$null 4>$null 5>$null 6>$null | Select-Object -First 2)
                if ($output.Count -ne 1 -or $output[0] -isnot [System.Collections.Specialized.OrderedDictionary]) {
                    Stop-TMFault -Kind 'output' -Message 'the script must output exactly one [ordered] dictionary'
                }
                $answer = Write-TMAnswer -Statement $Name -Key $Key -Value $output[0]
                if ($Key -ceq 'facts' -and $TM.Sessions.ContainsKey($Name)) {
                    $answer = $answer.Substring(0, $answer.Length - 1) + ',"sessions":' + (ConvertTo-TMJson -Value $TM.Sessions[$Name]) + '}'
                }
            }
            catch {
                if ($null -ne $TM.Blocked) { $answer = Write-TMAnswer -Statement $Name -Key 'blocked' -Value $TM.Blocked }
                else { $answer = Write-TMError -Statement $Name -ErrorRecord $_ }
            }
        }
    }
    finally {
        if (-not $answer) {
            $answer = Write-TMAnswer -Statement $Name -Key 'error' -Value ([ordered]@{ kind = 'output'; message = 'the script left without an answer'; line = 0 })
        }
        # Programs that were ended stay so whatever became of the rest.
        if ($TM.Ended.Count -gt 0) { $answer = $answer.Substring(0, $answer.Length - 1) + ',"ended":' + (ConvertTo-TMJson -Value $TM.Ended) + '}' }
        $answer
    }
}

function Invoke-TMDetect {
    param([string] $Name, [scriptblock] $Script)
    Invoke-TMStatement -Name $Name -Key 'facts' -Body { & $Script (Get-TMProperty -Object (Get-TMRequest -Name $Name) -Name 'parameters') }
}

# From 6 on ConvertFrom-Json turns text that looks like a date into one, if it is not told otherwise (possible from 7.5 on).
function ConvertFrom-TMJson {
    param([string] $Text)
    $options = @{}
    if ($PSVersionTable.PSVersion.Major -gt 7 -or ($PSVersionTable.PSVersion.Major -eq 7 -and $PSVersionTable.PSVersion.Minor -ge 5)) { $options.DateKind = 'String' }
    $Text | ConvertFrom-Json @options
}

# What the argument says of one remediation.
function Get-TMRequest {
    param([string] $Name)
    Get-TMProperty -Object (Get-TMProperty -Object $TM.Argument -Name 'remediations') -Name $Name
}

function Get-TMProperty {
    param([object] $Object, [string] $Name, [object] $Default = $null)
    if ($null -ne $Object) {
        foreach ($property in $Object.PSObject.Properties) {
            if ($property.Name -ceq $Name) { return , $property.Value }
        }
    }
    return , $Default
}

# The list under a name of a request, empty where there is none.
function Get-TMList {
    param([object] $Object, [string] $Name)
    $list = Get-TMProperty -Object $Object -Name $Name
    if ($null -ne $list) { foreach ($item in $list) { $item } }
}

# 621355968000000000 is 1970-01-01 in ticks. Get-Date -UFormat %s gives local time on 5.1.
function Get-TMUnixTime {
    param([datetime] $Time = [datetime]::UtcNow)
    $ticks = $Time.ToUniversalTime().Ticks - 621355968000000000
    [long](($ticks - $ticks % 10000000) / 10000000)
}

# The SID of a Room's local user, '' where this is no Room: its folder on the system drive, and that user's profile (facts:
# Rooms identity). One mark alone does not do: whoever is logged on can create the folder.
function Get-TMRoomUser {
    if (-not (Test-Path -LiteralPath 'C:\Rigel' -PathType Container)) { return '' }
    foreach ($key in Get-ChildItem -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList') {
        $profilePath = Get-TMProperty -Object (Get-ItemProperty -LiteralPath $key.PSPath) -Name 'ProfileImagePath' -Default ''
        if ($key.PSChildName -like 'S-1-5-21-*' -and "$profilePath" -match '\\Skype(\.[^\\]*)?$') { return $key.PSChildName }
    }
    return ''
}

# The programs that use a person's microphone or camera (`webcam`) now. Windows 10 1903 and newer keep it per person and
# program: LastUsedTimeStart is there and LastUsedTimeStop is 0 while it lasts, also muted or joined without sound.
function Get-TMHolder {
    param([string] $Sid, [string] $Device)
    $root = "Registry::HKEY_USERS\$Sid\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\$Device"
    foreach ($key in @(Get-ChildItem -LiteralPath $root -Recurse)) {
        # A key of a hive that stays open keeps Windows from unloading it when its person signs out.
        if ($TM.Full) { $key.Dispose() }
        $used = Get-ItemProperty -LiteralPath $key.PSPath
        $stop = Get-TMProperty -Object $used -Name 'LastUsedTimeStop'
        # The path of a program outside a package stands there with # for \.
        if ($null -ne (Get-TMProperty -Object $used -Name 'LastUsedTimeStart') -and $null -ne $stop -and [long]$stop -eq 0) { ($key.PSChildName -csplit '#')[-1] }
    }
}

# Whether a Room is in use: state (free|in_use|unreadable|logged_off), and by which programs. No microphone key means unknown,
# not free; a camera is only one more sign.
function Get-TMRoomUse {
    param([string] $Sid)
    if (-not (Test-Path -LiteralPath "Registry::HKEY_USERS\$Sid")) { return [ordered]@{ state = 'logged_off'; holders = @() } }
    $state = 'free'
    $holders = @(foreach ($device in 'microphone', 'webcam') {
        try { foreach ($name in @(Get-TMHolder -Sid $Sid -Device $device)) { "$name ($device)" } }
        catch { if ($device -ceq 'microphone') { $state = 'unreadable' } }
    })
    if ($holders.Count -gt 0) { $state = 'in_use' }
    [ordered]@{ state = $state; holders = @($holders | Sort-Object -Unique) }
}

# '' for a folder that only SYSTEM, Administrators and this administrator can write into or read, else why it is not
# trusted. An ordinary user may create folders in ProgramData and then owns them.
function Get-TMDistrust {
    param([string] $Path)
    $item = Get-Item -LiteralPath $Path -Force
    if (-not $item.PSIsContainer) { return 'it is no folder' }
    # The bit, not its name: beside a bit without a name (pinned by OneDrive) .NET writes all of them as one number.
    if ([int]$item.Attributes -band 0x400) { return 'it is a reparse point' }
    $acl = Get-Acl -LiteralPath $Path
    if ($TM.Full) {
        $own = 'S-1-5-18', 'S-1-5-32-544', [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
        $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
        $allowed = @(foreach ($rule in $acl.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])) {
            if ("$($rule.AccessControlType)" -eq 'Allow') { $rule.IdentityReference.Value }
        })
    }
    else {
        # Methods of an ACL are out of reach in constrained language, its SDDL is not.
        $own = 'S-1-5-18', 'S-1-5-32-544', 'SY', 'BA'
        if ("$(Get-TMProperty -Object $acl -Name 'Sddl')" -cnotmatch '^O:(S[-0-9]+|[A-Z]{2})(?:G:(?:S[-0-9]+|[A-Z]{2}))?D:([^:]*)') { return 'its permissions cannot be read' }
        $owner = $Matches[1]
        $allowed = @(foreach ($ace in ($Matches[2] -csplit '\(')) { if ($ace -cmatch '^(?:X?A|OA);.*;([^;)]*)\)') { $Matches[1] } })
    }
    if ($own -cnotcontains $owner) { return "it belongs to $owner" }
    if ($allowed.Count -eq 0) { return 'it has no list of permissions' }
    foreach ($sid in $allowed) {
        if ($own -cnotcontains $sid) { return "$sid has access" }
    }
    return ''
}

# The parts of the journal that are there and not trusted, as 'PATH: why'; '' when all is well.
function Get-TMJournalDistrust {
    foreach ($path in ($TM.Journal -replace '\\[^\\]+$', ''), $TM.Journal) {
        if (Test-Path -LiteralPath $path) {
            $why = Get-TMDistrust -Path $path
            if ($why) { return "${path}: $why" }
        }
    }
    return ''
}

function Get-TMStateFile {
    param([string] $Run, [string] $Name)
    "$($TM.Journal)\$Run\$Name.state.json"
}

# The state of one entry, or $null. A file that was being replaced when the engine was killed has its text in `.new`.
function Get-TMState {
    param([string] $Run, [string] $Name)
    $file = Get-TMStateFile -Run $Run -Name $Name
    foreach ($path in $file, "$file.new") {
        try {
            if ((Get-Item -LiteralPath $path -Force).Length -gt 4096) { continue }
            $state = Get-Content -LiteralPath $path -Raw | ConvertFrom-Json
            # Its time is a number; anything else there would cost all other entries, too.
            $at = Get-TMProperty -Object $state -Name "$($state.state)"
            if (@('begun', 'done', 'undone', 'forgotten', 'superseded') -ccontains $state.state -and ($at -is [int] -or $at -is [long])) { return $state }
        }
        catch { continue }
    }
}

# The 100 newest runs, and an older one where the argument names it.
function Get-TMJournal {
    if (-not (Test-Path -LiteralPath $TM.Journal)) { return }
    $named = "$(Get-TMProperty -Object $TM.Argument -Name 'wanted')"
    $runs = @(Get-ChildItem -LiteralPath $TM.Journal -Directory | Where-Object { $_.Name -cmatch '^\d{8}T\d{6}Z-[0-9a-f]{6}$' } |
        Sort-Object -Property 'Name' -Descending)
    $runs = @($runs | Select-Object -First 100) + @($runs | Select-Object -Skip 100 | Where-Object { $_.Name -ceq $named })
    foreach ($folder in $runs) {
        if (Get-TMDistrust -Path $folder.FullName) { continue }
        foreach ($file in Get-ChildItem -LiteralPath $folder.FullName -Filter '*.state.json*' -File) {
            if ($file.Name -cnotmatch '^([a-z][a-z0-9_]{0,63})\.state\.json(\.new)?$') { continue }
            $name = $Matches[1]
            if ($file.Name -clike '*.new' -and (Test-Path -LiteralPath (Get-TMStateFile -Run $folder.Name -Name $name))) { continue }
            $state = Get-TMState -Run $folder.Name -Name $name
            if ($null -eq $state) { continue }
            $at = [long](Get-TMProperty -Object $state -Name $state.state -Default 0)
            $stateAt = $at
            # Giving up the way back is no treatment: what was done counts from when it was done.
            if ("$($state.state)" -ceq 'forgotten') { $at = [long](Get-TMProperty -Object $state -Name 'done' -Default (Get-TMProperty -Object $state -Name 'begun' -Default $at)) }
            # Where the last start cannot be read, nothing is known to be older than it: a restart stays due.
            $sinceBoot = $null -eq $TM.Booted -or $at -ge $TM.Booted
            [ordered]@{ run = $folder.Name; remediation = $name; state = "$($state.state)"; at = $at; since_boot = $sinceBoot; state_at = $stateAt }
        }
    }
}

# Who holds the device's lock: $null for nobody. The file goes when its holder's process ends (_change.ps1); one that was
# left by a power cut is older than the last start, or opens in a way that a holder's would not.
function Get-TMLock {
    $file = ($TM.Journal -replace '[^\\]+$', '') + 'lock'
    if (-not (Test-Path -LiteralPath $file)) { return }
    $text = ''
    try {
        if ($TM.Full) {
            $stream = [System.IO.File]::Open($file, 'Open', 'Read', 'ReadWrite, Delete')
            try {
                $buffer = New-Object -TypeName 'byte[]' -ArgumentList 400
                $text = [System.Text.Encoding]::ASCII.GetString($buffer, 0, $stream.Read($buffer, 0, 400))
            }
            finally { $stream.Dispose() }
            try {
                [System.IO.File]::Open($file, 'Open', 'Read', 'Read, Delete').Dispose()
                return
            }
            catch { $null = $_ }
        }
        else { $text = Get-Content -LiteralPath $file -Raw }
    }
    catch {
        if (-not (Test-Path -LiteralPath $file)) { return }
    }
    $run = $null
    $since = $null
    try {
        $holder = $text | ConvertFrom-Json
        if ("$($holder.run)" -cmatch '^[-0-9A-Za-z]{1,60}$') { $run = "$($holder.run)" }
        $since = [long]$holder.since
    }
    catch { $null = $_ }
    if ($null -ne $since -and $null -ne $TM.Booted -and $since -lt $TM.Booted) { return }
    [ordered]@{ run = $run; since = $since }
}

function Get-TMHost {
    $bits = 64
    if ($TM.Full) { $bits = [System.IntPtr]::Size * 8 } elseif ("$env:PROCESSOR_ARCHITECTURE" -eq 'x86') { $bits = 32 }
    $build = $null
    $user = ''
    $use = $null
    $lock = $null
    $TM.Booted = $null
    $state = 'absent'
    $detail = ''
    $entries = @()
    # CurrentBuildNumber: ProductName still says Windows 10 on Windows 11.
    try { $build = [int](Get-ItemProperty -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion').CurrentBuildNumber } catch { $build = $null }
    try { $user = Get-TMRoomUser } catch { $user = '' }
    if ($user) { $use = Get-TMRoomUse -Sid $user }
    if (Test-Path -LiteralPath ($TM.Journal -replace '\\[^\\]+$', '')) {
        $state = 'untrusted'
        # Only a journal needs it, and WMI's first answer costs a fifth of a whole check.
        try { $TM.Booted = Get-TMUnixTime -Time (Get-CimInstance -ClassName 'Win32_OperatingSystem' -Property 'LastBootUpTime' -OperationTimeoutSec 20).LastBootUpTime } catch { $TM.Booted = $null }
        try {
            $detail = Get-TMJournalDistrust
            if (-not $detail) {
                $entries = @(Get-TMJournal)
                $lock = Get-TMLock
                $state = 'sound'
            }
        }
        catch { $detail = "$($_.Exception.Message)" }
    }
    [ordered]@{
        powershell = "$($PSVersionTable.PSVersion)"; language = "$($ExecutionContext.SessionState.LanguageMode)"; bits = $bits; build = $build
        clock = Get-TMUnixTime; offset = [int](([datetime]::Now.Ticks - [datetime]::UtcNow.Ticks) / 600000000); booted = $TM.Booted
        computer = "$env:COMPUTERNAME"; room = [bool]$user; use = $use
        journal = [ordered]@{ state = $state; detail = $detail; entries = $entries }; lock = $lock
    }
}

$TM.Argument = ConvertFrom-TMJson -Text $TMJson
$TM.Host = Get-TMHost
Write-TMAnswer -Statement 'prelude' -Key 'host' -Value $TM.Host
