# Fixes in the sessions of people. Needs _session.ps1.
#
#   Invoke-TMSessionFix -Name ID -Drift D -Limit S   runs a fix, for each person whose sid the drift names; returns notes

# What a person answers of his fix decides nothing: the detect that follows does.
function Invoke-TMSessionFix {
    param([string] $Name, [object[]] $Drift, [int] $Limit)
    $mine = @{}
    foreach ($item in $Drift) { $mine["$($item.sid)"] = @($mine["$($item.sid)"] | Where-Object -FilterScript { $_ }) + $item }
    $people = @(Get-TMProfile | Where-Object -FilterScript { $mine.ContainsKey($_.sid) })
    if ($people.Count -ne $mine.Count) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail 'somebody has no profile here any more' }
    foreach ($person in $people) {
        $refusal = Get-TMSessionRefusal -Person $person
        if ($refusal) { Stop-TMBlocked -Reason $refusal -Detail $person.name }
    }
    Start-TMChange
    foreach ($result in @(Invoke-TMSession -Name $Name -Person $people -Limit $Limit -Drift $mine)) {
        if (-not "$($result.answers[$Name])".StartsWith("{`"teamsmedic`":1,`"statement`":`"$Name`",`"done`":", [System.StringComparison]::Ordinal)) { throw "no answer from the session of $($result.name) ($($result.state) $($result.detail))" }
    }
    [ordered]@{ people = $people.Count }
}
