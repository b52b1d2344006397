# What must be known before a device may leave the directory and join again. It only reads. Needs events, native and
# registry.
#
#   Get-TMLocalAdministrator      -> [ordered] object (SID), name, enabled: local users among the administrators; throws where
#                                    they cannot be told
#   Get-TMLaps                    -> [ordered] object, value, policy, backup, age_limit_days, event, age_days, at (of the event)
#                                    value: recent | old | none (no success told) | no_policy | disabled | unreadable
#   Get-TMLapsAccount -Laps L     -> [ordered] object, value, name: the local user whose password that policy keeps, of Get-TMLaps
#                                    value: ready | disabled | expired | no_administrator | missing | several | unreadable
#   Get-TMProtectedVolume         -> [ordered] object, state, protection, protectors
#                                    state: recovery | no_recovery | not_encrypted | unreadable; protection: on | off | unknown
#   Get-TMEnrolment               -> [ordered] object, state, user, resource: enrolments with Intune
#   Get-TMServicePoint -Tenant T  -> [ordered] object, value, tenant, name; value: right | other_tenant | not_set
#   Get-TMDomainChannel           -> [ordered] object, value: sound | broken | unreadable
#   Get-TMTpmState                -> [ordered] object, value, enabled, locked_out; value: ready | not_ready | absent | unreadable
#   Get-TMRejoinFolder            -> where the evidence lies
#   Get-TMRejoinBundle            -> [ordered] run, written, device, protectors of the evidence in a folder; nothing where it
#                                    has none; protectors: $null where it tells of no volumes
#
# Secrets lie beside what is read here (recovery passwords, OwnerAuth, DefaultPassword): only named properties and values are
# touched, and objects that hold secrets never go through a pipeline, which module logging would write down.

# Members as SIDs, without resolving any: the cmdlet fails with error 1789 where one cannot be resolved (Entra roles). The
# built-in administrator is always among them, so none at all is an answer that tells nothing.
function Get-TMAdministratorSid {
    try {
        $members = @(Get-LocalGroupMember -SID 'S-1-5-32-544' -ErrorAction Stop)
        foreach ($member in $members) { $member.SID.Value }
        if ($members.Count -gt 0) { return }
    }
    catch { $null = $_ }
    $windows = Get-TMNative -Name 'LocalGroup' -Function {
        @{
            NetLocalGroupGetMembers = 'netapi32.dll', [int], [System.IntPtr], [string], [int], [System.IntPtr].MakeByRefType(), [int], [int].MakeByRefType(), [int].MakeByRefType(), [System.IntPtr]
            NetApiBufferFree = 'netapi32.dll', [int], [System.IntPtr]
        }
    }
    # The group's name is localised.
    $sid = New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList 'S-1-5-32-544'
    $group = ($sid.Translate([System.Security.Principal.NTAccount]).Value -csplit '\\')[-1]
    $failure = 0
    $count = 0
    $total = 0
    $list = [System.IntPtr]::Zero
    $refused = $windows::NetLocalGroupGetMembers([System.IntPtr]::Zero, $group, 0, [ref]$list, -1, [ref]$count, [ref]$total, [System.IntPtr]::Zero, [ref]$failure)
    if ($refused -ne 0) { throw (Get-TMNativeError -Failure $refused) }
    try {
        for ($at = 0; $at -lt $count; $at++) {
            $member = [System.Runtime.InteropServices.Marshal]::ReadIntPtr($list, $at * [System.IntPtr]::Size)
            (New-Object -TypeName 'System.Security.Principal.SecurityIdentifier' -ArgumentList $member).Value
        }
    }
    finally { $null = $windows::NetApiBufferFree($list, [ref]$failure) }
    if ($count -eq 0) { throw 'Windows names no administrator' }
}

function Get-TMLocalAdministrator {
    $members = @(Get-TMAdministratorSid)
    foreach ($user in @(Get-LocalUser -ErrorAction Stop)) {
        if ($members -ccontains $user.SID.Value) { [ordered]@{ object = $user.SID.Value; name = "$($user.Name)"; enabled = [bool]$user.Enabled } }
    }
}

