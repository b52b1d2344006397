"""Teams Rooms on Windows devices: local time, whether the Room is in use, and what is never done to its user."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import LabDevice
from snapshot import report
from treater import Treater

from teamsmedic import answer, content, payload, remediation
from teamsmedic.hosts.base import End, Reply, Verb
from teamsmedic.lab import device as lab
from teamsmedic.lab import seed
from teamsmedic.outcome import Status

KNOWN = remediation.load(content.root())
TLS_OFF = (KNOWN["tls12_usable"].folder / "tests/break/room_off.ps1").read_text()
SKYPE = seed.SKYPE
STORE = rf"HKEY_USERS\{SKYPE.sid}\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore"
HELD = r"""
[Microsoft.Win32.Registry]::SetValue('STORE\DEVICE\NonPackaged\C:#Program Files#cam.exe', 'LastUsedTimeStart', [long]5, 'QWord')
[Microsoft.Win32.Registry]::SetValue('STORE\DEVICE\NonPackaged\C:#Program Files#cam.exe', 'LastUsedTimeStop', [long]0, 'QWord')
""".replace("STORE", STORE)
# Whoever registers a task leaves a file, also where the task is gone at the end.
TRAP = r"""
$script:Real = ${function:Register-ScheduledTask}
function Register-ScheduledTask {
    [System.IO.File]::AppendAllText('C:\registered', 'x')
    & $script:Real @args
}
"""
MODULE = r"C:\Program Files\PowerShell\Modules\ScheduledTasks\ScheduledTasks.psm1"
Make = Callable[..., LabDevice]


def told(device: LabDevice, language: str = "FullLanguage") -> answer.DeviceInfo:
    """What the prelude tells."""
    statements = payload.build(["tls12_usable"], Verb.CHECK)
    argument = json.dumps({"remediations": {}})
    begin = f"$ExecutionContext.SessionState.LanguageMode = '{language}'\n"
    said = device.admin(f"{begin}. {{\n{statements[0].text}\n}} '{argument}'")
    found = answer.read(Reply((said.strip(),), End.COMPLETED), statements).device
    assert found
    return found


def fix(folder: Path, device: LabDevice, *words: str) -> dict[str, tuple[str, list[str]]]:
    """The outcomes of a fix from the command line."""
    inventory = folder / f"{device.name}.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {device.name: device.variables()}}}))
    command = ["fix", device.name, "--yes", "--json", "-i", str(inventory), "--run-dir", str(folder / "runs"), *words]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "teamsmedic"), *command], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("{"), done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    return {one["remediation"]: (one["status"], one["reasons"]) for one in host["outcomes"]}


@pytest.mark.parametrize("language", ["FullLanguage", "ConstrainedLanguage"])
def test_a_device_tells_its_local_time(device: Make, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """Wine takes the time zone from its surroundings."""
    made = lab.environment
    monkeypatch.setattr(lab, "environment", lambda prefix: {**made(prefix), "TZ": "<+0530>-5:30"})

    found = told(device("room"), language)

    assert (found.offset, found.room, found.use) == (330, True, "free")


def test_in_constrained_language_a_room_does_not_guess_whether_it_is_let_in(device: Make) -> None:
    detect = payload.build(["room_account_accepted"], Verb.CHECK)
    constrained = "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'\n"
    argument = json.dumps({"remediations": {"room_account_accepted": {"parameters": {"hours": 24}}}})

    said = device("room").admin(f"{constrained}. {{\n{detect[0].text}\n}} '{argument}'\n{detect[1].text}").splitlines()

    assert json.loads(said[1])["error"]["kind"] == "language"


def test_a_camera_in_use_is_a_meeting_and_a_microphone_that_nobody_sees_is_none(device: Make, tmp_path: Path) -> None:
    room = device("room", breaks=TLS_OFF + HELD.replace("DEVICE", "webcam"))
    before = room.snapshot()

    assert told(room).holders == ("cam.exe (webcam)",)
    said = fix(tmp_path, room, "--remediation", "tls12_usable")["tls12_usable"]

    assert said[0] == "blocked"
    assert said[1][0].startswith("the Room is in use (cam.exe (webcam)): to be tried again in the next night window")
    assert not room.changes(before), report(room.changes(before))
    room.admin(f"Remove-Item -LiteralPath 'Registry::{STORE}' -Recurse")
    assert told(room).use == "unreadable"
    status, reasons = fix(tmp_path, room, "--remediation", "tls12_usable")["tls12_usable"]
    assert (status, reasons[0][:40]) == ("blocked", "cannot tell whether the Room is in use: ")
    assert fix(tmp_path, room, "--remediation", "tls12_usable", "--because", "T 7")["tls12_usable"][0] == "fixed"


def test_a_meeting_that_begins_after_the_look_is_seen_by_the_device(device: Make) -> None:
    room = device("room", breaks=TLS_OFF)
    treater = Treater(room, "tls12_usable")
    treater.before = lambda: room.admin(HELD.replace("DEVICE", "microphone"))
    try:
        outcome = treater.fix()
        drift = treater.check()
    finally:
        treater.close()

    assert (outcome.status, outcome.reasons) == (Status.BLOCKED, ["in use by cam.exe (microphone)"])
    assert drift.status is Status.DRIFTED
    assert room.admin(r"Test-Path C:\ProgramData\teamsmedic\journal\2*").strip() == "False", "and no entry is left"


def test_the_user_of_a_room_is_never_edited_and_no_task_is_registered(device: Make, tmp_path: Path) -> None:
    """Everything that there is, with everything allowed. That the trap catches is shown on a desktop."""
    room, desk = device("room", breaks=TLS_OFF), device("desktop")
    for one in (room, desk):
        one.device.put(MODULE, one.device.file(MODULE).read_bytes() + TRAP.encode())
    everything = [word for name in KNOWN for word in ("--remediation", name)]
    everything += ["--allow", "disruptive", "--allow", "irreversible", "--because", "all of it"]
    before = room.snapshot()

    said = fix(tmp_path, room, *everything)
    fix(tmp_path, desk, "--remediation", "stale_credentials_absent", "--allow", "disruptive", "--allow", "irreversible")

    assert {name: status for name, (status, _) in said.items()} == {
        "tls12_usable": "fixed",
        "client_cache_fresh": "fixed",
        "room_account_accepted": "healthy",
        "stale_credentials_absent": "not_applicable",
        "device_rejoin_prepared": "blocked",
    }
    changed = room.changes(before)
    assert changed
    accounts = re.compile(
        rf"\w+ (HK(U|EY_USERS)\\{SKYPE.sid}|HKLM\\(SAM|Software\\Lab|Software\\Microsoft\\Windows NT\\CurrentVersion\\"
        r"(ProfileList|Winlogon)))(\\|$)",
        re.I,
    )
    assert [item for item in changed if accounts.match(item)] == []
    cache = rf"AppData\Local\Packages\{seed.TEAMS_FAMILY}\LocalCache\Microsoft\MSTeams"
    own = re.compile(rf"file C:\\Users\\Skype\\({re.escape(cache)}|AppData\\Local\\teamsmedic)(\\|$)", re.I)
    rest = [item for item in changed if item.lower().startswith(r"file c:\users\skype" + "\\") and not own.match(item)]
    assert rest == [], "of its profile only the cache of Teams moves"
    assert room.admin(r"Test-Path C:\registered").strip() == "False"
    assert desk.admin(r"Test-Path C:\registered").strip() == "True"
