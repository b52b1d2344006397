# Facts of one person, in that person's session: sources, accounts, credentials. A credential's owner is own, foreign, or
# why that cannot be told: unnamed, no_upn (a GUID, a number), accounts_unknown. Its age is told and decides nothing.
param([object] $Parameters)

$known = Get-TMAccount
$named = @($known.sources | Where-Object -FilterScript { $_.count -gt 0 })
$told = $named.Count -ge 2 -and @($known.sources | Where-Object -FilterScript { -not $_.readable }).Count -eq 0
$own = @($known.accounts | ForEach-Object -Process { $_.object })
$credentials = @(foreach ($one in Get-TMCredential -Match '^(MicrosoftOffice1[56]_Data:|msteams_adalsso/).') {
    $name = $one.name.ToLowerInvariant()
    $owner = 'foreign'
    if (-not $name) { $owner = 'unnamed' }
    elseif ($name -notmatch '^[^@\s\\/]+@[^@\s\\/]+\.[^@\s\\/.]+$') { $owner = 'no_upn' }
    elseif ($own -ccontains $name) { $owner = 'own' }
    elseif (-not $told) { $owner = 'accounts_unknown' }
    [ordered]@{ object = $one.target; name = $one.name; written = $one.written; owner = $owner }
})
[ordered]@{ sources = $known.sources; accounts = $known.accounts; credentials = $credentials }
