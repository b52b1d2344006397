# What Windows and others keep, which is not looked at.
Save-Credential -Target 'OneDrive Cached Credential Business - Business1' -Name 'amber@fabrikam.example'
Save-Credential -Target 'TERMSRV/host' -Name 'FABRIKAM\amber'
