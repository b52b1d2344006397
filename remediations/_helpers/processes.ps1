# Who runs which program: the person from the token, the program from the image path. It only reads.
# Needs the helper native.
#
#   Get-TMProgram [-Sid SIDS]       -> [ordered] id, sid, image, name; processes that cannot be asked are left out
#   Get-TMProcess [-Sid SIDS]       -> the same with data
#
# `data`: the --user-data-dir of msedgewebview2.exe, '' for others. WebView2 is one program for Teams, Outlook, Widgets and
# more; only its data folder tells whose it is, and its children carry the same argument.
#
# Not Win32_Process and GetOwner: one call a process, by name, and slow on a terminal server.
function Get-TMProcessFunction {
    # It is asked for with each process.
    if ($null -ne $TM['native.Process']) { return $TM['native.Process'] }
    Get-TMNative -Name 'Process' -Function {
        # Another person's process and its token open for an administrator only with the debug privilege; without it they are
        # left out.
        try { [System.Diagnostics.Process]::EnterDebugMode() } catch { $null = $_ }
        @{
            OpenProcess = 'kernel32.dll', [System.IntPtr], [int], [bool], [int]
            CloseHandle = 'kernel32.dll', [bool], [System.IntPtr]
            QueryFullProcessImageNameW = 'kernel32.dll', [bool], [System.IntPtr], [int], [System.IntPtr], [int].MakeByRefType()
            OpenProcessToken = 'advapi32.dll', [bool], [System.IntPtr], [int], [System.IntPtr].MakeByRefType()
            GetTokenInformation = 'advapi32.dll', [bool], [System.IntPtr], [int], [System.IntPtr], [int], [int].MakeByRefType()
            CommandLineToArgvW = 'shell32.dll', [System.IntPtr], [string], [int].MakeByRefType()
            LocalFree = 'kernel32.dll', [System.IntPtr], [System.IntPtr]
        }
    }
}

# SID of a process's user and path of its image, in this order; nothing where it has ended or cannot be asked.
function Read-TMProcess {
    param([int] $Id)
    $windows = Get-TMProcessFunction
    $failure = 0
    $token = [System.IntPtr]::Zero
    # 0x1000: PROCESS_QUERY_LIMITED_INFORMATION.
    $process = $windows::OpenProcess(0x1000, $false, $Id, [ref]$failure)
    if ($process -eq [System.IntPtr]::Zero) { return }
    $text = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(65536)
    try {
        $size = 32768
        # 8: TOKEN_QUERY; 1: TokenUser, which begins with a pointer to the SID.
        if (-not $windows::OpenProcessToken($process, 8, [ref]$token, [ref]$failure)) { return }
        if (-not $windows::GetTokenInformation($token, 1, $text, 256, [ref]$size, [ref]$failure)) { return }
        $sid = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList ([System.Runtime.InteropServices.Marshal]::ReadIntPtr($text))
        $size = 32768
        if (-not $windows::QueryFullProcessImageNameW($process, 0, $text, [ref]$size, [ref]$failure)) { return }
        $sid.Value
        [System.Runtime.InteropServices.Marshal]::PtrToStringUni($text, $size)
    }
    finally {
        [System.Runtime.InteropServices.Marshal]::FreeHGlobal($text)
        if ($token -ne [System.IntPtr]::Zero) { $null = $windows::CloseHandle($token, [ref]$failure) }
        $null = $windows::CloseHandle($process, [ref]$failure)
    }
}

# The value of the first argument that begins with a name, parted as the program itself parts its command line.
function Get-TMProcessArgument {
    param([string] $Line, [string] $Name)
    $windows = Get-TMProcessFunction
    $failure = 0
    $count = 0
    $list = $windows::CommandLineToArgvW($Line, [ref]$count, [ref]$failure)
    if ($list -eq [System.IntPtr]::Zero) { return '' }
    try {
        for ($at = 1; $at -lt $count; $at++) {
            $argument = [System.Runtime.InteropServices.Marshal]::PtrToStringUni([System.Runtime.InteropServices.Marshal]::ReadIntPtr($list, $at * [System.IntPtr]::Size))
            if ($argument.StartsWith($Name, [System.StringComparison]::OrdinalIgnoreCase)) { return $argument.Substring($Name.Length) }
        }
        return ''
    }
    finally { $null = $windows::LocalFree($list, [ref]$failure) }
}

function Get-TMProgram {
    param([string[]] $Sid = @())
    foreach ($process in [System.Diagnostics.Process]::GetProcesses()) {
        $id = $process.Id
        $process.Dispose()
        $read = @(Read-TMProcess -Id $id)
        if ($read.Count -gt 0 -and ($Sid.Count -eq 0 -or $Sid -ccontains $read[0])) {
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
            if ($lines[$view.id]) { $view.data = Get-TMProcessArgument -Line $lines[$view.id] -Name '--user-data-dir=' }
        }
    }
    $found
}
