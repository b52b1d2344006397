# OneAuth keeps its accounts in another way than is known here.
$null = [System.IO.Directory]::CreateDirectory('C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Local\Microsoft\OneAuth\accounts\6f9b1c2e')
