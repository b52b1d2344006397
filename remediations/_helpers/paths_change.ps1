# Moving, copying and removing folders in a person's profile. Needs the helpers `paths` and `native`.
#
#   Lock-TMWay -Path P -Below ROOT       holds every folder from ROOT to P; Dispose() lets go
#   Move-TMFolder -Move PAIRS            renames each (from, to); where one fails, all go back: blocked, in use by NAME.
#                                        note = '+X' or '-X': the copy of X that belongs to this entry comes, or goes
#   Copy-TMFolder -From F -To T -Sid S   copies what T lacks of F; what is new belongs to S
#   Remove-TMFolder -Path P              removes P and all below; links go, what they lead to stays
#
# A look at a path is old as soon as it was taken: its owner may put a link in the place of any folder. So the folders on
# the way are held open without sharing deletion, which neither rename nor removal gets past, and a folder with something
# in it cannot be turned into a link; each is looked at through its handle. Everything is opened without following links.
# What is left: a folder that becomes empty while it is held could be turned into one by its owner at that very moment.
function Get-TMChangeFunction {
    if ($null -ne $TM['native.Change']) { return $TM['native.Change'] }
    $windows = Get-TMNative -Name 'Change' -Function {
        @{
            CreateFileW = 'kernel32.dll', [Microsoft.Win32.SafeHandles.SafeFileHandle], [string], [int], [int], [System.IntPtr], [int], [int], [System.IntPtr]
            GetFileInformationByHandle = 'kernel32.dll', [bool], [Microsoft.Win32.SafeHandles.SafeFileHandle], [System.IntPtr]
            SetFileInformationByHandle = 'kernel32.dll', [bool], [Microsoft.Win32.SafeHandles.SafeFileHandle], [int], [System.IntPtr], [int]
            MoveFileExW = 'kernel32.dll', [bool], [string], [string], [int]
            CreateDirectoryW = 'kernel32.dll', [bool], [string], [System.IntPtr]
            SetSecurityInfo = 'advapi32.dll', [int], [Microsoft.Win32.SafeHandles.SafeFileHandle], [int], [int], [byte[]], [System.IntPtr], [System.IntPtr], [System.IntPtr]
            GetCurrentProcess = 'kernel32.dll', [System.IntPtr]
            OpenProcessToken = 'advapi32.dll', [bool], [System.IntPtr], [int], [System.IntPtr].MakeByRefType()
            LookupPrivilegeValueW = 'advapi32.dll', [bool], [System.IntPtr], [string], [long].MakeByRefType()
            AdjustTokenPrivileges = 'advapi32.dll', [bool], [System.IntPtr], [bool], [System.IntPtr], [int], [System.IntPtr], [System.IntPtr]
            CloseHandle = 'kernel32.dll', [bool], [System.IntPtr]
            RmStartSession = 'rstrtmgr.dll', [int], [int].MakeByRefType(), [int], [System.IntPtr]
            RmRegisterResources = 'rstrtmgr.dll', [int], [int], [int], [string[]], [int], [System.IntPtr], [int], [System.IntPtr]
            RmGetList = 'rstrtmgr.dll', [int], [int], [int].MakeByRefType(), [int].MakeByRefType(), [System.IntPtr], [int].MakeByRefType()
            RmEndSession = 'rstrtmgr.dll', [int], [int]
        }
    }
    Enable-TMPrivilege
    $windows
}

# With these an administrator opens what its owner has closed to him, and gives what he made to another owner. A network
# logon has them enabled, other logons have not.
function Enable-TMPrivilege {
    $windows = Get-TMChangeFunction
    $failure = 0
    $token = [System.IntPtr]::Zero
    # 0x20: TOKEN_ADJUST_PRIVILEGES.
    if (-not $windows::OpenProcessToken($windows::GetCurrentProcess([ref]$failure), 0x20, [ref]$token, [ref]$failure)) { return }
    # TOKEN_PRIVILEGES: count, id of 8 bytes, attributes; 2: SE_PRIVILEGE_ENABLED.
    $wanted = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(16)
    try {
        foreach ($name in 'SeBackupPrivilege', 'SeRestorePrivilege') {
            $id = [long]0
            if (-not $windows::LookupPrivilegeValueW([System.IntPtr]::Zero, $name, [ref]$id, [ref]$failure)) { continue }
            [System.Runtime.InteropServices.Marshal]::WriteInt32($wanted, 1)
            [System.Runtime.InteropServices.Marshal]::WriteInt64($wanted, 4, $id)
            [System.Runtime.InteropServices.Marshal]::WriteInt32($wanted, 12, 2)
            $null = $windows::AdjustTokenPrivileges($token, $false, $wanted, 0, [System.IntPtr]::Zero, [System.IntPtr]::Zero, [ref]$failure)
        }
    }
    finally {
        [System.Runtime.InteropServices.Marshal]::FreeHGlobal($wanted)
        $null = $windows::CloseHandle($token, [ref]$failure)
    }
}

