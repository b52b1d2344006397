# A treatment of an hour ago set the cache aside, and Teams has built a new one since.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$cache = 'C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams'
$aside = 'C:\Users\amber\AppData\Local\teamsmedic\Teams-new'
$null = New-Item -Path "$aside\Logs" -ItemType Directory
Set-Content -LiteralPath "$aside\Logs\MSTeams_2025-11-02_07-58-12.08.log" -Value 'old'

$security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
$security.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
$run = 'C:\ProgramData\teamsmedic\journal\20251103T080000Z-0a1b2c'
foreach ($folder in 'C:\ProgramData\teamsmedic', 'C:\ProgramData\teamsmedic\journal', $run) {
    $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
    if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $folder) }
    else { $null = [System.IO.Directory]::CreateDirectory($folder, $security) }
}
$done = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds() - 3600
$item = [ordered]@{ fact = 'caches'; object = $cache; aside = $aside; sid = 'S-1-12-1-1111111111-1222222222-1333333333-1444444444'; client = 'new' }
$entry = [ordered]@{ format = 1; run = '20251103T080000Z-0a1b2c'; remediation = 'client_cache_fresh'; parameters = @{}; drift = @($item); changes = @() }
Set-Content -LiteralPath "$run\client_cache_fresh.json" -Value (ConvertTo-Json -InputObject $entry -Depth 4)
Set-Content -LiteralPath "$run\client_cache_fresh.state.json" -Value ('{"state":"done","begun":' + $done + ',"done":' + $done + '}')
