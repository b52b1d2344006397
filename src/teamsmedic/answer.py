"""Reads what came back from a device. Everything here is untrusted: sizes, depth, types and names are checked."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from teamsmedic import payload
from teamsmedic.hosts.base import End, Reply, Statement
from teamsmedic.outcome import Json
from teamsmedic.text import clean

MAX_LINE = 1_000_000
"""Characters of one line; the device's own limit for facts is a quarter of it."""
MAX_DEPTH = 12
MAX_OFFSET = 14 * 60
"""Minutes between a local time and UTC, at most."""
_STATES = ("begun", "done", "undone", "forgotten", "superseded")


@dataclass(frozen=True)
class Entry:
    """One line of a device's journal: what a run did there. `at` is when it did it, `state_at` since when its state is
    so, unix time by the device's clock."""

    run: str
    remediation: str
    state: str
    at: int
    since_boot: bool
    state_at: int


@dataclass(frozen=True)
class DeviceInfo:
    """What the prelude tells of the device: who answers, and the state of its journal folder and lock.

    `clock` is unix time, `offset` the minutes that local time is ahead of UTC there. `use` of a Room: free, in_use,
    unreadable or logged_off, and `holders` the programs that use its microphone or camera.
    """

    powershell: str
    language: str
    bits: int
    build: int | None
    clock: int
    computer: str
    room: bool
    replayed: bool
    journal_state: str
    journal_detail: str
    entries: tuple[Entry, ...]
    lock: tuple[str, int] | None
    offset: int | None = None
    use: str = ""
    holders: tuple[str, ...] = ()

    def applied(self, remediation: str) -> Entry | None:
        """The newest entry of this remediation whose change is on the device, with or without a way back."""
        states = ("begun", "done", "forgotten")
        mine = [one for one in self.entries if one.remediation == remediation and one.state in states]
        return max(mine, key=lambda one: one.at, default=None)


@dataclass
class Answers:
    """One reply, read: the device line, one answer a statement name, and names that did not answer with the reason."""

    device: DeviceInfo | None = None
    answers: dict[str, dict[str, Json]] = field(default_factory=dict)
    ended: bool = False
    garbage: int = 0


def read(reply: Reply, statements: Sequence[Statement]) -> Answers:
    """The lines of a reply as answers. A line that is no answer to one of the statements counts as garbage."""
    out = Answers()
    names = {one.name for one in statements}
    for line in reply.lines:
        data = _object(line)
        name = data.get("statement")
        if data.get("teamsmedic") != 1 or name not in names or name in out.answers:
            out.garbage += 1
        elif name == payload.PRELUDE:
            device = _device(data.get("host"))
            out.device, out.garbage = device or out.device, out.garbage + (device is None)
        elif name == payload.END:
            out.ended = True
        else:
            out.answers[name] = data
    if reply.end is not End.COMPLETED:
        out.ended = False
    return out


MAX_SESSION = 70_000
"""Characters of what one person's session may say of one remediation. The device hands on less: 65,536 at most, and
all people's words of one remediation together fit into its answer."""
SESSION_STATES = {
    "logged_off": "not logged on", "room": "a Teams Room", "out_of_scope": "not asked for",
    "asked_for_logged_off": "asked for, and not logged on",
    "not_found": "not found here",
    "all_signed": "AllSigned by policy", "scripts_off": "scripts are switched off by policy",
    "constrained": "constrained language", "not_started": "task did not start", "blocked_script": "script blocked",
    "ended": "task ended without an answer", "timeout": "no answer within its time limit",
    "too_large": "its answer is too large", "not_believed": "its answer is not of this run",
    "not_readable": "its answer cannot be read", "script_failed": "its script failed",
    "antimalware": "its script was blocked by antimalware",
}  # fmt: skip
"""Why a person's session says nothing, in words."""
_FAILED = {"language": "constrained", "antimalware": "antimalware"}
SESSION_WORDS = ("object", "name", "sid", "state", "detail")


def told(data: Mapping[str, Json], lists: Mapping[str, Collection[str]]) -> dict[str, Json] | None:
    """The facts of one answer, with what the sessions of people say, or None where it holds no facts.

    `sessions` becomes a list: object, name, sid, state (`answered`, else why not), detail, and the person's own facts.
    `lists`: the facts of a person that are joined over all people, with the fields that each element must have; each
    then has the person's name (`user`) and `sid`, too. What a session says is the word of whoever sits there: nothing
    of it replaces a fact of the administrator's or a word of the device, and nobody's answer spoils another's.
    """
    found = facts(data.get("facts"))
    sessions = data.get("sessions")
    if found is None or not isinstance(sessions, list):
        return found
    if not all(isinstance(one, dict) for one in sessions):
        return None
    people: list[dict[str, Json]] = []
    joined: dict[str, list[Json]] = {name: [] for name in lists}
    for one in sessions:
        person: dict[str, Json] = {word: clean(one.get(word) or "", 300) for word in SESSION_WORDS}
        said = _session(person, one.get("answer"), str(data.get("statement")))
        if person["state"] == "answered" and not all(
            _elements(said.get(name), fields) for name, fields in lists.items()
        ):
            person["state"] = "not_readable"
        if person["state"] == "answered":
            for name in lists:
                joined[name] += [{**each, "user": person["name"], "sid": person["sid"]} for each in said[name]]
            person = {**{name: value for name, value in said.items() if name not in lists}, **person, "detail": ""}
        else:
            why = SESSION_STATES.get(person["state"], "no answer")
            person["detail"] = f"{why} ({person['detail']})" if person["detail"] else why
        people.append(person)
    answered = sum(person["state"] == "answered" for person in people)
    return {**joined, **found, "sessions": people, "sessions_answered": answered}


