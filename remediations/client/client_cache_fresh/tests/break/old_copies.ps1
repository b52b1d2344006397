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
Add-EarlierTreatment -SecondsAgo (20 * 86400) -Item $items
