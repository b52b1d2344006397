"""One detect that is broken in any way costs its own answer and no other, through both doors, on a real engine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import BY, play, pypsrp, task
from harness import LabDevice
from snapshot import report

from teamsmedic import asked, content, runfolder, treatment
from teamsmedic.hosts.base import Reply, Send
from teamsmedic.hosts.winrm import WinRMHost
from teamsmedic.run import drive

NO_FACTS = "its script answered something else than facts"
BROKEN = {
    "b_parse": ("[ordered]@{ works = $true", "its script could not run to its end"),
    "b_throw": ("throw 'thrown \u202e\u0007 here'", "its script failed: thrown"),
    "b_break": ("break", NO_FACTS),
    "b_continue": ("continue", NO_FACTS),
    "b_exit": ("exit 3", NO_FACTS),
    "b_return": ("return", NO_FACTS),
    "b_sleeps": ("while ($true) { Start-Sleep -Milliseconds 50 }", "no answer within its time limit"),
    "b_hangs": ("[System.Threading.Thread]::Sleep(-1)", "no answer within its time limit"),
    "b_floods": ("1..500 | ForEach-Object { 'x' * 10000 }\n[ordered]@{ works = $true }", NO_FACTS),
    "b_large": ("[ordered]@{ works = $true; text = 'x' * 5000000 }", "its facts are larger than an answer can hold"),
    "b_extra": ("'one more'\n[ordered]@{ works = $true }", NO_FACTS),
    "b_errors": ("Write-Error 'loud'\n[ordered]@{ works = $true }", "its script failed"),
}  # fmt: skip
NOISE = """
Write-Host 'host'; Write-Warning 'warning'; Write-Verbose 'verbose' -Verbose; Write-Debug 'debug'
Write-Information 'information' -InformationAction Continue; Write-Progress -Activity 'progress'
Write-Error 'error' -ErrorAction Continue; [Console]::Out.Write('console'); [Console]::Error.Write('console')
$ErrorActionPreference = 'SilentlyContinue'; Set-StrictMode -Off; $global:TMJson = 'x'
[ordered]@{ works = $true }
"""
"""Facts with noise about them: they count."""
KILLS = "[System.Environment]::FailFast('gone')"
"""Ends the engine and the connection with it. Through Ansible nothing at all is heard then: the host counts as
unreachable, as its module never came to an answer."""
SOUND = {"a_sound": "[ordered]@{ works = $true }", "b_noise": NOISE, "c_sound": "[ordered]@{ works = $true }"}
LIMITS = {"b_sleeps": 3, "b_hangs": 3}
"""Seconds that a script may take; the others, which answer at once, have time enough on a machine that is busy."""
ABOUT = """
title: A script of a test
summary: Nothing.
cures: [tls12_disabled]
context: machine
desired: {works: true}
reasons: {works: it does not}
objects: []
references: [https://example.org]
user_notices: Nothing.
"""

# Each fix makes a longer file of its own. The second one does not parse: what an older engine, or antimalware, makes of a
# script is the same.
FIXES = ("d_first", "d_second", "d_third")
MAKES = f"""
{ABOUT}
objects: ['C:\\\\d_.*']
""".replace("objects: []\n", "")
DETECT = r"[ordered]@{ works = [ordered]@{ object = 'C:\ID'; value = [System.IO.File]::Exists('C:\ID') } }"
FIX = r"[System.IO.File]::AppendAllText('C:\ID', 'x')"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A content of these scripts alone."""
    root = tmp_path / "content"
    for name in ("catalog", "library"):
        shutil.copytree(content.root() / name, root / name)
    (root / "remediations").mkdir()
    for name in ("_prelude.ps1", "_change.ps1"):
        shutil.copy(content.root() / "remediations" / name, root / "remediations" / name)
    for name, script in {**SOUND, "b_kills": KILLS, **{name: script for name, (script, _) in BROKEN.items()}}.items():
        folder = root / "remediations/test" / name
        folder.mkdir(parents=True)
        (folder / "remediation.yaml").write_text(f"{ABOUT}timeout: {LIMITS.get(name, 60)}\n")
        (folder / "detect.ps1").write_text(f"param([object] $Parameters)\n{script}\n", encoding="utf-8")
    for name in FIXES:
        folder = root / "remediations/test" / name
        folder.mkdir(parents=True)
        (folder / "remediation.yaml").write_text(MAKES)
        (folder / "detect.ps1").write_text(f"param([object] $Parameters)\n{DETECT.replace('ID', name)}\n")
        fix = FIX.replace("ID", name) if name != "d_second" else "if ("
        (folder / "fix.ps1").write_text(f"param([object] $Parameters, [object[]] $Drift)\n{fix}\n")
    monkeypatch.setenv("TEAMSMEDIC_CONTENT", str(root))
    content.root.cache_clear()
    yield root
    content.root.cache_clear()


def checked(*names: str) -> treatment.Walk:
    return treatment.check(asked.plan(None, names=names, now=0), treatment.Context(runfolder.new_id(), BY))


def by_pypsrp(desk: LabDevice, folder: Path, several: list[list[str]]) -> list[list[dict[str, Any]]]:
    """The outcomes of a check of each of the sets."""
    host = pypsrp(desk)
    try:
        return [[one.to_json() for one in drive(checked(*names), host, lambda *_: None).outcomes] for names in several]
    finally:
        host.close()


def by_ansible(desk: LabDevice, folder: Path, several: list[list[str]]) -> list[list[dict[str, Any]]]:
    played = play(desk, folder, [task(remediations="{{ item }}") | {"loop": [",".join(names) for names in several]}])
    found = {
        frozenset(o["remediation"] for o in record["outcomes"]): record["outcomes"]
        for _, _, record in played.records(desk.name)
    }
    return [found[frozenset(names)] for names in several]


@pytest.mark.parametrize("door", [by_pypsrp, by_ansible])
def test_a_broken_detect_costs_its_own_answer_only(
    device: Callable[..., LabDevice], scripts: Path, tmp_path: Path, door: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = device("desktop")
    several = [["a_sound", name, "c_sound"] for name in BROKEN]
    several.append([*SOUND, *(name for name in BROKEN if name not in ("b_floods", "b_large"))])
    before = desk.snapshot()
    begun = time.monotonic()

    found = door(desk, tmp_path / "play", several)

    assert len(found) == len(several)
    for names, outcomes in zip(several, found, strict=True):
        assert {one["remediation"] for one in outcomes} == set(names)
        for one in outcomes:
            name, told = one["remediation"], (one["status"], one["reasons"])
            if name in SOUND:
                assert told == ("healthy", []), (names, one)
            else:
                assert one["status"] == "unknown", (names, one)
                assert one["reasons"][0].startswith(BROKEN[name][1]), (names, one)
                assert one["reasons"][0].isprintable(), (names, one)
    assert report(desk.changes(before)) == "no change"
    with capsys.disabled():
        spent = time.monotonic() - begun
        print(f"\n  {door.__name__}: {len(several)} checks with {len(BROKEN)} broken scripts, {spent:.0f} s")


def test_a_detect_that_ends_the_engine_costs_its_own_answer_only(
    device: Callable[..., LabDevice], scripts: Path, tmp_path: Path
) -> None:
    desk = device("desktop")
    (outcomes,) = by_pypsrp(desk, tmp_path, [["a_sound", "b_kills", "c_sound"]])
    told = {one["remediation"]: (one["status"], one["reasons"]) for one in outcomes}
    assert told == {
        "a_sound": ("healthy", []),
        "b_kills": ("unknown", ["the connection was lost"]),
        "c_sound": ("healthy", []),
    }


class Hearing:
    """A host that keeps the lines of all replies."""

    def __init__(self, host: WinRMHost) -> None:
        self.host, self.name = host, host.name
        self.lines: list[str] = []

    def run(self, request: Send) -> Reply:
        reply = self.host.run(request)
        self.lines += reply.lines
        return reply

    def close(self) -> None:
        self.host.close()


def fix_by_pypsrp(desk: LabDevice, folder: Path) -> list[dict[str, Any]]:
    host = Hearing(pypsrp(desk))
    try:
        walk = treatment.fix(asked.plan(None, names=FIXES, now=0), treatment.Context(runfolder.new_id(), BY))
        outcomes = [one.to_json() for one in drive(walk, host, lambda *_: None).outcomes]
    finally:
        host.close()
    # The third one began when it was asked for again, and not before, unheard.
    assert "already_begun" not in "".join(host.lines)
    return outcomes


def fix_by_ansible(desk: LabDevice, folder: Path) -> list[dict[str, Any]]:
    played = play(desk, folder, [task(remediations=list(FIXES), state="fixed")])
    outcomes: list[dict[str, Any]] = played.records(desk.name)[0][2]["outcomes"]
    return outcomes


@pytest.mark.parametrize("door", [fix_by_pypsrp, fix_by_ansible])
def test_a_fix_that_does_not_parse_costs_itself_and_the_others_run_once(
    device: Callable[..., LabDevice], scripts: Path, tmp_path: Path, door: Any
) -> None:
    """Over PSRP the engine goes on after it although it has told that the pipeline failed."""
    desk = device("desktop")

    outcomes = door(desk, tmp_path / "play")

    assert {one["remediation"]: str(one["status"]) for one in outcomes} == {
        "d_first": "fixed", "d_second": "failed", "d_third": "fixed",
    }, outcomes  # fmt: skip
    made = {name: desk.device.file(rf"C:\{name}") for name in FIXES}
    assert {name: file.read_text() for name, file in made.items() if file.exists()} == {"d_first": "x", "d_third": "x"}