# A handle to what is there, whatever it is; only deletion is not shared.
function Open-TMItem {
    param([string] $Path, [int] $Access = 0)
    $windows = Get-TMChangeFunction
    $failure = 0
    # FILE_READ_ATTRIBUTES and SYNCHRONIZE; FILE_SHARE_READ and _WRITE; OPEN_EXISTING; FILE_FLAG_BACKUP_SEMANTICS and
    # _OPEN_REPARSE_POINT.
    $handle = $windows::CreateFileW("\\?\$Path", ($Access -bor 0x100080), 3, [System.IntPtr]::Zero, 3, 0x2200000, [System.IntPtr]::Zero, [ref]$failure)
    if ($handle.IsInvalid) { throw (Get-TMNativeError -Failure $failure -Path $Path) }
    $handle
}

function Get-TMAttribute {
    param([object] $Handle, [string] $Path)
    $windows = Get-TMChangeFunction
    $failure = 0
    # BY_HANDLE_FILE_INFORMATION begins with the attributes.
    $about = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(52)
    try {
        if (-not $windows::GetFileInformationByHandle($Handle, $about, [ref]$failure)) { throw (Get-TMNativeError -Failure $failure -Path $Path) }
        [System.Runtime.InteropServices.Marshal]::ReadInt32($about)
    }
    finally { [System.Runtime.InteropServices.Marshal]::FreeHGlobal($about) }
}

# 0x10: a folder, 0x400: a reparse point.
function Test-TMFolder {
    param([int] $Attribute)
    ($Attribute -band 0x410) -eq 0x10
}

# The folder's handle; a link in its place is refused. FILE_READ_DATA is what makes sharing count.
function Lock-TMFolder {
    param([string] $Path)
    $handle = Open-TMItem -Path $Path -Access 1
    $found = $false
    try { $found = Test-TMFolder -Attribute (Get-TMAttribute -Handle $handle -Path $Path) }
    finally { if (-not $found) { $handle.Dispose() } }
    if (-not $found) { throw (New-Object -TypeName 'System.IO.IOException' -ArgumentList $Path) }
    $handle
}

function Set-TMOwner {
    param([object] $Handle, [byte[]] $Owner, [string] $Path)
    $windows = Get-TMChangeFunction
    $failure = 0
    # SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION.
    $refused = $windows::SetSecurityInfo($Handle, 1, 1, $Owner, [System.IntPtr]::Zero, [System.IntPtr]::Zero, [System.IntPtr]::Zero, [ref]$failure)
    if ($refused -ne 0) { throw (Get-TMNativeError -Failure $refused -Path $Path) }
}

function Set-TMFolderOwner {
    param([string] $Path, [byte[]] $Owner)
    # WRITE_OWNER.
    $handle = Open-TMItem -Path $Path -Access 0x80000
    try { Set-TMOwner -Handle $handle -Owner $Owner -Path $Path }
    finally { $handle.Dispose() }
}

# A folder that is there afterwards, held; it belongs to the owner where it was made here.
function Add-TMFolder {
    param([string] $Path, [byte[]] $Owner)
    $windows = Get-TMChangeFunction
    $failure = 0
    $made = $windows::CreateDirectoryW("\\?\$Path", [System.IntPtr]::Zero, [ref]$failure)
    # 183: it is there.
    if (-not $made -and $failure -ne 183) { throw (Get-TMNativeError -Failure $failure -Path $Path) }
    $held = Lock-TMFolder -Path $Path
    $mine = $false
    try {
        if ($made) { Set-TMFolderOwner -Path $Path -Owner $Owner }
        $mine = $true
    }
    finally { if (-not $mine) { $held.Dispose() } }
    $held
}

