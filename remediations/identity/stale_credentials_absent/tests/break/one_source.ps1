# Only one place names amber's account.
[System.IO.File]::Delete('C:\Users\amber\AppData\Local\Microsoft\OneAuth\accounts\6f9b1c2e-0a4d-4a51-9e6c-2f7d1e8b3a90')
