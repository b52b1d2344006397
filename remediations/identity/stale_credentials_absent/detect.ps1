# Facts of one person, in that person's session: sources, accounts, credentials. A credential's owner is own, foreign, or
# why that cannot be told: unnamed, no_upn (a GUID, a number), accounts_unknown, same_domain, guest, personal. Its age is told
# and decides nothing.
param([object] $Parameters)

$known = Get-TMAccount
$credentials = @(foreach ($one in Get-TMCredential -Match '^(MicrosoftOffice1[56]_Data:|msteams_adalsso/).') {
    [ordered]@{ object = $one.target; name = $one.name; written = $one.written; owner = Get-TMCredentialOwner -Target $one.target -Name $one.name -Known $known }
})
[ordered]@{ sources = $known.sources; accounts = $known.accounts; credentials = $credentials }
