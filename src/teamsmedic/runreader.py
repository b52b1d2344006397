"""Reads what a run left on a disk, whatever its state: `read` gives a `Run`, `verify` what was changed in it since.

A run folder of this version or an older one, without its manifest, cut in the middle or still going on, and the
artifact folder of an ansible-runner. What is read was written by others: types are checked, nothing is believed to be
complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

from teamsmedic import chain, content, gatekeeper, runfolder
from teamsmedic.errors import ExitCode, RequestError, RunFolderError
from teamsmedic.outcome import Change, Json, Outcome, Status
from teamsmedic.runfolder import RunFolder
from teamsmedic.text import clean


class State(StrEnum):
    """Whether a run is over."""

    ENDED = "ended"
    GOING_ON = "going_on"
    CUT = "cut"
    UNTOLD = "untold"


class End(StrEnum):
    """How a run ended for one host.

    `begun`: a change was begun there, and nothing tells how it ended; `held_back`: it was not touched, because of the
    waves before it.
    """

    OUTCOME = "outcome"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    HELD_BACK = "held_back"
    NOTHING_TO_UNDO = "nothing_to_undo"
    BEGUN = "begun"
    NONE = "none"


@dataclass
class HostRun:
    """One host of a run: what is known of it last. `at`: seconds since 1970 of its last record; `wave`: from 1;
    `verified_in`: the earlier run that saw this, where this one only went on."""

    host: str
    end: End = End.NONE
    outcomes: list[Outcome] = field(default_factory=list)
    error: str | None = None
    kind: str | None = None
    computer: str | None = None
    undone: str | None = None
    verdict: str | None = None
    next: str | None = None
    groups: list[str] = field(default_factory=list)
    wave: int | None = None
    at: float | None = None
    verified_in: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this host alone, as interface and `--help` say it; a host without a record is not well."""
        if self.end is End.UNREACHABLE:
            return ExitCode.UNREACHABLE
        if self.end in (End.OUTCOME, End.NOTHING_TO_UNDO):
            return ExitCode.worst(one.status.exit_code for one in self.outcomes)
        if self.end is End.HELD_BACK:
            return ExitCode.BLOCKED
        return ExitCode.INTERRUPTED if self.end is End.NONE else ExitCode.FAILED


@dataclass
class Run:
    """A run as it was found. `source`: run_folder or ansible_runner; times are seconds since 1970.

    `seal`: the hash of the whole, where the run is over: kept elsewhere, it tells of any later change.
    `notes`: one sentence for each thing that a reader must know of how complete this is.
    `decided`: a line for each decision of the waves.
    """

    id: str
    path: Path
    source: str
    state: State
    format: int | None = None
    command: str | None = None
    door: str | None = None
    by: str | None = None
    version: str | None = None
    content: str | None = None
    pattern: str | None = None
    playbook: str | None = None
    inventory: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    remediations: list[str] = field(default_factory=list)
    dry_run: bool = False
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    seal: str | None = None
    waves: list[list[str]] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    hosts: dict[str, HostRun] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def locate(given: str, where: Path) -> Path:
    """The folder that is meant: the id of a run in `where`, `last` for the newest there, or a path."""
    if given == "last":
        every = runfolder.every(where)
        if not every:
            raise RequestError("looked for the last run", f"there is none in {clean(where)}", "see --run-dir")
        return every[-1].path
    if folder := runfolder.find(where, given):
        return folder.path
    path = Path(given).expanduser()
    if not path.is_dir():
        found = f"there is neither such a run in {clean(where)} nor such a folder"
        raise RequestError(f"looked for run {clean(given, 200)}", found, "see teamsmedic runs, and --run-dir")
    return path


def read(path: Path) -> Run:
    """The run in this folder; RequestError where it is no run, RunFolderError where it cannot be read."""
    try:
        if (path / "hosts").is_dir() or (path / "manifest.json").is_file():
            return _run_folder(path)
        if artifact := _artifact(path):
            return _ansible_runner(artifact)
    except OSError as error:
        raise RunFolderError(
            f"read the run in {clean(path)}", error.strerror or type(error).__name__, "make it readable"
        ) from error
    raise RequestError(
        f"read the run in {clean(path)}",
        "it holds neither manifest.json, nor hosts/, nor job_events/",
        "name a run's folder, or the artifact folder of an ansible-runner",
    )


