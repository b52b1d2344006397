# Second text of payloads that change a device (fix, undo, journal, forget): the journal with the way back, and the lock.
#
#   Invoke-TMFix, Invoke-TMUndo, Invoke-TMForget -Name ID -Script BLOCK    run a fix.ps1, undo.ps1, forget.ps1; what the
#                                             script outputs goes with the answer, and of it lists of [ordered] object,
#                                             detail have a meaning: `kept` (a fix did not remove it), `lost` (an undo can
#                                             never put it back), `left` (it could not now: the entry stays in force)
#   Invoke-TMJournal -Name ID                 answers the text of an entry: {run, remediation, state, at, text}
#   Start-TMChange                            a script calls it right before its first change: from here on nothing is withdrawn
#   Add-TMNote -Key WORD -Value TEXT          remembers, on disk, what only the fix finds out (before it does it)
#   Get-TMNote -Key WORD                      the texts remembered under it, in an undo or forget those of the entry
#   Set-TMSuperseded -Run RUN [-Name ID]      gives up the way back of an older entry of this remediation
#
# An engine can be killed between any two lines here. The order makes that harmless: the journal's text is on disk before
# its state says `begun`, and that before the first change; an undo finds for every item what is there now.
# The folder's access rights are its protection: in ProgramData every user may create folders, and then owns them.

# The folder, created in one step with its final rights, so that at no time anybody else could open it.
function New-TMFolder {
    param([string] $Path)
    if (Test-Path -LiteralPath $Path) { return }
    $administrators = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList 'S-1-5-32-544'
    $security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
    $security.SetAccessRuleProtection($true, $false)
    $security.SetOwner($administrators)
    foreach ($sid in $administrators, (New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList 'S-1-5-18')) {
        $rule = New-Object -TypeName 'System.Security.AccessControl.FileSystemAccessRule' -ArgumentList $sid, 'FullControl', 'ContainerInherit, ObjectInherit', 'None', 'Allow'
        $security.AddAccessRule($rule)
    }
    # The same call is an extension on .NET (7) and a method of Directory on .NET Framework (5.1).
    $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
    if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $Path) }
    else { $null = [System.IO.Directory]::CreateDirectory($Path, $security) }
}

function Assert-TMFolder {
    param([string] $Path)
    $why = Get-TMDistrust -Path $Path
    if ($why) { Stop-TMBlocked -Reason 'journal_untrusted' -Detail "${Path}: $why" }
}

# Creates a folder of the journal and refuses one that others could have made or can reach: one that appeared in between
# is not taken for ours, because it is looked at after the attempt to create it.
function Initialize-TMFolder {
    param([string] $Path)
    New-TMFolder -Path $Path
    Assert-TMFolder -Path $Path
}

# Writes and flushes to disk, then gives the file its name.
function Write-TMFile {
    param([string] $Path, [string] $Text)
    $bytes = (New-Object -TypeName 'System.Text.UTF8Encoding' -ArgumentList $false).GetBytes($Text)
    $stream = [System.IO.File]::Open("$Path.new", 'Create', 'Write', 'None')
    try {
        $stream.Write($bytes, 0, $bytes.Length)
        $stream.Flush($true)
    }
    finally { $stream.Dispose() }
    if ([System.IO.File]::Exists($Path)) { [System.IO.File]::Replace("$Path.new", $Path, [NullString]::Value) }
    else { [System.IO.File]::Move("$Path.new", $Path) }
}

function Set-TMState {
    param([string] $Run, [string] $Name, [string] $State)
    $known = Get-TMState -Run $Run -Name $Name
    $value = [ordered]@{ state = $State }
    foreach ($word in 'begun', 'done', 'undone', 'forgotten', 'superseded') {
        $at = Get-TMProperty -Object $known -Name $word
        if ($word -eq $State) { $at = Get-TMUnixTime }
        if ($null -ne $at) { $value[$word] = [long]$at }
    }
    $TM.Size = 0
    Write-TMFile -Path (Get-TMStateFile -Run $Run -Name $Name) -Text (ConvertTo-TMJson -Value $value)
}

