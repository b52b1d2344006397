"""Replay devices: scripts do not run, the named cases of `cases.yaml` are played back, through both doors.

A device keeps in memory what a fix and an undo would leave on it: the facts, and its journal. What it is asked is
known by the very text of the statements; any other text is an error that names its hash, never an empty success.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from teamsmedic import content, payload, remediation
from teamsmedic.answer import SESSION_STATES, SESSION_WORDS
from teamsmedic.errors import RequestError
from teamsmedic.hosts.base import MAX_OUTPUT, End, Verb
from teamsmedic.lab import wsman
from teamsmedic.lab.cases import USES, Case
from teamsmedic.lab.psrp import Asked, PsrpShell, Said
from teamsmedic.outcome import Json

FAULTS = ("garbage", "deep", "flood", "silent", "missing", "failed", "error", "lies", "restarts")
"""What may be wrong with a statement's answer: no JSON; JSON nested 100,000 deep; 50 MB; nothing, and the pipeline does
not end; nothing, and the pipeline goes on; the pipeline fails there; a script error; a fix says that it is done, and
nothing has changed; a fix is done, and the device restarts before it can say so."""
START = 3.0
"""Seconds that a device which restarts by itself is away."""
HOLDER = "MSTeams_8wekyb3d8bbwe (microphone)"
"""Who uses a Room that is in use."""
FAILS = "replay device: this statement fails, as the lab was told"
_OPTIONS = {"statements", "argument"}


@dataclass
class _Entry:
    """One entry of the device's journal: the controller's text, when it came into each state, and the facts before."""

    run: str
    remediation: str
    text: str
    before: Mapping[str, Json]
    times: dict[str, int]
    state: str = "begun"

    def set(self, state: str, at: int) -> None:
        self.state = state
        self.times[state] = at

    @property
    def at(self) -> int:
        """Since when it is so; what was forgotten counts from when it was done."""
        return self.times.get("done", self.times[self.state]) if self.state == "forgotten" else self.times[self.state]


@dataclass
class ReplayDevice:
    """One device; a `Backend` of the endpoint.

    `cases`: the case of each remediation; `delay`: seconds before each answer; `faults`: statement name to one of
    `FAULTS`; `clock`: the device's time, in unix seconds; `offset`: minutes that its local time is ahead of UTC; `use`
    of a Room: one of `USES`; `missing`: why a recorded device has no case of a remediation; `off`: it answers nothing;
    `ahead`: seconds that its clock is ahead of this machine's.
    """

    name: str
    role: str
    cases: Mapping[str, Case]
    delay: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    use: str = "free"
    offset: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    off: bool = False
    ahead: float = 0.0
    kind: str = "replay"

    def __post_init__(self) -> None:
        """The device starts in its cases, five hours after its last start."""
        self._facts: dict[str, Mapping[str, Json]] = {name: case.facts for name, case in self.cases.items()}
        self._journal: list[_Entry] = []
        self._booted = self._now() - 18_000
        self._back = 0.0
        self._lock: tuple[str, int, float] | None = None

    def _now(self) -> int:
        return int(self.clock() + self.ahead)

    @property
    def away(self) -> bool:
        """Whether it is off, or starting."""
        return self.off or time.monotonic() < self._back

    async def create(self, request: wsman.ShellRequest) -> wsman.Shell:
        """Open a runspace pool; there is nothing here that could run a command shell."""
        if request.kind is not wsman.Kind.PSRP:
            raise wsman.not_supported("A replay device has no command shell: use a windows device of the lab.")
        return PsrpShell(self.respond, request.creation)

    async def restart(self) -> None:
        """The device has started later than all that its journal holds, also within one second of it."""
        self._booted = max([self._now(), *(max(one.times.values()) + 1 for one in self._journal)])

    def control(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What a test asks for: `delay` seconds, `faults`, `use`, `off`, `renew` (true: as first); else ValueError."""
        for key, value in wanted.items():
            if key == "delay" and isinstance(value, int | float):
                self.delay = float(value)
            elif key == "faults" and isinstance(value, dict) and set(value.values()) <= set(FAULTS):
                self.faults = dict(value)
            elif key == "off" and isinstance(value, bool):
                self.off = value
            elif key == "use" and value in USES:
                self.use = str(value)
            elif key == "renew" and value is True:
                self.__post_init__()
            else:
                raise ValueError(f"a replay device knows no {key} {value!r}")
        return {"cases": {name: case.name for name, case in self.cases.items()}, "journal": len(self._journal)}

    def respond(self, asked: Asked) -> Said:
        """What a pipeline says: the statements of a treatment, or a module of Ansible."""
        if module := read_module(asked.inputs):
            return self._module(module)
        texts = [text for text, _ in asked.commands]
        argument = asked.commands[0][1] if asked.commands else None
        if not isinstance(argument, str):
            found = hashlib.sha256((texts[0] if texts else "").encode()).hexdigest()[:12]
            message = (
                f"replay device: no script but teamsmedic's is known here, and the one with the hash {found} is not"
            )
            return Said([message], failed=message)  # Ansible shows only what was written where its mkdtemp fails
        try:
            lines, end = self._statements(texts, argument)
        except RequestError as error:
            return Said(failed=f"replay device: {error}")
        failed = FAILS if end is End.FAILED else None
        return Said(lines, failed, hangs=end is End.TIMEOUT, delay=self.delay)

    # -------------------------------------------------------------------------------------------- the treatment's side

    def _statements(self, texts: Sequence[str], argument: str) -> tuple[Iterator[str], End]:
        """The lines, and how the pipeline ends after them. RequestError where this is no payload of ours."""
        verb, names = payload.identify(texts, argument)
        asked = json.loads(argument)
        wanted: Mapping[str, Any] = asked["remediations"]
        order = [one.name for one in payload.build(names, verb)][: len(texts)]
        faults = {name: self.faults[name] for name in order if name in self.faults}
        ends = next((name for name in order if faults.get(name) in ("silent", "failed")), None)
        end = End.COMPLETED if ends is None else End.FAILED if faults[ends] == "failed" else End.TIMEOUT
        due = order if ends is None else order[: order.index(ends)]
        # Worked off at once, in order, as on a device: a later statement sees what an earlier one did.
        answers = [(name, self._answer(verb, name, wanted.get(name, {}), asked)) for name in due]
        return (line for name, answer in answers for line in _spoken(name, answer, faults.get(name))), end

    def _answer(self, verb: Verb, name: str, about: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Json]:
        if name == payload.PRELUDE:
            return {"host": self._host()}
        if name == payload.END:
            return {}
        if name == payload.SESSIONS or name.endswith(".session"):
            return {"added": {}}
        if name in self.missing:
            return {"error": {"kind": "not_recorded", "message": self.missing[name], "line": 0}}
        if name not in self.cases:
            return {"error": {"kind": "exception", "message": "replay device: there is no case for this", "line": 0}}
        if verb is Verb.CHECK:
            return _said(remediation.find(name), self._facts[name])
        if verb is Verb.JOURNAL:
            return self._read_journal(name, str(about.get("run")))
        if verb is Verb.FIX:
            return self._fix(name, about, str(asked.get("run")))
        return self._undo(name, about, forget=verb is Verb.FORGET)

    def _host(self) -> dict[str, Json]:
        entries = [
            {"run": one.run, "remediation": one.remediation, "state": one.state, "at": one.at}
            | {"since_boot": one.at >= self._booted}
            for one in sorted(self._journal, key=lambda one: one.run, reverse=True)
        ]
        return {
            "powershell": "5.1.22621.2506",
            "language": "FullLanguage",
            "bits": 64,
            "build": 22631,
            "clock": self._now(),
            "offset": self.offset,
            "booted": self._booted,
            "computer": self.name.upper(),
            "room": self.role == "room",
            "use": {"state": self.use, "holders": [HOLDER] * (self.use == "in_use")} if self.role == "room" else None,
            "replayed": True,
            "journal": {"state": "sound" if entries else "absent", "detail": "", "entries": entries},
            "lock": None if (held := self._held()) is None else {"run": held[0], "since": held[1]},
        }

    def _fix(self, name: str, about: Mapping[str, Any], run: str) -> dict[str, Json]:
        if (held := self._held()) and held[0] != run:
            return _blocked("held", f"{held[0]} since {datetime.fromtimestamp(held[1], UTC):%Y-%m-%d %H:%M:%SZ}")
        # As long as its answer is under way.
        self._lock = (run, self._now(), time.monotonic() + self.delay)
        if self._entry(run, name):
            return _blocked("already_begun", run)
        case, before = self.cases[name], self._facts[name]
        if case.fix and "blocked" in case.fix:
            return dict(case.fix)
        entry = _Entry(run, name, str(about.get("journal")), before, {"begun": self._now()})
        self._journal.append(entry)
        if case.fix:
            return dict(case.fix)
        drift = about.get("drift")
        drift = drift if isinstance(drift, list) else []
        known = case.after if before == case.facts else None
        if self.faults.get(name) != "lies":
            self._facts[name] = mended(name, before, drift) if known is None else known
        entry.set("done", self._now())
        if self.faults.get(name) == "restarts":
            self._booted = self._now() + 1
            self._back, self._lock = time.monotonic() + START, None
        return {"done": {}}

    def _held(self) -> tuple[str, int, float] | None:
        """Who holds the device's lock, since when, and until when by this machine's clock."""
        return self._lock if self._lock and time.monotonic() < self._lock[2] else None

    def _read_journal(self, name: str, run: str) -> dict[str, Json]:
        entry = self._entry(run, name)
        if entry is None:
            return _blocked("no_entry", run)
        at = entry.times[entry.state]
        return {"entry": {"run": run, "remediation": name, "state": entry.state, "at": at, "text": entry.text}}

    def _undo(self, name: str, about: Mapping[str, Any], *, forget: bool) -> dict[str, Json]:
        run = str(about.get("run"))
        entry = self._entry(run, name)
        if entry is None:
            return _blocked("no_entry", run)
        if entry.state not in ("begun", "done"):
            return _blocked(f"already_{entry.state}", run)
        if hashlib.sha256(entry.text.encode()).hexdigest() != str(about.get("sha256")).lower():
            return _blocked("journal_changed", run)
        if not forget:
            self._facts[name] = entry.before
        entry.set("forgotten" if forget else "undone", self._now())
        return {"done": {}}

    def _entry(self, run: str, name: str) -> _Entry | None:
        return next((one for one in self._journal if (one.run, one.remediation) == (run, name)), None)

    # -------------------------------------------------------------------------------------------- Ansible's side

    def _module(self, module: Module) -> Said:
        short = module.name.rpartition(".")[2]
        if short == "win_ping":
            return self._reply({"changed": False, "ping": module.options.get("data", "pong")})
        if module.name not in (content.ANSIBLE_MODULE, "remediation"):
            return self._fail(f"replay device: it has no answer for the module {module.name}")
        if extra := sorted(set(module.options) - _OPTIONS):
            return self._fail(f"Unsupported parameters for ({content.ANSIBLE_MODULE}) module: {', '.join(extra)}")
        statements, argument = module.options.get("statements"), module.options.get("argument")
        if not isinstance(statements, list) or not isinstance(argument, str):
            return self._fail(f"missing required arguments of {content.ANSIBLE_MODULE}: argument, statements")
        if not all(
            isinstance(one, dict) and set(one) == {"name", "text", "limit"} and isinstance(one["text"], str)
            for one in statements
        ):
            return self._fail(f"{content.ANSIBLE_MODULE}: each of statements needs name, text and limit")
        try:
            lines, end = self._statements([one["text"] for one in statements], argument)
        except RequestError as error:
            return self._fail(f"replay device: {error}")
        kept: list[str] = []
        size = 0
        for line in lines:
            size += len(line)
            if size > MAX_OUTPUT:  # the module stops there by itself
                return self._reply({"changed": False, "lines": kept, "end": str(End.FLOODED), "detail": ""})
            kept.append(line)
        delay = self.delay
        if end is End.TIMEOUT:
            delay += float(statements[min(len(kept), len(statements) - 1)]["limit"])
        detail = FAILS if end is End.FAILED else ""
        return self._reply({"changed": False, "lines": kept, "end": str(end), "detail": detail}, delay)

    def _reply(self, result: Mapping[str, Json], delay: float | None = None) -> Said:
        return Said(
            [json.dumps({"invocation": {"module_args": {}}, **result})], delay=self.delay if delay is None else delay
        )

    def _fail(self, message: str) -> Said:
        return Said([json.dumps({"failed": True, "changed": False, "msg": message})], exit_code=1, delay=self.delay)


