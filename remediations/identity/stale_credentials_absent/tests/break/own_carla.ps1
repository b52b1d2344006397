# Saved for the account that carla has.
Save-Credential -Target 'MicrosoftOffice16_Data:SSPI:carla@contoso.example' -Name 'carla@contoso.example' -Sid 'S-1-5-21-1004336348-1177238915-682003330-1107'
