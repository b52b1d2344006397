"""A fix that is interrupted anywhere: its connection is cut, its engine is killed, or somebody else comes in."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doors import BY, pypsrp
from harness import LabDevice
from snapshot import IGNORE, Ignore, Snapshot, report
from treater import Treater

from teamsmedic import asked, content, remediation, treatment
from teamsmedic.errors import HostError
from teamsmedic.hosts.base import Reply, Send, Verb
from teamsmedic.hosts.winrm import WinRMHost
from teamsmedic.outcome import Outcome
from teamsmedic.run import drive

ID = "tls12_usable"
BREAK = (remediation.load(content.root())[ID].folder / "tests/break/dotnet_off.ps1").read_text()
FOLDER = r"C:\ProgramData\teamsmedic"
GATE = r"C:\gate"
ARRIVES = 8.0
"""Seconds after which a request that was sent, but not as a whole, will not begin any more."""
UNDO = treatment.Context("20260102T040000Z-ffffff", BY)
OURS = re.compile(r"file C:\\(ProgramData\\teamsmedic|gate)", re.IGNORECASE)
BUT_JOURNAL: Ignore = (*IGNORE, (OURS, "the device's journal, the tests' gate"))
# A step is one thing that a fix does on the device: after step COUNT the engine says so and waits there.
GATED = r"""
$gate = @{ Step = 0; At = COUNT }
function Step-Test {
    param([string] $Done)
    $gate.Step++
    if ($gate.Step -ne $gate.At) { return }
    [System.IO.File]::WriteAllText('C:\gate-text', $Done)
    [System.IO.File]::Move('C:\gate-text', 'C:\gate')
    while ([System.IO.File]::Exists('C:\gate')) { Start-Sleep -Milliseconds 20 }
}
foreach ($name in NAMES) {
    $original = (Get-Item -LiteralPath "function:$name").ScriptBlock
    Set-Item -LiteralPath "function:$name" -Value {
        & $original @args
        Step-Test -Done $name
    }.GetNewClosure()
}
"""


STEPS = {
    "New-TMFolder": 3,
    "Open-TMLock": 1,
    "Write-TMFile": 3,
    "Set-TMState": 2,
    "Write-TMRegistryValue": 2,
    "Set-TMRegistryItem": 1,
}
"""Calls in a fix of two values: the folders, the lock, entry, begun and done with their files, the values, and all."""


def gated(step: int, *names: str) -> str:
    """The text that stops a fix after that many calls of these functions."""
    return GATED.replace("COUNT", str(step)).replace("NAMES", ", ".join(f"'{name}'" for name in names))


class Between:
    """A host that sends a text of the tester's with the prelude of a fix."""

    def __init__(self, host: WinRMHost, text: str) -> None:
        self.host, self.name, self.text = host, host.name, text

    def run(self, request: Send) -> Reply:
        if request.verb is Verb.FIX:
            first, *others = request.statements
            changed = dataclasses.replace(first, text=first.text + self.text)
            request = dataclasses.replace(request, statements=(changed, *others))
        return self.host.run(request)

    def close(self) -> None:
        self.host.close()


def state(desk: LabDevice, run: str, name: str) -> str | None:
    """What the device's journal says of an entry; None where there is no state."""
    file = desk.device.file(rf"{FOLDER}\journal\{run}\{name}.state.json")
    return str(json.loads(file.read_text())["state"]) if file.exists() else None


class Fixing:
    """A fix in a thread that waits on the device at a step; `outcome` once it has ended."""

    def __init__(self, desk: LabDevice, treater: Treater, step: int) -> None:
        self.desk, self.treater = desk, treater
        self.outcome: Outcome | None = None
        self.at = ""
        treater.between = gated(step, *STEPS)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.outcome = self.treater.fix(probe="")

    def __enter__(self) -> Fixing:
        self.thread.start()
        gate = self.desk.device.file(GATE)
        while self.thread.is_alive() and not gate.exists():
            time.sleep(0.02)
        if gate.exists():
            self.at = gate.read_text()
        self.treater.between = ""
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.device.file(GATE).unlink(missing_ok=True)
        self.thread.join(120)
        assert not self.thread.is_alive()


