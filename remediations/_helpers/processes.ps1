# Who runs which program: the person from the token, the program from the image path. It only reads.
#
#   Get-TMProgram [-Sid SIDS]       -> [ordered] id, sid, image, name; processes that cannot be asked are left out
#   Get-TMProcess [-Sid SIDS]       -> the same with data
#
# `data`: the --user-data-dir of msedgewebview2.exe, '' for others. WebView2 is one program for Teams, Outlook, Widgets and
# more; only its data folder tells whose it is, and its children carry the same argument.
#
# Not Win32_Process and GetOwner: one call a process, by name, and slow on a terminal server.
function Use-TMProcessType {
    if ('TMProcess' -as [type]) { return }
    # Another person's process and its token open for an administrator only with the debug privilege; without it they are
    # left out.
    try { [System.Diagnostics.Process]::EnterDebugMode() } catch { $null = $_ }
    Add-Type -TypeDefinition @'
using System;
using System.Runtime.InteropServices;
using System.Text;

public static class TMProcess
{
    const int QueryLimitedInformation = 0x1000, TokenQuery = 8, TokenUser = 1;

    [DllImport("kernel32.dll", SetLastError = true)]
    static extern IntPtr OpenProcess(int access, bool inherit, int id);
    [DllImport("kernel32.dll")]
    static extern bool CloseHandle(IntPtr handle);
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool QueryFullProcessImageNameW(IntPtr process, int flags, StringBuilder name, ref int size);
    [DllImport("advapi32.dll", SetLastError = true)]
    static extern bool OpenProcessToken(IntPtr process, int access, out IntPtr token);
    [DllImport("advapi32.dll", SetLastError = true)]
    static extern bool GetTokenInformation(IntPtr token, int kind, IntPtr buffer, int length, out int needed);
    [DllImport("shell32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern IntPtr CommandLineToArgvW(string line, out int count);
    [DllImport("kernel32.dll")]
    static extern IntPtr LocalFree(IntPtr block);

    // SID of the process's user and path of its image; null where it has ended or cannot be asked.
    public static string[] Read(int id)
    {
        IntPtr process = OpenProcess(QueryLimitedInformation, false, id);
        if (process == IntPtr.Zero) return null;
        try
        {
            int size = 32768;
            StringBuilder name = new StringBuilder(size);
            string user = User(process);
            if (user == null || !QueryFullProcessImageNameW(process, 0, name, ref size)) return null;
            return new string[] { user, name.ToString() };
        }
        finally { CloseHandle(process); }
    }

    static string User(IntPtr process)
    {
        IntPtr token;
        if (!OpenProcessToken(process, TokenQuery, out token)) return null;
        IntPtr buffer = Marshal.AllocHGlobal(256);
        try
        {
            int needed;
            if (!GetTokenInformation(token, TokenUser, buffer, 256, out needed)) return null;
            return new System.Security.Principal.SecurityIdentifier(Marshal.ReadIntPtr(buffer)).Value;
        }
        finally
        {
            Marshal.FreeHGlobal(buffer);
            CloseHandle(token);
        }
    }

    // The value of the first argument that begins with `name`, parted as the program itself parts its command line.
    public static string Argument(string line, string name)
    {
        int count;
        IntPtr list = CommandLineToArgvW(line, out count);
        if (list == IntPtr.Zero) return null;
        try
        {
            for (int i = 1; i < count; i++)
            {
                string argument = Marshal.PtrToStringUni(Marshal.ReadIntPtr(list, i * IntPtr.Size));
                if (argument.StartsWith(name, StringComparison.OrdinalIgnoreCase)) return argument.Substring(name.Length);
            }
            return null;
        }
        finally { LocalFree(list); }
    }
}
'@
}

function Get-TMProgram {
    param([string[]] $Sid = @())
    Use-TMProcessType
    foreach ($process in [System.Diagnostics.Process]::GetProcesses()) {
        $id = $process.Id
        $process.Dispose()
        $read = [TMProcess]::Read($id)
        if ($null -ne $read -and ($Sid.Count -eq 0 -or $Sid -ccontains $read[0])) {
            [ordered]@{ id = $id; sid = $read[0]; image = $read[1]; name = ($read[1] -csplit '\\')[-1] }
        }
    }
}

function Get-TMProcess {
    param([string[]] $Sid = @())
    $found = @(Get-TMProgram -Sid $Sid)
    foreach ($one in $found) { $one.data = '' }
    $views = @($found | Where-Object -FilterScript { $_.name -eq 'msedgewebview2.exe' })
    if ($views.Count -gt 0) {
        $lines = @{}
        Get-CimInstance -ClassName 'Win32_Process' -Filter "Name = 'msedgewebview2.exe'" -Property 'ProcessId', 'CommandLine' -OperationTimeoutSec 20 |
            ForEach-Object -Process { $lines[[int]$_.ProcessId] = "$($_.CommandLine)" }
        foreach ($view in $views) {
            if ($lines[$view.id]) { $view.data = "$([TMProcess]::Argument($lines[$view.id], '--user-data-dir='))" }
        }
    }
    $found
}
