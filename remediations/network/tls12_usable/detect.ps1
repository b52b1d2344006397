# Reads what can switch TLS 1.2 off, and tries a handshake. Absent values are healthy: from build 9200 on Windows uses
# TLS 1.2 by itself. The build decides, not ProductName, which says Windows 10 on Windows 11.
param([object] $Parameters)

# The usual validation of a certificate (no error is accepted), which also keeps what was wrong: exceptions do not tell a
# refused certificate from a broken handshake. Compiled, because a script block cannot run on the handshake's thread.
function New-Validation {
    param([object] $Refused)
    $arguments = foreach ($type in [object], [System.Security.Cryptography.X509Certificates.X509Certificate],
        [System.Security.Cryptography.X509Certificates.X509Chain], [System.Net.Security.SslPolicyErrors]) {
        [System.Linq.Expressions.Expression]::Parameter($type)
    }
    $errors = [System.Linq.Expressions.Expression]::Convert($arguments[3], [int])
    $keep = [System.Linq.Expressions.Expression]::Assign([System.Linq.Expressions.Expression]::Field([System.Linq.Expressions.Expression]::Constant($Refused), 'Value'), $errors)
    $none = [System.Linq.Expressions.Expression]::Equal($errors, [System.Linq.Expressions.Expression]::Constant(0))
    $body = [System.Linq.Expressions.Expression]::Block([System.Linq.Expressions.Expression[]]@($keep, $none))
    [System.Linq.Expressions.Expression]::Lambda([System.Net.Security.RemoteCertificateValidationCallback], $body, [System.Linq.Expressions.ParameterExpression[]]$arguments).Compile()
}

