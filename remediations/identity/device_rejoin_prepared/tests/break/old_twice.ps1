# The evidence is 40 days old, and one that it replaced lies beside it.
$security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
$security.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
foreach ($folder in 'C:\ProgramData\teamsmedic', 'C:\ProgramData\teamsmedic\journal', 'C:\ProgramData\teamsmedic\rejoin', 'C:\ProgramData\teamsmedic\rejoin-old') {
    $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
    if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $folder) }
    else { $null = [System.IO.Directory]::CreateDirectory($folder, $security) }
}
$now = [System.DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\bundle.json' -Value ('{"format":1,"run":"20251003T080000Z-0a1b2c","device":"0b7c7a52-aaaa-4bbb-8ccc-1234567890ab","written":' + ($now - 3456600) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin\dsregcmd.txt' -Value 'AzureAdJoined : YES'
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin-old\bundle.json' -Value ('{"format":1,"run":"20250903T080000Z-0a1b2d","device":"0b7c7a52-aaaa-4bbb-8ccc-1234567890ab","written":' + ($now - 6048000) + '}')
Set-Content -LiteralPath 'C:\ProgramData\teamsmedic\rejoin-old\dsregcmd.txt' -Value 'AzureAdJoined : YES'
