# Saved under an id, which tells no account.
Save-Credential -Target 'MicrosoftOffice16_Data:ADAL:0b7c7a52-aaaa-4bbb-8ccc-1234567890ab' -Name '0b7c7a52-aaaa-4bbb-8ccc-1234567890ab'
