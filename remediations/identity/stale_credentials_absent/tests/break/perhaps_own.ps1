# Saved for names that no place holds and that may be hers all the same: an alias, a guest, a personal account.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:amber.adams@contoso.example' -Name 'amber.adams@contoso.example'
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:guest' -Name 'amber_fabrikam.example#EXT#@tailspin.example'
Save-Credential -Target 'MicrosoftOffice16_Data:live:cid=0123456789abcdef' -Name 'amber@personal.example'
