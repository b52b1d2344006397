# A stand-in for Get-WinEvent on a simulated device, whose Wine reads no event logs. HKLM\SOFTWARE\Lab\Events\LOG (with ! for / in
# the log's name) holds a list Events, newest first, of 'ID,AGE IN SECONDS,SID OF THE USER,XML OF THE DATA' (the last two may be
# left out); without that key there are those below. Missing = 1 there: the log does not exist. Messages hold what scripts must
# never keep, and what is read of an event is its XML.
# Documented errors: NoMatchingEventsFound and NoMatchingLogsFound, both ,Microsoft.PowerShell.Commands.GetWinEventCommand.
# Ids of LAPS: 10004 a cycle succeeded, 10018 stored in Active Directory, 10021 policy is Active Directory, 10029 stored in Entra
# (https://learn.microsoft.com/windows-server/identity/laps/laps-management-event-log). Of User Device Registration: 306 joined, 335 status.
# Of a Room: the heartbeat 2000 (well) and 2001 (not well) of its app, JSON in the data; of AAD: 1098 with its three texts
# (https://learn.microsoft.com/troubleshoot/microsoftteams/teams-rooms-and-devices/teams-rooms-resource-account-sign-in-issues).
Set-StrictMode -Version 2.0
$script:Default = @{
    'Microsoft-Windows-LAPS/Operational' = '10004,259200', '10018,259201', '10021,259202'
    'Microsoft-Windows-User Device Registration/Admin' = '335,7200', '306,8640000'
    'Microsoft-Windows-AAD/Operational' = @()
}
if (Test-Path -LiteralPath 'C:\Rigel') {
    $said = '{"Description":"Network status : Healthy. Exchange status : Connected. Signin status: NotApplicable. Teams Signin status: Healthy.","ResourceState":"Healthy","OperationName":"Heartbeat","OperationResult":"Pass","OS":"Windows 10","OSVersion":"10.0.22631.4317","Alias":"room-oslo@contoso.example","DisplayName":"Oslo","AppVersion":"5.4.216.0","IPv4Address":"192.0.2.21","IPv6Address":""}'
    $script:Default['Skype Room System'] = "2000,240,,<Data>$said</Data>", "2000,540,,<Data>$said</Data>"
}

function Get-WinEvent {
    [CmdletBinding(DefaultParameterSetName = 'Log')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Log')] [string] $LogName,
        [Parameter(Mandatory, ParameterSetName = 'Filter')] [hashtable] $FilterHashtable,
        [long] $MaxEvents = 2147483647)
    $ids = $null
    $oldest = [double]::MaxValue
    if ($FilterHashtable) {
        if ($FilterHashtable.ContainsKey('StartTime')) { $oldest = ([datetime]::Now - $FilterHashtable.StartTime).TotalSeconds }
        $LogName = $FilterHashtable.LogName
        if ($FilterHashtable.ContainsKey('Id')) { $ids = @($FilterHashtable.Id) }
    }
    $key = Get-Item -LiteralPath "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\$($LogName.Replace('/', '!'))" -ErrorAction SilentlyContinue
    $lines = $script:Default[$LogName]
    if ($key) { $lines = if ($key.GetValue('Missing', 0)) { $null } else { @($key.GetValue('Events', @())) } }
    $events = @(foreach ($line in @($lines | Where-Object -FilterScript { $_ })) {
        $id, $age, $user, $data = $line -split ',', 4
        if (($ids -and $ids -notcontains [int]$id) -or [double]$age -gt $oldest) { continue }
        $when = [datetime]::UtcNow.AddSeconds(-[double]$age).ToString('o', [cultureinfo]::InvariantCulture)
        $xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Lab'/><EventID>$id</EventID><TimeCreated SystemTime='$when'/><Channel>$LogName</Channel><Security$(if ($user) { " UserID='$user'" })/></System><EventData>$data</EventData></Event>"
        [pscustomobject]@{ Id = [int]$id; TimeCreated = [datetime]::Now.AddSeconds(-[double]$age); LogName = $LogName; Level = 4; Message = "the password is Pl4nted-Event-Passw0rd"; Properties = @('Pl4nted-Event-Passw0rd') } |
            Add-Member -MemberType ScriptMethod -Name ToXml -Value ([scriptblock]::Create("'$($xml.Replace("'", "''"))'")) -PassThru
    })
    if ($events.Count) { return $events | Select-Object -First ([Math]::Min($MaxEvents, 2147483647)) }
    $id = if ($null -eq $lines) { 'NoMatchingLogsFound' } else { 'NoMatchingEventsFound' }
    $exception = New-Object -TypeName System.Exception -ArgumentList "No events were found that match the specified selection criteria."
    $PSCmdlet.WriteError((New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, "$id,Microsoft.PowerShell.Commands.GetWinEventCommand", 'ObjectNotFound', $LogName))
}
