# Saved for a second account that amber has.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@tailspin.example' -Name 'amber@tailspin.example'
[System.IO.File]::WriteAllText('C:\Users\amber\AppData\Local\Microsoft\OneAuth\accounts\second', '{"account_hints":["amber@tailspin.example"]}')