def _blocked(reason: str, detail: str) -> dict[str, Json]:
    """The words are those of `_change.ps1`."""
    return {"blocked": {"reason": reason, "detail": detail}}


def _said(one: remediation.Remediation, facts: Mapping[str, Json]) -> dict[str, Json]:
    """A detect's answer that gives these facts: what people said goes back into their sessions' answers."""
    people = facts.get("sessions")
    if not isinstance(people, list):
        return {"facts": dict(facts)}
    joined = {key: facts[key] for key in one.lists if key in facts}
    common = {key: value for key, value in facts.items() if key not in ("sessions", "sessions_answered", *joined)}
    sessions: list[Json] = []
    for person in people:
        own = {key: value for key, value in person.items() if key not in SESSION_WORDS}
        for key, value in joined.items():
            mine = [element for element in value if element.get("sid") == person["sid"]]
            own[key] = [
                {word: each for word, each in element.items() if word not in ("user", "sid")} for element in mine
            ]
        text = (
            json.dumps({"teamsmedic": 1, "statement": one.id, "facts": own}) if person["state"] == "answered" else None
        )
        # The engine puts the state in words before a device's detail; a case holds both.
        words = SESSION_STATES.get(person["state"], "")
        detail = person["detail"].removeprefix(words).removeprefix(" (").removesuffix(")" if words else "")
        sessions.append({**{word: person[word] for word in SESSION_WORDS}, "detail": detail, "answer": text})
    return {"facts": common, "sessions": sessions}


