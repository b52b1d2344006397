"""The Ansible door: one task on one host, from its options to its result. Imports nothing of Ansible's.

The collection's action plugin hands over what it was asked and how to run its module; everything that decides is the
same as behind the command line. Of the statuses, `failed` fails the task, `fixed` and `reverted` change it, the others
are ok.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teamsmedic import asked, catalog, content, remediation, rooms, runfolder, treatment, waves
from teamsmedic.ansible import triaged
from teamsmedic.ansible import vars as connections
from teamsmedic.errors import (
    AccessDenied,
    BadReply,
    HostError,
    NothingToUndo,
    RequestError,
    TeamsMedicError,
    Unreachable,
)
from teamsmedic.gatekeeper import Gatekeeper
from teamsmedic.hosts import reach
from teamsmedic.hosts.base import End, Reply, Send
from teamsmedic.outcome import Change, Json, Outcome, Status
from teamsmedic.plan import Plan
from teamsmedic.result import HostResult
from teamsmedic.resume import Earlier
from teamsmedic.run import drive
from teamsmedic.runfolder import RunFolder
from teamsmedic.text import clean

COMMANDS = {"checked": "check", "fixed": "fix", "reverted": "undo", "forgotten": "undo", "triaged": "triage"}
"""By state: the command line's word for it, which run folders hold."""
STATES = tuple(COMMANDS)
BACK = ("reverted", "forgotten")
ALLOW = ("disruptive", "irreversible")
SPOKEN = 2
"""Reasons of one outcome in `msg`; the others are in `outcomes`."""
FAIL_ON = (Status.BLOCKED, Status.UNKNOWN)
WAVES = ("waves", "threshold", "min_evidence", "failure_budget", "absent_limit", "evidence_age")
_SEED = (time.time(), secrets.randbits(12))
_PROCESS = runfolder.process()
"""The plugin imports this module, and Ansible the plugin, before its workers are forked: all of one run share this."""

Execute = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Runs the collection's module with these options on the device; HostError where it cannot be reached."""


def load() -> None:
    """Reads the content before Ansible forks: each worker would read it again. What is wrong there, a worker says."""
    with contextlib.suppress(TeamsMedicError):
        root = content.root()
        remediation.load(root)
        catalog.book(root)


@dataclass(frozen=True)
class Options:
    """The task's options, checked; what they mean stands in library/remediation.yml."""

    codes: Any = None
    remediations: tuple[str, ...] = ()
    all: bool = False
    state: str = "checked"
    parameters: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    run: str = "last"
    run_dir: str | None = None
    fail_on: tuple[str, ...] = ()
    by: str | None = None
    because: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    tried: tuple[str, ...] = ()
    redact: bool = True
    resume: str | None = None
    policy: waves.Policy = field(default_factory=waves.Policy)

    @classmethod
    def names(cls) -> list[str]:
        """The names that a task gives them."""
        return [*(name for name in cls.__dataclass_fields__ if name != "policy"), *WAVES]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """The options of a task, unset ones null or ''; RequestError for an unknown one or a value that is none."""
        known = cls.names()
        if extra := sorted(set(given) - set(known)):
            raise _wrong(f"there is no option {clean(extra[0])}", f"use {', '.join(known)}")
        values = {name: value for name, value in given.items() if value is not None and value != ""}
        out = cls(
            codes=values.get("codes"),
            remediations=_list(values, "remediations"),
            all=_flag(values.get("all", False)),
            state=str(values.get("state", "checked")),
            parameters=_parameters(values.get("parameters", {})),
            allow=_list(values, "allow", ALLOW),
            run=str(values.get("run", "last")),
            run_dir=values.get("run_dir"),
            fail_on=_list(values, "fail_on", FAIL_ON),
            by=values.get("by"),
            because=clean(values.get("because", ""), 300).strip(),
            answers=_answers(values.get("answers", {})),
            tried=_list(values, "tried"),
            redact=_flag(values.get("redact", True), "redact"),
            resume=values.get("resume"),
            policy=waves.Policy.read(values),
        )
        if out.state not in STATES:
            raise _wrong(f"state is {clean(out.state)}", f"use one of {', '.join(STATES)}")
        if out.run != "last" and not runfolder.RUN_ID.fullmatch(out.run):
            raise _wrong(f"run is {clean(out.run)}", "give a run's id, or last")
        return out