def engines(desk: LabDevice) -> list[int]:
    """The process ids, on this machine, of the device's engines that serve a session."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(f"WINEPREFIX={desk.device.prefix}") in (process / "environ").read_bytes().split(b"\0"):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if b"-s" in words and any(word.lower().endswith(b"pwsh.exe") for word in words):
                    found.append(int(process.name))
    return found


def kill(desk: LabDevice) -> None:
    """End the engine that serves, as a power cut would."""
    (process,) = engines(desk)
    os.kill(process, signal.SIGKILL)
    while process in engines(desk):
        time.sleep(0.02)


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    return device("desktop", breaks=BREAK)


@pytest.fixture
def treater(desk: LabDevice) -> Iterator[Treater]:
    treater = Treater(desk, ID)
    treater.check(probe="")
    yield treater
    treater.close()


def forget(desk: LabDevice) -> None:
    """Take the journal away, from this machine."""
    shutil.rmtree(desk.device.file(FOLDER), ignore_errors=True)


def unchanged(desk: LabDevice, before: Snapshot, what: object) -> None:
    found = desk.changes(before, BUT_JOURNAL)
    assert not found, f"{what}\n{report(found)}"


def free(desk: LabDevice, run: str, sent: bool, host: WinRMHost) -> Outcome:
    """What a check says once a fix that was sent has come to its end; one that did not arrive as a whole never begins."""
    patience = time.monotonic() + ARRIVES
    while sent and state(desk, run, ID) != "done" and time.monotonic() < patience:
        time.sleep(0.05)
    while True:
        wanted = asked.plan(None, names=[ID], parameters={ID: {"probe": ""}}, now=0)
        found = drive(treatment.check(wanted, treatment.Context(run, BY)), host, lambda *_: None)
        if found.device and found.device.lock is None:
            return found.outcomes[0]
        time.sleep(0.2)


# ------------------------------------------------------------------------------------------------ the connection


@pytest.mark.timeout(600)
def test_the_connection_cut_after_every_request(
    desk: LabDevice, treater: Treater, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody tells the device: its engine runs on. Undo over another connection then restores the first read."""
    treater.close()
    other = pypsrp(desk)
    before = desk.snapshot()
    known = remediation.load(content.root())
    wanted = asked.plan(None, names=[ID], parameters={ID: {"probe": ""}}, now=0)
    seen: Counter[tuple[str, str]] = Counter()
    total = None
    cut = -1
    while total is None or cut < total:
        cut += 1
        context = treatment.Context(f"20260102T030405Z-{cut:06x}", BY)
        written: list[object] = []
        host = pypsrp(desk, connection_timeout=2, extra={"read_timeout": 4, "operation_timeout": 2})
        desk.lab.call(desk.front.control({"reset": True, "cut_after": cut if total is not None else None}))
        try:
            told = drive(
                treatment.fix(wanted, context), host, lambda *one, to=written: to.append(one), sleep=lambda _: None
            )
            said = str(told.outcomes[0].status)
        except HostError:
            said = "not reached"
        finally:
            host.close()
        if total is None:
            total, cut = desk.front.requests, -1
            assert said == "fixed"
        desk.lab.call(desk.front.control({"cut_after": None}))
        now = free(desk, context.run, bool(written), other)
        # A restart is due where a fix has run to its end; then the way back is there.
        if str(now.status) == "fixed":
            walk = treatment.undo(known, UNDO, values=lambda _: {"probe": ""})
            undone = drive(walk, other, lambda *_: None).outcomes[0]
            assert str(undone.status) == "reverted", (cut, undone)
        unchanged(desk, before, f"after request {cut}")
        seen[said, str(now.status)] += 1
        forget(desk)
    other.close()
    with capsys.disabled():
        print(f"\n  a fix of {total} requests, cut after each of them: " + ", ".join(
            f"{count} times said {said} and is {now}" for (said, now), count in sorted(seen.items())
        ))  # fmt: skip
    assert sum(seen.values()) == total + 2
    nothing_done = {(said, "drifted") for said in ("not reached", "unknown", "failed")}
    assert set(seen) <= nothing_done | {("failed", "fixed"), ("fixed", "fixed")}
    assert ("failed", "fixed") in seen, "no cut met the change itself"


# ------------------------------------------------------------------------------------------------ the engine


@pytest.mark.timeout(600)
def test_the_engine_killed_at_every_step_of_a_fix(
    desk: LabDevice, treater: Treater, capsys: pytest.CaptureFixture[str]
) -> None:
    before = desk.snapshot()
    points: list[tuple[str, str]] = []
    for step in range(1, 100):
        with Fixing(desk, treater, step) as fixing:
            if fixing.at:
                kill(desk)
        if not fixing.at:
            assert str(fixing.outcome and fixing.outcome.status) == "fixed", fixing.outcome
            break
        begun = state(desk, treater.runs[-1], ID)
        said = str(fixing.outcome and fixing.outcome.status)
        assert said == ("fixed" if begun == "done" else "failed"), (fixing.at, begun, fixing.outcome)
        if begun:
            undone = treater.undo()
            assert str(undone.status) == "reverted", (step, fixing.at, undone)
        unchanged(desk, before, (step, fixing.at))
        assert not desk.device.file(rf"{FOLDER}\lock").exists(), (step, fixing.at)
        points.append((fixing.at, "undone" if begun else "nothing begun"))
        forget(desk)
    with capsys.disabled():
        counted = Counter(what for _, what in points)
        print(f"\n  engine killed at {len(points)} steps of a fix: {dict(counted)}; the first read is back each time")
    assert Counter(at for at, _ in points) == STEPS


