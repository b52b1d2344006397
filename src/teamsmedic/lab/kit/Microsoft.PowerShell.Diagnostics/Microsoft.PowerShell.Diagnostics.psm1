# A stand-in for Get-WinEvent on a simulated device, whose Wine reads no event logs. HKLM\SOFTWARE\Lab\Events\LOG (with ! for / in
# the log's name) holds a list Events, newest first, of 'ID,AGE IN SECONDS'; without that key there are those below. Missing = 1
# there: the log does not exist. Messages hold what scripts must never keep.
# Documented errors: NoMatchingEventsFound and NoMatchingLogsFound, both ,Microsoft.PowerShell.Commands.GetWinEventCommand.
# Ids of LAPS: 10004 a cycle succeeded, 10018 stored in Active Directory, 10021 policy is Active Directory, 10029 stored in Entra
# (https://learn.microsoft.com/windows-server/identity/laps/laps-management-event-log). Of User Device Registration: 306 joined, 335 status.
Set-StrictMode -Version 2.0
$script:Default = @{
    'Microsoft-Windows-LAPS/Operational' = '10004,259200', '10018,259201', '10021,259202'
    'Microsoft-Windows-User Device Registration/Admin' = '335,7200', '306,8640000'
}

function Get-WinEvent {
    [CmdletBinding(DefaultParameterSetName = 'Log')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Log')] [string] $LogName,
        [Parameter(Mandatory, ParameterSetName = 'Filter')] [hashtable] $FilterHashtable,
        [long] $MaxEvents = 2147483647)
    $ids = $null
    if ($FilterHashtable) {
        $LogName = $FilterHashtable.LogName
        if ($FilterHashtable.ContainsKey('Id')) { $ids = @($FilterHashtable.Id) }
    }
    $key = Get-Item -LiteralPath "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\$($LogName.Replace('/', '!'))" -ErrorAction SilentlyContinue
    $lines = $script:Default[$LogName]
    if ($key) { $lines = if ($key.GetValue('Missing', 0)) { $null } else { @($key.GetValue('Events', @())) } }
    $events = @(foreach ($line in @($lines | Where-Object -FilterScript { $_ })) {
        $id, $age = $line -split ','
        if ($ids -and $ids -notcontains [int]$id) { continue }
        [pscustomobject]@{ Id = [int]$id; TimeCreated = [datetime]::Now.AddSeconds(-[double]$age); LogName = $LogName; Level = 4; Message = "the password is Pl4nted-Event-Passw0rd"; Properties = @('Pl4nted-Event-Passw0rd') }
    })
    if ($events.Count) { return $events | Select-Object -First ([Math]::Min($MaxEvents, 2147483647)) }
    $id = if ($null -eq $lines) { 'NoMatchingLogsFound' } else { 'NoMatchingEventsFound' }
    $exception = New-Object -TypeName System.Exception -ArgumentList "No events were found that match the specified selection criteria."
    $PSCmdlet.WriteError((New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, "$id,Microsoft.PowerShell.Commands.GetWinEventCommand", 'ObjectNotFound', $LogName))
}
