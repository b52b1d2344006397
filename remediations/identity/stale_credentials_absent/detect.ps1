# Facts of one person, in that person's session: sources, accounts, credentials, in_use. A credential's owner is own, foreign,
# or why that cannot be told: unnamed, no_upn (a GUID, a number), disassociated, accounts_unknown, same_domain, guest, personal.
# Its age is told and decides nothing. in_use: programs of this person that write such credentials, where a foreign one is there.
param([object] $Parameters)

$known = Get-TMAccount
$credentials = @(foreach ($one in Get-TMCredential -Match '^(MicrosoftOffice1[56]_Data:|msteams_adalsso/).') {
    [ordered]@{ object = $one.target; name = $one.name; written = $one.written; owner = Get-TMCredentialOwner -Target $one.target -Name $one.name -Known $known }
})
$programs = @()
if (@($credentials | Where-Object -FilterScript { $_.owner -ceq 'foreign' }).Count -gt 0) {
    $programs = @(Get-TMProgram -Sid ([System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value) |
        Where-Object -FilterScript { $_.image -match '\\(Microsoft Office( 15)?|Microsoft\\Teams)\\' } | ForEach-Object -Process { $_.image } | Sort-Object -Unique)
}
$in_use = @(foreach ($image in $programs) { [ordered]@{ object = $image; name = ($image -csplit '\\')[-1]; running = $true } })
[ordered]@{ sources = $known.sources; accounts = $known.accounts; credentials = $credentials; in_use = $in_use }
