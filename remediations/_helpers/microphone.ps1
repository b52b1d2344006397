# Whether somebody's microphone is in use now: the mark of a call, also of one that is muted or joined without sound.
#
#   Get-TMMicrophone -Sid SID -LoggedOn BOOL   -> [ordered] state (free|in_use|unreadable|logged_off), apps (names in use)
#
# Windows 10 1903 and newer keep it per person and program: LastUsedTimeStart is there and LastUsedTimeStop is 0 while a
# program uses the microphone. No key means unknown, not free. Any program counts: a call in another one is a call.
function Get-TMMicrophone {
    param([string] $Sid, [bool] $LoggedOn)
    if (-not $LoggedOn) { return [ordered]@{ state = 'logged_off'; apps = @() } }
    $root = "Registry::HKEY_USERS\$Sid\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone"
    try {
        $keys = @(Get-ChildItem -LiteralPath $root -Recurse)
        $apps = @(foreach ($key in $keys) {
            $stop = $key.GetValue('LastUsedTimeStop', $null)
            # The path of a program outside a package stands there with # for \.
            if ($null -ne $key.GetValue('LastUsedTimeStart', $null) -and $null -ne $stop -and [long]$stop -eq 0) { ($key.PSChildName -csplit '#')[-1] }
        })
    }
    catch { return [ordered]@{ state = 'unreadable'; apps = @() } }
    $state = 'free'
    if ($apps.Count -gt 0) { $state = 'in_use' }
    [ordered]@{ state = $state; apps = @($apps | Sort-Object -Unique) }
}
