# Work in the sessions of the people at the desk, whose vault, accounts and settings an administrator over WinRM never
# sees. Travels with payloads of which a script runs there. It leaves nothing: one task and one folder a person, both gone
# at the end, and those of a killed engine with the next run, which knows them by the lock that went with the engine.
#
#   Add-TMSession -Id ID -Script BLOCK           a script for them, kept until they are run
#   Invoke-TMSessionCheck -Id IDS -Limit SECONDS   runs these scripts, once for each person, for the detects that follow
#
# A person's folder below Program Files holds what he may read and run, and one file that he may write: his answer. All in
# it is his word: the file is made and opened here before he can reach it, so no link can take its place, its size has a
# limit, and what it says is judged elsewhere.
# What tells that an answer is of this run is its first line, which must be the very text that is expected.

# The body of a statement runs below Invoke-TMStatement, which has a $Name of its own.
function Add-TMSession {
    param([string] $Id, [scriptblock] $Script)
    Invoke-TMStatement -Name "$Id.session" -Key 'added' -Body {
        $TM.Scripts[$Id] = "$Script"
        [ordered]@{ characters = $TM.Scripts[$Id].Length }
    }
}

function Get-TMSessionRoot { "$env:ProgramFiles\teamsmedic" }

# The first line of an answer, from both sides.
function Get-TMSessionBegin {
    param([string] $Nonce, [object] $Sid)
    Write-TMAnswer -Statement 'begin' -Key 'session' -Value ([ordered]@{ nonce = $Nonce; sid = $Sid })
}

# What runs in the session, as text by name: `run`, and for each script its helpers and itself in a file of its own, because
# one that does not parse must not cost the others their answer. Functions are taken by name and in the payload's order: a
# runspace keeps those of an earlier payload, and a sort follows the device's culture. So each text is the same every time,
# whatever else is asked for, and its hash can be allowed (payload.desk_scripts knows it).
function Get-TMSessionText {
    param([string[]] $Name)
    $texts = @{}
    foreach ($one in @('run') + $Name) {
        $parts = @(foreach ($function in $TM.Parts[$one]) { "function $function {`n$((Get-Item -LiteralPath "Function:\$function").Definition)`n}" })
        $last = 'Invoke-TMSessionRun -Folder $PSScriptRoot'
        if ($one -cne 'run') { $last = $TM.Scripts[$one] }
        $texts[$one] = ($parts + $last) -join "`n"
    }
    $texts
}

# Out-File shares the file with its reader; Add-Content does not, and what else could is out of reach in constrained language.
function Write-TMSession {
    param([string] $Folder, [string] $Line)
    Out-File -InputObject $Line -LiteralPath "$Folder\answer" -Append -Encoding 'ascii' -Width 1000000
}

# Runs in the session: what the prelude is for the other side.
function Invoke-TMSessionRun {
    param([string] $Folder)
    Set-StrictMode -Version Latest
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $TM = @{
        Argument = $null; Blocked = $null; Fault = ''; Size = 0; Limit = 65536; Begun = $null; Changed = $false; Sessions = @{}
        Full = "$($ExecutionContext.SessionState.LanguageMode)" -eq 'FullLanguage'
    }
    Invoke-TMSessionPart -Folder $Folder
}

# Each answer is written as soon as it is there.
function Invoke-TMSessionPart {
    param([string] $Folder)
    $TM.Argument = ConvertFrom-TMJson -Text (Get-Content -LiteralPath "$Folder\argument.json" -Raw)
    $sid = $null
    if ($TM.Full) { $sid = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value }
    Write-TMSession -Folder $Folder -Line (Get-TMSessionBegin -Nonce $TM.Argument.nonce -Sid $sid)
    foreach ($name in $TM.Argument.scripts) {
        try { $answer = @(& "$Folder\$name.ps1" | Select-Object -First 1) } catch { $answer = @(Write-TMError -Statement $name -ErrorRecord $_) }
        Write-TMSession -Folder $Folder -Line "$answer"
    }
    Write-TMSession -Folder $Folder -Line '{"teamsmedic":1,"statement":"end"}'
}

