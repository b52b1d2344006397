# Compiles the hook and the stand-in programs on the device itself, with nothing but the engine.
$ErrorActionPreference = 'Stop'
$source = 'C:\ProgramData\lab\source'
$lab = 'C:\ProgramData\lab'
$system = "$env:windir\system32"

function Join-Source([string[]] $Name) {
    $text = ($Name | ForEach-Object -Process { [IO.File]::ReadAllText("$source\$_.cs") }) -join "`n"
    $using = '(?m)^using [\w.]+;\r?$'
    (([regex]::Matches($text, $using).Value.Trim() | Sort-Object -Unique) -join "`n") + "`n" + ($text -replace $using, '')
}

# pwsh.exe is the runtime's general starter: the path of the assembly that it starts stands in it, relative to its own folder,
# with room for 1023 bytes. A copy with another path is a real program that starts another assembly (80 ms).
function Copy-Starter([string] $Path, [string] $Assembly) {
    $starter = [IO.File]::ReadAllBytes("$PSHOME\pwsh.exe")
    $at = [Text.Encoding]::GetEncoding('iso-8859-1').GetString($starter).IndexOf("pwsh.dll`0")
    $name = [Text.Encoding]::UTF8.GetBytes([IO.Path]::GetRelativePath([IO.Path]::GetDirectoryName($Path), "$PSHOME\$Assembly") + "`0")
    [Array]::Copy($name, 0, $starter, $at, $name.Length)
    if (Test-Path -LiteralPath $Path) { Remove-Item -LiteralPath $Path -Force }
    [IO.File]::WriteAllBytes($Path, $starter)
    # Wine prefers its own program of that name otherwise.
    Set-ItemProperty -LiteralPath 'HKCU:\Software\Wine\DllOverrides' -Name ([IO.Path]::GetFileName($Path)) -Value 'native,builtin'
}

function New-Program([string] $Path, [string[]] $Class) {
    $name = 'Lab.' + [IO.Path]::GetFileNameWithoutExtension($Path)
    Add-Type -TypeDefinition (Join-Source $Class) -OutputAssembly "$PSHOME\$name.dll" -OutputType ConsoleApplication
    Copy-Item -LiteralPath "$PSHOME\pwsh.runtimeconfig.json" -Destination "$PSHOME\$name.runtimeconfig.json"
    Copy-Starter $Path "$name.dll"
}

Add-Type -TypeDefinition (Join-Source ContextHook, DeskIdentity, LabHive, LabProcess, LabTask) -OutputAssembly "$lab\ContextHook.dll" -OutputType Library
New-Program "$lab\labboot.exe" LabBoot, LabHive
New-Program "$lab\labsnap.exe" LabSnap
New-Program "$lab\labidle.exe" LabIdle
New-Program "$system\systeminfo.exe" SystemInfo
New-Program "$system\findstr.exe" FindStr
New-Program "$system\dsregcmd.exe" DsRegCmd
$null = New-Item -Path "$system\lab" -ItemType Directory
Move-Item -LiteralPath "$system\reg.exe" -Destination "$system\lab\reg.exe"
New-Program "$system\reg.exe" LabReg, LabHive
Copy-Starter "$system\WindowsPowerShell\v1.0\powershell.exe" pwsh.dll
