# What dsregcmd says in a person's session: only there it knows of the person's token.
param([object] $Parameters)
$text = Get-TMDsregcmd
# Without what only makes it pretty, about half of it: all people's answers share one line.
if ($null -ne $text) { $text = @($text -csplit "`n" -creplace '^[ \t]+|[ \t\r]+$', '' -creplace ' +\|$', ' |' -cnotmatch '^(\+-+\+)?$') -join "`n" }
[ordered]@{ dsregcmd = $text }
