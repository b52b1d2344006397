@{
    RootModule        = 'Microsoft.PowerShell.Diagnostics.psm1'
    ModuleVersion     = '7.0.0.0'
    GUID              = '5a1f1c0e-6c1d-4a52-8f4e-0b1d2c3e4f54'
    Description       = 'Stand-in for a simulated device: Get-WinEvent, for the logs that a break script or a default fills.'
    FunctionsToExport = @('Get-WinEvent')
    CmdletsToExport   = @()
    AliasesToExport   = @()
    VariablesToExport = @()
}
