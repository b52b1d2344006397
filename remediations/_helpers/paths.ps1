# Folders in a person's profile, whose owner may replace any of them by a link at any time. It only reads.
#
#   Get-TMReparsePoint -Path P -Below ROOT   -> the first part of P below ROOT that is a reparse point, '' where none is
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

# By the functions of Windows with \\?\: Teams' caches hold paths of more than 260 characters, and whether .NET Framework
# takes \\?\ depends on the program that hosts it.
function Use-TMTreeType {
    if ('TMTree' -as [type]) { return }
    Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;

public static class TMTree
{
    const uint Directory = 0x10, ReparsePoint = 0x400;
    const int FileNotFound = 2, PathNotFound = 3, NoMoreFiles = 18;

    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
    struct Found
    {
        public uint Attributes, a, b, c, d, e, f, SizeHigh, SizeLow, g, h;
        [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 260)] public string Name;
        [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 14)] public string Short;
    }

    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern IntPtr FindFirstFileW(string pattern, out Found found);
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool FindNextFileW(IntPtr find, out Found found);
    [DllImport("kernel32.dll")]
    static extern bool FindClose(IntPtr find);

    static List<Found> Entries(string path)
    {
        List<Found> entries = new List<Found>();
        Found found;
        IntPtr find = FindFirstFileW(@"\\?\" + path + @"\*", out found);
        int error = Marshal.GetLastWin32Error();
        if (find == (IntPtr)(-1))
        {
            if (error == FileNotFound || error == PathNotFound) return entries;
            throw new Win32Exception(error, "error " + error + " of Windows at " + path);
        }
        try
        {
            do { if (found.Name != "." && found.Name != "..") entries.Add(found); }
            while (FindNextFileW(find, out found));
            error = Marshal.GetLastWin32Error();
            if (error != NoMoreFiles) throw new Win32Exception(error, "error " + error + " of Windows at " + path);
        }
        finally { FindClose(find); }
        return entries;
    }

    // The names in a folder; none where it is not there.
    public static string[] Names(string path)
    {
        List<string> names = new List<string>();
        foreach (Found entry in Entries(path)) names.Add(entry.Name);
        return names.ToArray();
    }

    // Full names of at most `most` files below a folder.
    public static string[] Files(string path, int most)
    {
        List<string> files = new List<string>();
        Stack<string> folders = new Stack<string>();
        folders.Push(path);
        while (folders.Count > 0 && files.Count < most)
        {
            string folder = folders.Pop();
            foreach (Found entry in Entries(folder))
            {
                if ((entry.Attributes & ReparsePoint) != 0) continue;
                if ((entry.Attributes & Directory) != 0) folders.Push(folder + "\\" + entry.Name);
                else if (files.Count < most) files.Add(folder + "\\" + entry.Name);
            }
        }
        return files.ToArray();
    }

    // {files, bytes} below a folder.
    public static long[] Measure(string path)
    {
        long files = 0, bytes = 0;
        Stack<string> folders = new Stack<string>();
        folders.Push(path);
        while (folders.Count > 0)
        {
            string folder = folders.Pop();
            foreach (Found entry in Entries(folder))
            {
                if ((entry.Attributes & ReparsePoint) != 0) continue;
                if ((entry.Attributes & Directory) != 0) { folders.Push(folder + "\\" + entry.Name); continue; }
                files++;
                bytes += ((long)entry.SizeHigh << 32) + entry.SizeLow;
            }
        }
        return new long[] { files, bytes };
    }
}
'@
}

function Get-TMTree {
    param([string] $Path)
    Use-TMTreeType
    $files, $bytes = [TMTree]::Measure($Path)
    [ordered]@{ files = $files; bytes = $bytes }
}

function Test-TMBelow {
    param([string] $Path, [string] $Folder)
    if (-not $Folder -or $Path -cmatch '(^|\\)\.\.?(\\|$)') { return $false }
    "$Path\".StartsWith($Folder.TrimEnd('\') + '\', [System.StringComparison]::OrdinalIgnoreCase)
}