# ------------------------------------------------------------------------------------------------ run folders


def _run_folder(path: Path) -> Run:
    manifest = RunFolder(path).manifest()
    run = Run(path.resolve().name, path, "run_folder", State.UNTOLD)
    for name in ("command", "door", "by", "content", "pattern", "playbook"):
        setattr(run, name, _text(manifest.get(name)))
    for name in ("inventory", "codes", "remediations"):
        setattr(run, name, _texts(manifest.get(name)))
    run.format, run.exit_code = _whole(manifest.get("format")), _whole(manifest.get("exit_code"))
    run.started, run.ended = _number(manifest.get("started")), _number(manifest.get("ended"))
    run.version, run.dry_run = _text(manifest.get("teamsmedic")), manifest.get("dry_run") is True
    run.waves = [_texts(one) for one in _list(manifest.get("waves"))]
    run.id = _text(manifest.get("run")) or run.id
    torn = 0
    for file in sorted((path / "hosts").glob("*.jsonl")):
        if file.is_file():
            records, cut = _records(file)
            torn += cut
            # A file of another name says nothing of the host that it names.
            named = [_text(one.get("host")) or "" for one in records]
            host = next((one for one in named if f"{runfolder.file_name(one)}.jsonl" == file.name), unquote(file.stem))
            run.hosts[host] = _host(records, host)
    for name in _texts(manifest.get("hosts")):
        run.hosts.setdefault(name, HostRun(name))
    run.decided = _texts(manifest.get("decided"))
    if run.ended is None:
        run.decided, under_way = gatekeeper.progress(path)
        for name, wave in under_way.items():
            if name in run.hosts:
                run.hosts[name].wave = run.hosts[name].wave or wave
    _number_waves(run)
    if run.ended is not None:
        run.state, run.seal = State.ENDED, _text(manifest.get("hash"))
    else:
        alive = runfolder.runs_still(manifest.get("process"))
        run.state = State.UNTOLD if alive is None else State.GOING_ON if alive else State.CUT
    run.notes += _notes(run, manifest, torn)
    return run


def _notes(run: Run, manifest: Mapping[str, Json], torn: int) -> Iterator[str]:
    left = [one.host for one in run.hosts.values() if one.end is End.NONE]
    begun = [one.host for one in run.hosts.values() if one.end is End.BEGUN]
    if not manifest:
        what = "cannot be read" if (run.path / "manifest.json").exists() else "is missing"
        yield f"The manifest {what}: who started this, when, and which hosts have no record is not known."
    elif run.format is None or run.format > runfolder.FORMAT:
        yield "It was written by a newer teamsmedic: what this one does not know is left out."
    elif run.format < runfolder.FORMAT:
        by = f"an older teamsmedic ({clean(run.version or '?', 40)})"
        yield f"It was written by {by}: without hashes nothing tells whether it was changed."
    if run.state is State.GOING_ON:
        yield "It is still going on: what follows is how far it has come."
    elif run.state is State.CUT:
        yield "It was cut in the middle: its process is gone and has recorded no end."
    elif run.state is State.UNTOLD and manifest:
        every = "" if left or begun else ", though every host has its record"
        yield f"No end is recorded{every}: from here nothing tells whether it still goes on."
    yield from _held(run)
    if begun and run.state is not State.GOING_ON:
        yield f"A change was begun and its end is not recorded on {_named(begun)}: check there, or undo this run."
    if left and run.state is not State.GOING_ON:
        yield f"Nothing is recorded of {_named(left)}."
    if torn:
        yield f"{torn} record{'s were' if torn != 1 else ' was'} cut while being written, and left out."


def _held(run: Run) -> Iterator[str]:
    held = sum(one.end is End.HELD_BACK for one in run.hosts.values())
    if held:
        why = next((one.removeprefix("stopped: ") for one in run.decided if one.startswith("stopped: ")), "")
        were = f"{held} device{'s were' if held != 1 else ' was'} held back and not touched"
        yield f"The waves stopped, and {were}{f': {why}' if why else ''}."


