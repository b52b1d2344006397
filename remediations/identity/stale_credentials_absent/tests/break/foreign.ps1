# Saved for an account that amber has no more.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber@fabrikam.example' -Name 'amber@fabrikam.example'