def test_the_engine_killed_after_every_journal_entry_of_two_remediations(
    desk: LabDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    """One pipeline repairs both; what the first one has done is undone although the second never came to its end."""
    names = [ID, "client_cache_fresh"]
    known = remediation.load(content.root())
    values = {ID: {"probe": ""}, "client_cache_fresh": {"users": ["amber"]}}
    wanted = asked.plan(None, names=names, parameters=values, now=0)
    before = desk.snapshot()
    killed: Counter[str] = Counter()
    # After each file of the journal: entry, begun and done of the first, entry and begun of the second.
    for step in range(1, 6):
        host = Between(pypsrp(desk), gated(step, "Write-TMFile"))
        walk = treatment.fix(wanted, treatment.Context(f"20260102T030405Z-{step:06x}", BY), allow={"disruptive"})
        report_of: list[treatment.Report] = []
        fixing = threading.Thread(target=lambda h=host, w=walk, r=report_of: r.append(drive(w, h, lambda *_: None)))
        fixing.start()
        gate = desk.device.file(GATE)
        while fixing.is_alive() and not gate.exists():
            time.sleep(0.02)
        assert gate.exists(), (step, report_of)
        states = {name: state(desk, f"20260102T030405Z-{step:06x}", name) for name in names}
        kill(desk)
        gate.unlink()
        fixing.join(120)
        host.text = ""
        begun = [name for name in names if states[name]]
        if begun:
            undo = treatment.undo(known, UNDO, values=lambda one: one.values(values[one.id], 0))
            undone = {one.remediation: str(one.status) for one in drive(undo, host, lambda *_: None).outcomes}
            assert undone == dict.fromkeys(begun, "reverted"), step
        host.close()
        unchanged(desk, before, step)
        killed[" and ".join(f"{name} {what or 'written'}" for name, what in states.items())] += 1
        forget(desk)
    with capsys.disabled():
        print(f"\n  engine killed after {sum(killed.values())} files of two journal entries: {dict(killed)}")
    assert len(killed) >= 4


# ------------------------------------------------------------------------------------------------ somebody else


def test_who_comes_second_is_told_who_holds_the_device_since_when(desk: LabDevice, treater: Treater) -> None:
    """The first one's fix still runs on the device: a check goes on, fix and undo are blocked and change nothing."""
    second = Treater(desk, ID)
    try:
        with Fixing(desk, treater, 7) as fixing:
            assert fixing.at == "Set-TMState"
            before = desk.snapshot()
            assert str(second.check(probe="").status) == "drifted"
            fixed, undone = second.fix(probe=""), second.undo()
            assert report(desk.changes(before)) == "no change"
        for outcome in (fixed, undone):
            assert str(outcome.status) == "blocked"
            holder = rf"held by {treater.runs[-1]} since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ"
            assert re.fullmatch(holder, outcome.reasons[0]), outcome
        assert str(fixing.outcome and fixing.outcome.status) == "fixed"
        assert str(second.undo().status) == "reverted"
    finally:
        second.close()


HOLD = rf"""
$null = [System.IO.File]::Open('{FOLDER}\lock', 'OpenOrCreate', 'ReadWrite', 'None')
[System.IO.File]::WriteAllText('C:\gate', '')
while ([System.IO.File]::Exists('C:\gate')) {{ Start-Sleep -Milliseconds 20 }}
"""


def test_a_lock_that_a_program_keeps_to_itself_blocks_too(desk: LabDevice, treater: Treater) -> None:
    treater.fix(probe="")
    treater.undo()
    gate = desk.device.file(GATE)
    holder = threading.Thread(target=desk.admin, args=(HOLD,))
    holder.start()
    try:
        while holder.is_alive() and not gate.exists():
            time.sleep(0.02)
        before = desk.snapshot()
        outcome = treater.fix(probe="")
        assert (str(outcome.status), outcome.reasons) == ("blocked", ["held by an unknown run"])
        assert report(desk.changes(before)) == "no change"
    finally:
        gate.unlink(missing_ok=True)
        holder.join(60)
    assert str(treater.fix(probe="").status) == "fixed"
