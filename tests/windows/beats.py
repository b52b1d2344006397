"""The proof: every remediation and case on a Windows device, through both doors, between reads of the whole device.

A drifted case: check says drifted with the case's facts → nothing changed → fix says fixed → the device differs by just
what a dry run announced, and the journal → fix again changes nothing (healthy, after a restart where one is due) → undo
restores the first read. Any other case: check, fix and check again say the same, and nothing changed.

Many cases go through a beat together, so that a command or a playbook starts once for all and not once for each. A case
goes through both doors on one device where the first door leaves it as it was, but for the journal. Where an undo cannot
bring everything back, the next door gets a new device. Cases of several remediations share a device and are asked for
together: none may notice another. What is not as it must be there is proved again, alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from announced import expected
from snapshot import IGNORE, RESTARTED, Ignore, Snapshot, difference, report

from teamsmedic import content, remediation, runfolder
from teamsmedic.lab import cases, seed
from teamsmedic.lab.cases import Case
from teamsmedic.outcome import Change

KNOWN = remediation.load(content.root())
PAIRS = [(name, case) for name, several in cases.load(content.root()).items() for case in several.values()]
DRIFTED = [f"{name}/{case.name}" for name, case in PAIRS if str(case.status) == "drifted"]
EQUAL = [f"{name}/{case.name}" for name, case in PAIRS if str(case.status) != "drifted"]
JOURNAL = re.compile(r"file C:\\ProgramData\\teamsmedic(\\|$)", re.IGNORECASE)
BUT_JOURNAL: Ignore = (*IGNORE, (JOURNAL, "the device's journal"))
TOOLS = Path(sys.executable).parent
PLAYBOOKS = content.root() / "playbooks"
FORKS = "2"
TOGETHER = 12
"""Devices that are up at once for one door: each takes up to 400 MB."""


@dataclass
class Subject:
    """One case on its device, and what went wrong there."""

    remediation: str
    case: Case
    device: Any
    first: Snapshot = field(default_factory=dict)
    announced: list[Change] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """The reasons of the first check."""

    @property
    def as_before(self) -> bool:
        """Whether its device is, after an undo, what it was before the fix."""
        return KNOWN[self.remediation].reversible and all(change.action != "remove" for change in self.announced)

    @property
    def restarts(self) -> bool:
        one = KNOWN[self.remediation]
        return (one.room_restart if self.case.role == "room" else one.restart) == "device"

    def want(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.failures.append(f"{what}: {found!r}, not {wanted!r}")

    def same(self, what: str, before: Snapshot, after: Snapshot, ignore: Ignore = IGNORE) -> None:
        if changes := difference(before, after, ignore):
            self.failures.append(f"{what} changed\n{report(changes)}")


Door = Callable[[str, Sequence[Subject], Path], dict[str, dict[str, Any]]]
"""Does a verb (check, dry_run, fix, undo) on devices, and gives the recorded outcome of each."""


def recorded(runs: Path, subjects: Sequence[Subject]) -> dict[str, dict[str, Any]]:
    """What the last run's folder says of each device: the same file from both doors."""
    out: dict[str, dict[str, Any]] = {}
    for folder in runfolder.every(runs):
        for host, records in folder.hosts().items():
            out[host] = records[-1]
    missing = [one.device.name for one in subjects if one.device.name not in out]
    assert not missing, f"not in the run folder: {missing}"
    return out


def _asked_alike(subjects: Sequence[Subject], *, parameters: bool) -> list[tuple[list[Subject], list[str]]]:
    """The subjects by what is asked of their device, each with the remediations asked for."""
    groups: dict[str, list[Subject]] = {}
    for mine in _by_device(subjects).values():
        alike = {one.remediation: dict(one.case.parameters) if parameters else {} for one in mine}
        groups.setdefault(json.dumps(alike, sort_keys=True), []).extend(mine)
    return [(mine, list(json.loads(alike))) for alike, mine in groups.items()]


def _hosts(subjects: Sequence[Subject]) -> str:
    return ",".join(_by_device(subjects))


