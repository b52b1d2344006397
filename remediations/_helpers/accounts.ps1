# The work accounts that the person whose session this is has now, each with the places that name it. It only reads.
#
#   Get-TMAccount   -> [ordered] sources (list of source, count, readable), accounts (list of object, sources), by name; left:
#                      names of accounts that Office and Teams were told to leave alone
#
# One place alone can be left over or not yet written, so whoever decides by these asks for two. Names are compared in
# lower case. Needs the helper credentials. The places: registration (the account that registered the device for this
# person), identity_store (the account behind this person's SID, of an Entra sign-in), oneauth (accounts that Office and
# Teams are signed in to), office (identities that Office keeps) and logon (the name that Windows gives this logon, of a
# domain). A place whose content is not understood in full is not readable: an account that is missed looks foreign.
#
#   Get-TMCredentialOwner -Target T -Name N -Known K   -> own | foreign | why that cannot be told; K of Get-TMAccount
# Whether a text is one clean address, and nothing that holds one.
function Test-TMUpn {
    param([string] $Name)
    $Name -match '^[^@\s\\/"{}\[\]]+@[^@\s\\/"{}\[\]]+\.[^@\s\\/."{}\[\]]+$'
}

function Get-TMAccountRegistration {
    $root = 'Registry::HKEY_CURRENT_USER\Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo'
    if (Test-Path -LiteralPath $root) { foreach ($key in Get-ChildItem -LiteralPath $root) { "$($key.GetValue('UserEmail', ''))" } }
}

function Get-TMAccountIdentity {
    $sid = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    $path = "Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\IdentityStore\Cache\$sid\IdentityCache\$sid"
    if (Test-Path -LiteralPath $path) { "$((Get-Item -LiteralPath $path).GetValue('UserName', ''))" }
}

# Files of JSON, one an account, named by its id; the hints are the names under which it signs in, as a list or as a text
# that holds one in JSON. Office has one store, new Teams one in its package.
function Get-TMAccountOneAuth {
    $local = [System.Environment]::GetFolderPath('LocalApplicationData')
    foreach ($folder in "$local\Microsoft\OneAuth\accounts", "$local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Local\Microsoft\OneAuth\accounts") {
        if (-not [System.IO.Directory]::Exists($folder)) { continue }
        if ([System.IO.Directory]::GetDirectories($folder).Count -gt 0) { throw "$folder holds folders" }
        foreach ($file in [System.IO.Directory]::GetFiles($folder)) {
            if ((New-Object -TypeName 'System.IO.FileInfo' -ArgumentList $file).Length -gt 1048576) { throw "$file is larger than an account can be" }
            $account = ConvertFrom-TMJson -Text ([System.IO.File]::ReadAllText($file))
            $names = @(foreach ($field in 'account_hints', 'login_name', 'email') {
                foreach ($value in @(Get-TMProperty -Object $account -Name $field)) {
                    # 5.1 hands on a list as one object.
                    if ("$value" -match '^\s*\[') { foreach ($list in @(ConvertFrom-TMJson -Text "$value")) { foreach ($inner in @($list)) { if ("$inner") { "$inner" } } } }
                    elseif ("$value") { "$value" }
                }
            })
            if ($names.Count -eq 0 -or @($names | Where-Object -FilterScript { -not (Test-TMUpn -Name $_) }).Count -gt 0) { throw "$file names no account" }
            # By program: associated, or disassociated, as Microsoft's own repair of a wrong account leaves it.
            $status = Get-TMProperty -Object $account -Name 'association_status'
            if ($status -is [System.Management.Automation.PSCustomObject]) { $status = @($status.PSObject.Properties | ForEach-Object -Process { $_.Value }) -join ' ' }
            if ("$status" -match '\bdisassociated\b' -and "$status" -notmatch '\bassociated\b') { $TM.Left += $names }
            else { $names }
        }
    }
}

# One key an identity; those of a work account end with _ADAL.
function Get-TMAccountOffice {
    foreach ($version in '15.0', '16.0') {
        $root = "Registry::HKEY_CURRENT_USER\Software\Microsoft\Office\$version\Common\Identity\Identities"
        if (-not (Test-Path -LiteralPath $root)) { continue }
        foreach ($key in Get-ChildItem -LiteralPath $root) {
            $names = @(foreach ($value in 'EmailAddress', 'SignInName') { if ("$($key.GetValue($value, ''))") { "$($key.GetValue($value))" } })
            if ($names.Count -eq 0 -and $key.Name -match '_ADAL$') { throw "$($key.Name) names no account" }
            $names
        }
    }
}

# Whose a saved sign-in is. Told from the accounts only where all places were read, two name some, and one of those that Office
# and Teams write is among them. A name in the domain of an own account, or of one that was told to be left alone, may be its
# alias or an earlier name of it; a guest's and a personal one stand in no place.
function Get-TMCredentialOwner {
    param([string] $Target, [string] $Name, [object] $Known)
    $lower = $Name.ToLowerInvariant()
    if (-not $lower) { return 'unnamed' }
    if (-not (Test-TMUpn -Name $lower)) { return 'no_upn' }
    $own = @($Known.accounts | ForEach-Object -Process { $_.object })
    if ($own -ccontains $lower) { return 'own' }
    if ($Known.left -ccontains $lower) { return 'disassociated' }
    $naming = @($Known.sources | Where-Object -FilterScript { $_.count -gt 0 } | ForEach-Object -Process { $_.object })
    $unread = @($Known.sources | Where-Object -FilterScript { -not $_.readable })
    if ($unread.Count -gt 0 -or $naming.Count -lt 2 -or -not ($naming -ccontains 'oneauth' -or $naming -ccontains 'office')) { return 'accounts_unknown' }
    if ($Target -match ':live:') { return 'personal' }
    $domain = $lower.Substring($lower.IndexOf('@'))
    if ($lower -match '#ext#' -or $domain -match '\.onmicrosoft\.com$') { return 'guest' }
    if (@(@($own) + @($Known.left) | Where-Object -FilterScript { $_.EndsWith($domain, [System.StringComparison]::Ordinal) }).Count -gt 0) { return 'same_domain' }
    return 'foreign'
}

function Get-TMAccount {
    $sources = @()
    $named = @{}
    $TM.Left = @()
    foreach ($source in 'registration', 'identity_store', 'oneauth', 'office', 'logon') {
        $readable = $true
        $found = @()
        try {
            $found = @(switch -CaseSensitive ($source) {
                'registration' { Get-TMAccountRegistration }
                'identity_store' { Get-TMAccountIdentity }
                'oneauth' { Get-TMAccountOneAuth }
                'office' { Get-TMAccountOffice }
                'logon' { Get-TMLogonName }
            })
        }
        catch { $readable = $false }
        $found = @($found | Where-Object -FilterScript { $_ } | ForEach-Object -Process { $_.ToLowerInvariant() } | Sort-Object -Unique)
        if (@($found | Where-Object -FilterScript { -not (Test-TMUpn -Name $_) }).Count -gt 0) {
            $readable = $false
            $found = @()
        }
        foreach ($name in $found) { $named[$name] = @($named[$name] | Where-Object -FilterScript { $_ }) + $source }
        $sources += [ordered]@{ object = $source; count = $found.Count; readable = $readable }
    }
    $accounts = @(foreach ($name in $named.Keys | Sort-Object) { [ordered]@{ object = $name; sources = $named[$name] } })
    [ordered]@{ sources = $sources; accounts = $accounts; left = @($TM.Left | ForEach-Object -Process { "$_".ToLowerInvariant() }) }
}
