"""The device's journal and lock, by the scripts on a real engine: what others left there, and being killed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teamsmedic import content, payload, remediation
from teamsmedic.hosts.base import Verb
from teamsmedic.lab import cases
from teamsmedic.lab.device import Device, DeviceError

ID = "tls12_usable"
RUN = "20261125T100000Z-abc123"
FOLDER = r"C:\ProgramData\teamsmedic"
ABOUT = remediation.load(content.root())[ID]
CASE = cases.load(content.root())[ID]["dotnet_off"]
VALUES = ABOUT.values({"probe": ""}, 0)
DRIFT = ABOUT.judge(CASE.facts, VALUES).drift
TEXT = json.dumps({"drift": DRIFT, "who": "Zo\u00eb"})
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
FIX = {"parameters": VALUES, "drift": DRIFT, "journal": TEXT}
UNDO = {"parameters": VALUES, "run": RUN, "sha256": SHA256, "items": DRIFT}
BREAK = (ABOUT.folder / "tests/break/dotnet_off.ps1").read_text()
FORGOTTEN = f"if (Test-Path '{FOLDER}') {{ Remove-Item '{FOLDER}' -Recurse -Force }}\n"
# Pipelines, each in a runspace of its own, as a door makes it: a file holds the arguments and the statements.
PIPELINES = r"""
foreach ($request in [System.IO.File]::ReadAllText('C:\requests.json') | ConvertFrom-Json -DateKind String) {
    $runspace = [runspacefactory]::CreateRunspace()
    $runspace.Open()
    $runspace.SessionStateProxy.LanguageMode = $request.language
    $shell = [powershell]::Create()
    $shell.Runspace = $runspace
    $null = $shell.AddScript($request.statements[0], $false).AddArgument($request.argument)
    foreach ($text in $request.statements | Select-Object -Skip 1) {
        $null = $shell.AddStatement().AddScript($text, $false)
    }
    $shell.Invoke()
    $runspace.Dispose()
}
"""


@pytest.fixture(scope="module")
def desk(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    made = Device.create(tmp_path_factory.mktemp("journal") / "desk", engine=engine)
    made.boot()
    yield made
    made.destroy()


@pytest.fixture
def broken(desk: Device) -> Device:
    """The device in the case, without a journal."""
    desk.run(FORGOTTEN + BREAK)
    return desk


def request(verb: Verb, about: dict[str, Any], *between: str, language: str = "FullLanguage") -> dict[str, Any]:
    """One pipeline. `between` are texts after the prelude, as a tester's own."""
    prelude, *rest = (one.text for one in payload.build([ID], verb))
    argument = {"protocol": 1, "run": RUN, "verb": str(verb), "by": "test", "remediations": {ID: about}}
    return {"argument": json.dumps(argument), "statements": [prelude, *between, *rest], "language": language}


def ask_all(desk: Device, *requests: dict[str, Any], first: str = "") -> list[dict[str, Any]]:
    """What the device answers to each pipeline, by statement; `first` is run before them."""
    desk.put(r"C:\requests.json", json.dumps(requests).encode())
    answers: list[dict[str, Any]] = []
    for line in desk.run(first + PIPELINES).splitlines():
        if line.startswith("{"):
            answer = json.loads(line)
            if answer["statement"] == payload.PRELUDE:
                answers.append({})
            answers[-1][answer["statement"]] = answer
    return answers


CHECK = request(Verb.CHECK, {"parameters": VALUES})
LOOK = request(Verb.CHECK, {"parameters": VALUES}, language="ConstrainedLanguage")


def test_a_fix_writes_the_text_verbatim_and_undo_puts_everything_back(broken: Device) -> None:
    fix, journal, undo = request(Verb.FIX, FIX), request(Verb.JOURNAL, {"run": RUN}), request(Verb.UNDO, UNDO)
    before, fixed, after, entry, undone, back, again = ask_all(broken, CHECK, fix, CHECK, journal, undo, CHECK, undo)
    assert fixed[ID]["done"] == {"written": len(DRIFT)}
    assert broken.file(rf"{FOLDER}\journal\{RUN}\{ID}.json").read_text("utf-8") == TEXT
    assert after[ID]["facts"] != before[ID]["facts"]
    assert entry[ID]["entry"]["text"] == TEXT
    assert [one["state"] for one in entry["prelude"]["host"]["journal"]["entries"]] == ["done"]
    assert undone[ID]["done"] == {"restored": len(DRIFT)}
    assert back[ID]["facts"] == before[ID]["facts"]
    assert again[ID]["blocked"]["reason"] == "already_undone"
    assert not broken.file(rf"{FOLDER}\lock").exists()


