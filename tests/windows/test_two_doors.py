"""One content, two doors: what a device's engine has parsed and been given is the same, and so is what comes of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import BY, plain, play, pypsrp, task
from harness import LabDevice
from snapshot import report

from teamsmedic import asked, content, payload, treatment
from teamsmedic.hosts.base import Reply, Send, Verb
from teamsmedic.run import drive

NAMES = ["client_cache_fresh", "tls12_usable", "recorder_rests"]
PARAMETERS = {"client_cache_fresh": {"users": ["amber"]}, "tls12_usable": {"probe": ""}}
BREAK = "network/tls12_usable/tests/break/dotnet_off.ps1"
FORGET = r"""
foreach ($path in 'C:\heard.txt', 'C:\ProgramData\teamsmedic') {
    if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Recurse -Force }
}
"""
# The helpers of a remediation of the test's own travel in the prelude beside the shipped files, none of which is
# edited. They ask the engine for the whole text that each statement was parsed from.
RECORDER = r"""
function Write-Heard {
    param([string] $What, [string] $Text)
    $sha = [System.Security.Cryptography.SHA256]::Create()
    $hash = $sha.ComputeHash([System.Text.Encoding]::UTF8.GetBytes($Text))
    $hash = ([System.BitConverter]::ToString($hash) -replace '-', '').ToLowerInvariant()
    [System.IO.File]::AppendAllText('C:\heard.txt', "$($TM.Argument.verb) $What $hash $($Text.Length)`n")
}
function Get-Source { param([object] $Extent) $Extent.StartScriptPosition.GetFullScript() }
Write-Heard -What 'prelude' -Text (Get-Source -Extent ${function:Write-Heard}.Ast.Extent)
Write-Heard -What 'argument' -Text $TMJson
$realEnd = ${function:Write-TMEnd}
function Write-TMEnd {
    Write-Heard -What 'end' -Text (Get-Source -Extent (Get-PSCallStack)[1].Position)
    & $realEnd
}
"""
WRAPPER = r"""
$realVERB = ${function:Invoke-TMVERB}
function Invoke-TMVERB {
    param([string] $Name, [scriptblock] $Script)
    Write-Heard -What $Name -Text (Get-Source -Extent $Script.Ast.Extent)
    & $realVERB -Name $Name -Script $Script
}
"""
RESTS = {
    "remediation.yaml": r"""
title: The recorder rests
summary: A file, so that there is something to do.
cures: [tls12_disabled]
context: machine
desired: {rests: true}
reasons: {rests: it does not rest}
objects: ['C:\\rests']
uses: [recorder]
references: [https://example.org]
user_notices: Nothing.
""",
    "detect.ps1": r"""param([object] $Parameters)
[ordered]@{ rests = [ordered]@{ object = 'C:\rests'; value = [System.IO.File]::Exists('C:\rests') } }
""",
    "fix.ps1": "param([object] $Parameters, [object[]] $Drift)\n[System.IO.File]::WriteAllText('C:\\rests', '')\n",
    "undo.ps1": "param([object] $Parameters, [object[]] $Items)\n[System.IO.File]::Delete('C:\\rests')\n",
}


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shipped content, and a remediation whose helpers record."""
    root = tmp_path / "content"
    for name in ("catalog", "remediations", "library"):
        shutil.copytree(content.root() / name, root / name)
    helpers = root / "remediations/_helpers"
    (helpers / "recorder.ps1").write_text(RECORDER + WRAPPER.replace("VERB", "Detect"))
    (helpers / "recorder_change.ps1").write_text("".join(WRAPPER.replace("VERB", verb) for verb in ("Fix", "Undo")))
    folder = root / "remediations/test/recorder_rests"
    folder.mkdir(parents=True)
    for name, text in RESTS.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("TEAMSMEDIC_CONTENT", str(root))
    content.root.cache_clear()
    yield root
    content.root.cache_clear()


class Listening:
    """A host that keeps what it was asked to send: hashes of the texts and of the argument."""

    def __init__(self, host: Any) -> None:
        self.host, self.name, self.sent = host, host.name, []

    def run(self, request: Send) -> Reply:
        texts = {payload.PRELUDE: request.statements[0].text, "argument": request.argument}
        texts |= {one.name: one.text for one in request.statements}
        hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        self.sent.append((request.verb, hashes))
        return self.host.run(request)

    def close(self) -> None:
        self.host.close()


def heard(device: LabDevice) -> list[list[str]]:
    """Verb, statement, hash and length of all that the device's engines recorded since it was last forgotten."""
    return [line.split() for line in device.device.file(r"C:\heard.txt").read_text().splitlines()]


def test_the_engine_runs_the_same_bytes_and_comes_to_the_same_through_both_doors(
    device: Callable[..., LabDevice], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Check, fix and undo, one after the other on one device through Ansible, and as the same runs through pypsrp."""
    desk = device("desktop", breaks=(recording / "remediations" / BREAK).read_text())
    asked_for = {"remediations": NAMES, "parameters": PARAMETERS, "allow": ["disruptive"]}
    before = desk.snapshot()

    tasks = [task(state="checked", **asked_for), task(state="fixed", **asked_for), task(state="reverted")]
    played = play(desk, tmp_path / "play", tasks, "-vvv")

    assert played.code == 0, played.output
    theirs = heard(desk)
    records = {command: (run, record) for run, command, record in played.records(desk.name)}
    (checked, check), (fixed, fix), (undone, undo) = (records[command] for command in ("check", "fix", "undo"))
    # Neither the texts nor the argument, whole or in parts, is in what Ansible shows; nor has it told the event log.
    for part in ("Invoke-TM", "Write-TM", "Get-TM", "TMJson", "sha256", "statements"):
        assert part not in played.output, part
    desk.admin(FORGET)
    assert report(desk.changes(before)) == "no change"

    host = Listening(pypsrp(desk))
    wanted = asked.plan(None, names=NAMES, parameters=PARAMETERS, now=0)
    walks = (
        (treatment.check(wanted, treatment.Context(checked, BY)), "drifted", check),
        (treatment.fix(wanted, treatment.Context(fixed, BY), allow={"disruptive"}), "fixed", fix),
        (asked.undo(treatment.Context(undone, BY), desk.name, where=played.runs, now=0), "reverted", undo),
    )
    try:
        for walk, status, record in walks:
            mine = plain(drive(walk, host, lambda *_: None).outcomes)
            assert [one["status"] for one in mine] == [status] * len(NAMES)
            for one, other in zip(mine, record["outcomes"], strict=True):
                assert {key: (one[key], other[key]) for key in one if one[key] != other[key]} == {}
    finally:
        host.close()
    ours = heard(desk)
    assert ours == theirs
    # What holds no remediation holds no recorder: the first look of an undo at the journal, and its entries.
    recorded = [(verb, hashes) for verb, hashes in host.sent if verb is not Verb.JOURNAL and "recorder_rests" in hashes]
    assert len(host.sent) - len(recorded) == 2
    sent = [[str(verb), name, value] for verb, hashes in recorded for name, value in hashes.items()]
    assert [line[:3] for line in ours] == sent
    parts = ("prelude", "argument", "end", *NAMES)
    assert {(verb, name) for verb, name, *_ in ours} == {(v, part) for v in ("check", "fix", "undo") for part in parts}
    with capsys.disabled():
        size = sum(int(line[3]) for line in ours)
        print(
            f"\n  both doors: {len(ours)} texts of {len(recorded)} pipelines ({size} characters) are equal by SHA-256"
        )