def _named(hosts: list[str]) -> str:
    few = ", ".join(clean(one, 60) for one in hosts[:3])
    return few if len(hosts) <= 3 else f"{len(hosts)} hosts ({few} …)"


def _records(file: Path) -> tuple[list[dict[str, Json]], int]:
    """The records of a file, and how many lines are none."""
    records, torn = [], 0
    for line in chain.lines(file.read_bytes()) if file.stat().st_size else ():
        if (record := chain.parsed(line)) is not None:
            records.append(record)
        else:
            torn += 1
    return records, torn


def _host(records: Iterable[Mapping[str, Json]], name: str) -> HostRun:
    """What the records of one host say last."""
    host = HostRun(name)
    for record in records:
        host.at = _number(record.get("at")) or host.at
        host.wave = _whole(record.get("wave")) or host.wave
        host.groups = _texts(record.get("groups")) or host.groups
        kind = record.get("type")
        if kind == "triage":
            host.verdict, host.next = _text(record.get("verdict")), _text(record.get("next"))
        elif kind == "way_back":
            host.end = End.BEGUN
        elif kind in (End.OUTCOME, End.UNREACHABLE, End.STOPPED):
            host.end = _WITHOUT.get(str(record.get("without")), End(kind)) if kind == End.STOPPED else End(kind)
            _fill(host, record)
    return host


_WITHOUT = {"held back": End.HELD_BACK, "nothing to undo": End.NOTHING_TO_UNDO}
"""Of a host that was stopped before anything was done there (result.py)."""


def _fill(host: HostRun, said: Mapping[str, Json]) -> None:
    host.outcomes = [outcome(one) for one in _list(said.get("outcomes"))]
    host.error = _text(said.get("error"))
    host.kind = _text(said.get("kind")) or host.kind
    host.computer = _text(said.get("computer")) or host.computer
    host.undone = _text(said.get("undone"))
    host.verified_in = _text(said.get("verified_in"))


def outcome(said: Json) -> Outcome:
    """A recorded outcome; what cannot be understood of it is `unknown` with that reason, never healthy."""
    said = said if isinstance(said, dict) else {}
    name, status = _text(said.get("remediation")) or "?", said.get("status")
    if not isinstance(status, str) or status not in tuple(Status):
        return Outcome(name, Status.UNKNOWN, [f"the record says {clean(status, 40)}, which is no status known here"])
    changes = [
        Change(_text(one.get("object")) or "?", _text(one.get("action")) or "?", one.get("before"), one.get("after"))
        for one in _list(said.get("changes"))
        if isinstance(one, dict)
    ]
    facts, after = said.get("facts"), said.get("facts_after")
    return Outcome(
        name, Status(status), _texts(said.get("reasons")), changes, facts if isinstance(facts, dict) else None,
        after if isinstance(after, dict) else None, _text(said.get("restart")), _texts(said.get("notes")),
    )  # fmt: skip


def _number_waves(run: Run) -> None:
    for number, names in enumerate(run.waves, 1):
        for name in names:
            if name in run.hosts and run.hosts[name].wave is None:
                run.hosts[name].wave = number


# ------------------------------------------------------------------------------------------------ ansible-runner


def _artifact(path: Path) -> Path | None:
    """The artifact folder itself, or the only one below a private data folder or its `artifacts`."""
    if (path / "job_events").is_dir():
        return path
    found = sorted(one.parent for below in (path, path / "artifacts") for one in below.glob("*/job_events"))
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:5])
        raise RequestError(f"read the run in {clean(path)}", f"it holds several: {clean(names)}", "name one of them")
    return found[0] if found else None


