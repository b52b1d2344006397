# Folders in a person's profile, whose owner may replace any of them by a link at any time. It only reads.
# Needs the helper native.
#
#   Get-TMReparsePoint -Path P -Below ROOT   -> the first part of P below ROOT that is a reparse point, '' where none is
#   Get-TMEntry -Path P                      -> [object[]] name, attributes, bytes for each thing in P; none where P is not there
#   Get-TMTree -Path P                       -> [ordered] files, bytes of all below P; links are not followed
#   Test-TMBelow -Path P -Folder F           -> whether P is F or lies below it, by their texts
#
# An administrator who follows a link in a profile acts on what its owner chose: system folders, other people's files.

# The way is looked at part by part: the attributes of a whole path are those of its last part alone.
function Get-TMReparsePoint {
    param([string] $Path, [string] $Below)
    $at = $Below.TrimEnd('\', '/')
    foreach ($part in ($Path.Substring($at.Length) -csplit '[\\/]')) {
        if (-not $part) { continue }
        $at = "$at$([System.IO.Path]::DirectorySeparatorChar)$part"
        try { $attributes = [System.IO.File]::GetAttributes($at) }
        catch [System.IO.FileNotFoundException], [System.IO.DirectoryNotFoundException] { return '' }
        if ([int]$attributes -band 0x400) { return $at }
    }
    return ''
}

# Name, attributes and bytes of all that lies in a folder; nothing where it is not there.
# By the functions of Windows with \\?\: Teams' caches hold paths of more than 260 characters, and whether .NET Framework
# takes \\?\ depends on the program that hosts it.
function Get-TMEntry {
    param([string] $Path)
    $windows = Get-TMNative -Name 'Find' -Function {
        @{
            FindFirstFileW = 'kernel32.dll', [System.IntPtr], [string], [System.IntPtr]
            FindNextFileW = 'kernel32.dll', [bool], [System.IntPtr], [System.IntPtr]
            FindClose = 'kernel32.dll', [bool], [System.IntPtr]
        }
    }
    $failure = 0
    # WIN32_FIND_DATAW: attributes at 0, size at 28 (high) and 32 (low), name at 44.
    $found = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(592)
    try {
        $handle = $windows::FindFirstFileW("\\?\$Path\*", $found, [ref]$failure)
        if ($handle.ToInt64() -eq -1) {
            # 2 and 3: there is no such folder.
            if (2, 3 -contains $failure) { return }
            throw (Get-TMNativeError -Failure $failure -Path $Path)
        }
        try {
            $named = [System.IntPtr]::Add($found, 44)
            do {
                $name = [System.Runtime.InteropServices.Marshal]::PtrToStringUni($named)
                # Not -eq, for which many letters are none: a folder may be called '.' and a soft hyphen.
                if ($name -cmatch '^\.\.?\z') { continue }
                # Both halves of the size; calls cost.
                $size = [System.Runtime.InteropServices.Marshal]::ReadInt64($found, 28)
                $bytes = (($size -band 4294967295) -shl 32) -bor (($size -shr 32) -band 4294967295)
                , @($name, [System.Runtime.InteropServices.Marshal]::ReadInt32($found), $bytes)
            } while ($windows::FindNextFileW($handle, $found, [ref]$failure))
            # 18: there are no more.
            if ($failure -ne 18) { throw (Get-TMNativeError -Failure $failure -Path $Path) }
        }
        finally { $null = $windows::FindClose($handle, [ref]$failure) }
    }
    finally { [System.Runtime.InteropServices.Marshal]::FreeHGlobal($found) }
}

function Get-TMTree {
    param([string] $Path)
    $files = 0
    $bytes = [long]0
    $folders = New-Object -TypeName 'System.Collections.Generic.Stack[string]'
    $folders.Push($Path)
    while ($folders.Count -gt 0) {
        $folder = $folders.Pop()
        foreach ($entry in Get-TMEntry -Path $folder) {
            # 0x400: a reparse point; 0x10: a folder.
            if ($entry[1] -band 0x400) { continue }
            if ($entry[1] -band 0x10) { $folders.Push("$folder\$($entry[0])"); continue }
            $files++
            $bytes += $entry[2]
        }
    }
    [ordered]@{ files = $files; bytes = $bytes }
}

function Test-TMBelow {
    param([string] $Path, [string] $Folder)
    if (-not $Folder -or $Path -cmatch '(^|\\)\.\.?(\\|$)') { return $false }
    "$Path\".StartsWith($Folder.TrimEnd('\') + '\', [System.StringComparison]::OrdinalIgnoreCase)
}
