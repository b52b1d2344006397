# No mailbox: the Room is not well and tells no code.
$said = '{"Description":"Network status : Healthy. Exchange status : GeneralError. Signin status: NotApplicable. Teams Signin status: Healthy.","OperationName":"Heartbeat","OperationResult":"Fail","Alias":"room-oslo@contoso.example","AppVersion":"5.4.216.0"}'
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Skype Room System', 'Events', [string[]]@("2001,240,,<Data>$said</Data>"), 'MultiString')
