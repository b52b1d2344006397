# A place for evidence, as a fix makes it.
$security = New-Object -TypeName 'System.Security.AccessControl.DirectorySecurity'
$security.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)')
foreach ($folder in 'C:\ProgramData\teamsmedic', 'C:\ProgramData\teamsmedic\journal', 'C:\ProgramData\teamsmedic\rejoin') {
    $extensions = 'System.IO.FileSystemAclExtensions' -as [type]
    if ($null -ne $extensions) { $null = $extensions::CreateDirectory($security, $folder) }
    else { $null = [System.IO.Directory]::CreateDirectory($folder, $security) }
}
