# A treatment of twenty days ago set two caches aside. One has grown anew and is spoilt again; the other person's Teams has
# been removed since.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$items = foreach ($person in @(@('amber', 'S-1-12-1-1111111111-1222222222-1333333333-1444444444'), @('bruno', 'S-1-5-21-1004336348-1177238915-682003330-1104'))) {
    $local = "C:\Users\$($person[0])\AppData\Local"
    $null = New-Item -Path "$local\teamsmedic\Teams-new\Logs" -ItemType Directory
    Set-Content -LiteralPath "$local\teamsmedic\Teams-new\Logs\MSTeams_2025-11-02_07-58-12.08.log" -Value 'old'
    [ordered]@{
        fact = 'caches'; object = "$local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams"; aside = "$local\teamsmedic\Teams-new"
        folder = "$local\teamsmedic"; user = $person[0]; sid = $person[1]; client = 'new'
    }
}

$security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
$security.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
$run = 'C:\ProgramData\teamsmedic\journal\20251103T080000Z-0a1b2c'
foreach ($folder in 'C:\ProgramData\teamsmedic', 'C:\ProgramData\teamsmedic\journal', $run) {
    $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
    if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $folder) }
    else { $null = [System.IO.Directory]::CreateDirectory($folder, $security) }
}
$done = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds() - 20 * 86400
$entry = [ordered]@{ format = 1; run = '20251103T080000Z-0a1b2c'; remediation = 'client_cache_fresh'; parameters = @{}; drift = @($items); changes = @() }
Set-Content -LiteralPath "$run\client_cache_fresh.json" -Value (ConvertTo-Json -InputObject $entry -Depth 4)
Set-Content -LiteralPath "$run\client_cache_fresh.state.json" -Value ('{"state":"done","begun":' + $done + ',"done":' + $done + '}')
