"""What lies in a device's journal is input: whatever somebody has put there, nothing is changed by it, and it is said why.

How the scripts alone answer is in test_journal.py; here are whole treatments, with reads of the whole device.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import LabDevice
from snapshot import report
from treater import Treater

from teamsmedic import content, remediation, runfolder, treatment
from teamsmedic.errors import NotReversible, Untrusted
from teamsmedic.outcome import Outcome
from teamsmedic.run import drive

ID = "tls12_usable"
KNOWN = remediation.load(content.root())
BREAK = (KNOWN[ID].folder / "tests/break/dotnet_off.ps1").read_text()
FOLDER = r"C:\ProgramData\teamsmedic"
MEGABYTES = 50 << 20
LOOSE = r"""
$acl = Get-Acl -LiteralPath '{}'
$everyone = [System.Security.Principal.SecurityIdentifier]'S-1-1-0'
$acl.AddAccessRule([System.Security.AccessControl.FileSystemAccessRule]::new($everyone, 'ReadAndExecute', 'Allow'))
Set-Acl -LiteralPath '{}' -AclObject $acl
"""


@pytest.fixture(scope="module")
def one(windows_lab: Any) -> Iterator[LabDevice]:
    made = windows_lab.add("desktop")
    yield made
    made.remove()


@pytest.fixture
def desk(one: LabDevice) -> LabDevice:
    """The device in the case, without a journal."""
    place = one.device.file(FOLDER)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    one.admin(BREAK)
    return one


@pytest.fixture
def treater(desk: LabDevice) -> Iterator[Treater]:
    treater = Treater(desk, ID)
    yield treater
    treater.close()


@pytest.fixture
def entry(desk: LabDevice, treater: Treater) -> Path:
    """The journal entry of a fix."""
    assert str(treater.fix(probe="").status) == "fixed"
    return desk.device.file(rf"{FOLDER}\journal\{treater.runs[0]}\{ID}.json")


def undo(treater: Treater, **hashes: str) -> Outcome:
    """What an undo comes to, for a controller that knows these hashes."""
    context = treatment.Context(runfolder.new_id(), "tester@here")
    walk = treatment.undo(KNOWN, context, hashes=lambda _: hashes, values=lambda about: about.values({}, 0))
    return drive(walk, treater, lambda *_: None).outcomes[0]


def refused(desk: LabDevice, act: Callable[[], Outcome]) -> tuple[str, str]:
    """Status and reason of what must change nothing; a refusal of the whole request is ('refused', sentence)."""
    before = desk.snapshot()
    try:
        outcome = act()
        told = (str(outcome.status), outcome.reasons[0])
    except (NotReversible, Untrusted) as error:
        told = ("refused", str(error))
    assert report(desk.changes(before)) == "no change"
    return told


# ------------------------------------------------------------------------------------------------ folders


@pytest.mark.parametrize(
    ("planted", "how"),
    [
        (FOLDER, "made plainly"),
        (rf"{FOLDER}\journal", "a file"),
        (rf"{FOLDER}\journal", "opened later"),
    ],
)
def test_a_folder_of_somebody_elses_blocks_everything(
    desk: LabDevice, treater: Treater, planted: str, how: str
) -> None:
    if how == "opened later" or planted != FOLDER:
        treater.fix(probe="")
        desk.admin(BREAK)
    if how == "opened later":
        desk.admin(LOOSE.replace("{}", planted))
    else:
        if planted != FOLDER:
            shutil.rmtree(desk.device.file(planted))
        desk.admin(f"$null = New-Item -Path '{planted}' -ItemType {'File' if how == 'a file' else 'Directory'}")

    for act in (treater.check, treater.fix):
        status, reason = refused(desk, lambda act=act: act(probe=""))
        assert status == "blocked"
        assert reason.startswith(f"journal folder not trustworthy ({planted}: "), reason
        assert how != "opened later" or "S-1-1-0 has access" in reason, reason
    status, reason = refused(desk, lambda: undo(treater))
    assert status == "refused"
    assert "not trustworthy" in reason


def test_a_run_that_others_can_enter_is_not_undone(desk: LabDevice, treater: Treater, entry: Path) -> None:
    desk.admin(LOOSE.replace("{}", rf"{FOLDER}\journal\{treater.runs[0]}"))
    status, reason = refused(desk, lambda: undo(treater))
    assert status == "refused"
    assert "nothing there is in force" in reason


# ------------------------------------------------------------------------------------------------ entries


def edited(entry: Path, **change: Any) -> bytes:
    return json.dumps(json.loads(entry.read_text()) | change).encode()


def elsewhere(entry: Path) -> bytes:
    """An entry that would write into a key of somebody else's."""
    return entry.read_bytes().replace(
        rb"SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319", rb"SOFTWARE\\Microsoft\\Windows\\x"
    )


