# Changing values of the registry, and changing them back. Items are drift: object, before, after, each {kind, data} or null.
#
#   Set-TMRegistryItem -Item ITEMS        before -> after
#   Restore-TMRegistryItem -Item ITEMS    after -> before

# Whether the value of an object in the registry is {kind, data} `Value` (null: absent).
function Test-TMRegistryItem {
    param([object] $Item, [object] $Value)
    $current = (Get-TMRegistryFact -Object $Item.object).value
    if ($null -eq $current -or $null -eq $Value) { return $null -eq $current -and $null -eq $Value }
    "$($current.kind)" -ceq "$($Value.kind)" -and (@($current.data) -join "`n") -ceq (@($Value.data) -join "`n")
}

# Puts `Value` ({kind, data}, null removes) there. A key that is created is noted first, with its parents.
function Write-TMRegistryValue {
    param([string] $Object, [object] $Value)
    $place = Get-TMRegistryPlace -Object $Object
    $base = Open-TMRegistryHive -Hive $place.hive
    try {
        if ($null -eq $Value) {
            $key = $base.OpenSubKey($place.key, $true)
            if ($null -eq $key) { return }
            try { $key.DeleteValue($place.name, $false) } finally { $key.Dispose() }
            return
        }
        $data = switch -CaseSensitive ("$($Value.kind)") {
            'DWord' { [System.BitConverter]::ToInt32([System.BitConverter]::GetBytes([uint32]$Value.data), 0) }
            'QWord' { [System.BitConverter]::ToInt64([System.BitConverter]::GetBytes([uint64]$Value.data), 0) }
            'String' { [string]$Value.data }
            'ExpandString' { [string]$Value.data }
            'MultiString' { , [string[]]@($Value.data) }
            'Binary' { , [byte[]]@(for ($at = 0; $at -lt $Value.data.Length; $at += 2) { [System.Convert]::ToByte($Value.data.Substring($at, 2), 16) }) }
            default { Stop-TMFault -Kind 'exception' -Message "registry values of kind $_ are not written" }
        }
        $created = @()
        $path = $place.key
        while ($path) {
            $key = $base.OpenSubKey($path)
            if ($null -ne $key) {
                $key.Dispose()
                break
            }
            $created += $path
            $path = $path -creplace '\\?[^\\]*$', ''
        }
        for ($at = $created.Count - 1; $at -ge 0; $at--) { Add-TMNote -Key 'created_keys' -Value "$($place.hive)\$($created[$at])" }
        $key = $base.CreateSubKey($place.key)
        try { $key.SetValue($place.name, $data, "$($Value.kind)") } finally { $key.Dispose() }
    }
    finally { $base.Dispose() }
}

# before -> after. All are looked at before the first is written, so that a change by somebody else costs nothing.
function Set-TMRegistryItem {
    param([object[]] $Item)
    foreach ($one in $Item) {
        if (-not (Test-TMRegistryItem -Item $one -Value $one.before)) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail $one.object }
    }
    foreach ($one in $Item) {
        if (-not (Test-TMRegistryItem -Item $one -Value $one.before)) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail $one.object }
        Start-TMChange
        Write-TMRegistryValue -Object $one.object -Value $one.after
    }
}

# after -> before, and the keys that the fix created, where they are empty. What is already `before` stays: the fix was cut.
function Restore-TMRegistryItem {
    param([object[]] $Item)
    foreach ($one in $Item) {
        if (-not (Test-TMRegistryItem -Item $one -Value $one.before) -and -not (Test-TMRegistryItem -Item $one -Value $one.after)) {
            Stop-TMBlocked -Reason 'changed_meanwhile' -Detail $one.object
        }
    }
    foreach ($one in $Item) {
        if (Test-TMRegistryItem -Item $one -Value $one.after) { Write-TMRegistryValue -Object $one.object -Value $one.before }
    }
    $created = @(Get-TMNote -Key 'created_keys')
    for ($at = $created.Count - 1; $at -ge 0; $at--) {
        $hive, $path = $created[$at] -csplit '\\', 2
        $base = Open-TMRegistryHive -Hive $hive
        try {
            $key = $base.OpenSubKey($path)
            if ($null -eq $key) { continue }
            $empty = $key.ValueCount -eq 0 -and $key.SubKeyCount -eq 0
            $key.Dispose()
            if ($empty) { $base.DeleteSubKey($path, $false) }
        }
        finally { $base.Dispose() }
    }
}
