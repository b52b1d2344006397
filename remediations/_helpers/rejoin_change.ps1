# Writing and removing the evidence of a rejoin. Needs rejoin and dsregcmd.
#
#   Save-TMRejoinBundle -Folder F    gathers everything and writes it into the new folder F, which only administrators enter
#   Remove-TMRejoinBundle -Folder F  removes such a folder with its files
#
# Named values only, never whole keys: beside DefaultUserName may stand DefaultPassword, in clear.

function Get-TMRejoinValue {
    $join = 'HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin'
    $names = @(
        'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\FallbackToSyncJoin'
        'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD\TenantId'
        'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD\TenantName'
        'HKLM\SOFTWARE\Policies\Microsoft\Windows\WorkplaceJoin\autoWorkplaceJoin'
        'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\AutoAdminLogon'
        'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\DefaultUserName'
        'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\DefaultDomainName'
        'HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Start'
        'HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters\DisablePasswordChange'
        'HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters\MaximumPasswordAge'
        'HKLM\SYSTEM\CurrentControlSet\Control\Lsa\LmCompatibilityLevel'
        'HKLM\SYSTEM\CurrentControlSet\Control\Lsa\RunAsPPL'
        'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client\Enabled'
        'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client\DisabledByDefault'
        'HKLM\SOFTWARE\Microsoft\.NETFramework\v4.0.30319\SchUseStrongCrypto'
        'HKLM\SOFTWARE\Microsoft\.NETFramework\v4.0.30319\SystemDefaultTlsVersions'
    )
    foreach ($part in @(('JoinInfo', 'TenantId', 'UserEmail'), ('TenantInfo', 'DisplayName', 'MdmEnrollmentUrl'))) {
        $path = Get-TMRegistryPath -Key "$join\$($part[0])"
        if (-not (Test-Path -LiteralPath $path)) { continue }
        foreach ($key in @(Get-ChildItem -LiteralPath $path)) { foreach ($name in $part[1], $part[2]) { $names += "$join\$($part[0])\$($key.PSChildName)\$name" } }
    }
    foreach ($name in $names) { Get-TMRegistryFact -Object $name }
}

function Get-TMMachineCertificate {
    $store = New-Object -TypeName 'System.Security.Cryptography.X509Certificates.X509Store' -ArgumentList 'My', 'LocalMachine'
    try {
        $store.Open('ReadOnly, OpenExistingOnly')
        foreach ($one in $store.Certificates) {
            [ordered]@{ thumbprint = "$($one.Thumbprint)"; issuer = "$($one.Issuer)"; expires = Get-TMUnixTime -Time $one.NotAfter }
        }
    }
    finally { $store.Dispose() }
}

# Part of the evidence, or $null where it cannot be read: the rest is of use without it.
function Get-TMPart {
    param([scriptblock] $Body)
    try { , @(& $Body) } catch { , $null }
}

function Save-TMRejoinBundle {
    param([string] $Folder)
    $text = "$(Get-TMDsregcmd)"
    $device = Get-TMDsregcmdValue -Text $text -Name 'DeviceId'
    $tenant = Get-TMDsregcmdValue -Text $text -Name 'TenantId'
    $bundle = [ordered]@{ format = 1; run = $TM.Entry.run; written = Get-TMUnixTime; computer = "$env:COMPUTERNAME"; device = $device }
    $bundle.administrators = Get-TMPart -Body { Get-TMLocalAdministrator }
    $bundle.laps = Get-TMLaps
    $bundle.laps_account = Get-TMLapsAccount -Laps $bundle.laps
    $bundle.volumes = @(Get-TMProtectedVolume)
    $bundle.enrolments = Get-TMPart -Body { Get-TMEnrolment }
    $bundle.service_point = Get-TMServicePoint -Tenant $tenant
    $bundle.channel = Get-TMDomainChannel
    $bundle.tpm = Get-TMTpmState
    $bundle.certificates = Get-TMPart -Body { Get-TMMachineCertificate }
    $bundle.events = [ordered]@{}
    foreach ($log in 'Microsoft-Windows-User Device Registration/Admin', 'Microsoft-Windows-LAPS/Operational') {
        $bundle.events[$log] = Get-TMPart -Body { foreach ($one in @(Get-TMLogEvent -Filter @{ LogName = $log } -Most 200)) { [ordered]@{ id = [int]$one.Id; at = Get-TMUnixTime -Time $one.TimeCreated } } }
    }
    $bundle.tasks = Get-TMPart -Body {
        foreach ($task in @(Get-ScheduledTask -TaskPath '\Microsoft\Windows\Workplace Join\' -ErrorAction Stop)) { [ordered]@{ name = "$($task.TaskName)"; state = @('unknown', 'disabled', 'queued', 'ready', 'running')[[int]$task.State] } }
    }
    $bundle.values = @(Get-TMRejoinValue)
    Initialize-TMFolder -Path $Folder
    $TM.Size = 0
    Write-TMFile -Path "$Folder\dsregcmd.txt" -Text $text
    Write-TMFile -Path "$Folder\bundle.json" -Text (ConvertTo-TMJson -Value $bundle)
}

# Only administrators write there, so nothing in it leads elsewhere.
function Remove-TMRejoinBundle {
    param([string] $Folder)
    if (-not [System.IO.Directory]::Exists($Folder)) { return }
    foreach ($file in [System.IO.Directory]::GetFiles($Folder)) { [System.IO.File]::Delete($file) }
    [System.IO.Directory]::Delete($Folder)
}
