# The work accounts that the person whose session this is has now, each with the places that name it. It only reads.
#
#   Get-TMAccount   -> [ordered] sources (list of source, count, readable), accounts (list of object, sources), by name
#
# One place alone can be left over or not yet written, so whoever decides by these asks for two. Names are compared in
# lower case. Needs the helper credentials. The places: registration (the account that registered the device for this person), identity_store (the
# account behind this person's SID, of an Entra sign-in), oneauth (accounts that Office and Teams are signed in to) and
# logon (the name that Windows itself gives this logon, of a domain).
function Get-TMAccountRegistration {
    $root = 'Registry::HKEY_CURRENT_USER\Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo'
    if (Test-Path -LiteralPath $root) { foreach ($key in Get-ChildItem -LiteralPath $root) { "$($key.GetValue('UserEmail', ''))" } }
}

function Get-TMAccountIdentity {
    $sid = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    $path = "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\IdentityStore\Cache\$sid\IdentityCache\$sid"
    if (Test-Path -LiteralPath $path) { "$((Get-Item -LiteralPath $path).GetValue('UserName', ''))" }
}

# Files of JSON, one an account, named by its id; the hints are the names under which it signs in.
function Get-TMAccountOneAuth {
    $folder = "$([System.Environment]::GetFolderPath('LocalApplicationData'))\Microsoft\OneAuth\accounts"
    if (-not [System.IO.Directory]::Exists($folder)) { return }
    foreach ($file in [System.IO.Directory]::GetFiles($folder)) {
        if ((New-Object -TypeName 'System.IO.FileInfo' -ArgumentList $file).Length -gt 1048576) { throw "$file is larger than an account can be" }
        $hints = Get-TMProperty -Object (ConvertFrom-TMJson -Text ([System.IO.File]::ReadAllText($file))) -Name 'account_hints'
        foreach ($hint in @($hints)) { "$hint" }
    }
}

function Get-TMAccount {
    $sources = @()
    $named = @{}
    foreach ($source in 'registration', 'identity_store', 'oneauth', 'logon') {
        $readable = $true
        $found = @()
        try {
            $found = @(switch -CaseSensitive ($source) {
                'registration' { Get-TMAccountRegistration }
                'identity_store' { Get-TMAccountIdentity }
                'oneauth' { Get-TMAccountOneAuth }
                'logon' { Use-TMCredentialType; [TMCredential]::Upn() }
            })
        }
        catch { $readable = $false }
        $found = @($found | Where-Object -FilterScript { $_ -match '^[^@\s\\/]+@[^@\s\\/]+\.[^@\s\\/.]+$' } | ForEach-Object -Process { $_.ToLowerInvariant() } | Sort-Object -Unique)
        foreach ($name in $found) { $named[$name] = @($named[$name] | Where-Object -FilterScript { $_ }) + $source }
        $sources += [ordered]@{ object = $source; count = $found.Count; readable = $readable }
    }
    $accounts = @(foreach ($name in $named.Keys | Sort-Object) { [ordered]@{ object = $name; sources = $named[$name] } })
    [ordered]@{ sources = $sources; accounts = $accounts }
}