# Policies in the order in which Windows looks for them; a key without values does not count.
function Get-TMLaps {
    $laps = [ordered]@{ object = 'LAPS'; value = 'no_policy'; policy = ''; backup = ''; age_limit_days = $null; event = $null; age_days = $null; at = $null }
    $policies = [ordered]@{
        csp = 'HKLM\SOFTWARE\Microsoft\Policies\LAPS'
        gpo = 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS'
        local = 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\LAPS\Config'
        legacy = 'HKLM\SOFTWARE\Policies\Microsoft Services\AdmPwd'
    }
    foreach ($policy in $policies.Keys) {
        $key = $policies[$policy]
        if (-not (Test-TMRegistryKey -Key $key) -or (Get-Item -LiteralPath (Get-TMRegistryPath -Key $key)).ValueCount -eq 0) { continue }
        $laps.object = $key
        $laps.policy = $policy
        $laps.age_limit_days = 30
        $age = (Get-TMRegistryFact -Object "$key\PasswordAgeDays").value
        if ($null -ne $age -and $age.kind -ceq 'DWord') { $laps.age_limit_days = $age.data }
        $name = 'BackupDirectory'
        $places = @{ 1 = 'entra'; 2 = 'ad' }
        if ($policy -ceq 'legacy') {
            $name = 'AdmPwdEnabled'
            $places = @{ 1 = 'ad' }
        }
        $backup = (Get-TMRegistryFact -Object "$key\$name").value
        if ($null -ne $backup -and $backup.kind -ceq 'DWord') { $laps.backup = "$($places[[int]$backup.data])" }
        break
    }
    if (-not $laps.policy) { return $laps }
    if (-not $laps.backup) {
        $laps.value = 'disabled'
        return $laps
    }
    # 10018: stored in Active Directory; 10029: in Entra. Their texts are localised and are not read.
    $id = @{ ad = 10018; entra = 10029 }[$laps.backup]
    try {
        $found = @(Get-TMLogEvent -Filter @{ LogName = 'Microsoft-Windows-LAPS/Operational'; Id = $id } -Most 1)
        $laps.value = 'none'
        if ($found.Count -gt 0) {
            $laps.event = $id
            $laps.at = Get-TMUnixTime -Time $found[0].TimeCreated
            $seconds = (Get-TMUnixTime) - $laps.at
            $laps.age_days = [long](($seconds - $seconds % 86400) / 86400)
            $laps.value = 'recent'
            # One that the clock has not come to yet tells no age.
            if ($laps.age_days -ge $laps.age_limit_days -or $seconds -lt -300) { $laps.value = 'old' }
        }
    }
    catch { $laps.value = 'unreadable' }
    $laps
}

function Get-TMLapsText {
    param([object] $Laps, [string] $Name)
    $found = (Get-TMRegistryFact -Object "$($Laps.object)\$Name").value
    if ($null -ne $found) { "$($found.data)" }
}

# The built-in administrator (RID 500, whatever its name), unless the policy names another. From 11 24H2 on LAPS may make the
# account itself, by a name or by a prefix to which it adds digits (six by one page of Microsoft's, eight by another; a name has
# 20 characters at most), and leaves it disabled unless told otherwise.
function Get-TMLapsAccount {
    param([object] $Laps)
    $account = [ordered]@{ object = 'the built-in administrator'; value = 'unreadable'; name = '' }
    $pattern = ''
    $name = Get-TMLapsText -Laps $Laps -Name 'AdministratorAccountName'
    if ($Laps.policy -ceq 'legacy') { $name = Get-TMLapsText -Laps $Laps -Name 'AdminAccountName' }
    elseif ($TM.Host.build -ge 26100 -and (Get-TMLapsText -Laps $Laps -Name 'AutomaticAccountManagementEnabled') -match '^(1|true)$') {
        $name = ''
        if ((Get-TMLapsText -Laps $Laps -Name 'AutomaticAccountManagementTarget') -cne '0') {
            $name = Get-TMLapsText -Laps $Laps -Name 'AutomaticAccountManagementNameOrPrefix'
            if (-not $name) { $name = 'WLapsAdmin' }
            if ((Get-TMLapsText -Laps $Laps -Name 'AutomaticAccountManagementRandomizeName') -match '^(1|true)$') {
                $most = foreach ($length in 14, 12) { [regex]::Escape($name.Substring(0, [System.Math]::Min($length, $name.Length))) }
                $pattern = "^($($most[0])\d{6}|$($most[1])\d{8})$"
            }
        }
    }
    if ($name) { $account.object = $name }
    try {
        $administrators = @(Get-TMAdministratorSid)
        $found = @(foreach ($user in @(Get-LocalUser -ErrorAction Stop)) {
            if (($pattern -and $user.Name -match $pattern) -or (-not $pattern -and $name -and $user.Name -eq $name) -or (-not $name -and $user.SID.Value -clike '*-500')) { $user }
        })
        $account.value = 'missing'
        if ($found.Count -gt 1) { $account.value = 'several' }
        if ($found.Count -ne 1) { return $account }
        $account.object = $found[0].SID.Value
        $account.name = "$($found[0].Name)"
        $account.value = 'ready'
        if ($administrators -cnotcontains $account.object) { $account.value = 'no_administrator' }
        elseif (-not $found[0].Enabled) { $account.value = 'disabled' }
        elseif ($null -ne $found[0].AccountExpires -and (Get-TMUnixTime -Time $found[0].AccountExpires) -le (Get-TMUnixTime)) { $account.value = 'expired' }
    }
    catch { $account.value = 'unreadable' }
    $account
}