@dataclass(frozen=True)
class Task:
    """One task on one host.

    `play`: all hosts of the play; `run_dir`, `night_window`: the variables of those names; `groups`: those of the host.
    """

    host: str
    options: Mapping[str, Any]
    dry_run: bool = False
    diff: bool = False
    play: Sequence[str] = ()
    run_dir: str | None = None
    inventory: Sequence[str] = ()
    groups: Sequence[str] = ()
    night_window: str | None = None


@dataclass
class AnsibleHost:
    """A device through Ansible's own connection.

    `reset` connects anew, which also frees what a statement that cannot be stopped holds there.
    `reached`: its address, port and path, by which one device of two names is known.
    """

    name: str
    execute: Execute
    reset: Callable[[], None]
    reached: str
    _lost: bool = field(default=False, init=False)

    def run(self, request: Send) -> Reply:
        """Run one pipeline: one run of the module."""
        # A whole number of seconds: a text of a fraction is read by the device's culture.
        statements = [
            {"name": one.name, "text": one.text, "limit": max(1, round(one.limit))} for one in request.statements
        ]
        if self._lost:  # Ansible's connections do not see by themselves that they are gone
            self.reset()
            self._lost = False
        try:
            result = self.execute({"statements": statements, "argument": request.argument})
        except HostError:
            self._lost = True
            raise
        lines, end = result.get("lines"), result.get("end")
        if not isinstance(lines, list) or end not in tuple(End):
            raise BadReply(
                f"ran the module on {self.name}",
                clean(result.get("msg") or "it gave no answer", 300),
                "check that Windows PowerShell works there for this account",
            )
        if end in (End.TIMEOUT, End.FLOODED):
            with contextlib.suppress(HostError):
                self.reset()
        return Reply(tuple(str(line) for line in lines), End(end), clean(result.get("detail") or "", 300))

    def close(self) -> None:
        """Ansible closes its connection itself."""


@dataclass(frozen=True)
class Endpoint:
    """Where Ansible's connection leads."""

    address: str
    port: int
    tls: bool


def refuse(name: str, connection: str, option: Callable[[str], Any], **given: bool) -> Endpoint:
    """Checks how Ansible is going to reach a host, before it does; returns where that is.

    `option` gives the connection plugin's option of that name. `given`: what a task may ask for besides, and what would
    change who reads or what is read (become, environment, delegate_to, async): refused by name.
    """
    for word, wanted in given.items():
        if wanted:
            raise RequestError(
                f"prepared {name}",
                f"the task has {word}",
                f"leave it out: {content.ANSIBLE_MODULE} reads as the user who connects",
            )
    kind = connections.kind(name, connection)
    address, port = str(option("remote_addr") or name), option("port")
    protocol = option("protocol" if kind == "psrp" else "scheme")
    protocol = protocol or ("http" if port is not None and int(port) == 5985 else "https")
    if kind == "psrp":
        auth = option("auth") or "negotiate"
    else:
        # Left alone, Ansible's winrm signs in with Kerberos where the user is a UPN, and else with Basic.
        auth = connections.winrm_auth(option("transport")) or (
            "kerberos" if "@" in str(option("remote_user")) else "basic"
        )
    connections.refuse_login(name, auth, protocol, address)
    tls = protocol == "https"
    return Endpoint(address, int(port or (5986 if tls else 5985)), tls)


def go_direct(address: str, connection: str, set_option: Callable[[str, Any], None]) -> None:
    """Lets a connection to this machine ignore proxies."""
    if not connections.is_loopback(address):
        return
    if connection == "psrp":
        set_option("ignore_proxy", True)
    else:  # pywinrm asks the environment, which in Ansible's worker is this host's own
        os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), address)))


def is_loss(error: Exception) -> bool:
    """Whether this is a connection that broke while it was used: Ansible's plugins let what they use raise."""
    return type(error).__module__.partition(".")[0] in ("requests", "urllib3", "pypsrp", "winrm")


def unreached(name: str, endpoint: Endpoint, error: Exception) -> HostError:
    """The error for a host that Ansible's connection does not reach, or is refused by."""
    where = name if endpoint.address == name else f"{name} ({endpoint.address})"
    said = str(error).strip()
    # pypsrp's, below the words of Ansible's connection plugin.
    refused = type(error.__context__).__name__ == "AuthenticationError"
    known = reach.fault(said)
    if known is None and not refused:
        known = reach.mismatch(endpoint.address, endpoint.port, tls=endpoint.tls)
    found = clean(said.split("\n")[0].rstrip("."), 300)
    known = known or (found, "check that it is on, that WinRM listens there, and the account")
    return (AccessDenied if refused else Unreachable)(f"connected to {where}", *known)