def _elements(value: Json, fields: Collection[str]) -> bool:
    """Whether a value is a list of objects with at least these fields, `object` a text, and nothing nested in any."""
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and set(fields) <= set(one)
        and isinstance(one.get("object"), str)
        and not any(isinstance(part, dict | list) for part in one.values())
        for one in value
    )


def _session(person: dict[str, Json], text: Json, name: str) -> dict[str, Json]:
    """The facts of one person's answer; where it is none, `person` says why."""
    if person["state"] in ("out_of_scope", "not_found", "logged_off", "asked_for_logged_off", "room"):
        return {}
    data = _object(text) if isinstance(text, str) and len(text) <= MAX_SESSION else {}
    if data.get("teamsmedic") == 1 and data.get("statement") == name:
        error = data.get("error")
        if isinstance(error, dict):
            person["state"] = _FAILED.get(str(error.get("kind")), "script_failed")
            person["detail"] = clean(error.get("message") or "", 200) if person["state"] == "script_failed" else ""
            return {}
        own = facts(data.get("facts"))
        if own is not None:
            person["state"] = "answered"
            return own
    if person["state"] == "answered":
        person["state"], person["detail"] = "not_readable", ""
    return {}


def facts(value: Json) -> dict[str, Json] | None:
    """The value as facts (null, bool, int, string, list, dict with string keys), or None where it is none."""
    return value if isinstance(value, dict) and _plain(value) else None


def _object(line: str) -> dict[str, Json]:
    if not isinstance(line, str) or len(line) > MAX_LINE:
        return {}
    try:
        data = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and _plain(data) else {}


def _refuse(_: str) -> NoReturn:
    raise ValueError("no number")


def _plain(value: Json) -> bool:
    stack = [(value, 0)]
    while stack:
        one, depth = stack.pop()
        if depth > MAX_DEPTH or isinstance(one, float) or (isinstance(one, int) and not -(2**63) <= one < 2**64):
            return False
        if isinstance(one, dict):
            stack += [(child, depth + 1) for child in one.values()]
        elif isinstance(one, list):
            stack += [(child, depth + 1) for child in one]
    return True


def _device(data: Json) -> DeviceInfo | None:
    if not isinstance(data, dict):
        return None
    use = data.get("use")
    use = use if isinstance(use, dict) else {}
    holders = use.get("holders")
    offset = data.get("offset")
    journal = data.get("journal")
    journal = journal if isinstance(journal, dict) else {}
    entries = journal.get("entries")
    return DeviceInfo(
        powershell=clean(data.get("powershell"), 40),
        language=clean(data.get("language"), 40),
        bits=data["bits"] if isinstance(data.get("bits"), int) else 0,
        build=data["build"] if isinstance(data.get("build"), int) else None,
        clock=data["clock"] if isinstance(data.get("clock"), int) else 0,
        computer=clean(data.get("computer"), 80),
        room=data.get("room") is True,
        replayed=data.get("replayed") is True,
        journal_state=str(journal.get("state")),
        journal_detail=clean(journal.get("detail") or "", 300),
        entries=tuple(entry for one in (entries if isinstance(entries, list) else []) if (entry := _entry(one))),
        lock=_lock(data.get("lock")),
        offset=offset if isinstance(offset, int) and abs(offset) <= MAX_OFFSET else None,
        use=clean(use.get("state") or "", 20),
        holders=tuple(clean(one, 80) for one in holders[:10]) if isinstance(holders, list) else (),
    )


def _lock(data: Json) -> tuple[str, int] | None:
    if not isinstance(data, dict):
        return None
    run, since = data.get("run"), data.get("since")
    return (clean(run, 60) if isinstance(run, str) else "an unknown run", since if isinstance(since, int) else 0)


def _entry(data: Json) -> Entry | None:
    if not isinstance(data, dict) or data.get("state") not in _STATES or not isinstance(data.get("at"), int):
        return None
    if not isinstance(data.get("run"), str) or not isinstance(data.get("remediation"), str):
        return None
    return Entry(
        clean(data["run"], 60),
        clean(data["remediation"], 80),
        data["state"],
        data["at"],
        data.get("since_boot") is True,
        data["state_at"] if isinstance(data.get("state_at"), int) else data["at"],
    )
