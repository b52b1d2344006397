# Reading the registry: kind and data, in both languages. It only reads; what changes is in registry_change.ps1.
#
#   Get-TMRegistryFact -Object 'HKLM\KEY\NAME'   -> [ordered] object, value; value is $null (no such value or key) or
#                                                   [ordered] kind, data
#   Test-TMRegistryKey -Key 'HKLM\KEY'           -> bool
#
# A value is named by its full path: hive, key, name. The engine of a device is 64-bit, so the 32-bit view is spelled out
# (SOFTWARE\Wow6432Node). Not named this way: a default value, a name with a backslash.
# Data: DWord and QWord as an unsigned number (0xFFFFFFFF arrives as -1 from .NET), String and ExpandString (not expanded)
# as text, MultiString as a list, Binary and the rest as hexadecimal digits.
function Get-TMRegistryPlace {
    param([string] $Object)
    if ($Object -cnotmatch '^(HKLM|HKU)\\(.+)\\([^\\]+)$') { throw "no value in the registry is named $Object" }
    [ordered]@{ hive = $Matches[1]; key = $Matches[2]; name = $Matches[3] }
}

function Open-TMRegistryHive {
    param([string] $Hive)
    $name = 'LocalMachine'
    if ($Hive -ceq 'HKU') { $name = 'Users' }
    [Microsoft.Win32.RegistryKey]::OpenBaseKey($name, 'Registry64')
}

function Get-TMRegistryPath {
    param([string] $Key)
    $Key -creplace '^HKLM\\', 'Registry::HKEY_LOCAL_MACHINE\' -creplace '^HKU\\', 'Registry::HKEY_USERS\'
}

function Test-TMRegistryKey {
    param([string] $Key)
    Test-Path -LiteralPath (Get-TMRegistryPath -Key $Key)
}

function Get-TMRegistryFact {
    param([string] $Object)
    $place = Get-TMRegistryPlace -Object $Object
    $kind = ''
    $data = $null
    if ($TM.Full) {
        $base = Open-TMRegistryHive -Hive $place.hive
        try {
            $key = $base.OpenSubKey($place.key)
            if ($null -ne $key) {
                try {
                    $data = $key.GetValue($place.name, $null, 'DoNotExpandEnvironmentNames')
                    if ($null -ne $data) { $kind = "$($key.GetValueKind($place.name))" }
                }
                finally { $key.Dispose() }
            }
        }
        finally { $base.Dispose() }
    }
    else {
        # Constrained language forbids the methods of a key; the type tells the kind, but for ExpandString. A number is
        # signed on 5.1 and unsigned on 7.
        $path = Get-TMRegistryPath -Key "$($place.hive)\$($place.key)"
        if (Test-Path -LiteralPath $path) { $data = Get-TMProperty -Object (Get-ItemProperty -LiteralPath $path) -Name $place.name }
        if ($data -is [int] -or $data -is [uint32]) { $kind = 'DWord' }
        elseif ($data -is [long] -or $data -is [uint64]) { $kind = 'QWord' }
        elseif ($data -is [string]) { $kind = 'String' }
        elseif ($data -is [byte[]]) { $kind = 'Binary' }
        elseif ($data -is [array]) { $kind = 'MultiString' }
    }
    if ($null -eq $data) { return [ordered]@{ object = $Object; value = $null } }
    if ($data -is [int]) { $data = [long]$data + 4294967296 * [int]($data -lt 0) }
    elseif ($data -is [long] -and $data -lt 0) { $data = [uint64]([decimal]$data + 18446744073709551616) }
    elseif ($data -is [byte[]]) { $data = @(foreach ($byte in $data) { '{0:X2}' -f $byte }) -join '' }
    elseif ($data -is [array]) { $data = @(foreach ($text in $data) { "$text" }) }
    [ordered]@{ object = $Object; value = [ordered]@{ kind = $kind; data = $data } }
}
