# The Room's app and Windows both tell that Conditional Access asks for a second factor. The texts of the events are in Japanese.
$skype = 'S-1-5-21-3623811015-3361044348-30300820-1002'
$said = '{"Description":"Network status : Healthy. Exchange status : 80131500 : AADSTS50076. Signin status: NotApplicable. Teams Signin status: Unhealthy.","ResourceState":"Unhealthy","OperationName":"Heartbeat","OperationResult":"Fail","OS":"Windows 10","OSVersion":"10.0.22631.4317","Alias":"room-oslo@contoso.example","DisplayName":"Oslo","AppVersion":"5.4.216.0","IPv4Address":"192.0.2.21","IPv6Address":""}'
$well = '{"Description":"Network status : Healthy. Exchange status : Connected. Signin status: NotApplicable. Teams Signin status: Healthy.","OperationName":"Heartbeat","OperationResult":"Pass","Alias":"room-oslo@contoso.example","AppVersion":"5.4.216.0"}'
$aad = '<Data Name="Error">3399614476</Data><Data Name="ErrorMessage">&#x8981;&#x6C42;</Data><Data Name="AdditionalInformation">Code: interaction_required&#13;&#10;Description: AADSTS50076: multi-factor authentication needed (sample).&#13;&#10;TokenEndpoint: https://login.microsoftonline.com/common/oauth2/token</Data>'
$old = $aad.Replace('50076', '50126')
$log = 'HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events'
[Microsoft.Win32.Registry]::SetValue("$log\Skype Room System", 'Events', [string[]]@("2001,5400,,<Data>$said</Data>", "2001,5700,,<Data>$said</Data>", "2000,9000,,<Data>$well</Data>", "2001,12600,,<Data>$($said.Replace('50076', '50126'))</Data>"), 'MultiString')
[Microsoft.Win32.Registry]::SetValue("$log\Microsoft-Windows-AAD!Operational", 'Events', [string[]]@("1098,5405,$skype,$aad", "1098,5500,S-1-5-21-3623811015-3361044348-30300820-1001,$($aad.Replace('50076', '53003'))", "1098,12605,$skype,$old"), 'MultiString')
