# The report of dsregcmd, of the device and of whoever asks. It only reads.
#
#   Get-TMDsregcmd [-Seconds N]   -> the text of `dsregcmd /status`, at most 48,000 characters; $null where the program is not
#                                    there or does not answer in time. What stands before an @ in the setting of a proxy or in
#                                    a URL is masked: it may be a password. Never throws.
#
#   Get-TMDsregcmdValue -Text T -Name N   -> the first word of a field, '' where it is not there or has none
#
# Its text is English on every Windows, and its exit code is 0 in every state. The part about the user is true for the
# session that it runs in: over WinRM it says of nobody that he has a token.
# One that hangs is left to itself: a check ends no process, and with the shell or task that it belongs to Windows ends it.
function Get-TMDsregcmd {
    param([int] $Seconds = 20)
    try {
        $program = "$env:windir\System32\dsregcmd.exe"
        # 32-bit programs see another System32, which has none.
        if ("$env:PROCESSOR_ARCHITEW6432") { $program = "$env:windir\Sysnative\dsregcmd.exe" }
        if (-not (Test-Path -LiteralPath $program)) { return }
        if ($TM.Full) {
            $start = New-Object -TypeName 'System.Diagnostics.ProcessStartInfo' -ArgumentList $program, '/status'
            $start.UseShellExecute = $false
            $start.CreateNoWindow = $true
            $start.RedirectStandardOutput = $true
            $process = [System.Diagnostics.Process]::Start($start)
            try {
                $reading = $process.StandardOutput.ReadToEndAsync()
                if (-not $reading.Wait(1000 * $Seconds)) { return }
                $text = $reading.Result
            }
            finally { $process.Dispose() }
        }
        else { $text = @(& $program '/status' 2>$null) -join "`n" }
        $text = $text -replace "`r`n", "`n"
        # Before it is cut: half a password has no @ behind it. Names of fields are English on every Windows.
        $text = $text -replace '(?m)^([^:\n]*(?:proxy|url\b|uri\b)[^:\n]*:).*@', '$1 ***@' -replace '://\S*@', '://***@'
        if ($text.Length -gt 48000) { $text = $text.Substring(0, 48000) }
        if ($text) { $text }
    }
    catch { return }
}

function Get-TMDsregcmdValue {
    param([string] $Text, [string] $Name)
    # Of this line alone: a field may be empty.
    if ($Text -cmatch "(?m)^[ \t]*${Name}[ \t]*:[ \t]*(\S+)") { return $Matches[1] }
    return ''
}