def carry_out(task: Task, open_host: Callable[[], AnsibleHost]) -> dict[str, Any]:
    """The task's result. `open_host` is called once what is asked for is known to be sound; it may raise our errors."""
    folder: RunFolder | None = None
    result = HostResult(task.host)
    options = Options()
    interview: Any = None
    turn = _Turn()
    begun = time.time()
    try:
        options = Options.read(task.options)
        where = runfolder.base(options.run_dir or task.run_dir)
        by = clean(options.by or f"{runfolder.user()}@{os.uname().nodename}", 200)
        window = rooms.window(task.night_window, task.host)
        plan = None
        if options.state == "triaged":
            interview, plan = triaged.prepare(
                options.codes, options.answers, options.tried, redact=options.redact, now=time.time()
            )
            if plan is None:
                said = triaged.told(interview, result, (0.0, 0.0), where, checked=False)
                return {"changed": False, "outcomes": [], **said}
        elif options.state in BACK:
            asked.undo_parameters(options.parameters, (), time.time())
        else:
            plan = asked.plan(
                options.codes,
                names=options.remediations,
                everything=options.all,
                parameters=options.parameters,
                spare=True,
                now=time.time(),
            )
        host = open_host()
        folder = RunFolder.create(where, _run_id(where, task.host), _manifest(task, options, by, plan))
        _claim(folder, host)
        turn = _Turn.of(folder, task, options, plan)
        result.wave = turn.enter(task.host)
        context = treatment.Context(folder.id, by, terms=rooms.Terms(window, options.because, time.time()))
        walk = _walk(task, options, plan, context, where)
        result.report = turn.skipped or drive(walk, host, functools.partial(folder.write, task.host))
    except TeamsMedicError as error:
        result.error = error
    except Exception:  # a fault of ours is one sentence and a report, as behind the command line
        from teamsmedic.parallel import internal  # noqa: PLC0415 - brings pypsrp along

        result.error = internal(folder, traceback.format_exc())
    if folder:
        _keep(folder, task, result, turn)
    out = _told(result, task, options, folder)
    if interview and folder and (result.report or isinstance(result.error, HostError)):
        out |= triaged.told(interview, result, (begun, time.time()), folder.path.parent, checked=True, folder=folder)
    return out


def _keep(folder: RunFolder, task: Task, result: HostResult, turn: _Turn) -> None:
    """Has on disk what became of the host, and then lets others in."""
    try:
        kind, data = result.record()
        folder.write(task.host, kind, {**data, **turn.record, "groups": list(task.groups)})
        turn.settle(result)
    except TeamsMedicError as error:
        result.error = result.error or error


def _claim(folder: RunFolder, host: AnsibleHost) -> None:
    """RequestError where another host of this run leads to the same device: it would be repaired from two sides."""
    held = folder.claim(host.reached, host.name)
    if held != host.name:
        raise RequestError(
            f"looked up {clean(host.name)} in the inventory",
            f"it leads to the same device as {clean(held)} ({clean(host.reached)})",
            f"take one out of it, or leave it out: -l '…:!{clean(host.name)}'",
        )


@dataclass(frozen=True)
class _Turn:
    """When a host of a fix has its turn. `skipped`: its report where an earlier run has verified it, with `record`.

    Hosts are let in in the order in which Ansible comes to them, in a resumed run those that were absent before the
    others that wait. Those that have to wait do so in their workers: with `serial` a batch of devices that are all off
    would end the play (docs/fleets.md).
    """

    gate: Gatekeeper | None = None
    skipped: treatment.Report | None = None
    record: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: RunFolder, task: Task, options: Options, plan: Any) -> _Turn:
        """The turn of a task's host; of several hosts, and where something may change, by waves."""
        if options.state != "fixed" or task.dry_run:
            return cls()
        earlier: Earlier | None = None
        if options.resume:
            wanted = [item.remediation.id for item in plan.items]
            earlier = Earlier.find(folder.path.parent, options.resume, wanted, options.parameters, options.policy)
            if known := earlier.verified(task.host, time.time()):
                return cls(skipped=treatment.Report(known.outcomes), record=known.record())
        total, playbook = len(task.play), os.getppid()

        def begin() -> waves.Gate:
            now = time.time()
            return earlier.gate(total, now) if earlier else waves.Gate.begin(options.policy, total, now)

        def alive() -> None:
            if os.getppid() != playbook:
                # A worker outlives an ansible-playbook that is killed, and nobody would see what it does.
                raise waves.HeldBack("waited for this device's wave", "ansible-playbook has ended", "resume the run")

        def place(host: str) -> int:
            later = 0 if earlier is None or earlier.absent(host) else total
            return later + task.play.index(host)

        return cls(Gatekeeper(folder, options.policy, begin, place, alive) if total > 1 else None)

    def enter(self, host: str) -> int | None:
        """Waits for the host's wave, and gives its number."""
        return self.gate.enter(host) if self.gate else None

    def settle(self, result: HostResult) -> None:
        """The host has come to its end."""
        if self.gate and result.wave is not None:
            self.gate.settle(result.host, waves.standing(result.outcomes, result.error))