# Why no task is made for somebody: '' where one is. The policies of the machine come before -ExecutionPolicy.
function Get-TMSessionRefusal {
    param([object] $Person)
    if ($Person.state -ceq 'out_of_scope' -or $Person.state -ceq 'not_found') { return $Person.state }
    if (-not $Person.logged_on) { return 'logged_off' }
    if ($TM.Host.room) { return 'room' }
    if (-not $TM.Full) { return 'constrained' }
    foreach ($base in 'Registry::HKEY_LOCAL_MACHINE', "Registry::HKEY_USERS\$($Person.sid)") {
        $path = "$base\SOFTWARE\Policies\Microsoft\Windows\PowerShell"
        if (-not (Test-Path -LiteralPath $path)) { continue }
        $key = Get-Item -LiteralPath $path
        # A key of a hive that stays open keeps Windows from unloading it when its person signs out.
        try { $scripts, $policy = $key.GetValue('EnableScripts', 1), "$($key.GetValue('ExecutionPolicy', ''))" }
        finally { $key.Dispose() }
        if ($scripts -eq 0) { return 'scripts_off' }
        if ($policy -eq 'AllSigned') { return 'all_signed' }
        if ($policy -eq 'Restricted') { return 'scripts_off' }
        if ($policy) { break }
    }
    return ''
}

# Administrators own what lies below Program Files; a folder with another owner, or a link, is not used.
function Assert-TMSessionFolder {
    param([string] $Path)
    $item = Get-Item -LiteralPath $Path -Force
    if (-not $item.PSIsContainer -or ([int]$item.Attributes -band 0x400)) { throw "$Path is no folder" }
    $owner = (Get-Acl -LiteralPath $Path).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    $own = 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464', [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    if ($own -cnotcontains $owner) { throw "$Path belongs to $owner" }
}

# Full control for SYSTEM and Administrators, `Rights` for one person, nothing inherited.
function Set-TMSessionAccess {
    param([string] $Path, [string] $Sid, [string] $Rights)
    $security = Get-Acl -LiteralPath $Path
    $security.SetAccessRuleProtection($true, $false)
    $inherit = 'None'
    if ((Get-Item -LiteralPath $Path -Force).PSIsContainer) { $inherit = 'ContainerInherit, ObjectInherit' }
    foreach ($pair in ('S-1-5-18', 'FullControl'), ('S-1-5-32-544', 'FullControl'), ($Sid, $Rights)) {
        $account = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList $pair[0]
        $security.AddAccessRule((New-Object -TypeName 'System.Security.AccessControl.FileSystemAccessRule' -ArgumentList $account, $pair[1], $inherit, 'None', 'Allow'))
    }
    Set-Acl -LiteralPath $Path -AclObject $security
}

# The lock of one person's folder. Another run may remove the folder of them all, once it is empty, at any moment before.
function Open-TMSessionLock {
    param([string] $Path)
    for ($try = 1; $true; $try++) {
        try {
            $null = [System.IO.Directory]::CreateDirectory((Get-TMSessionRoot))
            Assert-TMSessionFolder -Path (Get-TMSessionRoot)
            return New-Object -TypeName 'System.IO.FileStream' -ArgumentList $Path, ([System.IO.FileMode]::CreateNew), ([System.IO.FileAccess]::ReadWrite), ([System.IO.FileShare]::None), 1, ([System.IO.FileOptions]::DeleteOnClose)
        }
        catch {
            if ($try -ge 10) { throw }
            Start-Sleep -Milliseconds 20
        }
    }
}

