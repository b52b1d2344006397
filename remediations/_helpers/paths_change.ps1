# Moving, copying and removing folders in a person's profile. Needs the helper `paths`.
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
function Use-TMChangeType {
    Use-TMTreeType
    if ('TMChange' -as [type]) { return }
    Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

public static class TMChange
{
    const uint ReadData = 1, ReadAttributes = 0x80, WriteAttributes = 0x100, Delete = 0x10000, WriteOwner = 0x80000, Synchronize = 0x100000;
    const uint GenericRead = 0x80000000, GenericWrite = 0x40000000, ShareRead = 1, ShareWrite = 2, CreateNew = 1, OpenExisting = 3;
    const uint BackupSemantics = 0x02000000, OpenReparsePoint = 0x00200000;
    const uint ReadOnly = 1, Directory = 0x10, Normal = 0x80, ReparsePoint = 0x400;
    const int AlreadyExists = 183;

    [StructLayout(LayoutKind.Sequential)]
    struct Information { public uint Attributes, a, b, c, d, e, f, g, h, i, j, k, l; }
    [StructLayout(LayoutKind.Sequential)]
    struct Basic { public long a, b, c, d; public uint Attributes, Padding; }
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    struct Privilege { public int Count; public long Id; public int Attributes; }
    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
    struct User
    {
        public int Id; public uint Low, High;
        [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 256)] public string Name;
        [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 64)] public string Service;
        public int Type; public uint Status, Session; public int Restartable;
    }

    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern SafeFileHandle CreateFileW(string path, uint access, uint share, IntPtr security, uint how, uint flags, IntPtr template);
    [DllImport("kernel32.dll", SetLastError = true)]
    static extern bool GetFileInformationByHandle(SafeFileHandle file, out Information information);
    [DllImport("kernel32.dll", SetLastError = true)]
    static extern bool SetFileInformationByHandle(SafeFileHandle file, int kind, ref Basic information, int size);
    [DllImport("kernel32.dll", SetLastError = true)]
    static extern bool SetFileInformationByHandle(SafeFileHandle file, int kind, ref byte information, int size);
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool MoveFileExW(string from, string to, uint flags);
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool CreateDirectoryW(string path, IntPtr security);
    [DllImport("kernel32.dll")]
    static extern IntPtr GetCurrentProcess();
    [DllImport("advapi32.dll")]
    static extern int SetSecurityInfo(SafeFileHandle file, int kind, uint what, byte[] owner, IntPtr group, IntPtr dacl, IntPtr sacl);
    [DllImport("advapi32.dll", SetLastError = true)]
    static extern bool OpenProcessToken(IntPtr process, int access, out IntPtr token);
    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool LookupPrivilegeValueW(string system, string name, out long id);
    [DllImport("advapi32.dll", SetLastError = true)]
    static extern bool AdjustTokenPrivileges(IntPtr token, bool none, ref Privilege privilege, int length, IntPtr before, IntPtr needed);
    [DllImport("kernel32.dll")]
    static extern bool CloseHandle(IntPtr handle);
    [DllImport("rstrtmgr.dll", CharSet = CharSet.Unicode)]
    static extern int RmStartSession(out uint session, int flags, StringBuilder key);
    [DllImport("rstrtmgr.dll", CharSet = CharSet.Unicode)]
    static extern int RmRegisterResources(uint session, int files, string[] names, int a, IntPtr b, int c, IntPtr d);
    [DllImport("rstrtmgr.dll", CharSet = CharSet.Unicode)]
    static extern int RmGetList(uint session, out int needed, ref int count, [In, Out] User[] users, out int reasons);
    [DllImport("rstrtmgr.dll")]
    static extern int RmEndSession(uint session);

    // With these an administrator opens what its owner has closed to him, and gives what he made to another owner. A
    // network logon has them enabled, other logons have not.
    public static void Enable(string name)
    {
        IntPtr token;
        Privilege privilege = new Privilege();
        privilege.Count = 1;
        privilege.Attributes = 2;
        if (!OpenProcessToken(GetCurrentProcess(), 0x20, out token)) return;
        if (LookupPrivilegeValueW(null, name, out privilege.Id)) AdjustTokenPrivileges(token, false, ref privilege, 0, IntPtr.Zero, IntPtr.Zero);
        CloseHandle(token);
    }

    static Win32Exception Failure(int error, string path)
    {
        return new Win32Exception(error, "error " + error + " of Windows at " + path);
    }

    static SafeFileHandle Open(string path, uint access, uint share, uint how)
    {
        SafeFileHandle file = CreateFileW(@"\\?\" + path, access | ReadAttributes | Synchronize, share, IntPtr.Zero, how, BackupSemantics | OpenReparsePoint, IntPtr.Zero);
        if (file.IsInvalid) throw Failure(Marshal.GetLastWin32Error(), path);
        return file;
    }

    static uint Attributes(SafeFileHandle file, string path)
    {
        Information information;
        if (!GetFileInformationByHandle(file, out information)) throw Failure(Marshal.GetLastWin32Error(), path);
        return information.Attributes;
    }

    // The folder's handle; a link in its place is refused. Reading its data is what makes sharing count.
    public static SafeFileHandle Hold(string path)
    {
        SafeFileHandle file = Open(path, ReadData, ShareRead | ShareWrite, OpenExisting);
        uint attributes = Attributes(file, path);
        if ((attributes & Directory) != 0 && (attributes & ReparsePoint) == 0) return file;
        file.Dispose();
        throw new IOException(path);
    }

    // 0, or the error of Windows. Never across volumes, never onto something.
    public static int Move(string from, string to)
    {
        return MoveFileExW(@"\\?\" + from, @"\\?\" + to, 0) ? 0 : Marshal.GetLastWin32Error();
    }

    // A folder is held while its contents go; what then stands in its place goes as what it is, empty or a link.
    public static void Remove(string path, Func<string, string[]> names)
    {
        uint attributes;
        using (SafeFileHandle file = Open(path, 0, ShareRead | ShareWrite, OpenExisting)) attributes = Attributes(file, path);
        if ((attributes & Directory) != 0 && (attributes & ReparsePoint) == 0)
            using (Hold(path)) foreach (string name in names(path)) Remove(path + "\\" + name, names);
        using (SafeFileHandle file = Open(path, Delete | WriteAttributes, ShareRead | ShareWrite, OpenExisting))
        {
            if ((attributes & ReadOnly) != 0)
            {
                Basic basic = new Basic();
                basic.Attributes = Normal;
                SetFileInformationByHandle(file, 0, ref basic, Marshal.SizeOf(typeof(Basic)));
            }
            byte yes = 1;
            if (!SetFileInformationByHandle(file, 4, ref yes, 1)) throw Failure(Marshal.GetLastWin32Error(), path);
        }
    }

    // Files and folders that `to` lacks; what is made belongs to `owner` (a binary SID). Links are left out.
    public static void Copy(string from, string to, byte[] owner, Func<string, string[]> names)
    {
        using (SafeFileHandle source = Open(from, GenericRead, ShareRead | ShareWrite, OpenExisting))
        {
            uint attributes = Attributes(source, from);
            if ((attributes & ReparsePoint) != 0) return;
            if ((attributes & Directory) == 0)
            {
                SafeFileHandle made = CreateFileW(@"\\?\" + to, GenericWrite | WriteOwner, 0, IntPtr.Zero, CreateNew, OpenReparsePoint, IntPtr.Zero);
                int error = Marshal.GetLastWin32Error();
                if (made.IsInvalid && error == 80) return;
                if (made.IsInvalid) throw Failure(error, to);
                Give(made, owner, to);
                using (FileStream read = new FileStream(source, FileAccess.Read))
                using (FileStream write = new FileStream(made, FileAccess.Write)) read.CopyTo(write);
                return;
            }
            using (Make(to, owner)) foreach (string name in names(from)) Copy(from + "\\" + name, to + "\\" + name, owner, names);
        }
    }

    // A folder that is there afterwards, held; it belongs to `owner` where it was made here.
    public static SafeFileHandle Make(string path, byte[] owner)
    {
        bool made = CreateDirectoryW(@"\\?\" + path, IntPtr.Zero);
        int error = Marshal.GetLastWin32Error();
        if (!made && error != AlreadyExists) throw Failure(error, path);
        SafeFileHandle folder = Hold(path);
        if (made) using (SafeFileHandle mine = Open(path, WriteOwner, ShareRead | ShareWrite, OpenExisting)) Give(mine, owner, path);
        return folder;
    }

    static void Give(SafeFileHandle file, byte[] owner, string path)
    {
        int error = SetSecurityInfo(file, 1, 1, owner, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero);
        if (error != 0) throw Failure(error, path);
    }

    // The ids of processes that have one of the files open, as the Restart Manager knows them; none where it does not.
    public static int[] Users(string[] files)
    {
        uint session;
        List<int> ids = new List<int>();
        if (files.Length == 0 || RmStartSession(out session, 0, new StringBuilder(64)) != 0) return ids.ToArray();
        try
        {
            int needed, reasons, count = 32;
            User[] users = new User[count];
            if (RmRegisterResources(session, files.Length, files, 0, IntPtr.Zero, 0, IntPtr.Zero) != 0) return ids.ToArray();
            if (RmGetList(session, out needed, ref count, users, out reasons) == 0) for (int i = 0; i < count; i++) ids.Add(users[i].Id);
            return ids.ToArray();
        }
        finally { RmEndSession(session); }
    }
}
'@
    foreach ($name in 'SeBackupPrivilege', 'SeRestorePrivilege') { [TMChange]::Enable($name) }
}

# The two types lie in assemblies that cannot name each other.
function Get-TMNames { [System.Delegate]::CreateDelegate([System.Func[string, string[]]], [TMTree], 'Names') }

function Get-TMSidBytes {
    param([string] $Sid)
    $value = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList $Sid
    $bytes = New-Object -TypeName 'byte[]' -ArgumentList $value.BinaryLength
    $value.GetBinaryForm($bytes, 0)
    , $bytes
}

function Lock-TMWay {
    param([string] $Path, [string] $Below)
    Use-TMChangeType
    $at = $Below.TrimEnd('\')
    $held = New-Object -TypeName 'System.Collections.Generic.List[System.IDisposable]'
    try {
        # The top of a drive needs its backslash.
        $held.Add([TMChange]::Hold(($at -creplace ':$', ':\')))
        foreach ($part in ($Path.Substring($at.Length) -csplit '\\')) {
            if (-not $part) { continue }
            $at = "$at\$part"
            $held.Add([TMChange]::Hold($at))
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
    if ($Note -clike '+*') { Add-TMNote -Key 'copy' -Value $Note }
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        $failure = [TMChange]::Move($From, $To)
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
    Use-TMChangeType
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
        if (5, 32, 33 -notcontains $failure) { throw (New-Object -TypeName 'System.ComponentModel.Win32Exception' -ArgumentList $failure) }
        $names = @(Get-TMFolderUser -Path $pair.from)
        if ($names.Count -eq 0) { $names = @("a program that Windows does not name ($($pair.from))") }
        Stop-TMBlocked -Reason 'in_use' -Detail ($names -join ', ')
    }
}

# The names of programs that have files of a folder open. Asked for 500 files at most: Windows looks at one after another.
function Get-TMFolderUser {
    param([string] $Path)
    $names = foreach ($id in [TMChange]::Users([TMTree]::Files($Path, 500))) {
        try { [System.Diagnostics.Process]::GetProcessById($id).ProcessName + '.exe' } catch { continue }
    }
    $names | Sort-Object -Unique
}

function Copy-TMFolder {
    param([string] $From, [string] $To, [string] $Sid)
    Use-TMChangeType
    [TMChange]::Copy($From, $To, (Get-TMSidBytes -Sid $Sid), (Get-TMNames))
}

# A program that looks into it for a moment gets five seconds, as with a move.
function Remove-TMFolder {
    param([string] $Path)
    Use-TMChangeType
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        try {
            [TMChange]::Remove($Path, (Get-TMNames))
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
