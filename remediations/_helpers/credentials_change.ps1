# Removing credentials of the vault of whoever runs this. There is no way back: a secret is never read, so never kept.
#
#   Remove-TMCredential -Target T   removes a generic credential -> whether it was there
function Remove-TMCredential {
    param([string] $Target)
    Use-TMCredentialType
    [TMCredential]::Delete($Target)
}
