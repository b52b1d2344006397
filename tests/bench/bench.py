"""Figures, each a ratio of two things measured in one run: `python tests/bench/bench.py [windows] [sessions] [stock]`.

Prints; asserts nothing. Without words: what needs no Windows.
  windows   check on one Windows device against one bare pypsrp pipeline that returns the same JSON
  sessions  all checks with one person logged on against one bare pipeline that runs one task in that session
  stock     the same facts by stock Ansible tasks (TEAMSMEDIC_STOCK_ANSIBLE names its ansible-playbook)
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from teamsmedic import asked, content, parallel, remediation, treatment
from teamsmedic.ansible import inventory
from teamsmedic.hosts.base import Verb
from teamsmedic.hosts.winrm import WinRMHost
from teamsmedic.lab import cli as labs
from teamsmedic.lab.seed import AMBER
from teamsmedic.payload import build
from teamsmedic.run import drive
from teamsmedic.runfolder import RunFolder, new_id

REMEDIATION = "tls12_usable"
ROUNDS = 15
DEVICES = 4
PREPARE = r"""
$key = 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Lab'
Set-ItemProperty -LiteralPath $key -Name TaskDelay -Value ([string[]]('0', '1')) -Type MultiString
[Microsoft.Win32.Registry]::Users.DeleteSubKeyTree('S-1-5-21-1004336348-1177238915-682003330-1107\Volatile Environment')
"""
"""Tasks start at once, and one of the two people has logged off."""


def say(what: str, ours: float, theirs: float, unit: str, goal: str) -> None:
    print(f"{what:<58} {ours:9.3f} {theirs:9.3f} {unit:<3} ratio {ours / theirs:5.2f}   goal {goal}")


@contextlib.contextmanager
def lab(hosts: dict[str, object], kind: str) -> Iterator[tuple[Path, list[inventory.HostSpec]]]:
    with tempfile.TemporaryDirectory(prefix="teamsmedic-bench-") as folder:
        file = Path(folder) / "hosts.yml"
        file.write_text(yaml.safe_dump({"all": {"vars": {"lab_kind": kind}, "hosts": hosts}}))
        state = Path(folder) / "lab"
        up = labs.up(file, state)
        try:
            yield state, inventory.resolve("all", sources=[str(up.inventory)])
        finally:
            labs.down(state)


def check(specs: list[inventory.HostSpec], folder: Path, forks: int = 20) -> None:
    plan = asked.plan(None, names=[REMEDIATION], now=time.time())
    context = treatment.Context(new_id(), "bench")
    run = RunFolder.create(folder, context.run, {})
    stop = threading.Event()
    tasks = [
        parallel.Task(
            one.name,
            lambda one=one: WinRMHost(one.name, inventory.connection(one), stop),
            lambda: treatment.check(plan, context),
        )
        for one in specs
    ]
    results = parallel.treat(tasks, run, forks=forks, stop=stop)
    assert all(one.outcomes for one in results), results


def bare(spec: inventory.HostSpec, script: str, argument: str | None = None) -> list[str]:
    about = inventory.connection(spec)
    wire = WSMan(
        about.server,
        port=about.port,
        ssl=about.ssl,
        path=about.path,
        auth=about.auth,
        username=about.username,
        password=about.password,
        no_proxy=True,
    )
    with wire, RunspacePool(wire) as pool:
        shell = PowerShell(pool).add_script(script)
        if argument is not None:
            shell.add_argument(argument)
        return list(shell.invoke())


def alternate(
    first: Callable[[], object], second: Callable[[], object], clock: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Medians of two things done in turn, so that what else the machine does weighs on both alike."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for times, what in zip(taken, (first, second), strict=True):
            begun = clock()
            what()
            times.append(clock() - begun)
    return statistics.median(taken[0]), statistics.median(taken[1])


def own_cpu() -> float:
    return time.process_time()


def child_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command_cpu(*words: str, rounds: int = 7, **environment: str) -> float:
    taken = []
    for _ in range(rounds):
        begun = child_cpu()
        subprocess.run(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env={**os.environ, **environment}
        )
        taken.append(child_cpu() - begun)
    return statistics.median(taken)


def start_up() -> None:
    python = command_cpu(sys.executable, "-c", "pass")
    command = str(Path(sys.executable).parent / "teamsmedic")
    for words in (["--help"], ["explain", "0xCAA70007"]):
        say(
            f"CPU of teamsmedic {' '.join(words)} / of an empty Python",
            command_cpu(command, *words),
            python,
            "s",
            "<= 0.25 s",
        )


def replayed(folder: Path) -> None:
    hosts = {f"desk-{number:03}": {} for number in range(1, 101)}
    with lab(hosts, "replay") as (_, specs):
        check(specs[:5], folder)
        ten, hundred = alternate(lambda: check(specs[:10], folder), lambda: check(specs, folder), time.perf_counter, 9)
        say("wall time a host, 100 replayed hosts / 10", hundred / 100 * 1000, ten / 10 * 1000, "ms", "within 15 %")
        ten, hundred = alternate(lambda: check(specs[:10], folder), lambda: check(specs, folder), own_cpu, 9)
        say(
            "controller CPU a host, 100 replayed hosts / 10", hundred / 100 * 1000, ten / 10 * 1000, "ms", "within 15 %"
        )
        statements = build([REMEDIATION], Verb.CHECK)
        argument = json.dumps(
            {
                "protocol": 1,
                "run": "bench",
                "verb": "check",
                "by": "",
                "remediations": {REMEDIATION: {"parameters": {}}},
            }
        )
        ours, theirs = alternate(
            lambda: check(specs[:10], folder, 1),
            lambda: [bare(one, statements[0].text, argument) for one in specs[:10]],
            own_cpu,
        )
        say("controller CPU a host, check / bare open-invoke-close", ours * 100, theirs * 100, "ms", "<= 1.5")


def windows(folder: Path) -> None:
    with lab({"desk": {"lab_role": "desktop"}}, "windows") as (state, [spec]):
        check([spec], folder)
        texts = [one.text for one in build([REMEDIATION], Verb.CHECK)]
        host = WinRMHost(spec.name, inventory.connection(spec))
        argument = json.dumps(
            {
                "protocol": 1,
                "run": "bench",
                "verb": "check",
                "by": "",
                "remediations": {REMEDIATION: {"parameters": {"probe": ""}}},
            }
        )
        lines = host.run(treatment.Send(Verb.CHECK, build([REMEDIATION], Verb.CHECK), argument)).lines
        host.close()
        same = "; ".join("'" + line.replace("'", "''") + "'" for line in lines)
        labs.control(spec.name, {"reset": True}, state)
        check([spec], folder)
        ours = labs.control(spec.name, None, state)["operations"]
        labs.control(spec.name, {"reset": True}, state)
        assert bare(spec, same) == list(lines)
        theirs = labs.control(spec.name, None, state)["operations"]
        print(f"WSMan requests, check / bare: {ours} / {theirs}")
        check_, pipeline = alternate(lambda: check([spec], folder), lambda: bare(spec, same), time.perf_counter)
        say(
            f"wall time, check / bare pipeline of {sum(map(len, lines))} bytes",
            check_ * 1000,
            pipeline * 1000,
            "ms",
            "<= 1.25",
        )
        print(f"  (payload: {sum(map(len, texts))} characters)")


TASK = r"""
param($Sid)
$folder = "$env:ProgramFiles\bare"
$null = New-Item -Path $folder -ItemType Directory -Force
Set-Content -LiteralPath "$folder\run.ps1" -Value 'Set-Content -LiteralPath "$PSScriptRoot\answer" -Value "{}"'
$arguments = "-NoProfile -ExecutionPolicy Bypass -File `"$folder\run.ps1`""
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $arguments
$principal = New-ScheduledTaskPrincipal -UserId $Sid -LogonType Interactive
$null = Register-ScheduledTask -TaskName 'bare' -Action $action -Principal $principal
Start-ScheduledTask -TaskName 'bare'
$answer = "$folder\answer"
while (-not (Test-Path -LiteralPath $answer) -or -not (Get-Content -LiteralPath $answer)) { Start-Sleep -Milliseconds 50 }
Get-Content -LiteralPath $answer -Raw
Unregister-ScheduledTask -TaskName 'bare' -Confirm:$false
Remove-Item -LiteralPath $folder -Recurse
"""


def sessions(folder: Path) -> None:
    """On a device whose tasks start at once; how late one starts is the lab's dice otherwise."""
    with lab({"desk": {"lab_role": "desktop"}}, "windows") as (_, [spec]):
        bare(spec, PREPARE)
        names = list(remediation.load(content.root()))
        person = {"stale_credentials_absent": {"users": ["amber"]}}
        plan = asked.plan(None, names=names, parameters=person, now=time.time())
        context = treatment.Context(new_id(), "bench")

        def all_checks() -> None:
            host = WinRMHost(spec.name, inventory.connection(spec))
            report = drive(treatment.check(plan, context), host, lambda *_: None)
            host.close()
            assert len(report.outcomes) == len(names), report

        ours, theirs = alternate(all_checks, lambda: bare(spec, TASK, AMBER.sid), time.perf_counter, 5)
        say(f"wall time, {len(names)} checks / a bare task", ours * 1000, theirs * 1000, "ms", "<= 1.25")


def stock(folder: Path) -> None:
    """The playbook beside this file reads the same facts with the fewest stock tasks; CPU of the controller."""
    command = os.environ["TEAMSMEDIC_STOCK_ANSIBLE"]
    playbook = Path(__file__).with_name("stock_tls12.yml")
    listed = yaml.safe_load(playbook.read_text())[0]["tasks"]
    tasks, requests = len(listed), sum(len(task.get("loop", [1])) for task in listed)
    ours = str(Path(sys.executable).parent / "teamsmedic")
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    shipped = str(Path(__file__).resolve().parents[2] / "playbooks/check.yml")
    hosts = {f"desk-{number}": {"lab_role": "desktop"} for number in range(1, DEVICES + 1)}
    quiet = {"TEAMSMEDIC_RUN_DIR": str(folder), "ANSIBLE_HOST_KEY_CHECKING": "False"}
    with lab(hosts, "windows") as (state, _):
        source = ("-i", str(state / "inventory.yml"))
        doors = {
            "stock Ansible": (command, str(playbook), *source),
            "teamsmedic check": (ours, "check", "all", *source, "--remediation", REMEDIATION),
            "playbooks/check.yml": (ansible, shipped, *source, "-e", "target=all", "-e", f"remediations={REMEDIATION}"),
        }
        one = {name: command_cpu(*words, "-l", "desk-1", rounds=3, **quiet) for name, words in doors.items()}
        more = {name: command_cpu(*words, rounds=3, **quiet) for name, words in doors.items()}
    print(f"stock tasks: {tasks}, with {requests} reads; devices: {DEVICES}")
    further = {name: (more[name] - one[name]) / (DEVICES - 1) for name in doors}
    for name in list(doors)[1:]:
        both = f"stock Ansible / {name}"
        say(f"controller CPU, one device, {both}", one["stock Ansible"], one[name], "s", ">= 10")
        say(f"a further device, {both}", further["stock Ansible"], further[name], "s", ">= 10")


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="teamsmedic-bench-runs-") as name:
        folder = Path(name)
        start_up()
        replayed(folder)
        if "windows" in words:
            windows(folder)
        if "sessions" in words:
            sessions(folder)
        if "stock" in words:
            stock(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
