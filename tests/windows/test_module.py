"""The collection's module on a real engine: it answers as a pipeline through PSRP does, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from teamsmedic.hosts.base import Reply, Send, Statement, Verb
from teamsmedic.hosts.winrm import Connection, WinRMHost
from teamsmedic.lab.seed import ADMIN

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(sys.executable).with_name("ansible-playbook")
# Sends each pipeline of a file through the door that the shipped action plugin opens, and keeps the replies.
ACTION = """
import json
from ansible_collections.teamsmedic.teams.plugins.action import remediation
from teamsmedic.hosts.base import Send, Statement, Verb

class ActionModule(remediation.ActionModule):
    def run(self, tmp=None, task_vars=None):
        host = self._open(task_vars["inventory_hostname"], task_vars)
        with open(self._task.args["file"]) as file:
            wanted = json.load(file)
        replies = []
        for statements, argument in wanted:
            reply = host.run(Send(Verb.CHECK, tuple(Statement(*one) for one in statements), argument))
            replies.append([list(reply.lines), str(reply.end), reply.detail])
        with open(self._task.args["file"], "w") as file:
            json.dump(replies, file)
        return {"changed": False}
"""
PROBE = "param($TMJson)\nfunction Say { param($What) \"$What\" }\n'prelude'\n"
HASH = (
    "$here = $MyInvocation.MyCommand.ScriptBlock.ToString(); $sha = [Security.Cryptography.SHA256]::Create()\n"
    "-join @($sha.ComputeHash([Text.Encoding]::UTF8.GetBytes($here)) | ForEach-Object { '{0:x2}' -f $_ })\n"
)
ODD = (
    "# tab\t, \u00fc \u20ac \U0001f600 \u2028, trailing  \n$x = @'\n  here \"$y\" `n\n\n'@\n"
    "# " + "x" * 5000 + "\n" + HASH
)
CASES: Mapping[str, tuple[list[str], str]] = {
    "plain": ([PROBE, "Say 'second'", "'third'"], "completed"),
    "argument": (["param($TMJson)\n$TMJson", '"$($args.Count)"', "$TMJson.Length.ToString()"], "completed"),
    "text": ([PROBE, ODD, HASH], "completed"),
    "parse error": ([PROBE, "if (", "'third'"], "failed"),
    "parse error first": (["if (", "Nothing 'second'", "Nothing 'third'"], "failed"),
    "throw": ([PROBE, "'before'; throw 'out'; 'after'", "'third'"], "failed"),
    "terminating": ([PROBE, "Get-Item C:\\nowhere -ErrorAction Stop", "'third'"], "failed"),
    "non-terminating": ([PROBE, "Get-Item C:\\nowhere; 'after'", "'third'"], "completed"),
    "break": ([PROBE, "'before'; break; 'after'", "'third'"], "completed"),
    "continue": ([PROBE, "'before'; continue; 'after'", "'third'"], "completed"),
    "return": ([PROBE, "'before'; return; 'after'", "'third'"], "completed"),
    "exit": ([PROBE, "'before'; exit 3; 'after'", "'third'"], "completed"),
    "exit in a function": (["function Leave { exit 4 }\n'prelude'", "Leave; 'after'", "'third'"], "completed"),
    "endless": ([PROBE, "while ($true) { Start-Sleep -Milliseconds 50 }", "'third'"], "timeout"),
    "unstoppable": ([PROBE, "[Threading.Thread]::Sleep(600000)", "'third'"], "timeout"),
    "after it": ([PROBE, "'second'"], "completed"),
    "five MB": ([PROBE, "'x' * 5000000", "'third'"], "completed"),
    "nine MB": ([PROBE, "'x' * 9000000", "'third'"], "flooded"),
    "many lines": ([PROBE, "1..12000 | ForEach-Object { 'y' * 1000 }", "'third'"], "flooded"),
    "extra output": ([PROBE, "'one'; 'two'", "'third'"], "completed"),
    "screen": ([PROBE, "Write-Host 'x'; Write-Warning 'y'; 'second'", "'third'"], "completed"),
    "preferences": (
        ['"$ErrorActionPreference"', '"$WarningPreference"', '"$(Test-Path variable:complex_args)"'],
        "completed",
    ),
    "variables": (["$kept = 3; 'first'", '"$kept"', "'third'"], "completed"),
    "errors": (["'first'", "try { 1 / 0 } catch { 'second' }", "'third'"], "completed"),
}


@pytest.fixture(scope="module")
def desk(windows_lab: Any) -> Iterator[Any]:
    """One desktop for all tests here."""
    one = windows_lab.add("desktop")
    yield one
    one.remove()


@pytest.fixture(scope="module")
def asked() -> list[Send]:
    """The cases as pipelines; a limit of two seconds where one is going to be reached."""
    return [
        Send(
            Verb.CHECK,
            tuple(Statement(str(number), text, 2.0 if end == "timeout" else 20.0) for number, text in enumerate(texts)),
            '{"a": "\\u00fc \' \\" $x"}',
        )
        for texts, end in CASES.values()
    ]


def play(desk: Any, folder: Path, tasks: list[Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Runs tasks on the device."""
    (folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"),
        "TEAMSMEDIC_RUN_DIR": str(folder / "runs"),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [str(TOOL), "-i", str(desk.inventory(folder / "inventory.yml")), *options, str(folder / "play.yml")]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def by_ansible(desk: Any, asked: list[Send], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reply]:
    """What the Ansible door gives for each case, all over one connection."""
    folder = tmp_path_factory.mktemp("ansible")
    (folder / "action_plugins").mkdir()
    (folder / "action_plugins/statements.py").write_text(ACTION)
    file = folder / "asked.json"
    file.write_text(json.dumps([
        [[[one.name, one.text, one.limit] for one in send.statements], send.argument] for send in asked
    ]))  # fmt: skip
    done = play(desk, folder, [{"statements": {"file": str(file)}}])
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: Reply(tuple(lines), end, detail)
        for name, (lines, end, detail) in zip(CASES, json.loads(file.read_text()), strict=True)
    }


