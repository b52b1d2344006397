"""client_cache_fresh over several treatments: older copies, guards at the last moment, forged entries, being killed."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from announced import expected
from harness import LabDevice
from snapshot import IGNORE, Difference, Ignore, Snapshot, difference, read
from treater import Treater

from teamsmedic.errors import NothingToUndo, NotReversible
from teamsmedic.hosts.base import Verb

ID = "client_cache_fresh"
CACHE = r"C:\Users\{}\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams"
COPY = r"C:\Users\{}\AppData\Local\teamsmedic\Teams-new"
JOURNAL = re.compile(r"file C:\\ProgramData\\teamsmedic(\\|$)", re.IGNORECASE)
BUT_JOURNAL: Ignore = (*IGNORE, (JOURNAL, "the device's journal"))
PROFILES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
BRUNO = "S-1-5-21-1004336348-1177238915-682003330-1104"
UNMOVED = """
$global:TMPair = ${{function:Move-TMPair}}
function Move-TMPair {{
    param([string] $From, [string] $To, [string] $Note)
    if ($From -like '*\\{person}\\*\\Teams-new') {{ return 32 }}
    & $global:TMPair @PSBoundParameters
}}
function Get-TMFolderUser {{ 'scanner.exe' }}
"""
HELD = r"""
function Hold-TMTest {
    param([scriptblock] $Then)
    $TM.Changed = $true
    $at = 'C:\Users\amber\AppData\Local\held'
    $null = [System.IO.Directory]::CreateDirectory("$at\below")
    $handle = Lock-TMFolder -Path "$at\below"
    $timer = New-Object -TypeName 'System.Timers.Timer' -ArgumentList 1500
    $timer.AutoReset = $false
    $null = Register-ObjectEvent -InputObject $timer -EventName 'Elapsed' -MessageData $handle -Action { $event.MessageData.Dispose() }
    $timer.Start()
    & $Then
}
"""
OFTEN = {"users": ["amber"], "symptom_since": "0s"}
"""Since now: what any treatment has done counts no more."""


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    return device("desktop")


@pytest.fixture
def treater(desk: LabDevice) -> Iterator[Treater]:
    treater = Treater(desk, ID)
    yield treater
    treater.close()


def files(desk: LabDevice) -> Snapshot:
    return read(desk.device, registry=False)


def changes(before: Snapshot, after: Snapshot) -> Difference:
    return difference(before, after, BUT_JOURNAL)


def grow(desk: LabDevice, user: str, text: str) -> None:
    desk.device.put(CACHE.format(user) + r"\EBWebView\Local State", text.encode())


def in_copy(desk: LabDevice, user: str) -> str:
    return desk.device.file(COPY.format(user) + r"\EBWebView\Local State").read_text()


def amber_drift(treater: Treater) -> list[dict[str, Any]]:
    one = treater.remediation
    return one.judge(treater.check(users=["amber"]).facts or {}, one.values({}, 0)).drift


def days_ago(desk: LabDevice, run: str, days: int) -> None:
    """Let a treatment be older by the device's journal."""
    state = desk.device.file(rf"C:\ProgramData\teamsmedic\journal\{run}\{ID}.state.json")
    data = json.loads(state.read_text())
    desk.device.put(
        rf"C:\ProgramData\teamsmedic\journal\{run}\{ID}.state.json",
        json.dumps({key: one if key == "state" else one - 86400 * days for key, one in data.items()}).encode(),
    )


def test_one_copy_is_kept_and_the_run_whose_copy_went_cannot_be_undone(desk: LabDevice, treater: Treater) -> None:
    grow(desk, "amber", "first")
    treater.fix(users=["amber"])
    grow(desk, "amber", "second")
    before = files(desk)

    outcome = treater.fix(**OFTEN)

    assert str(outcome.status) == "fixed"
    assert [one.object for one in outcome.changes if one.action == "remove"] == [COPY.format("amber")]
    assert changes(expected(before, outcome.changes), files(desk)) == {}
    assert in_copy(desk, "amber") == "second"
    with pytest.raises(NotReversible, match="a later run removed its copy"):
        treater.undo(treater.runs[0])
    assert str(treater.undo().status) == "reverted"
    assert desk.device.file(CACHE.format("amber") + r"\EBWebView\Local State").read_text() == "second"


