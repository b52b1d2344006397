@{
    RootModule        = 'Microsoft.PowerShell.LocalAccounts.psm1'
    ModuleVersion     = '1.0.0.0'
    GUID              = '5a1f1c0e-6c1d-4a52-8f4e-0b1d2c3e4f51'
    Description       = 'Stand-in for a simulated device: local users and the members of Administrators.'
    FunctionsToExport = @('Get-LocalUser', 'Get-LocalGroupMember')
    CmdletsToExport   = @()
    AliasesToExport   = @()
    VariablesToExport = @()
}
