# Removes the evidence that this treatment wrote and gives an older one its name back. Every step looks at what is there: a fix
# or an undo may have been cut off anywhere.
param([object] $Parameters, [object[]] $Items)

$folder = Get-TMRejoinFolder
foreach ($path in $folder, "$folder-old", "$folder-new") { if (Test-Path -LiteralPath $path) { Assert-TMFolder -Path $path } }
$present = Get-TMRejoinBundle -Folder $folder
$older = Get-TMRejoinBundle -Folder "$folder-old"
if ($null -ne $older -and $older.run -ceq $TM.Entry.run) {
    $by = 'a run that its evidence does not name'
    if ($null -ne $present) { $by = $present.run }
    Stop-TMBlocked -Reason 'superseded' -Detail "the evidence was renewed by $by, undo that first"
}
Remove-TMRejoinBundle -Folder "$folder-new"
if ($null -ne $present -and $present.run -ceq $TM.Entry.run) { Remove-TMRejoinBundle -Folder $folder }
$replaced = @($Items | Where-Object -FilterScript { "$($_.before)" -cne 'absent' }).Count -gt 0
if ($replaced -and -not [System.IO.Directory]::Exists($folder) -and [System.IO.Directory]::Exists("$folder-old")) { [System.IO.Directory]::Move("$folder-old", $folder) }
[ordered]@{ removed = 1 }
