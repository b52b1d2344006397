# A stand-in for the module on a simulated device. HKLM\SOFTWARE\Lab\LocalUsers holds a value for each user, named as he is:
# 'RID,enabled|disabled|expired[,administrator]'; without that key there are those below. UnresolvedMember = 1 there: a member of
# Administrators is a SID that nobody can resolve any more (an Entra role or a deleted account), and Windows answers
#   Get-LocalGroupMember : An unspecified error occurred: error code = 1789
#   FullyQualifiedErrorId : Internal,Microsoft.PowerShell.Commands.GetLocalGroupMemberCommand
# (https://github.com/PowerShell/PowerShell/issues/2996).
# Documented output of Get-LocalUser: Name Enabled Description; of Get-LocalGroupMember: ObjectClass Name PrincipalSource.
Set-StrictMode -Version 2.0
$script:Machine = 'S-1-5-21-3623811015-3361044348-30300820'
$script:Domain = 'S-1-5-21-1004336348-1177238915-682003330'

function Get-Told {
    $key = Get-Item -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers' -ErrorAction SilentlyContinue
    $users = [ordered]@{ Administrator = '500,disabled,administrator'; Guest = '501,disabled'; lapsadmin = '1003,enabled,administrator' }
    if (Test-Path -LiteralPath 'C:\Rigel') { $users = [ordered]@{ Administrator = '500,disabled,administrator'; Admin = '1001,enabled,administrator'; Skype = '1002,enabled' } }
    $names = @($users.Keys)
    if ($key -and @($key.GetValueNames() -ne 'UnresolvedMember').Count) { $names = @($key.GetValueNames() -ne 'UnresolvedMember') }
    foreach ($name in $names) {
        $rid, $state, $group = ($(if ($key -and $key.GetValue($name)) { $key.GetValue($name) } else { $users[$name] }) -split ',') + ''
        [pscustomobject]@{
            Name = $name; SID = [System.Security.Principal.SecurityIdentifier]"$($script:Machine)-$rid"; Enabled = $state -ne 'disabled'
            AccountExpires = $(if ($state -eq 'expired') { [datetime]::Now.AddDays(-1) } else { $null })
            Administrator = $group -eq 'administrator'; PrincipalSource = 'Local'; ObjectClass = 'User'
        }
    }
}

function Get-LocalUser {
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string[]] $Name, [System.Security.Principal.SecurityIdentifier[]] $SID)
    Get-Told | Where-Object -FilterScript { (-not $Name -or $Name -contains $_.Name) -and (-not $SID -or $SID -contains $_.SID) } | Select-Object -Property Name, SID, Enabled, AccountExpires, PrincipalSource, ObjectClass
}

function Get-LocalGroupMember {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [System.Security.Principal.SecurityIdentifier] $SID)
    if ($SID.Value -ne 'S-1-5-32-544') { return }
    $key = Get-Item -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers' -ErrorAction SilentlyContinue
    if ($key -and $key.GetValue('UnresolvedMember', 0)) {
        $exception = New-Object -TypeName System.Management.Automation.RuntimeException -ArgumentList 'An unspecified error occurred: error code = 1789'
        $PSCmdlet.WriteError((New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, 'Internal,Microsoft.PowerShell.Commands.GetLocalGroupMemberCommand', 'NotSpecified', $null))
        return
    }
    foreach ($user in @(Get-Told | Where-Object -Property Administrator)) { $user | Select-Object -Property Name, SID, PrincipalSource, ObjectClass }
    [pscustomobject]@{ Name = 'CONTOSO\Domain Admins'; SID = [System.Security.Principal.SecurityIdentifier]"$($script:Domain)-512"; PrincipalSource = 'ActiveDirectory'; ObjectClass = 'Group' }
}