# A folder on the way to its removal or copy: path, `held` (handles, its own first), and `left`, the entries that are still to
# come. Such branches lie on a stack: functions that call themselves end after some hundred calls (seen on 7.6), and how deep
# folders go is their owner's choice.
function Open-TMBranch {
    param([string] $Path)
    $branch = @{ path = $Path; held = @(Lock-TMFolder -Path $Path); left = New-Object -TypeName 'System.Collections.Generic.Queue[object]' }
    $listed = $false
    try {
        foreach ($entry in @(Get-TMEntry -Path $Path)) { $branch.left.Enqueue($entry) }
        $listed = $true
    }
    finally { if (-not $listed) { Close-TMBranch -Branch $branch } }
    $branch
}

function Close-TMBranch {
    param([object[]] $Branch)
    foreach ($one in $Branch) { foreach ($handle in $one.held) { $handle.Dispose() } }
}

# What is there now, whatever a listing said.
function Get-TMPathAttribute {
    param([string] $Path)
    $handle = Open-TMItem -Path $Path
    try { Get-TMAttribute -Handle $handle -Path $Path }
    finally { $handle.Dispose() }
}

# A folder is held while its contents go; what then stands in a place goes as what it is, a file, empty or a link.
function Remove-TMItem {
    param([string] $Path)
    $open = New-Object -TypeName 'System.Collections.Generic.Stack[object]'
    $about = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(40)
    try {
        $next = $Path
        $folder = $true
        while ($true) {
            if ($folder -and (Test-TMFolder -Attribute (Get-TMPathAttribute -Path $next))) { $open.Push((Open-TMBranch -Path $next)) }
            else { Remove-TMEmpty -Path $next -About $about }
            while ($open.Count -gt 0 -and $open.Peek().left.Count -eq 0) {
                $branch = $open.Pop()
                Close-TMBranch -Branch $branch
                Remove-TMEmpty -Path $branch.path -About $about
            }
            if ($open.Count -eq 0) { return }
            $entry = $open.Peek().left.Dequeue()
            $next = "$($open.Peek().path)\$($entry[0])"
            $folder = Test-TMFolder -Attribute $entry[1]
        }
    }
    finally {
        Close-TMBranch -Branch $open.ToArray()
        [System.Runtime.InteropServices.Marshal]::FreeHGlobal($about)
    }
}

# `About`: 40 bytes to write in.
function Remove-TMEmpty {
    param([string] $Path, [System.IntPtr] $About)
    $windows = Get-TMChangeFunction
    $failure = 0
    # DELETE and FILE_WRITE_ATTRIBUTES.
    $handle = Open-TMItem -Path $Path -Access 0x10100
    try {
        foreach ($try in 1, 2) {
            # FileDispositionInfo.
            [System.Runtime.InteropServices.Marshal]::WriteByte($About, 1)
            if ($windows::SetFileInformationByHandle($handle, 4, $About, 1, [ref]$failure)) { return }
            if ($try -eq 2 -or $failure -ne 5) { throw (Get-TMNativeError -Failure $failure -Path $Path) }
            # FILE_ATTRIBUTE_READONLY refuses it: FileBasicInfo with times of 0, which stay, and FILE_ATTRIBUTE_NORMAL.
            foreach ($at in 0, 8, 16, 24) { [System.Runtime.InteropServices.Marshal]::WriteInt64($About, $at, 0) }
            [System.Runtime.InteropServices.Marshal]::WriteInt64($About, 32, 0x80)
            $null = $windows::SetFileInformationByHandle($handle, 0, $About, 40, [ref]$failure)
        }
    }
    finally { $handle.Dispose() }
}

# Files and folders that `To` lacks; what is made belongs to the owner. Links are left out. A folder is held on both sides
# while its contents are copied.
function Copy-TMItem {
    param([string] $From, [string] $To, [byte[]] $Owner)
    $open = New-Object -TypeName 'System.Collections.Generic.Stack[object]'
    try {
        $next = $From
        while ($true) {
            $at = $To + $next.Substring($From.Length)
            $attributes = Get-TMPathAttribute -Path $next
            if (Test-TMFolder -Attribute $attributes) {
                $open.Push((Open-TMBranch -Path $next))
                $open.Peek().held += Add-TMFolder -Path $at -Owner $Owner
            }
            elseif (-not ($attributes -band 0x400)) { Copy-TMFile -From $next -To $at -Owner $Owner }
            while ($open.Count -gt 0 -and $open.Peek().left.Count -eq 0) { Close-TMBranch -Branch $open.Pop() }
            if ($open.Count -eq 0) { return }
            $next = "$($open.Peek().path)\$($open.Peek().left.Dequeue()[0])"
        }
    }
    finally { Close-TMBranch -Branch $open.ToArray() }
}

