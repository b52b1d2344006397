@{
    RootModule        = 'BitLocker.psm1'
    ModuleVersion     = '1.0.0.0'
    GUID              = '5a1f1c0e-6c1d-4a52-8f4e-0b1d2c3e4f52'
    Description       = 'Stand-in for a simulated device: the drive C: with its protectors.'
    FunctionsToExport = @('Get-BitLockerVolume')
    CmdletsToExport   = @()
    AliasesToExport   = @()
    VariablesToExport = @()
}
