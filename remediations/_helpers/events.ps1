# Events of a log. It only reads.
#
#   Get-TMLogEvent -Filter F -Most M   -> objects of Get-WinEvent, newest first; throws where the log cannot be read
#   Get-TMEventData -Log L -Id N -Hours N -Most N   -> [ordered] id, time (unix), user (SID or ''), data (the texts of its data,
#                                                      by name; one without a name is `data`), newest first; throws where the
#                                                      log cannot be read
#
# The XML of an event, never its message: that is localised, and rendering it loads the provider and is 10 to 50 times slower.
function Get-TMEventData {
    param([string] $Log, [int[]] $Id, [int] $Hours, [int] $Most)
    $filter = @{ LogName = $Log; Id = $Id; StartTime = [datetime]::Now.AddHours(-$Hours) }
    foreach ($found in @(Get-TMLogEvent -Filter $filter -Most $Most)) {
        $xml = [xml]$found.ToXml()
        $data = [ordered]@{}
        foreach ($node in $xml.GetElementsByTagName('Data')) {
            $name = $node.GetAttribute('Name')
            if (-not $name) { $name = 'data' }
            $data[$name] = "$($node.InnerText)"
        }
        $user = ''
        foreach ($node in $xml.GetElementsByTagName('Security')) { $user = $node.GetAttribute('UserID') }
        [ordered]@{ id = [int]$found.Id; time = Get-TMUnixTime -Time $found.TimeCreated; user = $user; data = $data }
    }
}

function Get-TMLogEvent {
    param([hashtable] $Filter, [int] $Most)
    try { Get-WinEvent -FilterHashtable $Filter -MaxEvents $Most -ErrorAction Stop }
    catch {
        if ($_.FullyQualifiedErrorId -clike 'NoMatchingEventsFound,*') { return }
        throw
    }
}
