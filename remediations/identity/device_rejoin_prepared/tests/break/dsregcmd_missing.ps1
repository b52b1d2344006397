# The program is not there.
Remove-Item -LiteralPath "$env:windir\System32\dsregcmd.exe" -Force
