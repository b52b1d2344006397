# The password has expired, which shows as a wrong one too.
$said = '{"Description":"Network status : Healthy. Exchange status : 80131500 : AADSTS50055. Signin status: NotApplicable. Teams Signin status: Unhealthy.","OperationName":"Heartbeat","OperationResult":"Fail","Alias":"room-oslo@contoso.example","AppVersion":"5.4.216.0"}'
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Skype Room System', 'Events', [string[]]@("2001,240,,<Data>$said</Data>"), 'MultiString')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-AAD!Operational', 'Events', [string[]]@("1098,250,,<Data Name=`"AdditionalInformation`">Description: AADSTS50126: wrong (sample).</Data>"), 'MultiString')
