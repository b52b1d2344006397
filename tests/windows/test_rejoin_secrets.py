"""Secrets that lie beside what device_rejoin_prepared reads are nowhere after a check, a fix and an undo of it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import LabDevice
from treater import Treater

from teamsmedic import content, payload, remediation
from teamsmedic.hosts.base import Verb

NAME = "device_rejoin_prepared"
TEAMSMEDIC = Path(sys.executable).with_name("teamsmedic")
FOLDER = r"C:\ProgramData\teamsmedic"
WINLOGON = "Pl4nted-Winlogon-1"
LAPS = "Pl4nted-Laps-Passw0rd-2"
RECOVERY = "719741-288849-535722-191059-340813-620070-114488-503294"
PROXY = "Pl4nted-Proxy-Passw0rd"
# The last two are what the stand-ins for Get-Tpm and Get-WinEvent hold, in properties that nobody must keep.
SECRETS = (WINLOGON, LAPS, RECOVERY, PROXY, "Pl4ntedTpmOwner=", "Pl4nted-Event-Passw0rd")
# Where such secrets lie, and where an administrator's haste has left them.
PLANT = rf"""
$machine = 'HKEY_LOCAL_MACHINE\SOFTWARE'
$winlogon = "$machine\Microsoft\Windows NT\CurrentVersion\Winlogon"
[Microsoft.Win32.Registry]::SetValue($winlogon, 'DefaultPassword', '{WINLOGON}')
[Microsoft.Win32.Registry]::SetValue($winlogon, 'DefaultUserName', 'kiosk')
foreach ($key in 'Policies\LAPS', 'LAPS\State', 'CDJ\AAD') {{
    [Microsoft.Win32.Registry]::SetValue("$machine\Microsoft\Windows\CurrentVersion\$key", 'Password', '{LAPS}')
}}
[Microsoft.Win32.Registry]::SetValue("$machine\Lab\BitLocker", 'RecoveryPassword', '{RECOVERY}')
# dsregcmd prints the proxies of whoever runs it, with a name and a password where somebody has set them so.
$report = (& "$env:windir\System32\dsregcmd.exe" /status) -join "`r`n"
$report += "`r`n| IE Proxy Config for Current User |`r`n`r`n    Auto-Configuration URL : http://kiosk:{PROXY}@pac.example/p.pac`r`n"
$report += "         Proxy Server List : http=kiosk:{PROXY}@proxy:8080;https=kiosk:{PROXY}@proxy:8080`r`n"
$report += "| WinHttp Default Proxy Config |`r`n`r`n               Access Type : NAMED_PROXY`r`n         Proxy Server List : kiosk:{PROXY}@proxy:8080`r`n"
foreach ($who in 'Administrator', 'User') {{ [Microsoft.Win32.Registry]::SetValue("$machine\Lab\Dsregcmd", $who, $report) }}
"""
PLANTED = r"""
(Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon').DefaultPassword
(Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\LAPS').Password
(Get-BitLockerVolume).KeyProtector.RecoveryPassword
(Get-Tpm).OwnerAuth
& "$env:windir\System32\dsregcmd.exe" /status
(Get-WinEvent -FilterHashtable @{ LogName = 'Microsoft-Windows-LAPS/Operational' } -MaxEvents 1).Message
"""


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it could have been written: text of eight bits and sixteen, base64 of both, digits alone."""
    for text in (secret, secret.replace("-", "")):
        for data in (text.encode(), text.encode("utf-16-le")):
            yield data
            yield base64.b64encode(data).rstrip(b"=")[:-1]
            yield data.hex().encode()


def files(top: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in top.rglob("*") if one.is_file()}


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    made = device("desktop", breaks=PLANT)
    found = made.admin(PLANTED)
    assert [secret for secret in SECRETS if secret not in found] == [], (
        "what cannot be read on the device proves nothing"
    )
    return made


def test_no_secret_is_copied_by_check_fix_and_undo(desk: LabDevice, tmp_path: Path) -> None:
    made, kept = tmp_path / "made", {}
    inventory = desk.inventory(tmp_path / "hosts.yml")

    def run(*words: str) -> None:
        command = [str(TEAMSMEDIC), *words, "-i", str(inventory), "--run-dir", str(made / "runs"), "--json"]
        done = subprocess.run([*command, desk.name], capture_output=True, text=True, timeout=240, check=False)
        kept[f"said by {words[0]}"] = (done.stdout + done.stderr).encode()
        said = json.loads(done.stdout)
        kept[f"status of {words[0]}"] = json.dumps(said).encode()
        on_device = files(desk.device.file(FOLDER))
        assert (words[0] == "check") != bool(on_device)
        kept.update({f"{words[0]}: {name}": data for name, data in on_device.items()})

    wanted = ("--remediation", NAME, "-p", f"{NAME}.escrow_confirmed=0b7c7a52-aaaa-4bbb-8ccc-1234567890ab")
    run("check", *wanted)
    run("fix", "--yes", *wanted)
    assert any(name.endswith(r"rejoin/bundle.json") for name in kept), "the evidence was not written"
    evidence = next(data for name, data in kept.items() if name.endswith("rejoin/bundle.json"))
    assert b"kiosk" in evidence
    report = next(data for name, data in kept.items() if name.endswith("rejoin/dsregcmd.txt"))
    assert b"Proxy Server List : ***@proxy:8080" in report
    assert b"8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D" in evidence, "the id of the protector is what the evidence is for"
    run("undo", "--yes")
    assert not desk.device.file(rf"{FOLDER}\rejoin").exists()

    kept |= files(made)
    for verb in (Verb.CHECK, Verb.FIX, Verb.UNDO):
        kept[f"payload of {verb}"] = "\n".join(one.text for one in payload.build([NAME], verb)).encode()
    assert len([name for name in kept if name.endswith(".jsonl")]) == 3

    found = [
        (name, secret) for name, data in kept.items() for secret in SECRETS for form in forms(secret) if form in data
    ]
    assert found == []


DRIVES = {
    "": "C: recovery on {8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}",
    "'Data', 'locked'": (
        "C: recovery on {8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}; D: recovery unknown {5A5B5C5D-7E6F-4A3B-9C2D-1E0F9A8B7C6D}"
    ),
    "'Data', 'never'": "C: recovery on {8D5C1B2A-7E6F-4A3B-9C2D-1E0F9A8B7C6D}; D: not_encrypted off",
    "'Data', 'gone'": "BitLocker unreadable",
    "'State', 'no_recovery'": "C: no_recovery on",
    "'State', 'off'": "C: not_encrypted off",
    "'State', 'failing'": "BitLocker unreadable",
}


def test_what_windows_says_of_drives_is_told_without_a_key(device: Callable[..., LabDevice]) -> None:
    desk = device("desktop")
    desk.device.file(r"C:\first.ps1").write_text(payload.build([NAME], Verb.CHECK)[0].text)
    key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Lab\BitLocker"
    script = "$null = . 'C:\\first.ps1' '{}'\n"
    for value in DRIVES:
        script += r"[Microsoft.Win32.Registry]::LocalMachine.DeleteSubKeyTree('SOFTWARE\Lab\BitLocker', $false)" + "\n"
        script += f"[Microsoft.Win32.Registry]::SetValue('{key}', {value})\n" if value else ""
        script += (
            "'said: ' + (@(Get-TMProtectedVolume | ForEach-Object { "
            "\"$($_.object) $($_.state) $($_.protection) $($_.protectors -join ',')\".TrimEnd() }) -join '; ')\n"
        )

    said = [line.removeprefix("said: ") for line in desk.admin(script).splitlines() if line.startswith("said: ")]

    assert dict(zip(DRIVES, said, strict=True)) == DRIVES


def test_evidence_that_cannot_be_read_keeps_no_undo_from_its_answer(device: Callable[..., LabDevice]) -> None:
    desk = device("desktop")
    treater = Treater(desk, NAME)
    confirmed = {"escrow_confirmed": ["0b7c7a52-aaaa-4bbb-8ccc-1234567890ab"]}
    try:
        assert str(treater.fix(**confirmed).status) == "fixed"
        older = desk.device.file(rf"{FOLDER}\rejoin\bundle.json")
        older.write_text(older.read_text().replace("0b7c7a52", "1b7c7a52"))  # of another registration
        assert str(treater.fix(**confirmed).status) == "fixed"
        older.write_text("{")

        undone = treater.undo(treater.runs[0])
    finally:
        treater.close()

    assert str(undone.status) == "blocked"
    assert undone.reasons == [
        "superseded: the evidence was renewed by a run that its evidence does not name, undo that first"
    ]


def test_no_script_of_it_names_a_property_that_holds_a_secret() -> None:
    one = remediation.load(content.root())[NAME]
    helpers = one.folder.parent.parent / "_helpers"
    files = [*one.folder.glob("*.ps1"), *helpers.glob("rejoin*.ps1"), helpers / "dsregcmd.ps1"]
    code = {file.name: payload.slim(file.read_text()) for file in files}

    named = [(name, word) for name, text in code.items() for word in ("DefaultPassword", ".RecoveryPassword", "OwnerAuth",
             # It makes an object of each recovery password, by a command whose arguments module logging writes down.
             "Get-BitLockerVolume", "NumericalPassword", "KeyPackage", "ExternalKey") if word in text]  # fmt: skip
    assert named == []
