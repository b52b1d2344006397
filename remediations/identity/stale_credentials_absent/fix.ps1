# In the person's session: removes the credentials among the drift, each only if it is still what was looked at, was not saved
# anew since, and is foreign by now.
param([object] $Parameters, [object[]] $Drift)

$present = @(Get-TMCredential -Match '^(MicrosoftOffice1[56]_Data:|msteams_adalsso/).')
$known = Get-TMAccount
$removed = 0
foreach ($item in $Drift) {
    $found = @($present | Where-Object -FilterScript { $_.target -ceq "$($item.object)" -and $_.name -ceq "$($item.name)" -and "$($_.written)" -ceq "$($item.written)" })
    if ($found.Count -gt 0 -and (Get-TMCredentialOwner -Target $found[0].target -Name $found[0].name -Known $known) -ceq 'foreign' -and (Remove-TMCredential -Target $found[0].target)) { $removed++ }
}
[ordered]@{ removed = $removed }