@pytest.mark.parametrize("planted", ["folder", "journal", "run", "file"])
def test_a_folder_that_somebody_else_made_stops_the_fix(broken: Device, planted: str) -> None:
    # Made plainly it inherits the rights of ProgramData, where everybody may read; the owner is one user on Wine.
    path = {"folder": FOLDER, "journal": rf"{FOLDER}\journal", "run": rf"{FOLDER}\journal\{RUN}", "file": FOLDER}[
        planted
    ]
    if planted in ("journal", "run"):
        ask_all(broken, request(Verb.FIX, FIX, "function Write-TMFile { throw 'only the folders' }"))
        broken.run(f"Remove-Item '{path}' -Recurse -Force")
    plant = f"$null = New-Item -Path '{path}' -ItemType {'File' if planted == 'file' else 'Directory'}\n"
    before, fixed, after = ask_all(broken, CHECK, request(Verb.FIX, FIX), CHECK, first=plant)
    assert fixed[ID]["blocked"]["reason"] == "journal_untrusted"
    assert path in fixed[ID]["blocked"]["detail"]
    if planted != "run":
        assert before["prelude"]["host"]["journal"]["state"] == "untrusted"
    assert after[ID]["facts"] == before[ID]["facts"]


def test_an_edited_journal_is_not_undone(broken: Device) -> None:
    ask_all(broken, request(Verb.FIX, FIX))
    edit = rf"Add-Content -LiteralPath '{FOLDER}\journal\{RUN}\{ID}.json' -Value ' '"
    before, undone, after = ask_all(broken, CHECK, request(Verb.UNDO, UNDO), CHECK, first=edit)
    assert undone[ID]["blocked"]["reason"] == "journal_changed"
    assert after[ID]["facts"] == before[ID]["facts"]


def test_a_value_that_somebody_changed_is_neither_fixed_nor_undone(broken: Device) -> None:
    key, _, name = DRIFT[1]["object"].rpartition("\\")
    key = key.replace("HKLM", "HKEY_LOCAL_MACHINE")
    change = f"[Microsoft.Win32.Registry]::SetValue('{key}', '{name}', 7, 'DWord')\n"
    fix, undo = request(Verb.FIX, FIX), request(Verb.UNDO, UNDO)
    before, fixed, after = ask_all(broken, CHECK, fix, CHECK, first=change)
    assert fixed[ID]["blocked"] == {"reason": "changed_meanwhile", "detail": DRIFT[1]["object"]}
    assert after[ID]["facts"] == before[ID]["facts"], "nothing is changed where not all can be"
    assert not after["prelude"]["host"]["journal"]["entries"], "a refusal leaves no entry"
    ask_all(broken, fix, first=BREAK)
    before, undone, after = ask_all(broken, CHECK, undo, CHECK, first=change)
    assert undone[ID]["blocked"]["reason"] == "changed_meanwhile"
    assert after[ID]["facts"] == before[ID]["facts"]


@pytest.mark.parametrize("share", ["Read", "None"])
def test_the_second_who_comes_is_told_who_holds_the_device(broken: Device, share: str) -> None:
    hold = (
        f"$lock = [System.IO.File]::Open('{FOLDER}\\lock', 'Create', 'ReadWrite', '{share}')\n"
        '$bytes = [System.Text.Encoding]::ASCII.GetBytes(\'{"run":"other-run","since":4000000000}\')\n'
        "$lock.Write($bytes, 0, $bytes.Length); $lock.Flush()\n"
    )
    folders = request(Verb.FIX, FIX, "function Set-TMRegistryItem { param($Item) Stop-TMBlocked -Reason 'test' }")
    ask_all(broken, folders)
    before, held, after = ask_all(broken, CHECK, request(Verb.FIX, FIX), CHECK, first=hold)
    known = share == "Read"
    lock = {"run": "other-run" if known else None, "since": 4000000000 if known else None}
    detail = "other-run since 2096-10-02 07:06:40Z" if known else "an unknown run"
    assert before["prelude"]["host"]["lock"] == lock
    assert held[ID]["blocked"] == {"reason": "held", "detail": detail}
    assert after[ID]["facts"] == before[ID]["facts"]
    assert "done" in ask_all(broken, request(Verb.FIX, FIX))[0][ID], "a lock that nobody holds any more stops nobody"


# Kills the engine at step COUNT; a step lies before, within and after each thing that a fix does on the disk.
KILL = r"""
$killer = @{ Step = 0; At = COUNT }
function Step-Test {
    $killer.Step++
    if ($killer.Step -ne $killer.At) { return }
    [System.Diagnostics.Process]::GetCurrentProcess().Kill()
    Start-Sleep -Seconds 60
}
$realFile = ${function:Write-TMFile}
function Write-TMFile {
    param([string] $Path, [string] $Text)
    Step-Test
    $half = $Text.Substring(0, $Text.Length / 2)
    if ($killer.Step + 1 -eq $killer.At) { [System.IO.File]::WriteAllText("$Path.new", $half) }
    Step-Test
    if ($killer.Step + 1 -eq $killer.At) { [System.IO.File]::WriteAllText("$Path.new", $Text) }
    Step-Test
    & $realFile -Path $Path -Text $Text
    Step-Test
}
$realFolder = ${function:New-TMFolder}
function New-TMFolder { param([string] $Path) Step-Test; & $realFolder -Path $Path; Step-Test }
$realValue = ${function:Write-TMRegistryValue}
function Write-TMRegistryValue {
    param([string] $Object, [object] $Value)
    Step-Test
    & $realValue -Object $Object -Value $Value
    Step-Test
}
"""


