# Microsoft's own repair of a wrong account: Office was told to leave it alone, and its file stays. Both forms; one that
# another program still has; and beside them one that is foreign for sure.
$folder = 'C:\Users\amber\AppData\Local\Microsoft\OneAuth\accounts'
[System.IO.File]::WriteAllText("$folder\5e1f2a3b-0000-4000-8000-000000000001", '{"account_hints":["Amber@Fabrikam.example"],"association_status":"{\"com.microsoft.Office\":\"disassociated\"}"}')
[System.IO.File]::WriteAllText("$folder\5e1f2a3b-0000-4000-8000-000000000002", '{"account_hints":["amber@litware.example"],"association_status":{"com.microsoft.Office":"disassociated"}}')
[System.IO.File]::WriteAllText("$folder\5e1f2a3b-0000-4000-8000-000000000003", '{"account_hints":["amber@tailspin.example"],"association_status":"{\"com.microsoft.Office\":\"associated\",\"com.microsoft.Outlook\":\"disassociated\"}"}')
foreach ($name in 'litware', 'northwind', 'tailspin') { Save-Credential -Target "MicrosoftOffice16_Data:SSPI:amber@$name.example" -Name "amber@$name.example" }
# Perhaps an alias of the first.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber.adams@fabrikam.example' -Name 'amber.adams@fabrikam.example'
