# Saved for the account that amber has.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@contoso.example' -Name 'amber@contoso.example'
