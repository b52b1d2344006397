# Whether somebody's microphone is in use now: the mark of a call, also of one that is muted or joined without sound.
#
#   Get-TMMicrophone -Sid SID -LoggedOn BOOL   -> [ordered] state (free|in_use|unreadable|logged_off), apps (names in use)
#
# No key means unknown, not free. Any program counts: a call in another one is a call.
function Get-TMMicrophone {
    param([string] $Sid, [bool] $LoggedOn)
    if (-not $LoggedOn) { return [ordered]@{ state = 'logged_off'; apps = @() } }
    try { $apps = @(Get-TMHolder -Sid $Sid -Device 'microphone') }
    catch { return [ordered]@{ state = 'unreadable'; apps = @() } }
    $state = 'free'
    if ($apps.Count -gt 0) { $state = 'in_use' }
    [ordered]@{ state = $state; apps = @($apps | Sort-Object -Unique) }
}