def _walk(task: Task, options: Options, plan: Plan | None, context: treatment.Context, where: Path) -> treatment.Walk:
    if plan is None:
        return asked.undo(
            context, task.host, run=options.run, names=options.remediations, where=where, dry_run=task.dry_run,
            forget=options.state == "forgotten", parameters=options.parameters, now=time.time(),
        )  # fmt: skip
    if options.state == "triaged":
        return treatment.look(plan, context)
    if options.state == "checked":
        return treatment.check(plan, context)
    if task.dry_run:
        return treatment.rehearse(plan, context, allow=options.allow)
    return treatment.fix(plan, context, allow=options.allow)


def _told(result: HostResult, task: Task, options: Options, folder: RunFolder | None) -> dict[str, Any]:
    """The result as Ansible keeps it."""
    outcomes = result.outcomes
    would = [one for one in outcomes if _changes(one, task, options)]
    out: dict[str, Any] = {
        "changed": bool(would),
        "state": options.state,
        # In plain types: ansible-core from 2.21 on warns of an enum.
        "outcomes": json.loads(json.dumps([one.to_json() for one in outcomes])),
        "msg": ", ".join(_line(one) for one in outcomes),
    }
    if folder:
        out |= {"run": folder.id, "run_folder": str(folder.path)}
    if result.report and result.report.device and result.report.device.replayed:
        out["msg"] += " (replayed device)"
    if result.wave is not None:
        out["wave"] = result.wave
    if result.untouched:
        out["without"] = result.without
    if isinstance(result.error, NothingToUndo):
        out["msg"] = str(result.error)
    elif isinstance(result.error, waves.HeldBack):
        # Skipped, unless nothing else shows that the run did not do what it was asked for.
        out |= {"msg": str(result.error), "skipped" if result.error.shown else "failed": True}
    elif result.absent:
        out |= {"unreachable": True, "msg": str(result.error or out["msg"])}
    elif result.error:
        out["msg"] = str(result.error)
        out["unreachable" if result.without == "not reached" else "failed"] = True
    elif any(one.status is Status.FAILED or one.status in options.fail_on for one in outcomes):
        out["failed"] = True
    if folder and not out.get("failed") and not out.get("unreachable"):
        out["ansible_stats"] = _artifacts(folder.id, outcomes, task, options)
    if task.diff and options.state not in ("checked", "triaged"):
        out["diff"] = [_diff(change) for one in would for change in one.changes]
    return out


def _artifacts(run: str, outcomes: Sequence[Outcome], task: Task, options: Options) -> dict[str, Any]:
    """What set_stats would say, which ansible-runner and AWX keep as artifacts of the job.

    Ansible merges those of all hosts, and takes none of a host that failed or was not reached: `devices` says how many
    the play has.
    """
    about = {
        "command": COMMANDS[options.state],
        "dry_run": task.dry_run,
        "devices": len(task.play),
        "hosts": {task.host: {one.remediation: one.status.value for one in outcomes}},
    }
    return {"data": {"teamsmedic_runs": {run: about}}, "per_host": False, "aggregate": True}


def _changes(outcome: Outcome, task: Task, options: Options) -> bool:
    """Whether this outcome is a change: done, or in check mode what a run would do."""
    if options.state in ("checked", "triaged"):
        return False
    if options.state in BACK:
        return bool(outcome.changes)
    if task.dry_run:
        refused = any(reason.startswith(treatment.FORETOLD) for reason in outcome.reasons)
        return outcome.status is Status.DRIFTED and not refused
    return outcome.status in (Status.FIXED, Status.FAILED) and bool(outcome.changes)