ENTRIES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "50 MB": (lambda _: b" " * MEGABYTES, "larger than 1 MB"),
    "empty": (lambda _: b"", "damaged"),
    "no text": (lambda _: bytes(range(256)) * 40, "damaged"),
    "cut off": (lambda entry: entry.read_bytes()[:-1], "damaged"),
    "deep": (lambda _: b'{"drift":' + b"[" * 100_000, "damaged"),
    "a list": (lambda _: b"[]", "form of one"),
    "no drift": (lambda entry: edited(entry, drift={}), "form of one"),
    "a long number": (lambda entry: edited(entry, format=10**30), "form of one"),
    "changes of another form": (lambda entry: edited(entry, changes=[{"object": 1}]), "form of one"),
    "of another run": (lambda entry: edited(entry, run="20200101T000000Z-abcdef"), "of another run"),
    "of a later version": (lambda entry: edited(entry, format=2), "of another run, remediation or version"),
    "another object": (elsewhere, "which tls12_usable never touches"),
    "a way out": (
        lambda entry: entry.read_bytes().replace(rb"v4.0.30319\\", rb"v4.0.30319\\..\\..\\"), "which tls12_usable never touches"
    ),
    "an escape": (lambda entry: edited(entry, drift=[{"object": "\x1b]0;x\x07\u202e"}]), "which tls12_usable never touches"),
}  # fmt: skip


def test_an_entry_that_is_not_ours_is_not_undone(desk: LabDevice, treater: Treater, entry: Path) -> None:
    """Also where this controller knows no hash, because another one has fixed."""
    sound = entry.read_bytes()
    for what, (forge, why) in ENTRIES.items():
        entry.write_bytes(sound)
        text = forge(entry)
        assert text != sound, what
        entry.write_bytes(text)
        status, reason = refused(desk, lambda: undo(treater))
        assert (status, why in reason, reason.isprintable()) == ("failed", True, True), (what, reason)
    entry.write_bytes(sound + b" ")
    status, reason = refused(desk, lambda: undo(treater, **{ID: "0" * 64}))
    assert (status, "is not what this controller wrote" in reason) == ("failed", True)
    entry.write_bytes(sound)
    assert str(undo(treater).status) == "reverted"
    print(f"{len(ENTRIES) + 1} forged entries refused")


STATES = {
    "50 MB": b" " * MEGABYTES,
    "empty": b"",
    "no text": bytes(range(256)) * 8,
    "deep": b"[" * 4000,
    "a number": b'{"state": 5, "done": 1}',
    "a new word": b'{"state": "finished", "done": 1}',
    "no time": b'{"state": "done"}',
    "words for a time": b'{"state": "done", "done": "yesterday"}',
    "a list for a time": b'{"state": "done", "done": [1]}',
    "a time without end": b'{"state": "done", "done": 1e300}',
}


def test_a_state_that_cannot_be_read_is_no_entry_and_stops_nobody(
    desk: LabDevice, treater: Treater, entry: Path
) -> None:
    for what, text in STATES.items():
        entry.with_suffix(".state.json").write_bytes(text)
        status, reason = refused(desk, lambda: undo(treater))
        assert (status, "nothing there is in force" in reason) == ("refused", True), (what, reason)
    desk.admin(BREAK)
    for number, text in enumerate(STATES.values()):
        run = rf"{FOLDER}\journal\20260102T030405Z-{number:06x}"
        shutil.copytree(entry.parent, desk.device.file(run))
        desk.device.put(rf"{run}\{ID}.state.json", text)
    assert str(treater.fix(probe="").status) == "fixed"
    assert str(undo(treater).status) == "reverted"
    print(f"{len(STATES)} states that are none passed over")


def test_a_lock_that_nobody_holds_stops_nobody(desk: LabDevice, treater: Treater, entry: Path) -> None:
    for text in (b'{"run":"20200101T000000Z-abcdef","since":4000000000}', b"\0" * MEGABYTES, b""):
        desk.admin(BREAK)
        desk.device.put(rf"{FOLDER}\lock", text)
        assert str(treater.fix(probe="").status) == "fixed"
        assert not desk.device.file(rf"{FOLDER}\lock").exists()
