# Writes only what drifted: 1 for a switch that is 0, 0 for DisabledByDefault, the missing bit beside those that are there.
param([object] $Parameters, [object[]] $Drift)
Set-TMRegistryItem -Item $Drift
[ordered]@{ written = $Drift.Count }