# Starts one person's task and returns what is needed to hear and to remove it.
function Start-TMSession {
    param([object] $Person, [string[]] $Name, [hashtable] $Text, [object] $Drift)
    $nonce = 'teamsmedic-{0}-{1}' -f (Get-TMUnixTime), [System.Guid]::NewGuid().ToString('N', [System.Globalization.CultureInfo]::InvariantCulture)
    $folder = "$(Get-TMSessionRoot)\$nonce"
    # Before all else: what has no lock belongs to nobody.
    $session = @{ nonce = $nonce; folder = $folder; lock = (Open-TMSessionLock -Path "$folder.lock"); stream = $null; clock = $null; again = $false; text = ''; expected = @((Get-TMSessionBegin -Nonce $nonce -Sid $Person.sid), (Get-TMSessionBegin -Nonce $nonce -Sid $null)) }
    try {
        $null = [System.IO.Directory]::CreateDirectory($folder)
        Set-TMSessionAccess -Path $folder -Sid $Person.sid -Rights 'ReadAndExecute'
        $utf8 = New-Object -TypeName 'System.Text.UTF8Encoding' -ArgumentList $true
        $work = @{}
        foreach ($one in $Name) {
            $work[$one] = @{ parameters = (Get-TMProperty -Object (Get-TMRequest -Name $one) -Name 'parameters'); drift = @($Drift) }
        }
        $argument = @{ nonce = $nonce; scripts = $Name; remediations = $work }
        [System.IO.File]::WriteAllText("$folder\argument.json", (ConvertTo-Json -InputObject $argument -Depth 12 -Compress), $utf8)
        foreach ($one in $Text.Keys) { [System.IO.File]::WriteAllText("$folder\$one.ps1", $Text[$one], $utf8) }
        [System.IO.File]::WriteAllBytes("$folder\answer", (New-Object -TypeName 'byte[]' -ArgumentList 0))
        # A buffer of one byte is none: what comes later must be seen.
        $session.stream = New-Object -TypeName 'System.IO.FileStream' -ArgumentList "$folder\answer", ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read), ([System.IO.FileShare]::ReadWrite), 1
        Set-TMSessionAccess -Path "$folder\answer" -Sid $Person.sid -Rights 'Read, Write'
        # conhost keeps a window from flashing at the desk; it can since 1809.
        $program = "$env:windir\System32\conhost.exe"
        $arguments = "--headless $env:windir\System32\WindowsPowerShell\v1.0\powershell.exe "
        if ($null -eq $TM.Host.build -or $TM.Host.build -lt 17763) {
            $program = "$env:windir\System32\WindowsPowerShell\v1.0\powershell.exe"
            $arguments = '-WindowStyle Hidden '
        }
        $arguments += "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$folder\run.ps1`""
        $principal = New-ScheduledTaskPrincipal -UserId $Person.sid -LogonType Interactive -RunLevel Limited -ErrorAction Stop
        $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit ([timespan]::FromMinutes(5)) -DeleteExpiredTaskAfter ([timespan]::Zero) -MultipleInstances IgnoreNew -ErrorAction Stop
        # Its time lies in the past, so it starts only when it is told to; at the end of its trigger Windows deletes it.
        $trigger = New-ScheduledTaskTrigger -Once -At ([datetime]::Now.AddMinutes(-5)) -ErrorAction Stop
        $trigger.EndBoundary = [datetime]::Now.AddMinutes(10).ToString('s', [System.Globalization.CultureInfo]::InvariantCulture)
        $null = Register-ScheduledTask -TaskName $nonce -TaskPath '\' -Action (New-ScheduledTaskAction -Execute $program -Argument $arguments -ErrorAction Stop) -Principal $principal -Settings $settings -Trigger $trigger -ErrorAction Stop
        Start-ScheduledTask -TaskName $nonce -TaskPath '\' -ErrorAction Stop
        # Everybody has his own time: starting many takes longer than one may wait.
        $session.clock = [System.Diagnostics.Stopwatch]::StartNew()
    }
    catch {
        Remove-TMSession -Session $session
        throw
    }
    $session
}

# Its scripts lie in a folder that only administrators write into, so nothing there can lead elsewhere. -> whether it is gone
function Remove-TMSessionFolder {
    param([string] $Path)
    try {
        if ([System.IO.Directory]::Exists($Path)) {
            foreach ($file in [System.IO.Directory]::GetFiles($Path)) {
                # Whoever may write his answer may make it read-only, too, which keeps it.
                [System.IO.File]::SetAttributes($file, [System.IO.FileAttributes]::Normal)
                [System.IO.File]::Delete($file)
            }
            [System.IO.Directory]::Delete($Path)
        }
    }
    catch [System.IO.IOException], [System.UnauthorizedAccessException] { return $false }
    return $true
}