# A link that has come in its place meanwhile is left out as well.
function Copy-TMFile {
    param([string] $From, [string] $To, [byte[]] $Owner)
    # GENERIC_READ.
    $source = Open-TMItem -Path $From -Access ([int]::MinValue)
    try { if (((Get-TMAttribute -Handle $source -Path $From) -band 0x410) -eq 0) { Copy-TMContent -Source $source -To $To -Owner $Owner } }
    finally { $source.Dispose() }
}

function Copy-TMContent {
    param([object] $Source, [string] $To, [byte[]] $Owner)
    $windows = Get-TMChangeFunction
    $failure = 0
    # GENERIC_WRITE and WRITE_OWNER; shared with nobody; CREATE_NEW; FILE_FLAG_OPEN_REPARSE_POINT.
    $made = $windows::CreateFileW("\\?\$To", 0x40080000, 0, [System.IntPtr]::Zero, 1, 0x200000, [System.IntPtr]::Zero, [ref]$failure)
    # 80: it is there.
    if ($made.IsInvalid -and $failure -eq 80) { return }
    if ($made.IsInvalid) { throw (Get-TMNativeError -Failure $failure -Path $To) }
    try {
        Set-TMOwner -Handle $made -Owner $Owner -Path $To
        $read = New-Object -TypeName 'System.IO.FileStream' -ArgumentList $Source, ([System.IO.FileAccess]::Read)
        $write = New-Object -TypeName 'System.IO.FileStream' -ArgumentList $made, ([System.IO.FileAccess]::Write)
        try { $read.CopyTo($write) }
        finally { $write.Dispose() }
    }
    finally { $made.Dispose() }
}

# Full names of at most so many files below a folder; links are not followed.
function Get-TMFile {
    param([string] $Path, [int] $Most)
    $count = 0
    $folders = New-Object -TypeName 'System.Collections.Generic.Stack[string]'
    $folders.Push($Path)
    while ($folders.Count -gt 0 -and $count -lt $Most) {
        $folder = $folders.Pop()
        foreach ($entry in Get-TMEntry -Path $folder) {
            if ($entry[1] -band 0x400) { continue }
            if ($entry[1] -band 0x10) { $folders.Push("$folder\$($entry[0])"); continue }
            if ($count -ge $Most) { return }
            $count++
            "$folder\$($entry[0])"
        }
    }
}

# The ids of processes that have one of the files open, as the Restart Manager knows them; none where it does not.
function Get-TMFileUser {
    param([string[]] $File)
    if (@($File).Count -eq 0) { return }
    $windows = Get-TMChangeFunction
    $failure = 0
    $session = 0
    $needed = 0
    $reasons = 0
    $count = 32
    # For a key of 33 letters, and for 32 times RM_PROCESS_INFO, which begins with the id and has 668 bytes.
    $about = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(668 * $count)
    try {
        if ($windows::RmStartSession([ref]$session, 0, $about, [ref]$failure) -ne 0) { return }
        try {
            if ($windows::RmRegisterResources($session, $File.Count, $File, 0, [System.IntPtr]::Zero, 0, [System.IntPtr]::Zero, [ref]$failure) -ne 0) { return }
            if ($windows::RmGetList($session, [ref]$needed, [ref]$count, $about, [ref]$reasons, [ref]$failure) -ne 0) { return }
            for ($at = 0; $at -lt $count; $at++) { [System.Runtime.InteropServices.Marshal]::ReadInt32($about, 668 * $at) }
        }
        finally { $null = $windows::RmEndSession($session, [ref]$failure) }
    }
    finally { [System.Runtime.InteropServices.Marshal]::FreeHGlobal($about) }
}

function Get-TMSidBytes {
    param([string] $Sid)
    $value = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList $Sid
    $bytes = New-Object -TypeName 'byte[]' -ArgumentList $value.BinaryLength
    $value.GetBinaryForm($bytes, 0)
    , $bytes
}