def _each(subjects: Sequence[Subject], parameters: bool, run: Callable[[list[Subject], list[str]], None]) -> None:
    """Runs a command for those of whom the same is asked, two at once: a device often waits."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, *alike) for alike in _asked_alike(subjects, parameters=parameters)]:
            done.result()


def command_line(verb: str, subjects: Sequence[Subject], inventory: Path) -> dict[str, dict[str, Any]]:
    runs = inventory.parent / f"runs-{os.urandom(4).hex()}"
    allow = ["--allow", "disruptive", "--allow", "irreversible"]
    words = {
        "check": ["check"],
        "dry_run": ["fix", "--dry-run"],
        "fix": ["fix", "--yes", "--waves", "100%", *allow, "--because", "six beats"],
        "undo": ["undo", "--yes", "--because", "six beats"],
    }[verb]

    def run(together: list[Subject], names: list[str]) -> None:
        more = [word for name in names for word in ("--remediation", name)]
        given = {one.remediation: one.case.parameters for one in together} if verb != "undo" else {}
        for owner, values in given.items():
            for name, value in values.items():
                more += ["-p", f"{owner}.{name}={','.join(value) if isinstance(value, list) else value}"]
        more += ["-i", str(inventory), "-f", FORKS, "--run-dir", str(runs), "--json", _hosts(together)]
        done = subprocess.run(
            [str(TOOLS / "teamsmedic"), *words, *more], capture_output=True, text=True, check=False, timeout=900
        )
        assert done.stdout.startswith("{"), done.stderr

    _each(subjects, verb != "undo", run)
    return recorded(runs, subjects)


def playbook(verb: str, subjects: Sequence[Subject], inventory: Path) -> dict[str, dict[str, Any]]:
    """Each host's variables say which remediations are asked for."""
    runs = inventory.parent / f"runs-{os.urandom(4).hex()}"
    play, *more = {"check": ["check"], "dry_run": ["fix", "--check", "--diff"], "fix": ["fix"], "undo": ["undo"]}[verb]
    extra = {
        "teamsmedic_run_dir": str(runs),
        "allow": ["disruptive", "irreversible"],
        "because": "six beats",
        **({"waves": ["100%"]} if verb == "fix" else {}),
    }
    done = subprocess.run(
        [str(TOOLS / "ansible-playbook"), str(PLAYBOOKS / f"{play}.yml"), "-i", str(inventory), "-f", "4", *more,
         "-l", _hosts(subjects), "-e", json.dumps(extra)],
        capture_output=True, text=True, check=False, timeout=1500, cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
    return recorded(runs, subjects)


DOORS: dict[str, Door] = {"command line": command_line, "playbook": playbook}


def outcome(records: dict[str, dict[str, Any]], one: Subject) -> dict[str, Any]:
    """The subject's outcome; an empty one where its host has none."""
    record = records[one.device.name]
    found = [out for out in record.get("outcomes") or [] if out["remediation"] == one.remediation]
    if not found:
        one.failures.append(f"no outcome: {record.get('error')}")
    nothing = {
        "status": None,
        "reasons": [],
        "changes": [],
        "facts": {},
        "facts_after": {},
        "restart": None,
        "notes": [],
    }
    return found[0] if found else nothing


def comparable(one: Subject, facts: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (facts or {}).items() if name not in KNOWN[one.remediation].varies}


def checked(door: Door, subjects: Sequence[Subject], inventory: Path) -> None:
    """The first beat: check says the case's status, reasons and facts."""
    records = door("check", subjects, inventory)
    for one in subjects:
        said = outcome(records, one)
        one.statuses.append(said["status"])
        one.want("check says", said["status"], str(one.case.status))
        if one.case.reasons:
            one.want("its reasons", said["reasons"], list(one.case.reasons))
        one.want("its facts", comparable(one, said["facts"]), comparable(one, dict(one.case.facts)))
        one.said = said["reasons"]


def equal(through: dict[str, list[Subject]], inventory: Path) -> None:
    """Through one door after the other check, fix and check again say the same, and nothing changes."""
    for door, subjects in through.items():
        checked(DOORS[door], subjects, inventory)
        for verb in ("fix", "check"):
            _again(verb, DOORS[door], subjects, inventory)
        found = {name: mine[0].device.snapshot() for name, mine in _by_device(subjects).items()}
        for one in subjects:
            one.same("check, fix and check again", one.first, found[one.device.name])


def _again(verb: str, door: Door, subjects: Sequence[Subject], inventory: Path) -> None:
    records = door(verb, subjects, inventory)
    for one in subjects:
        said = outcome(records, one)
        one.statuses.append(said["status"])
        one.want(f"{verb} says", (said["status"], said["reasons"]), (str(one.case.status), one.said))


def changing(door: Door, subjects: Sequence[Subject], inventory: Path) -> None:
    """The six beats of drifted cases."""
    on = _by_device(subjects)

    def same(what: str, wanted: Mapping[str, Snapshot], ignore: Ignore = IGNORE) -> dict[str, Snapshot]:
        found = {name: mine[0].device.snapshot() for name, mine in on.items()}
        for one in subjects:
            one.same(what, wanted[one.device.name], found[one.device.name], ignore)
        return found

    def after(name: str, keeps: Callable[[Subject, Change], bool]) -> Snapshot:
        return expected(
            on[name][0].first, [change for one in on[name] for change in one.announced if keeps(one, change)]
        )

    checked(door, subjects, inventory)
    same("check", {one.device.name: one.first for one in subjects})
    records = door("dry_run", subjects, inventory)
    for one in subjects:
        one.announced = [Change(**change) for change in outcome(records, one)["changes"]]
        if not one.announced:
            one.failures.append("the dry run announced nothing")  # what it changed would be seen after the fix
    records = door("fix", subjects, inventory)
    for one in subjects:
        said = outcome(records, one)
        one.statuses.append(said["status"])
        one.want("fix says", said["status"], "fixed")
        one.want("the changes it says", [Change(**change) for change in said["changes"]], one.announced)
        if one.case.after is not None:
            one.want("the facts after it", comparable(one, said["facts_after"]), comparable(one, dict(one.case.after)))
    fixed = same(
        "besides what was announced, the fix", {name: after(name, lambda *_: True) for name in on}, BUT_JOURNAL
    )
    for one in subjects:
        if not any(JOURNAL.match(item) for item in fixed[one.device.name]):
            one.failures.append("the fix left no journal")
        one.failures += independent(one)
    records = door("fix", subjects, inventory)
    for one in subjects:
        said = outcome(records, one)
        one.statuses.append(said["status"])
        one.want("fix again says", (said["status"], said["changes"]), ("fixed" if one.restarts else "healthy", []))
    same("fix again", fixed)
    restarted = {name for name, mine in on.items() if any(one.restarts for one in mine)}
    if again := [one for one in subjects if one.device.name in restarted]:
        for name in restarted:
            on[name][0].device.restart()
        records = door("check", again, inventory)
        for one in again:
            one.want("check after the restart says", outcome(records, one)["status"], "healthy")
    records = door("undo", subjects, inventory)
    for one in subjects:
        said = outcome(records, one)
        one.statuses.append(said["status"])
        reversible = KNOWN[one.remediation].reversible
        one.want("undo says", said["status"], "reverted" if reversible else "blocked")
        if reversible:
            removed = [change.object for change in one.announced if change.action == "remove"]
            told = [f"{item} was removed by that fix and does not come back" for item in removed]
            one.want("what undo does not bring back", said["notes"], told)
    # What cannot be undone is refused, and nothing more changes; a copy that was removed does not come back.
    stays = {
        name: after(name, lambda one, change: change.action == "remove" or not KNOWN[one.remediation].reversible)
        for name in on
    }
    same("besides the journal, fix and undo", stays, (*BUT_JOURNAL, *RESTARTED) if restarted else BUT_JOURNAL)


def _by_device(subjects: Sequence[Subject]) -> dict[str, list[Subject]]:
    on: dict[str, list[Subject]] = {}
    for one in subjects:
        on.setdefault(one.device.name, []).append(one)
    return on


def independent(one: Subject) -> list[str]:
    """The main values by testinfra, over WinRS and reg.exe: a road that shares nothing with ours."""
    reader, wrong = one.device.reader(), []
    for change in one.announced:
        if change.action == "write":
            key, _, name = change.object.rpartition("\\")
            done = reader.run(f'reg query "{key}" /v {name}')
            if done.rc or f"0x{change.after['data']:x}" not in done.stdout:
                wrong.append(f"reg.exe says of {change.object}: {done.stdout!r}, not {change.after}")
        elif change.action == "remove" and ":\\" not in change.object:
            target, _, name = change.object.removesuffix(")").rpartition(" (")
            sid = next(person.sid for person in seed.look(one.case.role).people if person.folder == name)
            if reader.run(f'reg query "HKU\\{sid}\\{seed.VAULT}\\Generic: {target}"').rc == 0:
                wrong.append(f"reg.exe says that {change.object} is still there")
        elif change.action == "move" and change.after.isascii():
            for path, there in ((change.after, True), (f"{change.before}\\EBWebView", False)):
                if reader.file(path).exists is not there:
                    wrong.append(f"testinfra says that {path} {'is not' if there else 'is still'} there")
    return wrong


Proved = dict[str, dict[str, Subject]]
"""Door to case's id to what became of it."""


def prove(ids: Sequence[str], windows_lab: Any, folder: Path) -> Proved:
    """Those cases through both doors; `ids` are all drifted or none is."""
    out: Proved = {door: {} for door in DOORS}
    pairs = {f"{name}/{case.name}": (name, case) for name, case in PAIRS}
    drifted = all(str(pairs[one][1].status) == "drifted" for one in ids)
    devices = _shared(ids)

    def through(devices: Sequence[list[str]]) -> None:
        for at in range(0, len(devices), TOGETHER):
            several = [[pairs[one] for one in mine] for mine in devices[at : at + TOGETHER]]
            for door, subjects in batch(several, drifted, windows_lab, folder).items():
                out[door] |= {f"{one.remediation}/{one.case.name}": one for one in subjects}

    through(devices)
    shared = {one for mine in devices if len(mine) > 1 for one in mine}
    through([[one] for one in ids if one in shared and any(several[one].failures for several in out.values())])
    return out


def _shared(ids: Sequence[str]) -> list[list[str]]:
    """Who shares a device: cases that begin on the same one, of each remediation at most one."""
    alike: dict[tuple[str, tuple[str, ...]], list[dict[str, str]]] = {}
    for name, case in PAIRS:
        if (one := f"{name}/{case.name}") in ids:
            devices = alike.setdefault((case.role, tuple(sorted(case.seeds))), [])
            free = next((mine for mine in devices if name not in mine), None)
            if free is None:
                devices.append(free := {})
            free[name] = one
    return [list(mine.values()) for devices in alike.values() for mine in devices]


def batch(
    several: Sequence[list[tuple[str, Case]]], drifted: bool, windows_lab: Any, folder: Path
) -> dict[str, list[Subject]]:
    """Some devices with the cases of each."""
    inventory = folder / f"hosts-{os.urandom(4).hex()}.yml"
    devices: dict[int, Any] = {}
    through: dict[str, list[Subject]] = {}
    try:
        for door, way in DOORS.items():
            first: dict[int, Snapshot] = {}
            hosts = {}
            for number, mine in enumerate(several):
                if number not in devices:
                    role, seeds = mine[0][1].role, mine[0][1].seeds
                    scripts = [case.script(KNOWN[name].folder) for name, case in mine]
                    script = "\n".join(f"& {{\n{one}\n}}" for one in scripts if one)
                    name = f"beat-{os.urandom(3).hex()}"
                    devices[number] = windows_lab.add(role, seeds, script, name=name, shared=True)
                given = {name: dict(case.parameters) for name, case in mine if case.parameters}
                asked = {"remediations": [name for name, _ in mine], **({"parameters": given} if given else {})}
                hosts[devices[number].name] = devices[number].variables() | asked
            # Once all are there: each new device is a link more to the files of the template, and what is linked is hashed again.
            if drifted or not through:
                first = {number: device.snapshot() for number, device in devices.items()}
            inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}, allow_unicode=True))
            through[door] = [
                Subject(name, case, devices[number], first.get(number, {}))
                for number, mine in enumerate(several)
                for name, case in mine
            ]
            if drifted:
                changing(way, through[door], inventory)
                for number, device in list(devices.items()):
                    if not all(one.as_before for one in through[door] if one.device is device):
                        devices.pop(number).remove()
            elif len(through) > 1:
                for earlier, one in zip(next(iter(through.values())), through[door], strict=True):
                    one.first = earlier.first
        if not drifted:
            equal(through, inventory)
    finally:
        for device in devices.values():
            device.remove()
        for subjects in through.values():
            for one in subjects:
                one.first = {}
    return through


