# Only Windows tells it: the Room's app writes nothing.
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Skype Room System', 'Missing', 1, 'DWord')
[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Lab\Events\Microsoft-Windows-AAD!Operational', 'Events', [string[]]@("1098,5405,,<Data Name=`"ErrorMessage`">sample</Data><Data Name=`"AdditionalInformation`">Description: AADSTS53003: blocked (sample).</Data>"), 'MultiString')