# Nobody waits for what still runs there.
function Remove-TMSessionTask {
    param([string] $Name)
    Stop-ScheduledTask -TaskName $Name -TaskPath '\' -ErrorAction SilentlyContinue
    Unregister-ScheduledTask -TaskName $Name -TaskPath '\' -Confirm:$false -ErrorAction SilentlyContinue
}

# Two seconds for all folders together: what somebody still holds open then goes with the next run, and a task by its own end.
function Remove-TMSession {
    param([object[]] $Session)
    foreach ($one in $Session) {
        if ($null -ne $one.stream) { $one.stream.Dispose() }
        Remove-TMSessionTask -Name $one.nonce
    }
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $left = $Session
    while ($true) {
        $left = @($left | Where-Object -FilterScript { -not (Remove-TMSessionFolder -Path $_.folder) })
        if ($left.Count -eq 0 -or $clock.Elapsed.TotalSeconds -ge 2) { break }
        Start-Sleep -Milliseconds 100
    }
    foreach ($one in $Session) { $one.lock.Dispose() }
    # Only an empty folder goes like this.
    try { [System.IO.Directory]::Delete((Get-TMSessionRoot)) }
    catch [System.IO.IOException], [System.UnauthorizedAccessException] { return }
}

# What an engine that was killed left, the oldest first. Another run that still works holds its lock; none lives for an hour.
# A few seconds' work at most: what is left then goes with the runs after this one.
function Remove-TMSessionLeftover {
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $old = (Get-TMUnixTime) - 3600
    $tasks = @(Get-ScheduledTask -TaskName 'teamsmedic-*' -TaskPath '\' -ErrorAction SilentlyContinue | Select-Object -First 100 | ForEach-Object -Process { $_.TaskName })
    $names = $tasks
    $root = Get-TMSessionRoot
    if ([System.IO.Directory]::Exists($root)) {
        Assert-TMSessionFolder -Path $root
        $names += @([System.IO.Directory]::GetFileSystemEntries($root) | ForEach-Object -Process { [System.IO.Path]::GetFileName($_) -creplace '\.lock$', '' })
    }
    foreach ($name in $names | Sort-Object -Unique) {
        if ($clock.Elapsed.TotalSeconds -ge 5) { return }
        if ($name -cnotmatch '^teamsmedic-(\d{1,12})-[0-9a-f]{32}$') { continue }
        $begun = [long]$Matches[1]
        # A lock that nobody holds can be deleted: a power cut leaves the file.
        try { if ([System.IO.Directory]::Exists($root)) { [System.IO.File]::Delete("$root\$name.lock") } }
        catch [System.IO.IOException], [System.UnauthorizedAccessException] { if ($begun -ge $old) { continue } }
        if ($tasks -ccontains $name) { Remove-TMSessionTask -Name $name }
        $null = Remove-TMSessionFolder -Path "$root\$name"
    }
}

# What somebody has answered so far: state (waiting | begun | ended | too_large | not_believed | not_readable) and his lines. Read through the
# handle that made the file, so it is this file whatever its writer does to it.
function Read-TMSession {
    param([object] $Session, [int] $Most)
    $buffer = New-Object -TypeName 'byte[]' -ArgumentList 16384
    # Whoever may write a file may lock a part of it, too.
    try {
        while ($Session.text.Length -le $Most) {
            $read = $Session.stream.Read($buffer, 0, $buffer.Length)
            if ($read -eq 0) { break }
            $Session.text += [System.Text.Encoding]::ASCII.GetString($buffer, 0, $read)
        }
    }
    catch [System.IO.IOException] { return @{ state = 'not_readable'; lines = @() } }
    if ($Session.text.Length -gt $Most) { return @{ state = 'too_large'; lines = @() } }
    # What follows the last line break is still being written.
    $whole = $Session.text.Substring(0, $Session.text.LastIndexOf("`n") + 1)
    $lines = @($whole -csplit "\r?\n" | Where-Object -FilterScript { $_ })
    if ($lines.Count -eq 0) { return @{ state = 'waiting'; lines = @() } }
    if ($Session.expected -cnotcontains $lines[0]) { return @{ state = 'not_believed'; lines = @() } }
    $state = 'begun'
    if ($lines -ccontains '{"teamsmedic":1,"statement":"end"}') { $state = 'ended' }
    @{ state = $state; lines = $lines }
}

# The state that somebody's part ends in, '' while it goes on. `Task`: its last result, $null where nobody asked.
function Get-TMSessionEnd {
    param([string] $Said, [object] $Task, [double] $Seconds, [int] $Limit)
    if ($Said -ceq 'ended') { return 'answered' }
    if ('too_large', 'not_believed', 'not_readable' -ccontains $Said) { return $Said }
    # 267009 it runs, 267011 it has not run yet (normal for a while after a start), 267045 it is asked to run.
    if ($null -ne $Task -and 267009, 267011, 267045 -notcontains $Task) {
        if ($Said -cne 'waiting') { return 'ended' }
        # PowerShell ends with 1 where it may not load the script, and conhost with 0 whatever its child ends with.
        # 2147943660: a policy forbids it (ERROR_ACCESS_DISABLED_BY_POLICY).
        if (0, 1, 2147943660 -contains $Task) { return 'blocked_script' }
        if ($Task -ge 2147483648) { return 'not_started' }
        return 'ended'
    }
    if ($Said -ceq 'waiting' -and $Seconds -ge 30) { return 'not_started' }
    if ($Seconds -ge 30 + $Limit) { return 'timeout' }
    return ''
}

# Runs scripts for people and returns for each, in order: sid, name, state, detail, answers (by script).
# state: answered, or why there is nothing: a refusal of Get-TMSessionRefusal, not_started, ended, timeout, blocked_script, or one
# of Get-TMSessionEnd. `Limit`: seconds for one's scripts, once his task has begun.
function Invoke-TMSession {
    param([string[]] $Name, [object[]] $Person, [int] $Limit, [hashtable] $Drift = @{})
    $results = @(foreach ($one in $Person) {
        @{ sid = $one.sid; name = $one.name; state = (Get-TMSessionRefusal -Person $one); detail = ''; answers = @{}; person = $one; session = $null }
    })
    $open = @()
    try {
        $text = $null
        $asked = @($results | Where-Object -FilterScript { -not $_.state })
        # Whoever is there: those whom it was for may have gone home.
        if ($TM.Full -and ($asked.Count -gt 0 -or [System.IO.Directory]::Exists((Get-TMSessionRoot)))) {
            try { Remove-TMSessionLeftover } catch { if ($asked.Count -gt 0) { throw } }
        }
        $starting = [System.Diagnostics.Stopwatch]::StartNew()
        foreach ($result in $asked) {
            if ($null -eq $text) { $text = Get-TMSessionText -Name $Name }
            # The other side waits for all of them, and not for ever.
            if ($starting.Elapsed.TotalSeconds -ge 30) {
                $result.state = 'not_started'
                $result.detail = 'too many people at once'
                continue
            }
            try {
                $result.session = Start-TMSession -Person $result.person -Name $Name -Text $text -Drift $Drift[$result.sid]
                $open += $result
            }
            catch {
                $result.state = 'not_started'
                $result.detail = "$($_.Exception.Message)"
            }
        }
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $looked = 0
        while ($open.Count -gt 0) {
            $left = @()
            # Asking for a task costs more than looking into its file.
            $ask = $clock.Elapsed.TotalSeconds - $looked -ge 1
            if ($ask) { $looked = $clock.Elapsed.TotalSeconds }
            foreach ($result in $open) {
                $task = $null
                if ($ask) { $task = (Get-ScheduledTaskInfo -TaskName $result.session.nonce -TaskPath '\' -ErrorAction SilentlyContinue | ForEach-Object -Process { [long]$_.LastTaskResult }) }
                $said = Read-TMSession -Session $result.session -Most (65536 * ($Name.Count + 1))
                $result.state = Get-TMSessionEnd -Said $said.state -Task $task -Seconds $result.session.clock.Elapsed.TotalSeconds -Limit $Limit
                if (-not $result.state) {
                    # A start can be lost (seen where a process died before its first line); a task that runs ignores another.
                    # Where this one fails as well, the wait ends as not_started.
                    if ($said.state -ceq 'waiting' -and $task -eq 267011 -and $result.session.clock.Elapsed.TotalSeconds -ge 12 -and -not $result.session.again) {
                        $result.session.again = $true
                        Start-ScheduledTask -TaskName $result.session.nonce -TaskPath '\' -ErrorAction SilentlyContinue
                    }
                    $left += $result
                    continue
                }
                if ($null -ne $task -and 'ended', 'blocked_script', 'not_started' -ccontains $result.state) {
                    $result.detail = 'the task ended with 0x{0:x8}' -f $task
                }
                # What came before the others hung or ended counts.
                foreach ($line in $said.lines) {
                    foreach ($script in $Name) {
                        if ($line.StartsWith("{`"teamsmedic`":1,`"statement`":`"$script`",", [System.StringComparison]::Ordinal) -and -not $result.answers.ContainsKey($script)) { $result.answers[$script] = $line }
                    }
                }
            }
            $open = $left
            if ($open.Count -gt 0) { Start-Sleep -Milliseconds 50 }
        }
    }
    finally {
        $sessions = @($results | Where-Object -FilterScript { $null -ne $_.session } | ForEach-Object -Process { $_.session })
        if ($sessions.Count -gt 0) { Remove-TMSession -Session $sessions }
    }
    $results
}

function Invoke-TMSessionCheck {
    param([string[]] $Id, [int] $Limit)
    Invoke-TMStatement -Name 'sessions' -Key 'sessions' -Body {
        $own = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
        $scope = @{}
        $people = @{}
        foreach ($one in $Id) {
            $given = @(Get-TMList -Object (Get-TMProperty -Object (Get-TMRequest -Name $one) -Name 'parameters') -Name 'users')
            $scope[$one] = @(foreach ($person in Get-TMProfile -User $given) {
                # The administrator who came in has a profile as well; it counts where somebody uses it at the desk or names it.
                if ($person.sid -ceq $own -and -not $person.logged_on -and $given.Count -eq 0) { continue }
                $refusal = Get-TMSessionRefusal -Person $person
                # Somebody who was asked for by name and is not looked at makes the answer incomplete.
                if ($refusal -ceq 'logged_off' -and $given.Count -gt 0) { $refusal = 'asked_for_logged_off' }
                if (-not $refusal) { $people[$person.sid] = $person }
                @{ person = $person; refusal = $refusal }
            })
        }
        $heard = @{}
        foreach ($result in @(Invoke-TMSession -Name $Id -Person @($people.Values) -Limit $Limit)) { $heard[$result.sid] = $result }
        # All people's words of one remediation travel in one answer, whose size has a limit.
        $share = [int][System.Math]::Min(65536, [System.Math]::Floor(200000 / [System.Math]::Max(1, $people.Count)))
        foreach ($one in $Id) {
            $TM.Sessions[$one] = @(foreach ($in in $scope[$one]) {
                $person = $in.person
                $said = @{ state = $in.refusal; detail = ''; answers = @{} }
                if (-not $said.state) { $said = $heard[$person.sid] }
                if ("$($said.answers[$one])".Length -gt $share) { $said = @{ state = 'too_large'; detail = ''; answers = @{} } }
                [ordered]@{ object = $person.profile; name = $person.name; sid = $person.sid; state = $said.state; detail = $said.detail; answer = $said.answers[$one] }
            })
        }
        [ordered]@{ people = $people.Count }
    }
}