def _spoken(name: str, answer: Mapping[str, Json], fault: str | None) -> Iterator[str]:
    """The lines of one statement, spoilt where the lab was told so."""
    if fault == "garbage":
        yield "WARNING: <this is no answer>"
    elif fault == "deep":
        yield f'{{"teamsmedic":1,"statement":{json.dumps(name)},"facts":{"[" * 100_000}{"]" * 100_000}}}'
    elif fault == "flood":
        for _ in range(50):
            yield "x" * 1_000_000
    elif fault == "error":
        error = {"kind": "exception", "message": "this script fails, as the lab was told", "line": 1}
        yield json.dumps({"teamsmedic": 1, "statement": name, "error": error}, separators=(",", ":"))
    elif fault in (None, "lies", "restarts"):
        yield json.dumps({"teamsmedic": 1, "statement": name, **answer}, separators=(",", ":"))


def mended(name: str, facts: Mapping[str, Json], drift: Sequence[Any]) -> dict[str, Json]:
    """The facts once each drift item has its `after`: what a fix leaves where a case does not say it.

    Of a list of objects, each field that the metadata judges becomes what a fix writes there.
    """
    out: dict[str, Json] = json.loads(json.dumps(dict(facts)))
    judged = {one.fact: one.each for one in remediation.load(content.root())[name].desired}
    for item in drift:
        fact, actual = item.get("fact"), out.get(item.get("fact"))
        if isinstance(actual, list):
            fields = {key: value for key, value in item.items() if key not in ("fact", "before", "after")}
            for element in actual:
                if element == fields:
                    element |= {key: rule.written(element[key]) for key, rule in judged[fact].items()}
        elif isinstance(actual, dict) and "object" in actual:
            actual["value"] = item.get("after")
        else:
            out[fact] = item.get("after")
    return out


