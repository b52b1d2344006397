# The administrator who comes in uses Teams himself.
[System.IO.Directory]::Delete('\\?\C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\bruno\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
[System.IO.Directory]::Delete('\\?\C:\Users\carla\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams', $true)
$cache = 'C:\Users\labadmin\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams'
$null = New-Item -Path "$cache\EBWebView" -ItemType Directory
Set-Content -LiteralPath "$cache\EBWebView\Local State" -Value '{}'
