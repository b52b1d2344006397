"""Figures, each a ratio of two things measured in one run: `python tests/bench/bench.py WORD...`.

Prints; asserts nothing. Without words: start, and what a host takes in one process.
  fleet     10, 100 and 1,000 replayed devices by both doors, by pypsrp alone, and by stock Ansible tasks, whose modules
            these devices answer at once (TEAMSMEDIC_STOCK_ANSIBLE)
  forks     100 replayed devices by ansible-playbook with 5 to 50 forks
  windows   check on one Windows device against one bare pypsrp pipeline that returns the same JSON
  sessions  all checks with one person logged on against one bare pipeline that runs one task in that session
  stock     the same facts by stock Ansible tasks (TEAMSMEDIC_STOCK_ANSIBLE names its ansible-playbook)
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from teamsmedic import asked, content, parallel, remediation, treatment
from teamsmedic.ansible import inventory
from teamsmedic.hosts.base import Verb
from teamsmedic.hosts.winrm import WinRMHost
from teamsmedic.lab import cli as labs
from teamsmedic.lab import inventory as lab_inventory
from teamsmedic.lab import process, replay
from teamsmedic.lab.seed import AMBER
from teamsmedic.payload import build
from teamsmedic.run import drive
from teamsmedic.runfolder import RunFolder, new_id

REMEDIATION = "tls12_usable"
ROUNDS = 15
DEVICES = 4
ARGUMENT = json.dumps(
    {"protocol": 1, "run": "bench", "verb": "check", "by": "", "remediations": {REMEDIATION: {"parameters": {}}}}
)
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
        ours, theirs = alternate(
            lambda: check(specs[:10], folder, 1),
            lambda: [bare(one, statements[0].text, ARGUMENT) for one in specs[:10]],
            own_cpu,
        )
        say("controller CPU a host, check / bare open-invoke-close", ours * 100, theirs * 100, "ms", "<= 1.5")


@dataclass
class Used:
    """What a command took with all that it started: seconds, CPU seconds, megabytes of its largest process."""

    wall: float
    cpu: float
    memory: float


def used(*words: str, **environment: str) -> Used:
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    _, status, about = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Used(time.perf_counter() - begun, about.ru_utime + about.ru_stime, about.ru_maxrss / 1024)


FLEET = (10, 100, 1000)
LONGEST = 300
"""Seconds: a size that would take longer, by what a further host took so far, is left out."""
FORKS = 20
BARE, LAB = "--bare", "--lab"
STOCK = {
    "ansible.windows.win_reg_stat": {"changed": False, "exists": False, "properties": {}, "sub_keys": []},
    "ansible.windows.win_powershell": {
        "changed": False, "output": [], "host_out": "", "host_err": "", "error": [], "warning": [], "verbose": [],
        "debug": [], "information": [], "result": {},
    },
}  # fmt: skip
"""What the stock playbook's modules are answered with: its controller has the whole work, its device none."""


def lab_with_stock(words: list[str]) -> None:
    """In a process of its own: the lab's process, whose devices answer the stock playbook too."""
    ours = replay.ReplayDevice._module

    def module(device: replay.ReplayDevice, asked: replay.Module) -> replay.Said:
        known = STOCK.get(asked.name)
        return ours(device, asked) if known is None else device._reply(known)

    replay.ReplayDevice._module = module  # type: ignore[method-assign]
    sys.argv[1:] = words
    sys.exit(process.main())


