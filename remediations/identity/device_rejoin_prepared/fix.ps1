# Writes the evidence, and nothing else. It is whole before it gets its name, and an older one is kept beside it.
param([object] $Parameters, [object[]] $Drift)

$folder = Get-TMRejoinFolder
if (@($Drift | Where-Object -FilterScript { "$($_.object)" -cne $folder }).Count -gt 0) { Stop-TMBlocked -Reason 'changed_meanwhile' -Detail 'the place of the evidence' }
foreach ($path in $folder, "$folder-old", "$folder-new") { if (Test-Path -LiteralPath $path) { Assert-TMFolder -Path $path } }
Start-TMChange
# Left by a fix that was cut off.
Remove-TMRejoinBundle -Folder "$folder-new"
Save-TMRejoinBundle -Folder "$folder-new"
if ([System.IO.Directory]::Exists($folder)) {
    $gone = Get-TMRejoinBundle -Folder "$folder-old"
    if ($null -ne $gone) { Set-TMSuperseded -Run $gone.run }
    Remove-TMRejoinBundle -Folder "$folder-old"
    [System.IO.Directory]::Move($folder, "$folder-old")
}
[System.IO.Directory]::Move("$folder-new", $folder)
[ordered]@{ written = 1 }