# A handshake with TLS 1.2 named, because inside WinRM's process .NET's default is another than at the desk. It is told how
# far it came: name, tcp, proxy, tls, certificate, ok. Five seconds in all. What fails here with sound settings is the
# network's, so this never decides.
function Measure-Handshake {
    param([string] $Target)
    $layer = 'not_tried'
    $detail = ''
    if (-not $TM.Full) { $detail = 'constrained language' }
    elseif ($Target -cnotmatch '^([0-9A-Za-z](?:[-.0-9A-Za-z]{0,251}[0-9A-Za-z])?):([0-9]{1,5})$' -or [int]$Matches[2] -gt 65535) { $detail = 'no HOST:PORT was given' }
    else {
        $name = $Matches[1]
        $port = [int]$Matches[2]
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $client = $null
        $stream = $null
        try {
            $layer = 'name'
            # The remoting server keeps threads of the pool busy, and a small pool gets another only every half second
            # (0.8 s of a check, measured on two cores).
            $workers = 0
            $ports = 0
            [System.Threading.ThreadPool]::GetMinThreads([ref]$workers, [ref]$ports)
            $null = [System.Threading.ThreadPool]::SetMinThreads([System.Math]::Max(8, $workers), [System.Math]::Max(8, $ports))
            $lookup = [System.Net.Dns]::GetHostAddressesAsync($name)
            if (-not $lookup.Wait(2000)) { throw 'no answer in time' }
            $layer = 'tcp'
            # One family a socket on .NET Framework: the first address of each is tried.
            $failure = 'no address'
            foreach ($family in 'InterNetwork', 'InterNetworkV6') {
                $address = $lookup.Result | Where-Object { "$($_.AddressFamily)" -eq $family } | Select-Object -First 1
                if ($null -eq $address) { continue }
                $client = New-Object -TypeName 'System.Net.Sockets.TcpClient' -ArgumentList $address.AddressFamily
                try {
                    if ($client.ConnectAsync($address, $port).Wait([int][System.Math]::Max(100, [System.Math]::Min(1500, 3500 - $clock.ElapsedMilliseconds)))) { break }
                    $failure = 'no answer in time'
                }
                catch { $failure = $_ }
                $client.Dispose()
                $client = $null
            }
            if ($null -eq $client) { throw $failure }
            $layer = 'tls'
            $refused = New-Object -TypeName 'System.Runtime.CompilerServices.StrongBox[int]' -ArgumentList 0
            $stream = New-Object -TypeName 'System.Net.Security.SslStream' -ArgumentList $client.GetStream(), $false, (New-Validation -Refused $refused)
            $handshake = $stream.AuthenticateAsClientAsync($name, $null, [System.Security.Authentication.SslProtocols]::Tls12, $false)
            if (-not $handshake.Wait([int][System.Math]::Max(100, 5000 - $clock.ElapsedMilliseconds))) { throw 'no answer in time' }
            $layer = 'ok'
        }
        catch {
            $cause = $_.Exception.GetBaseException()
            $detail = "$($cause.Message)"
            if ($layer -eq 'tls' -and $refused.Value) {
                $layer = 'certificate'
                $detail = "$([System.Net.Security.SslPolicyErrors]$refused.Value)"
            }
        }
        finally {
            if ($null -ne $stream) { $stream.Dispose() }
            if ($null -ne $client) { $client.Dispose() }
        }
        if ($layer -eq 'name' -or $layer -eq 'tcp') {
            # The flags are the third number of the value; 2 says that a proxy is set.
            $proxy = (Get-TMRegistryFact -Object 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\Connections\WinHttpSettings').value
            if ($null -ne $proxy -and "$($proxy.data)" -cmatch '^[0-9A-F]{16}[0-9A-F][2367ABEF]') {
                $layer = 'proxy'
                $detail = "the device has a proxy, which was not tried; directly: $detail"
            }
        }
    }
    if ($detail.Length -gt 300) { $detail = $detail.Substring(0, 300) }
    [ordered]@{ target = $Target; layer = $layer; detail = $detail }
}

# absent, usable, unusable (no ECDHE AES-GCM suite for TLS 1.2), unreadable. The list is a text with commas or several
# texts; before Windows 10 a name may end with its curve.
function Get-CipherPolicy {
    $value = (Get-TMRegistryFact -Object 'HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002\Functions').value
    if ($null -eq $value) { return 'absent' }
    if (@('String', 'ExpandString', 'MultiString') -cnotcontains $value.kind) { return 'unreadable' }
    $suites = @($value.data) -csplit ',' -creplace '\s', ''
    if (@($suites) -match '^TLS_ECDHE_(RSA|ECDSA)_WITH_AES_(128|256)_GCM_SHA(256|384)(_P\d+)?$') { return 'usable' }
    if (@($suites) -match '^TLS_') { return 'unusable' }
    return 'unreadable'
}

if ($null -eq $TM.Host.build) { throw 'the build number of Windows cannot be read' }
$schannel = 'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client'
$dotnet = 'HKLM\SOFTWARE\Microsoft\.NETFramework'
$dotnet32 = 'HKLM\SOFTWARE\Wow6432Node\Microsoft\.NETFramework'
[ordered]@{
    build = $TM.Host.build
    schannel_enabled = Get-TMRegistryFact -Object "$schannel\Enabled"
    schannel_disabled_by_default = Get-TMRegistryFact -Object "$schannel\DisabledByDefault"
    dotnet4_strong_crypto = Get-TMRegistryFact -Object "$dotnet\v4.0.30319\SchUseStrongCrypto"
    dotnet4_system_default = Get-TMRegistryFact -Object "$dotnet\v4.0.30319\SystemDefaultTlsVersions"
    dotnet4_32bit_strong_crypto = Get-TMRegistryFact -Object "$dotnet32\v4.0.30319\SchUseStrongCrypto"
    dotnet4_32bit_system_default = Get-TMRegistryFact -Object "$dotnet32\v4.0.30319\SystemDefaultTlsVersions"
    dotnet2_strong_crypto = Get-TMRegistryFact -Object "$dotnet\v2.0.50727\SchUseStrongCrypto"
    dotnet2_system_default = Get-TMRegistryFact -Object "$dotnet\v2.0.50727\SystemDefaultTlsVersions"
    dotnet2_32bit_strong_crypto = Get-TMRegistryFact -Object "$dotnet32\v2.0.50727\SchUseStrongCrypto"
    dotnet2_32bit_system_default = Get-TMRegistryFact -Object "$dotnet32\v2.0.50727\SystemDefaultTlsVersions"
    winhttp = Get-TMRegistryFact -Object 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp\DefaultSecureProtocols'
    winhttp_32bit = Get-TMRegistryFact -Object 'HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp\DefaultSecureProtocols'
    cipher_policy = Get-CipherPolicy
    handshake = Measure-Handshake -Target "$(Get-TMProperty -Object $Parameters -Name 'probe' -Default '')"
}
