# Writes back what stood there, as it stood there.
param([object] $Parameters, [object[]] $Items)
Restore-TMRegistryItem -Item $Items
[ordered]@{ restored = $Items.Count }