def _line(outcome: Outcome) -> str:
    quiet = outcome.status in (Status.FIXED, Status.REVERTED)
    said = [] if quiet else [one.rstrip(".") for one in outcome.reasons[:SPOKEN]]
    if not quiet and len(outcome.reasons) > SPOKEN:
        said.append(f"{len(outcome.reasons) - SPOKEN} more")
    said += [one.rstrip(".") for one in outcome.notes[:SPOKEN]]
    if len(outcome.notes) > SPOKEN:
        said.append(f"{len(outcome.notes) - SPOKEN} more")
    if outcome.restart:
        said.append(f"restart: {outcome.restart}")
    return f"{outcome.remediation}: {outcome.status}" + (f" ({'; '.join(said)})" if said else "")


def _diff(change: Change) -> dict[str, str]:
    return {
        "before_header": clean(change.object, 300),
        "after_header": change.action,
        "before": _shown(change.before),
        "after": _shown(change.after),
    }


def _shown(value: Json) -> str:
    """A value as the one line of a diff; nothing there is no line."""
    if value is None:
        return ""
    if isinstance(value, dict) and set(value) == {"kind", "data"}:
        data = value["data"]
        value = f"{value['kind']} {data}" + (f" (0x{data:X})" if isinstance(data, int) and data > 9 else "")
    return clean(value if isinstance(value, str) else json.dumps(value, sort_keys=True), 1000) + "\n"


def _manifest(task: Task, options: Options, by: str, plan: Any) -> dict[str, Json]:
    return {
        "command": COMMANDS[options.state],
        "door": "ansible",
        "process": _PROCESS,
        "by": by,
        "inventory": list(task.inventory),
        "because": options.because,
        "codes": list(plan.codes) if plan else [],
        "remediations": [item.remediation.id for item in plan.items] if plan else list(options.remediations),
        "hosts": sorted(task.play),
        "dry_run": task.dry_run,
        "parameters": dict(options.parameters),
        "resumes": options.resume,
    }


def _run_id(where: Path, host: str) -> str:
    """The run that this host belongs to: all hosts of one ansible-playbook share the first, second … one of each.

    A host gets another run for each further task (a loop, `until`, a second play), because the journal on the device
    holds one entry for a run and a remediation, and a second fix must not meet the first one's.
    """
    started, seed = _SEED
    for number in range(1000):
        run = runfolder.run_id(started + number // 64, number % 64 << 12 | seed)
        folder = runfolder.find(where, run)
        if folder is None or not folder.has(host):
            return run
    return runfolder.new_id()


def _list(values: Mapping[str, Any], name: str, choices: Sequence[str] = ()) -> tuple[str, ...]:
    value = values.get(name, ())
    given = value.replace("\n", ",").split(",") if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise _wrong(f"{name} is no list of names", f"write {name}: [NAME, NAME]")
    out = tuple(bare for one in given if (bare := one.strip()))
    for one in out:
        if choices and one not in choices:
            raise _wrong(f"{name} holds {clean(one)}", f"use {' and '.join(choices)}")
    return out


def _answers(value: Any) -> Mapping[str, str]:
    """Question to answer; YAML reads yes and no as true and false."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        raise _wrong("answers is no dictionary", "write answers: {QUESTION: ANSWER}")
    words = {True: "yes", False: "no"}
    return {str(key): words[one] if isinstance(one, bool) else str(one) for key, one in value.items()}


def _flag(value: Any, name: str = "all") -> bool:
    if isinstance(value, bool):
        return value
    told = str(value).strip().lower()
    if told in ("true", "yes", "1", "false", "no", "0"):
        return told in ("true", "yes", "1")
    raise _wrong(f"{name} is {clean(value)}", "give true or false")


def _parameters(value: Any) -> Mapping[str, Mapping[str, Json]]:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, Mapping) or not all(isinstance(one, Mapping) for one in value.values()):
        raise _wrong("parameters is no dictionary of dictionaries", "write parameters: {REMEDIATION: {NAME: VALUE}}")
    return {str(name): {str(key): one for key, one in about.items()} for name, about in value.items()}


def _wrong(found: str, todo: str) -> RequestError:
    return RequestError(f"read the options of {content.ANSIBLE_MODULE}", found, todo)
