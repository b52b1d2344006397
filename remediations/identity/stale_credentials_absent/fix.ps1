# In the person's session: removes the credentials among the drift, each only if it is still what was looked at.
param([object] $Parameters, [object[]] $Drift)

$present = @(Get-TMCredential -Match '^(MicrosoftOffice1[56]_Data:|msteams_adalsso/).')
$removed = 0
foreach ($item in $Drift) {
    $found = @($present | Where-Object -FilterScript { $_.target -ceq "$($item.object)" -and $_.name -ceq "$($item.name)" })
    if ($found.Count -gt 0 -and (Remove-TMCredential -Target $found[0].target)) { $removed++ }
}
[ordered]@{ removed = $removed }