# The device's lock: a file that is open while this statement runs. It goes with its handle, also when the process is
# killed. A reader's short look can refuse us (it shares no writing), so it is tried for half a second.
function Open-TMLock {
    $file = ($TM.Journal -replace '[^\\]+$', '') + 'lock'
    $failure = $null
    # By type: a text would also fit the constructors with rights in place of access, and with a bool in place of options.
    $mode = [System.IO.FileMode]::OpenOrCreate
    $access = [System.IO.FileAccess]::ReadWrite
    for ($try = 0; $try -lt 6; $try++) {
        if ($try) { Start-Sleep -Milliseconds 100 }
        try { $TM.Lock = New-Object -TypeName 'System.IO.FileStream' -ArgumentList $file, $mode, $access, ([System.IO.FileShare]::Read), 400, ([System.IO.FileOptions]::DeleteOnClose) }
        catch {
            $failure = $_
            continue
        }
        $TM.Size = 0
        $text = ConvertTo-TMJson -Value ([ordered]@{ run = "$($TM.Argument.run)"; since = Get-TMUnixTime })
        $bytes = [System.Text.Encoding]::ASCII.GetBytes($text)
        $TM.Lock.SetLength(0)
        $TM.Lock.Write($bytes, 0, $bytes.Length)
        $TM.Lock.Flush()
        return
    }
    # 0x80070020: the file is in use.
    if ($failure.Exception.GetBaseException().HResult -ne -2147024864) { throw $failure }
    $holder = Get-TMLock
    $detail = 'an unknown run'
    if ($null -ne $holder -and $null -ne $holder.run) {
        $since = (New-Object -TypeName 'System.DateTime' -ArgumentList 621355968000000000, 'Utc').AddSeconds($holder.since)
        $detail = "$($holder.run) since $($since.ToString('u', [System.Globalization.CultureInfo]::InvariantCulture))"
    }
    Stop-TMBlocked -Reason 'held' -Detail $detail
}

# Runs `Action` under the lock, in full language only: access rights and exclusive files cannot be had otherwise.
function Invoke-TMLocked {
    param([string] $Name, [scriptblock] $Action, [switch] $Create)
    Invoke-TMStatement -Name $Name -Key 'done' -Body {
        if (-not $TM.Full) { Stop-TMFault -Kind 'language' -Message 'a change needs full language' }
        if ($Name -cnotmatch '^[a-z][a-z0-9_]{0,63}$') { Stop-TMFault -Kind 'exception' -Message 'no remediation is named like this' }
        $TM.Lock = $null
        $TM.Changed = $false
        $TM.Entry = $null
        foreach ($path in ($TM.Journal -replace '\\[^\\]+$', ''), $TM.Journal) {
            if ($Create) { Initialize-TMFolder -Path $path }
            elseif (Test-Path -LiteralPath $path) { Assert-TMFolder -Path $path }
            else { Stop-TMBlocked -Reason 'no_entry' -Detail $path }
        }
        try {
            Open-TMLock
            # A meeting may have begun since the controller's look.
            $user = Get-TMRoomUser
            if ($user) {
                $use = Get-TMRoomUse -Sid $user
                if ($use.state -ceq 'in_use') { Stop-TMBlocked -Reason 'in_use' -Detail ($use.holders -join ', ') }
            }
            & $Action
        }
        finally {
            if ($null -ne $TM.Lock) { $TM.Lock.Dispose() }
        }
    }
}

# What a script gave back, as notes: one [ordered] dictionary, or nothing.
function Get-TMOutput {
    param([scriptblock] $Body)
    $output = @(& $Body | Select-Object -First 2)
    if ($output.Count -eq 0) { return [ordered]@{} }
    if ($output.Count -gt 1) { Stop-TMFault -Kind 'output' -Message 'the script must output one [ordered] dictionary or nothing' }
    return $output[0]
}