@pytest.fixture(scope="module")
def by_pypsrp(desk: Any, asked: list[Send]) -> dict[str, Reply]:
    """What the door of the command line gives for each case."""
    about = Connection(
        "127.0.0.1", desk.lab.http, False, f"{desk.name}/wsman", "ntlm", ADMIN, desk.lab.password, no_proxy=True
    )
    host = WinRMHost(desk.name, about)
    try:
        return {name: host.run(send) for name, send in zip(CASES, asked, strict=True)}
    finally:
        host.close()


@pytest.mark.parametrize("name", CASES)
def test_the_module_answers_as_a_pipeline_does(by_ansible: Any, by_pypsrp: Any, name: str) -> None:
    """Lines, end and error id are equal; what came before something broke is never lost."""
    mine, theirs = by_pypsrp[name], by_ansible[name]

    assert mine.end == CASES[name][1]
    assert theirs.end == mine.end
    assert theirs.detail == mine.detail
    assert len(theirs.lines) == len(mine.lines)
    assert theirs.lines == mine.lines


def test_texts_and_argument_arrive_as_they_are(by_ansible: Any, asked: list[Send]) -> None:
    """Whatever stands in them; an engine's hash of what it runs is that of what was sent."""
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in CASES["text"][0][1:]]

    assert list(by_ansible["text"].lines[1:]) == expected
    assert by_ansible["argument"].lines[0] == asked[0].argument


def test_a_check_leaves_no_trace_and_its_payload_is_in_no_output(desk: Any, tmp_path: Path) -> None:
    """Not on the device (registry of all users, files), nor in the event log, nor with -vvvvv."""
    from snapshot import report

    before = desk.snapshot()
    done = play(desk, tmp_path, [{"teamsmedic.teams.remediation": {"all": True, "state": "checked"}}], "-vvvvv")

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status": "healthy"' in done.stdout
    found = desk.changes(before)
    assert found == {}, report(found)
    for text in ("Invoke-TMDetect", "Write-TMEnd", desk.lab.password):
        assert text not in done.stdout + done.stderr


def test_ansible_basic_would_leave_an_event_source(desk: Any, tmp_path: Path) -> None:
    """What the test above cannot see if this fails: without `no_log` at the top, the module's arguments are logged."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library/loud.ps1").write_text(
        "#!powershell\n#AnsibleRequires -CSharpUtil Ansible.Basic\n"
        "$module = [Ansible.Basic.AnsibleModule]::Create($args, @{ options = @{ text = @{ type = 'str' } } })\n"
        "$module.ExitJson()\n"
    )
    source = r"HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\Ansible"
    assert desk.admin(f"Test-Path '{source}'") == "False"

    done = play(desk, tmp_path, [{"loud": {"text": "x"}}])

    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.admin(f"Test-Path '{source}'") == "True"