def test_a_run_of_two_people_is_not_undone_beside_a_later_copy_of_one(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber", "carla"])
    grow(desk, "amber", "second")
    treater.fix(**OFTEN)
    before = files(desk)

    refused = treater.undo(treater.runs[0])

    assert str(refused.status) == "blocked"
    assert refused.reasons[0].startswith(f"superseded: the copy of {CACHE.format('amber')} is of {treater.runs[1]}")
    assert changes(before, files(desk)) == {}
    assert str(treater.undo().status) == "reverted"
    rest = treater.undo(treater.runs[0])  # whose copy of amber's went with the later treatment
    assert (str(rest.status), rest.reasons) == (
        "failed",
        [
            f"{CACHE.format('amber')} cannot be put back (copy gone: {COPY.format('amber')})",
            "all else was put back",
        ],
    )
    assert desk.device.file(CACHE.format("amber") + r"\EBWebView\Local State").read_text() == "second"
    assert desk.device.file(CACHE.format("carla") + r"\EBWebView\Local State").exists()


def test_a_copy_that_somebody_removed_is_never_said_to_be_back(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber"])
    grow(desk, "amber", "new")
    shutil.rmtree(desk.device.file(COPY.format("amber")))
    before = files(desk)

    refused = treater.undo()

    assert (str(refused.status), refused.reasons) == ("blocked", [f"copy gone: {COPY.format('amber')}"])
    assert changes(before, files(desk)) == {}
    assert str(treater.check(users=["amber"]).status) == "healthy"


def test_what_was_forgotten_stays_a_treatment_and_has_no_way_back(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber"])
    grow(desk, "amber", "new")

    forgotten = treater.forget()

    assert forgotten.reasons[0] == f"the copy is gone: run {treater.runs[0]} can no longer be undone"
    assert [one.object for one in forgotten.changes] == [COPY.format("amber")]
    assert not desk.device.file(COPY.format("amber")).exists()
    assert str(treater.check(users=["amber"]).status) == "healthy"
    with pytest.raises(NothingToUndo, match="nothing there is in force"):
        treater.undo()
    with pytest.raises(NothingToUndo, match=f"run {treater.runs[0]} .* its way back was given up: .*since 20"):
        treater.undo(treater.runs[0])


def test_a_forget_that_was_cut_off_is_never_undone_from_half_a_copy(desk: LabDevice, treater: Treater) -> None:
    treater.begin(amber_drift(treater))
    treater.between = "function Remove-TMFolder { param([string] $Path) throw 'cut' }\n"
    assert "error" in treater.give_back(Verb.FORGET)
    treater.between = ""
    before = files(desk)

    assert treater.give_back()["blocked"]["reason"] == "copy_gone"
    assert changes(before, files(desk)) == {}
    assert treater.give_back(Verb.FORGET)["done"]["removed"] == 1
    assert not desk.device.file(COPY.format("amber")).exists()


def test_the_next_treatment_removes_copies_older_than_keep_days(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["bruno"])
    days_ago(desk, treater.runs[0], 15)
    treater.fix(users=["carla"])
    days_ago(desk, treater.runs[1], 13)
    before = files(desk)

    outcome = treater.fix()

    assert [one.object for one in outcome.changes if one.action == "move"] == [CACHE.format("amber")]
    assert [one.object for one in outcome.changes if one.action == "remove"] == [COPY.format("bruno")]
    assert changes(expected(before, outcome.changes), files(desk)) == {}
    with pytest.raises(NotReversible, match="a later run removed its copy"):
        treater.undo(treater.runs[0])
    assert str(treater.undo(treater.runs[1]).status) == "reverted"


def test_a_copy_that_cannot_be_removed_costs_that_copy_only(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["bruno"])
    days_ago(desk, treater.runs[0], 15)
    treater.between = UNMOVED.format(person="bruno")

    outcome = treater.fix(users=[])

    assert str(outcome.status) == "fixed"
    assert outcome.notes == [f"not removed: {COPY.format('bruno')} (in use: scanner.exe)"]
    assert [one.object for one in outcome.changes if one.action == "remove"] == []
    treater.between = ""
    assert str(treater.undo(treater.runs[0]).status) == "reverted"  # its copy is still whole


def test_what_is_left_of_a_copy_is_never_taken_for_it_and_goes_with_the_next_treatment(
    desk: LabDevice, treater: Treater
) -> None:
    treater.fix(users=["bruno"])
    days_ago(desk, treater.runs[0], 15)
    treater.between = "function Remove-TMFolder { param([string] $Path) throw 'cut' }\n"
    kept = treater.fix(users=["amber", "bruno"])
    treater.between = ""

    assert kept.notes == [f"not removed: {COPY.format('bruno')} (cut)"]
    assert treater.undo(treater.runs[0]).reasons == [f"copy gone: {COPY.format('bruno')}"]
    again = treater.fix(users=["carla", "bruno"])
    assert [one.object for one in again.changes if one.action == "remove"] == [COPY.format("bruno") + "-old"]
    assert not desk.device.file(COPY.format("bruno") + "-old").exists()


@pytest.mark.parametrize("gone", ["profile", "folder"])
def test_somebody_whose_profile_is_gone_keeps_nobody_elses_cache_away(
    desk: LabDevice, treater: Treater, gone: str
) -> None:
    treater.fix(users=["amber", "bruno"])
    if gone == "profile":
        desk.admin(rf"[Microsoft.Win32.Registry]::LocalMachine.DeleteSubKey('{PROFILES}\{BRUNO}')")
    else:
        shutil.rmtree(desk.device.file(r"C:\Users\bruno"))

    outcome = treater.undo()

    assert str(outcome.status) == "failed"
    assert outcome.reasons[0].startswith(f"{CACHE.format('bruno')} cannot be put back (")
    assert outcome.reasons[1:] == ["all else was put back"]
    assert CACHE.format("bruno") not in [one.object for one in outcome.changes]
    assert desk.device.file(CACHE.format("amber") + r"\EBWebView").exists()
    assert not desk.device.file(COPY.format("amber")).exists()
    assert state(desk, treater) == "undone"


def test_somebody_whose_teams_is_gone_gets_the_cache_back_when_it_is_there_again(
    desk: LabDevice, treater: Treater
) -> None:
    before = files(desk)
    treater.fix(users=["amber", "bruno"])
    package = desk.device.file(CACHE.format("bruno").partition(r"\LocalCache")[0])
    package.rename(package.with_name("elsewhere"))

    partly = treater.undo()

    assert str(partly.status) == "failed"
    assert partly.reasons[0].startswith(f"{CACHE.format('bruno')} was not put back (changed meanwhile: C:")
    assert state(desk, treater) == "done"
    package.with_name("elsewhere").rename(package)
    assert str(treater.undo().status) == "reverted"
    assert changes(before, files(desk)) == {}


def test_a_copy_is_forgotten_where_teams_is_gone(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber", "bruno"])
    shutil.rmtree(desk.device.file(CACHE.format("bruno").partition(r"\LocalCache")[0]))

    outcome = treater.forget()

    assert outcome.reasons == [f"the copy is gone: run {treater.runs[0]} can no longer be undone"]
    assert not desk.device.file(COPY.format("bruno")).exists()


@pytest.mark.parametrize("work", ["Remove", "Move"])
def test_a_program_that_holds_a_folder_for_a_moment_is_waited_for(desk: LabDevice, treater: Treater, work: str) -> None:
    """Wine refuses a folder whose handle shares no deletion, as Windows does."""
    calls = {"Remove": "Remove-TMFolder -Path $at", "Move": 'Move-TMFolder -Move @(@{ from = $at; to = "$at-2" })'}
    treater.between = HELD + f"function Start-TMChange {{ Hold-TMTest -Then {{ {calls[work]} }} }}\n"

    outcome = treater.fix(users=["amber"])

    assert str(outcome.status) == "fixed", outcome.reasons
    assert not desk.device.file(r"C:\Users\amber\AppData\Local\held").exists()


def test_an_old_copy_alone_is_no_drift(desk: LabDevice, treater: Treater) -> None:
    treater.fix()
    days_ago(desk, treater.runs[0], 100)

    assert str(treater.check().status) == "healthy"


def test_a_call_that_begins_after_the_check_is_seen(desk: LabDevice, treater: Treater) -> None:
    script = (treater.remediation.folder / "tests/break/in_a_call.ps1").read_text().splitlines()[-1]
    treater.before = lambda: desk.admin(script)
    before = files(desk)

    outcome = treater.fix(users=["amber"])

    assert (str(outcome.status), outcome.reasons) == ("blocked", ["in a call: amber (MSTeams_8wekyb3d8bbwe)"])
    assert changes(before, files(desk)) == {}


def test_undo_waits_for_the_end_of_a_call(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber"])
    desk.admin((treater.remediation.folder / "tests/break/in_a_call.ps1").read_text().splitlines()[-1])
    before = files(desk)

    assert str(treater.undo().status) == "blocked"
    assert changes(before, files(desk)) == {}


REFUSED = r"""
$TM.Real = ${function:Lock-TMFolder}
function Lock-TMFolder {
    param([string] $Path)
    if ($Path -like '*\carla\AppData\Local') { throw 'not this one' }
    & $TM.Real -Path $Path
}
function Write-TMEnd {
    $at = 'C:\Users\amber\AppData\Local\Packages'
    try {
        [System.IO.Directory]::Move($at, "$at-moved")
        [System.IO.Directory]::Move("$at-moved", $at)
        [System.IO.File]::WriteAllText('C:\said.txt', 'free')
    }
    catch { [System.IO.File]::WriteAllText('C:\said.txt', 'held') }
    '{"teamsmedic":1,"statement":"end"}'
}
"""


def test_where_one_way_cannot_be_held_the_others_are_let_go(desk: LabDevice, treater: Treater) -> None:
    treater.between = REFUSED
    outcome = treater.fix(users=["amber", "carla"])

    assert (str(outcome.status), "not this one" in " ".join(outcome.reasons)) == ("failed", True), outcome
    assert desk.device.file(r"C:\said.txt").read_text() == "free"


def test_one_rename_that_fails_takes_the_others_back(desk: LabDevice, treater: Treater) -> None:
    """Wine renames a folder with open files in it, Windows does not; a file in the way stops both."""
    in_the_way = desk.device.put(COPY.format("carla"), b"no folder")
    grow(desk, "amber", "first")
    treater.fix(users=["amber"])
    grow(desk, "amber", "second")
    before = files(desk)

    outcome = treater.fix(users=["amber", "carla"], symptom_since="0s")

    assert (str(outcome.status), outcome.reasons) == ("blocked", [f"in the way: {COPY.format('carla')}"])
    assert changes(before, files(desk)) == {}
    in_the_way.unlink()
    assert str(treater.undo().status) == "reverted"
    assert desk.device.file(CACHE.format("amber") + r"\EBWebView\Local State").read_text() == "first"


def test_an_item_that_names_somebody_elses_folder_is_refused(desk: LabDevice, treater: Treater) -> None:
    treater.fix(users=["amber"])
    for file in (desk.device.file(r"C:\ProgramData\teamsmedic\journal") / treater.runs[0]).glob(f"{ID}.json"):
        text = file.read_text().replace("Users\\\\amber", "Users\\\\carla")
        desk.device.put(rf"C:\ProgramData\teamsmedic\journal\{treater.runs[0]}\{ID}.json", text.encode())
    before = files(desk)

    outcome = treater.undo()

    assert (str(outcome.status), outcome.reasons) == (
        "blocked",
        [f"changed meanwhile: {CACHE.format('carla')} is now {CACHE.format('amber')}"],
    )
    assert changes(before, files(desk)) == {}


def test_a_cache_that_grew_under_long_paths_comes_and_goes(desk: LabDevice, treater: Treater) -> None:
    deep = desk.device.file(CACHE.format("amber")).joinpath("EBWebView", *["x" * 60] * 5)
    deep.mkdir(parents=True)
    (deep / "data").write_bytes(b"old")
    before = files(desk)
    treater.fix(users=["amber"])
    again = desk.device.file(CACHE.format("amber")).joinpath("EBWebView", *["y" * 60] * 5)
    again.mkdir(parents=True)
    (again / "data").write_bytes(b"new")
    (again / "data").chmod(0o444)

    assert str(treater.undo().status) == "reverted"
    assert changes(before, files(desk)) == {}


def test_no_name_keeps_a_file_from_coming_and_going(desk: LabDevice, treater: Treater) -> None:
    """Its owner chooses it. Letters that count for nothing where texts are compared do not make a name `.`."""
    cache = desk.device.file(CACHE.format("amber"))
    for folder in (cache, cache / "Backgrounds/Uploads"):
        for name in (".\u00ad", "..\u200b", "[x]", "a`b"):
            (folder / name).mkdir()
            (folder / name / "file").write_bytes(b"old")
    before = files(desk)
    treater.fix(users=["amber"])
    after = files(desk)

    kept = [item for item in before if item.startswith(f"file {CACHE.format('amber')}\\Backgrounds\\Uploads\\".lower())]
    assert len(kept) >= 8
    assert {item: after.get(item) for item in kept} == {item: before[item] for item in kept}
    assert treater.undo().status == "reverted"
    assert changes(before, files(desk)) == {}
    treater.fix(users=["amber"])
    assert treater.forget().reasons[0].startswith("the copy is gone")
    assert not desk.device.file(COPY.format("amber")).exists()


# Every function that changes something is wrapped: there is a step before and after each of its calls.
STEPS = r"""
$names = 'Lock-TMTeams', 'Copy-TMBackground', 'Remove-TMFolder', 'Stop-TMTeams'
$names += 'Add-TMNote', 'Set-TMSuperseded', 'Set-TMState'
foreach ($name in $names) {
    $original = (Get-Item -LiteralPath "function:$name").ScriptBlock
    Set-Item -LiteralPath "function:$name" -Value { Step-TMTest; & $original @args; Step-TMTest }.GetNewClosure()
}
$global:TMMoveAll = ${function:Move-TMFolder}
function Move-TMFolder {
    param([object[]] $Move)
    foreach ($pair in $Move) { Step-TMTest; & $global:TMMoveAll -Move @($pair); Step-TMTest }
}
"""
KILLED = """
$global:TMLeft = {left}
function Step-TMTest {{ if ($global:TMLeft-- -eq 0) {{ [System.Environment]::Exit(9) }} }}
"""
WAITS = r"""
function Step-TMTest {
    [System.IO.File]::WriteAllText('C:\step-text', '')
    [System.IO.File]::Move('C:\step-text', 'C:\step')
    while ([System.IO.File]::Exists('C:\step')) { Start-Sleep -Milliseconds 10 }
}
"""
TOUCHED = r"C:\ProgramData\teamsmedic", r"C:\Users\amber\AppData\Local"
"""All that a fix or an undo of amber's cache changes."""


def keep(desk: LabDevice, folder: Path) -> Path:
    """A copy of it, as an engine would leave it that ends now: its lock goes with it."""
    for number, touched in enumerate(TOUCHED):
        if (there := desk.device.file(touched)).exists():
            shutil.copytree(there, folder / str(number), symlinks=True, ignore=shutil.ignore_patterns("lock"))
    return folder


def restore(desk: LabDevice, folder: Path) -> None:
    for number, touched in enumerate(TOUCHED):
        shutil.rmtree(there := desk.device.file(touched), ignore_errors=True)
        if (kept := folder / str(number)).exists():
            shutil.copytree(kept, there, symlinks=True)


def at_each_step(desk: LabDevice, treater: Treater, work: Callable[[], Any], folder: Path) -> list[Path]:
    """What lies on the device at each step of a work, and at its end."""
    treater.between = WAITS + STEPS
    step = desk.device.file(r"C:\step")
    kept: list[Path] = []
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while not working.done():
            if step.exists():
                kept.append(keep(desk, folder / str(len(kept))))
                step.unlink()
            time.sleep(0.005)
        assert "done" in working.result()
    treater.between = ""
    return [*kept, keep(desk, folder / "end")]


def killed(treater: Treater, step: int, work: Callable[[], Any]) -> None:
    """A work whose engine is killed at a step."""
    treater.between = KILLED.format(left=step) + STEPS
    work()
    assert treater.cut, step
    treater.between = ""


def state(desk: LabDevice, treater: Treater) -> str | None:
    """What the device's journal says of the last fix; None where it has no entry."""
    file = desk.device.file(rf"C:\ProgramData\teamsmedic\journal\{treater.runs[-1]}\{ID}.state.json")
    return str(json.loads(file.read_text())["state"]) if file.exists() else None


def test_a_fix_that_ends_at_any_step_is_undone(desk: LabDevice, treater: Treater, tmp_path: Path) -> None:
    """All steps by what lies on the device then; at some the engine is really killed."""
    grow(desk, "amber", "first")
    treater.fix(users=["amber"])
    days_ago(desk, treater.runs[0], 3)
    grow(desk, "amber", "second")
    drift = amber_drift(treater)
    before, start = files(desk), keep(desk, tmp_path / "start")
    old = f"file {COPY.format('amber')}".lower()

    def undone(step: int) -> None:
        noted = desk.device.file(rf"C:\ProgramData\teamsmedic\journal\{treater.runs[-1]}\{ID}.notes.jsonl")
        if state(desk, treater):
            assert "done" in (answer := treater.give_back()), (step, answer)
        left = set(changes(before, files(desk)))
        # Once the older copy is being removed, it is the one thing that no undo brings back.
        lost = {item for item in left if item == old or item.startswith(f"{old}\\")}
        assert left == lost, step
        assert not lost or "removing" in noted.read_text(), step

    steps = at_each_step(desk, treater, lambda: treater.begin(drift), tmp_path)
    for step, kept in enumerate(steps):
        restore(desk, kept)
        undone(step)
    for step in range(4, len(steps) - 1, 7):
        restore(desk, start)
        killed(treater, step, lambda: treater.begin(drift))
        undone(step)
    print(f"{ID}: ended at {len(steps) - 1} steps of a fix")
    assert len(steps) > 20


def test_an_undo_that_ends_at_any_step_is_undone_by_the_next(desk: LabDevice, treater: Treater, tmp_path: Path) -> None:
    before = files(desk)
    treater.begin(amber_drift(treater))
    uploaded = CACHE.format("amber") + r"\Backgrounds\Uploads\since.png"
    grow(desk, "amber", "since")
    desk.device.put(uploaded, b"since")
    start = keep(desk, tmp_path / "start")

    def undone(step: int) -> None:
        answer = treater.give_back() if state(desk, treater) == "done" else {}
        assert state(desk, treater) == "undone", (step, answer)
        assert set(changes(before, files(desk))) == {f"file {uploaded}".lower()}, step

    steps = at_each_step(desk, treater, treater.give_back, tmp_path)
    for step, kept in enumerate(steps):
        restore(desk, kept)
        undone(step)
    for step in range(3, len(steps) - 1, 5):
        restore(desk, start)
        killed(treater, step, treater.give_back)
        undone(step)
    print(f"{ID}: ended at {len(steps) - 1} steps of an undo")
    assert len(steps) > 14


def test_forgetting_removes_the_copy_and_nothing_else(desk: LabDevice, treater: Treater) -> None:
    drift = amber_drift(treater)
    treater.begin(drift)
    grow(desk, "amber", "new")
    before = files(desk)

    assert treater.give_back(Verb.FORGET)["done"]["removed"] == 1
    assert state(desk, treater) == "forgotten"
    folder = COPY.format("amber").rpartition("\\")[0]
    assert {item for item in changes(before, files(desk)) if not item.startswith(f"file {folder}".lower())} == set()
    assert not desk.device.file(folder).exists()