function Assert-TMRunName {
    param([string] $Run)
    if ($Run -cnotmatch '^\d{8}T\d{6}Z-[0-9a-f]{6}$') { Stop-TMFault -Kind 'exception' -Message 'no run is named like this' }
}

function Start-TMChange { $TM.Changed = $true }

function Invoke-TMFix {
    param([string] $Name, [scriptblock] $Script)
    Invoke-TMLocked -Name $Name -Create -Action {
        $request = Get-TMRequest -Name $Name
        $run = "$($TM.Argument.run)"
        Assert-TMRunName -Run $run
        Initialize-TMFolder -Path "$($TM.Journal)\$run"
        if (Test-Path -LiteralPath (Get-TMStateFile -Run $run -Name $Name)) { Stop-TMBlocked -Reason 'already_begun' -Detail $run }
        Write-TMFile -Path (Get-TMEntryFile -Run $run -Name $Name) -Text $request.journal
        Set-TMState -Run $run -Name $Name -State 'begun'
        $TM.Entry = [ordered]@{ run = $run; remediation = $Name }
        try {
            $notes = Get-TMOutput -Body { & $Script (Get-TMProperty -Object $request -Name 'parameters') @(Get-TMList -Object $request -Name 'drift') }
        }
        catch {
            if ($null -ne $TM.Blocked -and -not $TM.Changed) { Remove-TMEntry -Run $run -Name $Name }
            throw
        }
        Set-TMState -Run $run -Name $Name -State 'done'
        $notes
    }
}

# An entry whose fix refused before its first change: nothing needs a way back.
function Remove-TMEntry {
    param([string] $Run, [string] $Name)
    $file = Get-TMEntryFile -Run $Run -Name $Name
    foreach ($path in (Get-TMStateFile -Run $Run -Name $Name), (Get-TMNoteFile -Run $Run -Name $Name), $file) { [System.IO.File]::Delete($path) }
    $folder = "$($TM.Journal)\$Run"
    if (@(Get-ChildItem -LiteralPath $folder -Force).Count -eq 0) { [System.IO.Directory]::Delete($folder) }
}

function Get-TMEntryFile {
    param([string] $Run, [string] $Name)
    "$($TM.Journal)\$Run\$Name.json"
}

# The text of an entry. 1 MB is four times what a device may answer.
function Read-TMEntry {
    param([string] $Run, [string] $Name)
    Assert-TMRunName -Run $Run
    $file = Get-TMEntryFile -Run $Run -Name $Name
    $state = Get-TMState -Run $Run -Name $Name
    if ($null -eq $state -or -not (Test-Path -LiteralPath $file)) { Stop-TMBlocked -Reason 'no_entry' -Detail $Run }
    Assert-TMFolder -Path "$($TM.Journal)\$Run"
    if ((Get-Item -LiteralPath $file -Force).Length -gt 1048576) { Stop-TMBlocked -Reason 'journal_untrusted' -Detail "${file}: larger than 1 MB" }
    $bytes = [System.IO.File]::ReadAllBytes($file)
    $sha = [System.Security.Cryptography.SHA256]::Create()
    try { $hash = [System.BitConverter]::ToString($sha.ComputeHash($bytes)) -replace '-', '' } finally { $sha.Dispose() }
    [ordered]@{
        run = $Run; remediation = $Name; state = "$($state.state)"; at = [long](Get-TMProperty -Object $state -Name $state.state -Default 0)
        text = [System.Text.Encoding]::UTF8.GetString($bytes); sha256 = $hash
    }
}