@pytest.mark.timeout(900)
def test_a_fix_that_is_killed_at_any_step_can_be_undone(broken: Device, capsys: pytest.CaptureFixture[str]) -> None:
    undo = request(Verb.UNDO, UNDO)
    steps = undone = 0
    while True:
        steps += 1
        try:
            ask_all(broken, request(Verb.FIX, FIX, KILL.replace("COUNT", str(steps))), first=FORGOTTEN)
            break
        except DeviceError:
            pass
        seen, back, after = ask_all(broken, CHECK, undo, CHECK)
        assert seen["prelude"]["host"]["lock"] is None, f"step {steps}: the lock outlives its holder"
        assert seen["prelude"]["host"]["journal"]["state"] in ("sound", "absent"), f"step {steps}"
        if seen["prelude"]["host"]["journal"]["entries"]:
            assert back[ID].get("done") == {"restored": len(DRIFT)}, f"step {steps}"
            undone += 1
        assert after[ID]["facts"] == dict(CASE.facts) | {"handshake": after[ID]["facts"]["handshake"]}, (
            f"step {steps}: not as it was"
        )
    with capsys.disabled():
        print(f"\n{steps - 1} steps of a fix killed; {undone} of them had begun and were undone")
    assert steps - 1 == 2 * 3 + 4 * 3 + 2 * len(DRIFT), "folders, files and values"


def test_an_undo_that_is_killed_at_any_step_can_be_repeated(broken: Device) -> None:
    undo = request(Verb.UNDO, UNDO)
    steps = 0
    while True:
        steps += 1
        try:
            killed = request(Verb.UNDO, UNDO, KILL.replace("COUNT", str(steps)))
            ask_all(broken, request(Verb.FIX, FIX), killed, first=FORGOTTEN + BREAK)
            break
        except DeviceError:
            pass
        back, after = ask_all(broken, undo, CHECK)
        assert "done" in back[ID] or back[ID]["blocked"]["reason"] == "already_undone", f"step {steps}"
        assert after[ID]["facts"] == dict(CASE.facts) | {"handshake": after[ID]["facts"]["handshake"]}, (
            f"step {steps}: not as it was"
        )
    assert steps - 1 == 2 * len(DRIFT) + 4, "values, and the state"


def test_in_constrained_language_a_check_answers_facts_and_a_fix_changes_nothing(broken: Device) -> None:
    fix = request(Verb.FIX, FIX, language="ConstrainedLanguage")
    before, seen, fixed, after = ask_all(broken, CHECK, LOOK, fix, CHECK)
    assert seen["prelude"]["host"]["language"] == "ConstrainedLanguage"
    handshake = seen[ID]["facts"]["handshake"]
    assert seen[ID]["facts"] == before[ID]["facts"] | {"handshake": handshake}
    assert handshake["layer"] == "not_tried"
    assert fixed[ID]["error"]["kind"] == "language"
    assert after[ID]["facts"] == before[ID]["facts"]
    assert not broken.file(FOLDER).exists()


def test_a_journal_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    # Wine has no reparse points; the Linux build of the engine takes a symbolic link for one.
    engine = os.environ.get("TEAMSMEDIC_POWERSHELL_LINUX")
    if not engine:
        pytest.skip("TEAMSMEDIC_POWERSHELL_LINUX names no folder of PowerShell 7 for Linux")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "teamsmedic").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "requests.json").write_text(json.dumps([CHECK, request(Verb.FIX, FIX)]))
    script = PIPELINES.replace(r"C:\requests.json", str(tmp_path / "requests.json"))
    said = subprocess.run(
        [f"{engine}/pwsh", "-NoProfile", "-NonInteractive", "-Command", script],
        env={**os.environ, "ProgramData": str(tmp_path)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    hosts = [line["host"] for line in lines if line["statement"] == payload.PRELUDE]
    assert [host["journal"]["state"] for host in hosts] == ["untrusted", "untrusted"]
    blocked = [line["blocked"] for line in lines if "blocked" in line]
    assert [one["reason"] for one in blocked] == ["journal_untrusted"]
    assert blocked[0]["detail"].endswith("it is a reparse point")
    assert not list((tmp_path / "elsewhere").iterdir())