function Lock-TMWay {
    param([string] $Path, [string] $Below)
    $at = $Below.TrimEnd('\')
    $held = New-Object -TypeName 'System.Collections.Generic.List[System.IDisposable]'
    try {
        # The top of a drive needs its backslash.
        $held.Add((Lock-TMFolder -Path ($at -creplace ':$', ':\')))
        foreach ($part in ($Path.Substring($at.Length) -csplit '\\')) {
            if (-not $part) { continue }
            $at = "$at\$part"
            $held.Add((Lock-TMFolder -Path $at))
        }
    }
    catch {
        foreach ($handle in $held) { $handle.Dispose() }
        throw
    }
    , $held
}

# 0, or the error of Windows. A program that looks into a folder for a moment (an antivirus, an indexer) gets five seconds.
# Which copy lies in its place cannot be seen from the folder, so notes of the entry tell, in an order that a cut between
# any two steps leaves right: the copy of this entry is there if the last note says `+` and something is there.
function Move-TMPair {
    param([string] $From, [string] $To, [string] $Note)
    $windows = Get-TMChangeFunction
    if ($Note -clike '+*') { Add-TMNote -Key 'copy' -Value $Note }
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        $failure = 0
        # Never across volumes, never onto something.
        if ($windows::MoveFileExW("\\?\$From", "\\?\$To", 0, [ref]$failure)) { $failure = 0 }
        # 5 access denied, 32 and 33 in use: what an open file below a folder gives.
        if (5, 32, 33 -notcontains $failure -or $clock.Elapsed.TotalSeconds -ge 5) { break }
        Start-Sleep -Milliseconds 250
    }
    if ($Note -clike '+*' -and $failure -eq 0) { Add-TMNote -Key 'moved' -Value $Note.Substring(1) }
    if ($Note -and ($Note -clike '+*') -eq ($failure -ne 0)) { Add-TMNote -Key 'copy' -Value ('-' + $Note.Substring(1)) }
    $failure
}

function Move-TMFolder {
    param([object[]] $Move)
    $done = @()
    foreach ($pair in $Move) {
        $failure = Move-TMPair -From $pair.from -To $pair.to -Note "$($pair['note'])"
        if ($failure -eq 0) {
            $done += $pair
            continue
        }
        for ($at = $done.Count - 1; $at -ge 0; $at--) {
            $back = switch -Regex ("$($done[$at]['note'])") { '^\+(.*)' { '-' + $Matches[1] } '^-(.*)' { '+' + $Matches[1] } default { '' } }
            if ((Move-TMPair -From $done[$at].to -To $done[$at].from -Note $back) -ne 0) { throw "$($done[$at].to) could not be moved back" }
        }
        # 80 and 183: it exists; what is no folder was not seen as a copy.
        if (80, 183 -contains $failure) { Stop-TMBlocked -Reason 'in_the_way' -Detail $pair.to }
        if (5, 32, 33 -notcontains $failure) { throw (Get-TMNativeError -Failure $failure -Path $pair.from) }
        $names = @(Get-TMFolderUser -Path $pair.from)
        if ($names.Count -eq 0) { $names = @("a program that Windows does not name ($($pair.from))") }
        Stop-TMBlocked -Reason 'in_use' -Detail ($names -join ', ')
    }
}

# The names of programs that have files of a folder open. Asked for 500 files at most: Windows looks at one after another.
function Get-TMFolderUser {
    param([string] $Path)
    $names = foreach ($id in Get-TMFileUser -File @(Get-TMFile -Path $Path -Most 500)) {
        try { [System.Diagnostics.Process]::GetProcessById($id).ProcessName + '.exe' } catch { continue }
    }
    $names | Sort-Object -Unique
}

function Copy-TMFolder {
    param([string] $From, [string] $To, [string] $Sid)
    Copy-TMItem -From $From -To $To -Owner (Get-TMSidBytes -Sid $Sid)
}

# A program that looks into it for a moment gets five seconds, as with a move.
function Remove-TMFolder {
    param([string] $Path)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        try {
            Remove-TMItem -Path $Path
            return
        }
        catch {
            $cause = $_.Exception.GetBaseException()
            # 5, 32, 33: in use; 145, 303: something in it is still on its way out; 2, 3: it was on its way out itself.
            if ($cause -isnot [System.ComponentModel.Win32Exception] -or 2, 3, 5, 32, 33, 145, 303 -notcontains $cause.NativeErrorCode) { throw }
            if (2, 3 -contains $cause.NativeErrorCode -and -not [System.IO.Directory]::Exists($Path)) { return }
            if ($clock.Elapsed.TotalSeconds -ge 5) { throw }
        }
        Start-Sleep -Milliseconds 250
    }
}
