@{
    RootModule        = 'CimCmdlets.psm1'
    ModuleVersion     = '7.0.0.0'
    GUID              = '0c5b2c1e-5b0a-4a55-9a55-3d1f0c8a7e21'
    Description       = 'Stand-in for a simulated device: the engine''s CimCmdlets, with what Wine''s WMI leaves out of Win32_Process, and with Win32_EncryptableVolume.'
    FunctionsToExport = @('Get-CimInstance', 'Invoke-CimMethod')
    CmdletsToExport   = @('Get-CimAssociatedInstance', 'Get-CimClass', 'Get-CimSession', 'New-CimInstance', 'New-CimSession', 'New-CimSessionOption', 'Register-CimIndicationEvent', 'Remove-CimInstance', 'Remove-CimSession', 'Set-CimInstance')
    AliasesToExport   = @('gcai', 'gcim', 'gcls', 'gcms', 'icim', 'ncim', 'ncms', 'ncso', 'rcie', 'rcim', 'rcms', 'scim')
    VariablesToExport = @()
}
