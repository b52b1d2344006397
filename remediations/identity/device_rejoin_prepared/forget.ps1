# Removes the older evidence that this treatment replaced.
param([object] $Parameters, [object[]] $Items)

$copy = "$(Get-TMRejoinFolder)-old"
if (Test-Path -LiteralPath $copy) {
    Assert-TMFolder -Path $copy
    $gone = Get-TMRejoinBundle -Folder $copy
    # The treatment that wrote it has nothing to take away any more.
    if ($null -ne $gone) { Set-TMSuperseded -Run $gone.run }
    Remove-TMRejoinBundle -Folder $copy
}
[ordered]@{ items = $Items.Count }
