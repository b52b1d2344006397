# Facts: room, dsregcmd (a text that the engine reads), and the checklist. What a join type does not need is not_needed and is
# not looked at; the checklist is empty where there is nothing to rejoin, and on a Room.
param([object] $Parameters)

if (-not $TM.Full) { Stop-TMFault -Kind 'language' -Message 'services and modules of Windows are asked' }
$text = Get-TMDsregcmd
# The engine reads the whole text; here only what decides which questions are asked.
$said = Get-TMDsregcmdValue -Text "$text" -Name 'AzureAdJoined'
$joined = $said -ceq 'YES'
$hybrid = $joined -and (Get-TMDsregcmdValue -Text $text -Name 'DomainJoined') -ceq 'YES'
$device = Get-TMDsregcmdValue -Text "$text" -Name 'DeviceId'
$tenant = Get-TMDsregcmdValue -Text "$text" -Name 'TenantId'
$stored = $null
$state = 'answered'
if ($null -eq $text) { $state = 'no_answer' }
elseif ('YES', 'NO' -cnotcontains $said) { $state = 'not_understood' }
$looked = $joined -and -not $TM.Host.room

$facts = [ordered]@{
    room = [bool]$TM.Host.room
    dsregcmd_state = $state
    dsregcmd = "$text"
    administrators = @()
    administrators_enabled = [ordered]@{ object = 'S-1-5-32-544'; value = 'not_needed' }
    laps = [ordered]@{ object = 'LAPS'; value = 'not_needed' }
    laps_account = [ordered]@{ object = 'LAPS'; value = 'not_needed'; name = '' }
    volumes = @()
    bitlocker = [ordered]@{ object = 'BitLocker'; value = 'not_needed' }
    enrolments = @()
    service_point = [ordered]@{ object = 'service connection point'; value = 'not_needed' }
    service_point_to_confirm = [ordered]@{ object = 'service connection point'; value = $null }
    channel = [ordered]@{ object = 'domain channel'; value = 'not_needed' }
    tpm = [ordered]@{ object = 'TPM'; value = 'not_needed' }
    escrow = [ordered]@{ object = 'escrow'; value = $null }
    reachability = [ordered]@{ object = 'enterpriseregistration.windows.net, login.microsoftonline.com and device.login.microsoftonline.com'; value = 'not_needed' }
    on_site = [ordered]@{ object = 'somebody on site, or a channel that survives without Intune'; value = 'not_needed' }
    bundle = [ordered]@{ object = Get-TMRejoinFolder; value = 'absent'; age_days = $null; older = $false; unread = @() }
}
if ($looked) {
    try {
        $facts.administrators = @(Get-TMLocalAdministrator)
        $facts.administrators_enabled.value = 'none'
        if (@($facts.administrators | Where-Object -FilterScript { $_.enabled }).Count -gt 0) { $facts.administrators_enabled.value = 'some' }
    }
    catch { $facts.administrators_enabled.value = 'unreadable' }
    $facts.laps = Get-TMLaps
    $stored = $facts.laps.at
    $facts.laps.Remove('at')
    if ($facts.laps.backup) { $facts.laps_account = Get-TMLapsAccount -Laps $facts.laps }
    $facts.volumes = @(Get-TMProtectedVolume)
    $facts.bitlocker = [ordered]@{ object = 'BitLocker'; value = 'not_encrypted'; without = @() }
    foreach ($state in 'recovery', 'no_recovery', 'unreadable') { if (@($facts.volumes | ForEach-Object -Process { $_.state }) -ccontains $state) { $facts.bitlocker.value = $state } }
    $facts.bitlocker.without = @(foreach ($volume in $facts.volumes) { if ($volume.state -ceq 'no_recovery') { $volume.object } })
    $facts.enrolments = @(Get-TMEnrolment)
    $facts.tpm = Get-TMTpmState
    if ($hybrid) {
        $facts.service_point = Get-TMServicePoint -Tenant $tenant
        if ($facts.service_point.value -ceq 'not_set') { $facts.service_point_to_confirm = [ordered]@{ object = $facts.service_point.object; value = $tenant } }
        $facts.channel = Get-TMDomainChannel
    }
    # Neither can be seen from here.
    $facts.reachability.value = 'not_looked_at'
    $facts.on_site.value = 'not_looked_at'
    $facts.escrow = [ordered]@{ object = 'escrow'; value = $device; account = $facts.laps_account.name; password = 'LAPS stores it nowhere'; recovery_keys = @(foreach ($volume in $facts.volumes) { foreach ($id in $volume.protectors) { "$($volume.object) $id" } }) }
    if ($facts.laps.backup -ceq 'ad') { $facts.escrow.password = 'LAPS stores it in Active Directory' }
    if ($facts.laps.backup -ceq 'entra') { $facts.escrow.password = 'LAPS stores it on the Entra device object, which goes when the device leaves' }
    if (-not $facts.escrow.account) { $facts.escrow.account = 'none is known' }
    if ($facts.escrow.recovery_keys.Count -eq 0) { $facts.escrow.recovery_keys = @('none is known') }
}

$bundle = $facts.bundle
$bundle.older = Test-Path -LiteralPath "$($bundle.object)-old"
if (Test-Path -LiteralPath $bundle.object) {
    $found = $null
    # Below a folder that others can write into anybody may have put it there.
    if ($TM.Host.journal.state -cne 'sound' -or (Get-TMDistrust -Path $bundle.object)) { $bundle.value = 'untrusted' }
    else {
        $found = Get-TMRejoinBundle -Folder $bundle.object
        $bundle.value = 'damaged'
    }
    if ($null -ne $found) {
        $age = (Get-TMUnixTime) - $found.written
        $bundle.age_days = [long](($age - $age % 86400) / 86400)
        $bundle.value = 'fresh'
        # What came after the evidence was read by nobody.
        $unread = @(foreach ($volume in $facts.volumes) {
            # One that comes and goes tells nothing.
            if ($volume.object -cmatch '^[A-Z]:$' -and "$((New-Object -TypeName 'System.IO.DriveInfo' -ArgumentList "$($volume.object)\").DriveType)" -eq 'Removable') { continue }
            foreach ($id in $volume.protectors) { if ($null -ne $found.protectors -and $found.protectors -notcontains $id) { "$($volume.object) $id" } }
        })
        if ($null -ne $stored -and $stored -gt $found.written) { $unread += 'the password that LAPS has stored since' }
        if ($found.device -ne $device) { $bundle.value = 'other_registration' }
        elseif ($age -gt $Parameters.max_age -or $age -lt -300) { $bundle.value = 'old' }
        elseif ($unread.Count -gt 0) {
            $bundle.value = 'other_keys'
            $bundle.unread = $unread
        }
    }
}
$facts
