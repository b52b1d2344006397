# Saved for the account that amber has; written by Office in other letters.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@contoso.example' -Name 'Amber@Contoso.example'
