# Facts: room, sign_in, refusals, settings, logon. Only a Room is looked at.
param([object] $Parameters)

# Whoever wrote a log or a file does not decide how much is kept of it.
function Get-Part {
    param([string] $Text)
    $Text.Trim().Substring(0, [System.Math]::Min(300, $Text.Trim().Length))
}

$hours = [int]$Parameters.hours
$facts = [ordered]@{
    room = [bool]$TM.Host.room
    sign_in = [ordered]@{ object = 'Skype Room System'; value = 'not_looked_at'; why = ''; account = ''; app = '' }
    refusals = @()
    settings = [ordered]@{ object = 'SkypeSettings.xml'; value = 'not_looked_at'; modern_auth = ''; addresses = ''; password = $false }
    logon = [ordered]@{ object = 'Winlogon'; value = 'not_looked_at' }
}
if (-not $facts.room) { return $facts }
if (-not $TM.Full) { Stop-TMFault -Kind 'language' -Message 'event logs and files are read as XML' }

# The Room's own word, every five minutes: 2000 all is well, 2001 something is not. Its text is JSON with constant words.
$user = Get-TMRoomUser
$sign = $facts.sign_in
$well = 0
$told = @()
$last = $null
$unread = @()
try {
    foreach ($found in @(Get-TMEventData -Log 'Skype Room System' -Id 2000, 2001 -Hours $hours -Most 300)) {
        $said = $null
        try { $said = ConvertFrom-TMJson -Text "$($found.data['data'])" } catch { $said = $null }
        if ("$(Get-TMProperty -Object $said -Name 'OperationName')" -cne 'Heartbeat') { continue }
        if ($null -eq $last) { $last = [ordered]@{ id = $found.id; time = $found.time; said = $said } }
        if ($found.id -eq 2000) {
            $well = $found.time
            break
        }
        foreach ($match in [regex]::Matches("$(Get-TMProperty -Object $said -Name 'Description')", 'AADSTS\d{4,7}')) { $told += [ordered]@{ code = $match.Value; event = 2001; time = $found.time } }
    }
}
catch { $unread += 'Skype Room System' }
# What was refused before the Room was well again is over. An event of another person's is not the Room's.
try {
    foreach ($found in @(Get-TMEventData -Log 'Microsoft-Windows-AAD/Operational' -Id 1098 -Hours $hours -Most 200)) {
        if ($found.time -le $well) { break }
        if ($found.user -and $found.user -ne $user) { continue }
        foreach ($match in [regex]::Matches("$($found.data['ErrorMessage']) $($found.data['AdditionalInformation'])", 'AADSTS\d{4,7}')) { $told += [ordered]@{ code = $match.Value; event = 1098; time = $found.time } }
    }
}
catch { $unread += 'Microsoft-Windows-AAD/Operational' }

$codes = @($told | ForEach-Object -Process { $_.code } | Sort-Object -Unique | Select-Object -First 20)
$facts.refusals = @(foreach ($code in $codes) {
    $mine = @($told | Where-Object -FilterScript { $_.code -ceq $code })
    $newest = 0
    foreach ($one in $mine) { if ($one.time -gt $newest) { $newest = $one.time } }
    $age = (Get-TMUnixTime) - $newest
    [ordered]@{
        object = $code; events = (@($mine | ForEach-Object -Process { $_.event } | Sort-Object -Unique) -join ' and ')
        count = $mine.Count; hours = [long](($age - $age % 3600) / 3600)
    }
})
if ($null -ne $last) {
    $sign.account = Get-Part -Text (Get-TMProperty -Object $last.said -Name 'Alias')
    $sign.app = Get-Part -Text (Get-TMProperty -Object $last.said -Name 'AppVersion')
}
if ($codes.Count -gt 0) { $sign.value = 'refused' }
elseif ($unread -ccontains 'Skype Room System') { $sign.value, $sign.why = 'unreadable', "no event log can be read there: $($unread -join ', ')" }
elseif ($null -eq $last -or (Get-TMUnixTime) - $last.time -gt 600) {
    # Ten minutes without a heartbeat: the app does not run, and its last good word says nothing of now.
    $sign.value, $sign.why = 'silent', 'the Room has told nothing for more than ten minutes: see that its app runs'
}
elseif ($last.id -eq 2000) { $sign.value = 'accepted' }
else {
    $sign.value = 'not_well'
    $sign.why = "the Room tells no code but is not well: $(Get-Part -Text (Get-TMProperty -Object $last.said -Name 'Description'))"
}

# How the Room is set up to sign in: the file that waits for the next start, and the logon of its user.
$logon = Get-ItemProperty -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'
$facts.logon.value = 'automatic'
if ("$(Get-TMProperty -Object $logon -Name 'AutoAdminLogon')" -ne '1') { $facts.logon.value = 'off' }
elseif ("$(Get-TMProperty -Object $logon -Name 'DefaultUserName')" -ne 'Skype') { $facts.logon.value = 'other_user' }

$root = "$((Get-ItemProperty -LiteralPath "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\$user").ProfileImagePath)"
$settings = $facts.settings
$settings.object = "$root\AppData\Local\Packages\Microsoft.SkypeRoomSystem_8wekyb3d8bbwe\LocalState\SkypeSettings.xml"
$settings.value = 'absent'
if (Test-Path -LiteralPath $settings.object) {
    $settings.value = 'unreadable'
    try {
        # The Room's user can write it: no link is followed at its end, nothing large is read, and no document type.
        $file = Get-Item -LiteralPath $settings.object -Force
        if (([int]$file.Attributes -band 0x410) -eq 0 -and $file.Length -le 1048576) {
            $how = New-Object -TypeName 'System.Xml.XmlReaderSettings'
            $how.DtdProcessing = 'Prohibit'
            $how.XmlResolver = $null
            $address = @{ SkypeSignInAddress = ''; ExchangeAddress = '' }
            $reader = [System.Xml.XmlReader]::Create($settings.object, $how)
            try {
                while ($reader.Read()) {
                    if ("$($reader.NodeType)" -cne 'Element') { continue }
                    $name = $reader.LocalName
                    # The password stands there in the clear: its text is never touched.
                    if ($name -ceq 'Password') { $settings.password = -not $reader.IsEmptyElement }
                    elseif ($name -ceq 'ModernAuthEnabled') { $settings.modern_auth = Get-Part -Text $reader.ReadString() }
                    elseif ($address.ContainsKey($name)) { $address[$name] = "$($reader.ReadString())".Trim() }
                }
            }
            finally { $reader.Dispose() }
            if ($address.SkypeSignInAddress -and $address.ExchangeAddress) {
                $settings.addresses = 'differ'
                if ($address.SkypeSignInAddress -eq $address.ExchangeAddress) { $settings.addresses = 'agree' }
            }
            $settings.value = 'waits'
        }
    }
    catch { $settings.value = 'unreadable' }
}
$facts
