# Removing credentials of the vault of whoever runs this. There is no way back: a secret is never read, so never kept.
# Needs the helper native.
#
#   Remove-TMCredential -Target T   removes a generic credential -> whether it was there
function Remove-TMCredential {
    param([string] $Target)
    $windows = Get-TMNative -Name 'CredentialChange' -Function { @{ CredDeleteW = 'advapi32.dll', [bool], [string], [int], [int] } }
    $failure = 0
    # 1: CRED_TYPE_GENERIC; 1168: there is none.
    if ($windows::CredDeleteW($Target, 1, 0, [ref]$failure)) { return $true }
    if ($failure -eq 1168) { return $false }
    throw (Get-TMNativeError -Failure $failure)
}
