# The journal entry of a treatment that has set caches aside.
function Add-EarlierTreatment {
    param([object[]] $Item, [long] $SecondsAgo)
    $security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
    $security.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
    $run = 'C:\ProgramData\teamsmedic\journal\20251103T080000Z-0a1b2c'
    foreach ($folder in 'C:\ProgramData\teamsmedic', 'C:\ProgramData\teamsmedic\journal', $run) {
        $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
        if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $folder) }
        else { $null = [System.IO.Directory]::CreateDirectory($folder, $security) }
    }
    $done = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds() - $SecondsAgo
    $entry = [ordered]@{ format = 1; run = '20251103T080000Z-0a1b2c'; remediation = 'client_cache_fresh'; parameters = @{}; drift = $Item; changes = @() }
    Set-Content -LiteralPath "$run\client_cache_fresh.json" -Value (ConvertTo-Json -InputObject $entry -Depth 4)
    Set-Content -LiteralPath "$run\client_cache_fresh.state.json" -Value ('{"state":"done","begun":' + $done + ',"done":' + $done + '}')
}