def _ansible_runner(path: Path) -> Run:
    """The run that the events of an ansible-runner tell (job_events/<counter>-<uuid>.json, status, rc)."""
    run = Run(path.name, path, "ansible_runner", State.UNTOLD, door="ansible")
    run.notes.append("It was read from the events of an ansible-runner: they have no hashes and no way back.")
    runs: dict[str, None] = {}
    torn, finished = 0, False
    for event in _events(path):
        if event is None:
            torn += 1
            continue
        kind, data = _text(event.get("event")) or "", event.get("event_data")
        data = data if isinstance(data, dict) else {}
        at = _when(event.get("created"))
        run.started = run.started or at
        run.playbook = _text(data.get("playbook")) or run.playbook
        if kind == "playbook_on_stats":
            finished, run.ended = True, at
        host, result = _text(data.get("host")), data.get("res")
        if kind.startswith("runner_on_") and host:
            _take(run, runs, kind, host, at, result if isinstance(result, dict) else {}, data)
    run.id = next(iter(runs), run.id)
    run.notes += _held(run)
    if len(runs) > 1:
        run.notes.append(f"The playbook made {len(runs)} runs ({', '.join(runs)}): of each host the last one is shown.")
    status = (path / "status").read_text("utf-8", "replace").strip() if (path / "status").is_file() else ""
    if finished or status in ("successful", "failed"):
        run.state = State.ENDED
        run.exit_code = int(ExitCode.worst(one.exit_code for one in run.hosts.values()))
    elif status in ("running", "starting", "pending"):
        run.state = State.GOING_ON
        run.notes.append("It says of itself that it is still going on: what follows is how far it has come.")
    elif status:
        run.state = State.CUT
        run.notes.append(f"It was cut in the middle: the runner says {clean(status, 40)}.")
    else:
        run.notes.append("No end is recorded: from here nothing tells whether it still goes on.")
    if torn:
        run.notes.append(
            f"{torn} event{'s' if torn != 1 else ''} cannot be read, and {'are' if torn != 1 else 'is'} left out."
        )
    if not runs:
        run.notes.append(f"No task of {content.ANSIBLE_MODULE} came to its end in it.")
    return run


def _events(path: Path) -> Iterator[dict[str, Json] | None]:
    def counter(file: Path) -> tuple[int, str]:
        number = re.match(r"\d+", file.name)
        return int(number[0]) if number else 0, file.name

    for file in sorted((path / "job_events").glob("*.json"), key=counter):
        if file.name.endswith("-partial.json"):  # one that the runner has not completed
            continue
        yield chain.parsed(file.read_bytes())


def _take(
    run: Run, runs: dict[str, None], kind: str, name: str, at: float | None, result: Mapping[str, Json],
    data: Mapping[str, Json],
) -> None:  # fmt: skip
    """Takes what one event tells of one host; only our own module is believed to know outcomes."""
    ours = content.ANSIBLE_MODULE in (data.get("resolved_action"), data.get("task_action"))
    if not ours and kind != "runner_on_unreachable":
        return
    host = run.hosts.setdefault(name, HostRun(name))
    host.at = at or host.at
    if kind == "runner_on_start":
        return
    if kind == "runner_on_unreachable":
        host.end, host.error = End.UNREACHABLE, _text(result.get("msg")) or "not reached"
        return
    items = [one for one in _list(result.get("results")) if isinstance(one, dict)] or [dict(result)]
    states = {"checked": "check", "fixed": "fix", "reverted": "undo", "triaged": "triage"}
    for one in items:
        if found := _text(one.get("run")):
            runs[found] = None
        run.command = states.get(str(one.get("state")), run.command)
        host.verdict = _text(one.get("verdict")) or host.verdict
        # Ansible takes `failed` out of what callbacks get.
        failed = kind == "runner_on_failed" or bool(one.get("failed"))
        host.wave = _whole(one.get("wave")) or host.wave
        if end := _WITHOUT.get(str(one.get("without"))):
            host.end, host.error = end, _text(one.get("msg"))
        elif _list(one.get("outcomes")) or not failed:
            host.end = End.OUTCOME
            _fill(host, {**one, "error": None})
            host.kind = "replayed" if str(one.get("msg", "")).endswith("(replayed device)") else host.kind
        else:
            host.end, host.error = End.STOPPED, _text(one.get("msg")) or "failed"