@dataclass(frozen=True)
class Module:
    """A module of Ansible as it arrived: its name as in the playbook, and its own options."""

    name: str
    options: Mapping[str, Any]


_NULS = re.compile("\0{4,}")


def read_module(inputs: Sequence[Any]) -> Module | None:
    """The module inside the input of Ansible's bootstrap wrapper, None where it is something else.

    The input is a wrapper, NULs, and a JSON manifest. ansible-core 2.18: `module_entry`, `module_args`; from 2.19 on
    `scripts` and `actions`, of which the last is the module's wrapper (for put_file, mkdtemp and scripts it is not).
    """
    parts = _NULS.split("\n".join(str(one) for one in inputs), maxsplit=1)
    if len(parts) != 2:
        return None
    try:
        manifest = json.loads(parts[1])
        if "module_entry" in manifest:
            base64.b64decode(manifest["module_entry"], validate=True)
            given = manifest["module_args"]
        else:
            last = manifest["actions"][-1]
            if last["name"] != "module_wrapper.ps1" or not last["params"].get("ForModule"):
                return None
            given = next(one["Value"] for one in last["params"]["Variables"] if one["Name"] == "complex_args")
        options = {key: value for key, value in given.items() if not key.startswith("_ansible_")}
        return Module(str(given["_ansible_module_name"]), options)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, StopIteration, binascii.Error):
        return None
