# The credential vault of whoever runs this. It only reads, and never looks at a secret. Needs a session at the desk: a
# network logon has no vault (error 1312). Needs the helper native.
#
#   Get-TMCredential -Match PATTERN   -> [ordered] target, name, written of generic credentials whose target matches, by target
#   Get-TMLogonName                   -> the UPN of this logon, '' where it has none; throws where it cannot be asked
#
# written: unix seconds. CredEnumerate gives the secrets as well; they are neither copied nor looked at, and freed at once.
function Get-TMCredential {
    param([string] $Match)
    $windows = Get-TMNative -Name 'Credential' -Function {
        @{
            CredEnumerateW = 'advapi32.dll', [bool], [System.IntPtr], [int], [int].MakeByRefType(), [System.IntPtr].MakeByRefType()
            CredFree = 'advapi32.dll', [void], [System.IntPtr]
        }
    }
    $failure = 0
    $count = 0
    $list = [System.IntPtr]::Zero
    if (-not $windows::CredEnumerateW([System.IntPtr]::Zero, 0, [ref]$count, [ref]$list, [ref]$failure)) {
        # 1168: there is none.
        if ($failure -eq 1168) { return }
        throw (Get-TMNativeError -Failure $failure)
    }
    # CREDENTIALW: type at 4, target at 8, when it was written behind the comment, the name at its end.
    $wide = [System.IntPtr]::Size
    try {
        $found = @(for ($at = 0; $at -lt $count; $at++) {
            $one = [System.Runtime.InteropServices.Marshal]::ReadIntPtr($list, $at * $wide)
            # 1: CRED_TYPE_GENERIC.
            if ([System.Runtime.InteropServices.Marshal]::ReadInt32($one, 4) -ne 1) { continue }
            $target = [System.Runtime.InteropServices.Marshal]::PtrToStringUni([System.Runtime.InteropServices.Marshal]::ReadIntPtr($one, 8))
            if ($target -notmatch $Match) { continue }
            # 116444736000000000 is 1970-01-01 as a FILETIME.
            $time = [System.Runtime.InteropServices.Marshal]::ReadInt64($one, 8 + 2 * $wide) - 116444736000000000
            $written = $null
            if ($time -gt 0) { $written = [long]($time / 10000000) }
            $name = [System.Runtime.InteropServices.Marshal]::PtrToStringUni([System.Runtime.InteropServices.Marshal]::ReadIntPtr($one, 24 + 6 * $wide))
            [ordered]@{ target = $target; name = "$name"; written = $written }
        })
    }
    finally { $windows::CredFree($list, [ref]$failure) }
    $found | Sort-Object -Property @{ Expression = { $_.target } }
}

function Get-TMLogonName {
    $windows = Get-TMNative -Name 'Logon' -Function {
        @{ GetUserNameExW = 'secur32.dll', [byte], [int], [System.IntPtr], [int].MakeByRefType() }
    }
    $failure = 0
    $length = 1024
    $text = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(2 * $length)
    try {
        # 8 is NameUserPrincipal; 1332 says that there is no such name. Without a domain controller another error tells that it
        # could not be asked.
        if ($windows::GetUserNameExW(8, $text, [ref]$length, [ref]$failure) -ne 0) { return [System.Runtime.InteropServices.Marshal]::PtrToStringUni($text) }
        if ($failure -eq 1332) { return '' }
        throw (Get-TMNativeError -Failure $failure)
    }
    finally { [System.Runtime.InteropServices.Marshal]::FreeHGlobal($text) }
}
