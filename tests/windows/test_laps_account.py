"""Whose password LAPS keeps, and whether that account can sign in: policies and local users beyond those of the cases."""

from __future__ import annotations

from collections.abc import Callable

from harness import LabDevice

from teamsmedic import payload
from teamsmedic.hosts.base import Verb

POLICY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS"
LEGACY = r"HKLM\SOFTWARE\Policies\Microsoft Services\AdmPwd"
MADE = {"AutomaticAccountManagementEnabled": 1}
LONG = {"AutomaticAccountManagementNameOrPrefix": "LocalHelpdeskAccount", "AutomaticAccountManagementRandomizeName": 1}
# policy, its key, its values, the build, local users, what is said
SAID: dict[str, tuple[str, str, dict[str, object], int, dict[str, str], str]] = {
    "named, and expired": (
        "gpo", POLICY, {"AdministratorAccountName": "HELP"}, 22631, {"help": "1005,expired,administrator"}, "help expired"
    ),
    "named, and no administrator": (
        "gpo", POLICY, {"AdministratorAccountName": "help"}, 22631, {"help": "1005,enabled"}, "help no_administrator"
    ),
    "the built-in one under another name": (
        "csp", POLICY, {}, 22631, {"Chef": "500,enabled,administrator", "Administrator": "1005,disabled"}, "Chef ready"
    ),
    "of the time before Windows had LAPS": (
        "legacy", LEGACY, {"AdminAccountName": "help"}, 26100, {"help": "1005,disabled,administrator"}, "help disabled"
    ),
    "made by LAPS, on a Windows that cannot": (
        "csp", POLICY, {**MADE, "AdministratorAccountName": "help"}, 22631, {"help": "1005,enabled,administrator"}, "help ready"
    ),
    "made by LAPS, under its own name": (
        "csp", POLICY, {**MADE, "AdministratorAccountName": "help"}, 26100, {"WLapsAdmin": "1005,disabled,administrator"},
        "WLapsAdmin disabled",
    ),
    "the built-in one, kept by LAPS": (
        "csp", POLICY, {**MADE, "AutomaticAccountManagementTarget": 0}, 26100,
        {"Chef": "500,enabled,administrator", "WLapsAdmin": "1005,enabled,administrator"}, "Chef ready",
    ),
    "a long name with six digits": (
        "csp", POLICY, {**MADE, **LONG}, 26100, {"LocalHelpdeskA123456": "1005,enabled,administrator"}, "LocalHelpdeskA123456 ready"
    ),
    "a long name with eight digits": (
        "csp", POLICY, {**MADE, **LONG}, 26100, {"LocalHelpdes12345678": "1005,enabled,administrator"}, "LocalHelpdes12345678 ready"
    ),
    "two that it could have made": (
        "csp", POLICY, {**MADE, "AutomaticAccountManagementRandomizeName": 1}, 26100,
        {"WLapsAdmin123456": "1005,enabled,administrator", "WLapsAdmin654321": "1006,enabled,administrator"}, " several",
    ),
}  # fmt: skip


def test_the_account_of_each_policy_is_told(device: Callable[..., LabDevice]) -> None:
    desk = device("desktop")
    desk.device.file(r"C:\first.ps1").write_text(payload.build(["device_rejoin_prepared"], Verb.CHECK)[0].text)
    script = "$null = . 'C:\\first.ps1' '{}'\n"
    for policy, key, values, build, users, _ in SAID.values():
        path = key.replace("HKLM", "HKEY_LOCAL_MACHINE")
        for top in (path, r"HKEY_LOCAL_MACHINE\SOFTWARE\Lab\LocalUsers"):
            script += f"Remove-Item -LiteralPath 'Registry::{top}' -Recurse -ErrorAction SilentlyContinue\n"
        for name, value in values.items():
            kind = "'DWord'" if isinstance(value, int) else "'String'"
            script += f"[Microsoft.Win32.Registry]::SetValue('{path}', '{name}', '{value}', {kind})\n"
        for name, value in users.items():
            script += f"[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab\\LocalUsers', '{name}', '{value}')\n"
        script += (
            f"$TM.Host.build = {build}; $found = Get-TMLapsAccount -Laps ([ordered]@{{ object = '{key}'; policy = '{policy}' }})\n"
            '"said: $($found.name) $($found.value)"\n'
        )

    said = [line.removeprefix("said: ") for line in desk.admin(script).splitlines() if line.startswith("said: ")]

    assert dict(zip(SAID, said, strict=True)) == {name: wanted for name, (*_, wanted) in SAID.items()}