@contextlib.contextmanager
def fleet_lab(count: int, delay: float = 0.0) -> Iterator[Path]:
    """The state folder of a lab with devices desk-0001 and on, which also answer the stock playbook."""
    with tempfile.TemporaryDirectory(prefix="teamsmedic-bench-") as folder:
        file, state = Path(folder) / "hosts.yml", Path(folder) / "lab"
        state.mkdir(mode=0o700)
        about = {"lab_kind": "replay", "lab_delay": delay}
        file.write_text(yaml.safe_dump({"all": {"vars": about, "hosts": {f"desk-[0001:{count:04}]": {}}}}))
        words = [sys.executable, __file__, LAB, "--inventory", str(file), "--state", str(state)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                secret = {"user": lab_inventory.USER, "password": secrets.token_urlsafe(18)}
                child.stdin.write(json.dumps(secret) + "\n")
                child.stdin.flush()
                up = json.loads(child.stdout.readline())
                (state / "lab.json").write_text(json.dumps({**up, **secret, "devices": []}))
                hosts = lab_inventory.read(file)
                text = lab_inventory.render(hosts, secret["password"], up["http"], up["https"], state / "ca.pem")
                (state / "inventory.yml").write_text(text)
                yield state
            finally:
                child.terminate()


def bare_fleet(source: str, count: int) -> None:
    """In a process of its own: pypsrp alone on so many devices, with the bytes of a check's first statement."""
    text = build([REMEDIATION], Verb.CHECK)[0].text
    specs = inventory.resolve(f"all[0:{count - 1}]", sources=[source])
    with ThreadPoolExecutor(FORKS) as pool:
        assert all(pool.map(lambda one: bare(one, text, ARGUMENT), specs))


def commands(source: str, count: int, forks: int = FORKS) -> dict[str, tuple[str, ...]]:
    """What is typed for so many devices, by door."""
    here, beside = Path(__file__).resolve(), Path(sys.executable).parent
    some = f"all[0:{count - 1}]"
    played = ("-i", source, "-l", some, "--forks", str(forks))
    return {
        "pypsrp alone": (sys.executable, str(here), BARE, source, str(count)),
        "teamsmedic check": (
            str(beside / "teamsmedic"), "check", some, "-i", source, "--remediation", REMEDIATION,
            "--forks", str(forks), "--json",
        ),
        "playbooks/check.yml": (
            str(beside / "ansible-playbook"), str(here.parents[2] / "playbooks/check.yml"), *played,
            "-e", f"remediations={REMEDIATION}",
        ),
        "one win_ping": (
            os.environ.get("TEAMSMEDIC_STOCK_ANSIBLE", "").removesuffix("-playbook"), "all", "-i", source, "-l", some,
            "--forks", str(forks), "-m", "ansible.windows.win_ping",
        ),
        "stock Ansible": (
            os.environ.get("TEAMSMEDIC_STOCK_ANSIBLE", ""), str(here.with_name("stock_tls12.yml")), *played,
        ),
    }  # fmt: skip


def fleet(folder: Path) -> None:
    """Whole commands with start and inventory, of which a further host is free. CPU is the controller's alone."""
    quiet = {"TEAMSMEDIC_RUN_DIR": str(folder)}
    with fleet_lab(FLEET[-1]) as state:
        source = str(state / "inventory.yml")
        doors = [name for name, words in commands(source, 1).items() if words[0]]
        took: dict[str, dict[int, Used]] = {name: {} for name in doors}
        further: dict[str, float] = {}
        print(f"{'devices':>8} {'':20}{'wall s':>9}{'CPU s':>9}{'MB':>6}{'a further host, ms of CPU':>28}")
        for count in FLEET:
            for name in doors:
                known = list(took[name].items())
                if len(known) > 1:
                    (low, few), (high, many) = known[-2:]
                    if (many.wall - few.wall) / (high - low) * count > LONGEST:
                        continue
                one = took[name][count] = used(*commands(source, count)[name], **quiet)
                if known:
                    low, few = known[-1]
                    further[name] = (one.cpu - few.cpu) / (count - low) * 1000
                about = f"{further[name]:28.1f}" if known else ""
                print(f"{count:8} {name:20}{one.wall:9.1f}{one.cpu:9.1f}{one.memory:6.0f}{about}", flush=True)
        for name in doors:
            labs.control("desk-0001", {"reset": True}, state)
            used(*commands(source, 1)[name], **quiet)
            wire = labs.control("desk-0001", None, state)
            print(
                f"{name}: {wire['requests']} requests, {wire['received']} bytes there, {wire['sent']} back, for a host"
            )
    say("a further host, teamsmedic check / pypsrp alone", further[doors[1]], further[doors[0]], "ms", "<= 1.5")
    if "stock Ansible" in doors:
        say("a further host, stock Ansible / check.yml", further["stock Ansible"], further[doors[2]], "ms", ">= 10")
        say("a further host, check.yml / one win_ping", further[doors[2]], further["one win_ping"], "ms", "none")
        say("a further host, stock Ansible / teamsmedic", further["stock Ansible"], further[doors[1]], "ms", ">= 10")


def forks(folder: Path) -> None:
    """100 devices by ansible-playbook with more and more forks, that answer at once and that take their time."""
    quiet = {"TEAMSMEDIC_RUN_DIR": str(folder)}
    print(f"{'answer after s':>15}{'forks':>7}{'wall s':>9}{'CPU s':>9}{'MB of all':>11}")
    for delay in (0.0, 5.0):
        with fleet_lab(100, delay) as state:
            for number in (5, 10, 25, 50):
                words = commands(str(state / "inventory.yml"), 100, number)["playbooks/check.yml"]
                with peak() as memory:
                    one = used(*words, **quiet)
                print(f"{delay:15.0f}{number:7}{one.wall:9.1f}{one.cpu:9.1f}{memory[0]:11.0f}", flush=True)


@contextlib.contextmanager
def peak() -> Iterator[list[float]]:
    """The most megabytes that this process's descendants had at once, what they share counted once."""
    found, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(1.0):
            mine, parents = {os.getpid()}, {}
            for path in Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError):
                    parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            total = 0
            for pid in sorted(parents):
                if parents[pid] in mine and b"ansible" in _command(pid):
                    mine.add(pid)
                    with contextlib.suppress(OSError, IndexError):
                        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                        total += int(rollup.split("\nPss:")[1].split()[0])
            found[0] = max(found[0], total / 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


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
        for what, script in FLOORS.items():
            least, pipeline = alternate(
                lambda script=script: bare(spec, script, argument), lambda: bare(spec, same), time.perf_counter
            )
            say(f"wall time, {what} / bare", least * 1000, pipeline * 1000, "ms", "none")


FLOORS = {
    "one that parses its argument": "param($Text) $null = $Text | ConvertFrom-Json; 'x'",
    "one that reads six values too": r"""
param($Text)
$ErrorActionPreference = 'Stop'
$null = $Text | ConvertFrom-Json
$read = [ordered]@{}
foreach ($name in 'CurrentBuildNumber', 'CurrentBuild', 'CurrentVersion', 'CurrentType', 'ProductName', 'SystemRoot') {
    $read[$name] = (Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -Name $name).$name
}
$read | ConvertTo-Json -Compress
""",
}
"""What no check can do without, as short as it can be written."""

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

ASKING = r'$null = "{}" | ConvertFrom-Json; $null = & "$env:windir\System32\dsregcmd.exe" /status'
"""What no check of a person's session can do without, as short as it can be written."""


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
        asking = TASK.replace("-Value 'Set-Content", f"-Value '{ASKING}; Set-Content")
        assert asking != TASK
        least, theirs = alternate(
            lambda: bare(spec, asking, AMBER.sid), lambda: bare(spec, TASK, AMBER.sid), time.perf_counter, 5
        )
        say("wall time, a task that reads JSON and asks dsregcmd / bare", least * 1000, theirs * 1000, "ms", "none")


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
        if not words:
            start_up()
            replayed(folder)
        for word in words:
            {"fleet": fleet, "forks": forks, "windows": windows, "sessions": sessions, "stock": stock}[word](folder)


if __name__ == "__main__":
    if sys.argv[1:2] == [BARE]:
        bare_fleet(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == [LAB]:
        lab_with_stock(sys.argv[2:])
    else:
        main(sys.argv[1:])
