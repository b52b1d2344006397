# The credential vault of whoever runs this. It only reads, and never looks at a secret. Needs a session at the desk: a
# network logon has no vault (error 1312).
#
#   Get-TMCredential -Match PATTERN   -> [ordered] target, name, written of generic credentials whose target matches, by target
#
# written: unix seconds. CredEnumerate gives the secrets as well; they are neither copied nor looked at, and freed at once.
function Use-TMCredentialType {
    if ('TMCredential' -as [type]) { return }
    Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

public static class TMCredential
{
    const int Generic = 1, NotFound = 1168;

    [StructLayout(LayoutKind.Sequential)]
    struct Credential
    {
        public int Flags, Type;
        public IntPtr Target, Comment;
        public uint WrittenLow, WrittenHigh;
        public int Size;
        public IntPtr Secret;
        public int Persist, Count;
        public IntPtr Attributes, Alias, User;
    }

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool CredEnumerateW(string filter, int flags, out int count, out IntPtr list);
    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool CredDeleteW(string target, int type, int flags);
    [DllImport("advapi32.dll")]
    static extern void CredFree(IntPtr list);

    [DllImport("secur32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern byte GetUserNameExW(int format, StringBuilder name, ref int length);

    // The UPN of this logon, "" where it has none; here because each compilation costs a second. 8 is NameUserPrincipal, 1332
    // says that there is no such name; without a domain controller another error tells that it could not be asked.
    public static string Upn()
    {
        StringBuilder name = new StringBuilder(1024);
        int length = name.Capacity;
        if (GetUserNameExW(8, name, ref length) != 0) return name.ToString();
        int error = Marshal.GetLastWin32Error();
        if (error == 1332) return "";
        throw new Win32Exception(error);
    }

    // Target, user name and FILETIME of each generic credential.
    public static List<object[]> List()
    {
        List<object[]> found = new List<object[]>();
        int count;
        IntPtr list;
        if (!CredEnumerateW(null, 0, out count, out list))
        {
            int error = Marshal.GetLastWin32Error();
            if (error == NotFound) return found;
            throw new Win32Exception(error);
        }
        try
        {
            for (int at = 0; at < count; at++)
            {
                Credential one = (Credential)Marshal.PtrToStructure(Marshal.ReadIntPtr(list, at * IntPtr.Size), typeof(Credential));
                if (one.Type != Generic) continue;
                found.Add(new object[] { Marshal.PtrToStringUni(one.Target), Marshal.PtrToStringUni(one.User) ?? "", (long)one.WrittenHigh << 32 | one.WrittenLow });
            }
        }
        finally { CredFree(list); }
        return found;
    }

    // Whether it was there.
    public static bool Delete(string target)
    {
        if (CredDeleteW(target, Generic, 0)) return true;
        int error = Marshal.GetLastWin32Error();
        if (error == NotFound) return false;
        throw new Win32Exception(error);
    }
}
'@
}

function Get-TMCredential {
    param([string] $Match)
    Use-TMCredentialType
    $found = @([TMCredential]::List() | Where-Object -FilterScript { $_[0] -match $Match } | Sort-Object -Property @{ Expression = { $_[0] } })
    foreach ($one in $found) {
        # 116444736000000000 is 1970-01-01 as a FILETIME.
        $written = [long](($one[2] - 116444736000000000) / 10000000)
        if ($one[2] -le 116444736000000000) { $written = $null }
        [ordered]@{ target = $one[0]; name = $one[1]; written = $written }
    }
}
