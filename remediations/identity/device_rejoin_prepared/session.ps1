# What dsregcmd says in a person's session: only there it knows of the person's token.
param([object] $Parameters)
[ordered]@{ dsregcmd = Get-TMDsregcmd }