# The entry that the argument names, in a state whose way back is still open, and the very text that the controller knows.
function Open-TMEntry {
    param([string] $Name)
    $request = Get-TMRequest -Name $Name
    $entry = Read-TMEntry -Run "$($request.run)" -Name $Name
    if (@('begun', 'done') -cnotcontains $entry.state) { Stop-TMBlocked -Reason "already_$($entry.state)" -Detail $entry.run }
    if ($entry.sha256 -ne "$($request.sha256)") { Stop-TMBlocked -Reason 'journal_changed' -Detail $entry.run }
    $TM.Entry = $entry
    return $request
}

function Invoke-TMUndo {
    param([string] $Name, [scriptblock] $Script)
    Invoke-TMLocked -Name $Name -Action {
        $request = Open-TMEntry -Name $Name
        $notes = Get-TMOutput -Body { & $Script (Get-TMProperty -Object $request -Name 'parameters') @(Get-TMList -Object $request -Name 'items') }
        if (-not $notes['left']) { Set-TMState -Run $TM.Entry.run -Name $Name -State 'undone' }
        $notes
    }
}

function Invoke-TMForget {
    param([string] $Name, [scriptblock] $Script)
    Invoke-TMLocked -Name $Name -Action {
        $request = Open-TMEntry -Name $Name
        $notes = Get-TMOutput -Body { & $Script (Get-TMProperty -Object $request -Name 'parameters') @(Get-TMList -Object $request -Name 'items') }
        if (-not $notes['left']) { Set-TMState -Run $TM.Entry.run -Name $Name -State 'forgotten' }
        $notes
    }
}

# Runs in the session of a person, below an Invoke-TMFix.
function Invoke-TMSessionChange {
    param([string] $Name, [scriptblock] $Script)
    Invoke-TMStatement -Name $Name -Key 'done' -Body {
        $request = Get-TMRequest -Name $Name
        Get-TMOutput -Body { & $Script (Get-TMProperty -Object $request -Name 'parameters') @(Get-TMList -Object $request -Name 'drift') }
    }
}

# Reads only: a lock would keep a run from telling what it did while another one works.
function Invoke-TMJournal {
    param([string] $Name)
    Invoke-TMStatement -Name $Name -Key 'entry' -Body {
        if (-not $TM.Full) { Stop-TMFault -Kind 'language' -Message 'the journal is read in full language' }
        $why = Get-TMJournalDistrust
        if ($why) { Stop-TMBlocked -Reason 'journal_untrusted' -Detail $why }
        $TM.Limit = 786432
        $entry = Read-TMEntry -Run "$((Get-TMRequest -Name $Name).run)" -Name $Name
        $entry.Remove('sha256')
        $entry
    }
}

function Set-TMSuperseded {
    param([string] $Run, [string] $Name = $TM.Entry.remediation)
    Assert-TMRunName -Run $Run
    if ($null -ne (Get-TMState -Run $Run -Name $Name)) { Set-TMState -Run $Run -Name $Name -State 'superseded' }
}

# Notes are lines of JSON beside the entry, because the entry's text was written before the fix and stays as it is.
function Get-TMNoteFile {
    param([string] $Run, [string] $Name)
    "$($TM.Journal)\$Run\$Name.notes.jsonl"
}

function Get-TMNote {
    param([string] $Key)
    $file = Get-TMNoteFile -Run $TM.Entry.run -Name $TM.Entry.remediation
    if (-not [System.IO.File]::Exists($file)) { return }
    foreach ($line in [System.IO.File]::ReadAllLines($file)) {
        $note = $line | ConvertFrom-Json
        if ($note.key -ceq $Key) { "$($note.value)" }
    }
}

function Add-TMNote {
    param([string] $Key, [string] $Value)
    $file = Get-TMNoteFile -Run $TM.Entry.run -Name $TM.Entry.remediation
    $text = ''
    if ([System.IO.File]::Exists($file)) { $text = [System.IO.File]::ReadAllText($file) }
    $TM.Size = 0
    Write-TMFile -Path $file -Text ($text + (ConvertTo-TMJson -Value ([ordered]@{ key = $Key; value = $Value })) + "`n")
}