def table(proved: Proved) -> str:
    """What was proved through each door, counted."""
    told = Counter(
        (door, one.remediation, str(one.case.status), "failed" if one.failures else "proved")
        for door, several in proved.items()
        for one in several.values()
    )
    lines = [
        f"{', '.join(f'{len(several)} through the {door}' for door, several in proved.items())} of {len(PAIRS)} pairs of remediation and case"
    ]
    lines += [
        f"  {door:<12} {name:<24} {status:<15} {result:<7} {count:>3}"
        for (door, name, status, result), count in sorted(told.items())
    ]
    return "\n".join(lines)


def proof(ids: Sequence[str]) -> tuple[Any, Any, Any]:
    """What a file of tests holds: the fixture `proved`, a test of each case through each door, and the count of them."""

    @pytest.fixture(scope="module")
    def proved(windows_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Proved:
        return prove(ids, windows_lab, tmp_path_factory.mktemp("beats"))

    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("case", ids)
    def test_beats(proved: Proved, case: str, door: str) -> None:
        one = proved[door][case]
        assert one.failures == [], "\n".join(one.failures)

    def test_no_pair_is_skipped(proved: Proved, record_property: Callable[[str, str], None]) -> None:
        record_property("figure", table(proved))
        for several in proved.values():
            assert sorted(several) == sorted(ids)
            assert all(one.statuses for one in several.values())

    return proved, test_beats, test_no_pair_is_skipped
