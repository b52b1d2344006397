# Removes the older evidence that this treatment replaced.
param([object] $Parameters, [object[]] $Items)

$copy = "$(Get-TMRejoinFolder)-old"
if (Test-Path -LiteralPath $copy) {
    Assert-TMFolder -Path $copy
    Remove-TMRejoinBundle -Folder $copy
}
[ordered]@{ items = $Items.Count }
