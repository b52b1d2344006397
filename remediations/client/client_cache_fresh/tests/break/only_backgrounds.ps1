# What a treatment brings back, before Teams is started.
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
Get-ChildItem -LiteralPath 'C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams' -Force | Where-Object -Property 'Name' -NE -Value 'Backgrounds' | ForEach-Object -Process {
    if ($_.PSIsContainer) { [System.IO.Directory]::Delete("\\?\$($_.FullName)", $true) } else { $_.Delete() }
}