# Not Get-BitLockerVolume: that script makes an object of each recovery password, and module logging writes down what a command
# is given. These methods give ids alone; those of a volume that is locked as well. One that cannot be told spoils the answer.
function Get-TMProtectedVolume {
    $found = @()
    try {
        foreach ($volume in @(Get-CimInstance -Namespace 'root/CIMV2/Security/MicrosoftVolumeEncryption' -ClassName 'Win32_EncryptableVolume' -OperationTimeoutSec 20 -ErrorAction Stop)) {
            # 3: a recovery password.
            $keys = Invoke-CimMethod -InputObject $volume -MethodName 'GetKeyProtectors' -Arguments @{ KeyProtectorType = [uint32]3 } -OperationTimeoutSec 20 -ErrorAction Stop
            $guarded = Invoke-CimMethod -InputObject $volume -MethodName 'GetProtectionStatus' -OperationTimeoutSec 20 -ErrorAction Stop
            # It fails for a volume that is locked, which is encrypted.
            $turned = Invoke-CimMethod -InputObject $volume -MethodName 'GetConversionStatus' -OperationTimeoutSec 20 -ErrorAction Stop
            # 2150694920: BitLocker was never set up there, so there are no protectors.
            if (0, 2150694920 -notcontains $keys.ReturnValue -or $guarded.ReturnValue -ne 0) { throw 'a volume does not tell' }
            $ids = @(Get-TMList -Object $keys -Name 'VolumeKeyProtectorID' | ForEach-Object -Process { "$_" })
            $state = 'no_recovery'
            if ($ids.Count -gt 0) { $state = 'recovery' }
            elseif ($turned.ReturnValue -eq 0 -and $turned.ConversionStatus -eq 0) { $state = 'not_encrypted' }
            $name = "$($volume.DriveLetter)"
            if (-not $name) { $name = "$($volume.DeviceID)" }
            $found += [ordered]@{ object = $name; state = $state; protection = @('off', 'on', 'unknown')[[int]$guarded.ProtectionStatus]; protectors = $ids }
        }
    }
    catch { $found = @() }
    if ($found.Count -gt 0) { return $found }
    [ordered]@{ object = 'BitLocker'; state = 'unreadable'; protection = $null; protectors = @() }
}

function Get-TMEnrolment {
    $root = 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Enrollments'
    if (-not (Test-Path -LiteralPath $root)) { return }
    foreach ($key in @(Get-ChildItem -LiteralPath $root)) {
        if ("$($key.GetValue('ProviderID', ''))" -cne 'MS DM Server') { continue }
        $state = $key.GetValue('EnrollmentState')
        if ($state -isnot [int]) { $state = $null }
        [ordered]@{ object = $key.PSChildName; state = $state; user = "$($key.GetValue('UPN', ''))"; resource = "$($key.GetValue('AADResourceID', ''))" }
    }
}

# The value in the registry comes before Active Directory, which cannot be asked over a network logon (second hop).
function Get-TMServicePoint {
    param([string] $Tenant)
    $key = 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD'
    $point = [ordered]@{ object = "$key\TenantId"; value = 'not_set'; tenant = ''; name = '' }
    $found = (Get-TMRegistryFact -Object "$key\TenantId").value
    if ($null -eq $found) { return $point }
    $point.tenant = "$($found.data)"
    $name = (Get-TMRegistryFact -Object "$key\TenantName").value
    if ($null -ne $name) { $point.name = "$($name.data)" }
    $point.value = 'other_tenant'
    if ($Tenant -and $point.tenant -eq $Tenant) { $point.value = 'right' }
    $point
}

# 5.1 has the cmdlet and 7 has not.
function Get-TMDomainChannel {
    $channel = [ordered]@{ object = 'domain channel'; value = 'unreadable' }
    try {
        $channel.value = 'broken'
        if (Test-ComputerSecureChannel -ErrorAction Stop) { $channel.value = 'sound' }
    }
    catch { $channel.value = 'unreadable' }
    $channel
}

function Get-TMTpmState {
    $state = [ordered]@{ object = 'TPM'; value = 'unreadable'; enabled = $null; locked_out = $null }
    try {
        $tpm = Get-Tpm -ErrorAction Stop
        $state.value = 'absent'
        if ($tpm.TpmPresent) {
            $state.enabled = [bool]$tpm.TpmEnabled
            $state.locked_out = [bool]$tpm.LockedOut
            $state.value = 'not_ready'
            if ($tpm.TpmReady) { $state.value = 'ready' }
        }
    }
    catch { $state.value = 'unreadable' }
    $state
}

function Get-TMRejoinFolder { ($TM.Journal -replace '[^\\]+$', '') + 'rejoin' }

# The run's form is that of a name of the journal: it comes from a file.
function Get-TMRejoinBundle {
    param([string] $Folder)
    $file = "$Folder\bundle.json"
    try {
        if ((New-Object -TypeName 'System.IO.FileInfo' -ArgumentList $file).Length -gt 1048576) { return }
        $found = ConvertFrom-TMJson -Text ([System.IO.File]::ReadAllText($file))
        if ("$($found.run)" -cnotmatch '^\d{8}T\d{6}Z-[0-9a-f]{6}$' -or ($found.written -isnot [int] -and $found.written -isnot [long])) { return }
        $protectors = $null
        $volumes = Get-TMProperty -Object $found -Name 'volumes'
        if ($null -ne $volumes) { $protectors = @(foreach ($volume in $volumes) { foreach ($id in Get-TMList -Object $volume -Name 'protectors') { "$id" } }) }
        [ordered]@{ run = "$($found.run)"; written = [long]$found.written; device = "$($found.device)"; protectors = $protectors }
    }
    catch { return }
}