def _when(said: Json) -> float | None:
    try:
        return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else None
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------ verify


@dataclass(frozen=True)
class Fault:
    """One place where a run is not as it was written; `line` counts from 1 and is None for a whole file."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        """The place and what is wrong there."""
        return f"{self.file}{'' if self.line is None else f':{self.line}'} {self.what}"


@dataclass
class Verified:
    """What `verify` found. `result`: intact, changed, or unknown where the run does not tell."""

    run: Run
    faults: list[Fault]
    result: str

    @property
    def exit_code(self) -> ExitCode:
        """0 intact, 2 changed, 5 where that cannot be known."""
        return {"intact": ExitCode.OK, "changed": ExitCode.FAILED}.get(self.result, ExitCode.BLOCKED)

    def to_json(self) -> dict[str, Json]:
        """The document of `verify --json` (schemas/verify.schema.json)."""
        return {
            "version": 1,
            "command": "verify",
            "run": self.run.id,
            "folder": str(self.run.path),
            "state": self.run.state.value,
            "result": self.result,
            "seal": self.run.seal,
            "faults": [{"file": one.file, "line": one.line, "what": one.what} for one in self.faults],
            "notes": self.run.notes,
            "exit_code": int(self.exit_code),
        }


def verify(path: Path) -> Verified:
    """Compares a run folder with its hashes: each line with itself and the one before, each file with the manifest.

    A run that is not over has no hashes of whole files: that something is missing at an end cannot be seen, so it is
    `unknown` unless a change was found.
    """
    run = read(path)
    # An older run has no hash; one that has was only made to look older.
    older = run.format is not None and run.format < runfolder.FORMAT and "hash" not in RunFolder(path).manifest()
    if run.source != "run_folder" or older:
        return Verified(run, [], "unknown")
    faults = list(_faults(run))
    result = "changed" if faults else "intact" if run.seal else "unknown"
    return Verified(run, faults, result)


def _faults(run: Run) -> Iterator[Fault]:
    file, folder = run.path / "manifest.json", run.path.resolve().name
    manifest = RunFolder(run.path).manifest()
    if runfolder.RUN_ID.fullmatch(folder) and folder != run.id:
        yield Fault("manifest.json", None, f"is that of run {clean(run.id, 60)}, and lies in the folder of {folder}")
    if file.is_file() and not chain.sound(file.read_bytes()):
        yield Fault("manifest.json", None, "is not as it was written")
    sealed: dict[str, Json] = said if isinstance(said := manifest.get("files"), dict) else {}
    names = {one.name for one in (run.path / "hosts").glob("*.jsonl")}
    for name in sorted(names | set(sealed)):
        place = f"hosts/{clean(name, 250)}"
        if name not in names:
            yield Fault(place, None, "is gone")
            continue
        if not (run.path / "hosts" / name).is_file():
            yield Fault(place, None, "is no file")
            continue
        data = (run.path / "hosts" / name).read_bytes()
        lines = chain.lines(data) if data else []
        found = [Fault(place, *one) for one in chain.faults(lines, f"{run.id}/{name}")]
        yield from found
        if run.ended is None or found:
            continue
        about = sealed.get(name)
        about = about if isinstance(about, dict) else {}
        count = _whole(about.get("lines"))
        if count is None:
            yield Fault(place, None, "was added after the end of the run")
        elif len(lines) != count:
            yield Fault(place, min(len(lines), count) + 1, f"there were {count} lines at the end of the run")
        elif chain.sha256(data) != about.get("sha256"):
            yield Fault(place, None, "is not what it was at the end of the run")


# ------------------------------------------------------------------------------------------------ types


def _text(said: Json) -> str | None:
    return said if isinstance(said, str) and said else None


def _list(said: Json) -> list[Json]:
    return said if isinstance(said, list) else []


def _texts(said: Json) -> list[str]:
    return [one for one in _list(said) if isinstance(one, str)]


def _number(said: Json) -> float | None:
    return said if isinstance(said, int | float) and not isinstance(said, bool) and 0 < said < 1e11 else None


def _whole(said: Json) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) else None
