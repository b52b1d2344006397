# The account is asked to register a second factor.
$said = '{"Description":"Network status : Healthy. Exchange status : 80131500 : AADSTS50079. Signin status: NotApplicable. Teams Signin status: Unhealthy.","OperationName":"Heartbeat","OperationResult":"Fail","Alias":"room-oslo@contoso.example","AppVersion":"5.4.216.0"}'
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Skype Room System', 'Events', [string[]]@("2001,240,,<Data>$said</Data>"), 'MultiString')
