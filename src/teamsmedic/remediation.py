"""What a remediation is: its metadata, and the judgement of facts against it. No I/O but reading its own files."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teamsmedic import content, dsregcmd
from teamsmedic.errors import ContentError, RequestError, UnknownRemediation
from teamsmedic.outcome import Change, Json, Status
from teamsmedic.text import clean

if TYPE_CHECKING:
    from datetime import datetime

Facts = Mapping[str, Json]
_OPERATORS = ("equals", "one_of", "not", "bits", "at_most", "at_least")
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 10 * 366 * 86400
_KINDS = {"int": int, "bool": bool, "str": str, "list": list}
_FIELD = re.compile(r"\{(\w+)\}")


class _UnreadableError(Exception):
    """A fact is of a kind that its rule cannot judge; the message says which and why."""


@dataclass(frozen=True)
class Rule:
    """What is acceptable of one value. `absent`: null is, too; `write`: what a fix puts there."""

    operator: str
    operand: Json
    absent: bool = False
    kind: str = "DWord"
    write: Json = None

    @classmethod
    def parse(cls, value: Json, where: str) -> Rule:
        """The rule in a YAML value: a literal (equals), or an object with one operator."""
        if not isinstance(value, dict):
            return cls("equals", value)
        given = [name for name in _OPERATORS if name in value]
        if extra := set(value) - {*_OPERATORS, "absent", "kind", "write"}:
            raise _broken(where, f"{sorted(extra)} is no part of a rule", f"use one of {', '.join(_OPERATORS)}")
        if len(given) != 1:
            raise _broken(where, "a rule needs exactly one operator", f"name one of {', '.join(_OPERATORS)}")
        return cls(given[0], value[given[0]], bool(value.get("absent")), value.get("kind", "DWord"), value.get("write"))

    def accepts(self, value: Json, parameters: Mapping[str, Json]) -> bool:
        """Whether the value is acceptable; `_UnreadableError` where that cannot be told."""
        if isinstance(value, dict) and set(value) == {"kind", "data"}:
            if value["kind"] != self.kind:
                raise _UnreadableError(f"is of kind {value['kind']} where {self.kind} is read")
            value = value["data"]
            if self.kind in ("DWord", "QWord") and (not isinstance(value, int) or isinstance(value, bool)):
                raise _UnreadableError("is no number")
        if value is None:
            return self.absent or (self.operator == "equals" and self.operand is None)
        operand = self.operand
        if isinstance(operand, dict) and set(operand) == {"param"}:
            operand = parameters[operand["param"]]
        if self.operator in ("equals", "not"):
            # True is 1 for Python, not for a reader of facts.
            same = value == operand and isinstance(value, bool) == isinstance(operand, bool)
            return bool(same == (self.operator == "equals"))
        if self.operator == "one_of":
            return bool(value in operand)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _UnreadableError("is no number")
        if self.operator == "bits":
            return bool(value & int(operand) == operand)
        return bool(value <= operand if self.operator == "at_most" else value >= operand)

    def written(self, value: Json) -> Json:
        """What stands there after a fix, in the form of `value`."""
        if self.operator == "bits" and isinstance(value, dict):
            return {"kind": self.kind, "data": value["data"] | self.operand}
        data = self.operand if self.write is None and self.operator == "equals" else self.write
        return data if not isinstance(value, dict) else {"kind": self.kind, "data": data}


@dataclass(frozen=True)
class Condition:
    """A rule on one fact (`a.b`: part b of fact a), or (`each`) rules on the fields of every element of a list."""

    fact: str
    rule: Rule | None
    each: Mapping[str, Rule] = field(default_factory=dict)

    @classmethod
    def parse(cls, fact: str, value: Json, where: str) -> Condition:
        """The condition that a YAML value says of a fact."""
        if isinstance(value, dict) and "each" in value:
            if set(value) != {"each"}:
                raise _broken(where, "`each` stands alone", "move the other keys into it")
            if not isinstance(value["each"], dict):
                raise _broken(where, "`each` holds no rules", "write `field: rule` lines below it")
            return cls(fact, None, {name: Rule.parse(rule, f"{where}.{name}") for name, rule in value["each"].items()})
        return cls(fact, Rule.parse(value, where))

    def failures(self, facts: Facts, parameters: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
        """The elements (or the fact itself) that are not acceptable, as objects with all their fields."""
        actual: Json = facts
        for name in self.fact.split("."):
            if not isinstance(actual, Mapping) or name not in actual:
                raise _UnreadableError(f"the device did not report {self.fact}")
            actual = actual[name]
        if self.each:
            if not isinstance(actual, list):
                raise _UnreadableError(f"{self.fact} is no list")
            for element in actual:
                if not isinstance(element, dict):
                    raise _UnreadableError(f"an element of {self.fact} has no fields")
                if missing := sorted(set(self.each) - set(element)):
                    raise _UnreadableError(f"an element of {self.fact} lacks {', '.join(missing)}")
                if not all(
                    self._accepts(rule, element[name], f"{self.fact}.{name}", parameters)
                    for name, rule in self.each.items()
                ):
                    yield dict(element)
            return
        assert self.rule is not None
        fields = (
            dict(actual) if isinstance(actual, dict) and "object" in actual else {"object": self.fact, "value": actual}
        )
        if not self._accepts(self.rule, fields.get("value"), str(fields["object"]), parameters):
            yield fields

    @staticmethod
    def _accepts(rule: Rule, value: Json, name: str, parameters: Mapping[str, Json]) -> bool:
        try:
            return rule.accepts(value, parameters)
        except _UnreadableError as error:
            raise _UnreadableError(f"{clean(name)} {error}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise _UnreadableError(f"{clean(name)} cannot be judged ({type(error).__name__})") from None


@dataclass(frozen=True)
class Guard:
    """A condition that must hold before a fix. `always`: also without drift; `first`: also where the remediation does
    not apply or cannot be told, since no such device is ever treated. `unless`: a parameter that lifts it."""

    name: str
    condition: Condition
    reason: str
    always: bool = False
    unless: str | None = None
    first: bool = False


@dataclass(frozen=True)
class Announced:
    """How one drift item is announced as changes: templates over the item's fields; `when`: rules on them."""

    object: str
    action: str
    before: Json
    after: Json
    when: Mapping[str, Rule] = field(default_factory=dict)
    each: str | None = None


@dataclass(frozen=True)
class Finding:
    """What facts mean: a status with reasons, the drift (what fix.ps1 gets), and the changes a fix would make."""

    status: Status
    reasons: list[str]
    drift: list[dict[str, Json]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True)
class Remediation:
    """One folder below remediations/: a state that can be guaranteed. Its name is the id, its parent the layer."""

    id: str
    layer: str
    folder: Path
    title: str
    summary: str
    cures: tuple[str, ...]
    observes: tuple[str, ...]
    """Causes that its facts tell of and nobody mends on a device: it has no fix; where they show, a guard blocks."""
    context: str
    risk: str
    restart: str
    room_restart: str
    needs_symptom: bool
    prepares: bool
    """It makes ready for a cure by hand: neither its drift nor its health says anything of the cause."""
    reversible: bool
    irreversible_because: str
    cuts_connection: bool
    timeout: int
    fix_timeout: int
    uses: tuple[str, ...]
    varies: tuple[str, ...]
    user_notices: str
    references: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Json]]
    applies_when: tuple[Condition, ...]
    known_when: tuple[Condition, ...]
    guards: tuple[Guard, ...]
    notes: tuple[Guard, ...]
    desired: tuple[Condition, ...]
    reasons: Mapping[str, str]
    changes: Mapping[str, tuple[Announced, ...]]
    objects: tuple[re.Pattern[str], ...]
    forgettable: bool
    parsed: Mapping[str, str]
    """Facts that arrive as a text, each with the parser of `PARSERS` that reads it here."""
    session: str
    """The file that a check runs in the session of each person who is logged on; empty where there is none."""

    @property
    def lifting(self) -> list[str]:
        """The parameters that lift a guard."""
        return list(dict.fromkeys(one.unless for one in self.guards if one.unless))

    def read(self, facts: Mapping[str, Json]) -> dict[str, Json]:
        """These facts, of the device or of one person, with texts of programs read; what is read already stays."""
        texts = {name: facts[name] for name in self.parsed if isinstance(facts.get(name), str)}
        return {**facts, **{name: PARSERS[self.parsed[name]](text) for name, text in texts.items()}}

    @property
    def lists(self) -> dict[str, set[str]]:
        """The facts of a session that are lists of objects, with the fields that are judged."""
        conditions = (*self.known_when, *self.desired, *(one.condition for one in (*self.guards, *self.notes)))
        lists: dict[str, set[str]] = {}
        for one in conditions if self.session else ():
            if one.each and one.fact != "sessions":
                lists.setdefault(one.fact, {"object"}).update(one.each)
        return lists

    def values(self, given: Mapping[str, Json], now: float) -> dict[str, Json]:
        """The parameters as the device gets them: defaults filled in, durations and moments in seconds (a moment as
        seconds before `now`, unix time); RequestError for an unknown name or an unusable value."""
        tried = f"read the parameters of {self.id}"
        if extra := sorted(set(given) - set(self.parameters)):
            raise RequestError(
                tried, f"there is no parameter {extra[0]}", f"use one of {', '.join(self.parameters) or 'none'}"
            )
        out: dict[str, Json] = {}
        for name, about in self.parameters.items():
            value = given.get(name, about.get("default"))
            try:
                if value is None and about.get("default") is not None:
                    raise ValueError(f"which is no {about['type']}")
                out[name] = _value(value, str(about["type"]), now)
                if out[name] is not None and not about.get("least", out[name]) <= out[name]:
                    raise ValueError(f"which is less than {about['least']}")
            except ValueError as error:
                raise RequestError(tried, f"{name} is {value!r}, {error}", f"give {about['help']}") from None
        return out

    def moments(self, given: Mapping[str, Json]) -> dict[str, str]:
        """The moments among these values that are given as a time, each with its zone: its own, else the local one."""
        times = {
            name: _moment(str(value).strip())
            for name, value in given.items()
            if self.parameters[name]["type"] == "moment" and not _DURATION.fullmatch(str(value).strip())
        }
        return {
            name: (time if time.tzinfo else time.astimezone()).isoformat(timespec="seconds")
            for name, time in times.items()
            if time
        }

    def judge(self, facts: Facts, parameters: Mapping[str, Json]) -> Finding:
        """What these facts mean; never raises, since facts come from a device."""
        try:
            return self._judge(facts, parameters)
        except _UnreadableError as error:
            return Finding(Status.UNKNOWN, [f"{error}"])

    def _judge(self, facts: Facts, parameters: Mapping[str, Json]) -> Finding:
        if never := self._failing([guard for guard in self.guards if guard.first], facts, parameters):
            return Finding(Status.BLOCKED, never)
        for condition in self.applies_when:
            for item in condition.failures(facts, parameters):
                return Finding(Status.NOT_APPLICABLE, [self._say(condition.fact, item)])
        for condition in self.known_when:
            if missing := list(condition.failures(facts, parameters)):
                # What else is wrong in the same place is named, too: one that cannot be told must not hide others.
                rest = [item for item in self.drift(facts, parameters) if item["fact"] == condition.fact]
                said = [self._say(condition.fact, item) for item in (*missing, *rest)]
                return Finding(Status.UNKNOWN, list(dict.fromkeys(said)))
        drift = list(self._drift(facts, parameters))
        blocked = self._guarded(facts, parameters, bool(drift))
        if blocked:
            return Finding(Status.BLOCKED, blocked, drift)
        noted = self._failing(self.notes, facts, parameters)
        if not drift:
            return Finding(Status.HEALTHY, noted)
        reasons = list(dict.fromkeys([*(self._say(item["fact"], item) for item in drift), *noted]))
        return Finding(Status.DRIFTED, reasons, drift, [change for item in drift for change in self._announce(item)])

    def drift(self, facts: Facts, parameters: Mapping[str, Json]) -> list[dict[str, Json]]:
        """What of these facts is not as desired, whatever guards and known_when say; none where it cannot be read."""
        try:
            return list(self._drift(facts, parameters))
        except _UnreadableError:
            return []

    def _guarded(self, facts: Facts, parameters: Mapping[str, Json], drifted: bool) -> list[str]:
        holding = (
            guard
            for guard in self.guards
            if (drifted or guard.always) and not (guard.unless and parameters.get(guard.unless))
        )
        return self._failing(holding, facts, parameters)

    @staticmethod
    def _failing(guards: Iterable[Guard], facts: Facts, parameters: Mapping[str, Json]) -> list[str]:
        reasons = [
            fill(guard.reason, {**parameters, **item})
            for guard in guards
            for item in guard.condition.failures(facts, parameters)
        ]
        return list(dict.fromkeys(reasons))

    def _drift(self, facts: Facts, parameters: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
        for condition in self.desired:
            for item in condition.failures(facts, parameters):
                rule = condition.rule
                ends = {"before": item.get("value"), "after": rule.written(item.get("value"))} if rule else {}
                yield {**item, "fact": condition.fact, **ends}  # an element may be the word of whoever sits there

    def _announce(self, item: dict[str, Json]) -> Iterator[Change]:
        templates = self.changes.get(item["fact"])
        if templates is None:
            yield Change(clean(item["object"]), "write", item.get("before"), item.get("after"))
            return
        for one in templates:
            for element in item.get(one.each) or [] if one.each else [None]:
                fields = {**item, "item": element}
                if all(rule.accepts(fields.get(name), {}) for name, rule in one.when.items()):
                    yield Change(
                        fill(one.object, fields), one.action, _filled(one.before, fields), _filled(one.after, fields)
                    )

    def _say(self, name: str, fields: Mapping[str, Json]) -> str:
        return fill(self.reasons[name], fields)


def fill(template: str, fields: Mapping[str, Json]) -> str:
    """The template with `{name}` replaced by that field, made harmless for a terminal or a report; no other syntax."""

    def value(match: re.Match[str]) -> str:
        found = fields.get(match[1])
        if isinstance(found, dict) and "data" in found:
            found = found["data"]
        if isinstance(found, list):
            found = ", ".join(str(one) for one in found)
        return "absent" if found is None else clean(str(found))

    return _FIELD.sub(value, template)


def _filled(template: Json, fields: Mapping[str, Json]) -> Json:
    """Like `fill`; a template that is one field alone keeps that field's type."""
    if isinstance(template, str):
        if alone := _FIELD.fullmatch(template):
            return fields.get(alone[1])
        return fill(template, fields)
    return template


def _value(value: Json, kind: str, now: float) -> Json:
    if kind in ("duration", "moment"):
        return _seconds(value, kind, now)
    if kind == "bool" and isinstance(value, str) and value.lower() in ("true", "yes", "1", "false", "no", "0"):
        return value.lower() in ("true", "yes", "1")
    if kind == "int" and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if kind == "list" and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if kind == "list" and isinstance(value, list) and not all(isinstance(one, str) and one.strip() for one in value):
        raise ValueError("which is no list of texts")
    if value is None or (isinstance(value, _KINDS[kind]) and (kind == "bool") == isinstance(value, bool)):
        return value
    raise ValueError(f"which is no {kind}")


def _seconds(value: Json, kind: str, now: float) -> int:
    text = str(value).strip()
    if not isinstance(value, bool) and (match := _DURATION.fullmatch(text)):
        seconds = int(match[1]) * _UNITS[match[2] or "s"]
        if seconds > _LONGEST:
            raise ValueError("which is longer than ten years")
        return seconds
    if kind == "moment":
        moment = _moment(text)
        if moment is None:
            raise ValueError("which is neither a time like 2026-11-25T08:00 nor a duration like 24h")
        age = now - moment.timestamp()  # without a zone it is the local time of whoever asks
        if age < 0:
            raise ValueError("which lies in the future")
        return int(age)
    raise ValueError("which is no duration like 24h")


def _moment(text: str) -> datetime | None:
    from datetime import datetime  # noqa: PLC0415 - only here, and start-up is counted

    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _broken(where: str, found: str, todo: str, key: str = "") -> ContentError:
    """The error for `FILE` or `FILE: key.part`, with the line of that key (or of `key`) in the file."""
    file, _, part = where.partition(": ")
    top, _, rest = part.partition(".")
    top_line = line = content.place(Path(file), (key or top,))
    if rest:  # the name of a fact may hold a dot, so it is looked for whole before it is taken apart
        line = content.place(Path(file), (top, rest))
        line = line if line != top_line else content.place(Path(file), (top, *rest.split(".")))
    return ContentError(f"read {line}", f"{part}: {found}" if part else found, todo)


_KEYS: dict[str, tuple[type | tuple[type, ...], Any]] = {
    "title": (str, ...), "summary": (str, ...), "cures": (list, ...), "context": (str, ...), "desired": (dict, ...),
    "reasons": (dict, ...), "objects": (list, ...), "references": (list, ...), "user_notices": (str, ...),
    "risk": (str, "safe"), "restart": (str, "none"), "room_restart": (str, None), "needs_symptom": (bool, False),
    "prepares": (bool, False),
    "observes": (list, []),
    "reversible": (bool, True), "irreversible_because": (str, ""), "cuts_connection": (bool, False),
    "timeout": (int, 20), "fix_timeout": (int, 120), "uses": (list, []), "varies": (list, []),
    "parameters": (dict, {}), "applies_when": (dict, {}), "known_when": (dict, {}), "guards": (dict, {}),
    "notes": (dict, {}),
    "parsed": (dict, {}),
    "changes": (dict, {}),
}  # fmt: skip
_CHOICES = {
    "context": ("machine", "system", "user"),
    "risk": ("safe", "disruptive"),
    "restart": ("none", "app", "device"),
}
_PARAMETER_TYPES = (*_KINDS, "duration", "moment")
PARSERS: Mapping[str, Callable[[str], Json]] = {"dsregcmd": lambda text: dsregcmd.summary(dsregcmd.parse(text))}
"""What reads a fact that a device gives as a program's text: the device's word, so it never raises."""


def read(folder: Path) -> Remediation:
    """The remediation in a folder; ContentError with the file, the key and how to mend it."""
    file = folder / "remediation.yaml"
    data = content.read_yaml(file)
    if not isinstance(data, dict):
        raise _broken(str(file), "it is no mapping", "see another remediation")
    for key in set(data) - set(_KEYS):
        raise _broken(f"{file}", f"unknown key {key}", f"use {', '.join(_KEYS)}", str(key))
    value: dict[str, Any] = {}
    for key, (kind, default) in _KEYS.items():
        found = data.get(key, default)
        if (
            found is ...
            or (found is None and default is not None)
            or (found is not None and not isinstance(found, kind))
        ):
            raise _broken(f"{file}", f"{key} is missing or no {getattr(kind, '__name__', kind)}", "add it", key)
        value[key] = found
    value["room_restart"] = value["room_restart"] or value["restart"]
    for key in ("cures", "observes", "uses", "varies", "references", "objects"):
        if not all(isinstance(one, str) and one for one in value[key]):
            raise _broken(f"{file}", f"{key} holds something that is no text", "write texts, in quotes if need be", key)
    for key in ("reasons", "parsed"):
        if not all(isinstance(one, str) and one for one in value[key].values()):
            raise _broken(f"{file}", f"{key} holds something that is no text", "write a sentence for each", key)
    if value["observes"] and (value["cures"] or value["desired"]):
        found = "it observes, and cures or desires something besides"
        raise _broken(str(file), found, "make two of it: one that only observes, and one that cures", "observes")
    if not (value["cures"] or value["observes"]):
        raise _broken(
            str(file), "it neither cures nor observes a cause", "name a cause of catalog/causes.yaml", "cures"
        )
    if value["observes"]:  # a journal that says otherwise is not ours
        value |= {"reversible": False, "irreversible_because": "it only observes, and has changed nothing"}
    for key, choices in _CHOICES.items():
        if value[key] not in choices:
            raise _broken(f"{file}", f"{key} is {value[key]!r}", f"use one of {', '.join(choices)}", key)
    if value["cuts_connection"] or value["context"] == "system":
        found = f"context is {value['context']}, cuts_connection {value['cuts_connection']}"
        raise _broken(str(file), found, "neither is built yet: work as the administrator, over a connection that stays")
    for fact, parser in value["parsed"].items():
        if parser not in PARSERS:
            raise _broken(f"{file}: parsed.{fact}", f"there is no parser {parser}", f"use one of {', '.join(PARSERS)}")
    for name, about in value["parameters"].items():
        if (
            not isinstance(about, dict)
            or set(about) - {"type", "default", "help", "least"}
            or about.get("type") not in _PARAMETER_TYPES
            or not about.get("help")
        ):
            raise _broken(
                f"{file}: parameters.{name}", "it needs type, default and help", f"types: {', '.join(_PARAMETER_TYPES)}"
            )
    conditions = {
        key: tuple(Condition.parse(fact, rule, f"{file}: {key}.{fact}") for fact, rule in value[key].items())
        for key in ("applies_when", "known_when", "desired")
    }
    guards, notes = (
        tuple(_guard(name, about, f"{file}: {key}.{name}") for name, about in value[key].items())
        for key in ("guards", "notes")
    )
    for condition in (*conditions["applies_when"], *conditions["known_when"], *conditions["desired"]):
        if condition.fact not in value["reasons"]:
            raise _broken(f"{file}", f"reasons says nothing of {condition.fact}", "add its sentence")
    for fact, items in value["changes"].items():
        if not isinstance(items, list):
            raise _broken(f"{file}: changes.{fact}", "it is no list", "write `- ` items there")
    changes = {
        fact: tuple(_announced(one, f"{file}: changes.{fact}") for one in items)
        for fact, items in value["changes"].items()
    }
    value |= conditions
    value |= {"guards": guards, "notes": notes, "changes": changes}
    value["objects"] = tuple(_pattern(one, file, index) for index, one in enumerate(value["objects"]))
    value |= {key: tuple(value[key]) for key in ("cures", "observes", "uses", "varies", "references")}
    return Remediation(
        id=folder.name,
        layer=folder.parent.name,
        folder=folder,
        forgettable=(folder / "forget.ps1").exists(),
        session="detect.ps1" if value["context"] == "user" else "session.ps1" * (folder / "session.ps1").exists(),
        **value,
    )


def _pattern(text: str, file: Path, index: int) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        line = content.place(file, ("objects", index))
        raise ContentError(f"read {line}", f"{text!r} is no pattern ({error})", "write a regular expression") from None


def _guard(name: str, about: Json, where: str) -> Guard:
    if not isinstance(about, dict) or "fact" not in about or "reason" not in about:
        raise _broken(where, "a guard needs fact, a rule and reason", "add them")
    rule = {key: one for key, one in about.items() if key not in ("fact", "reason", "always", "unless", "first")}
    return Guard(
        name,
        Condition.parse(about["fact"], rule, where),
        about["reason"],
        bool(about.get("always")),
        about.get("unless"),
        bool(about.get("first")),
    )


def _announced(about: Json, where: str) -> Announced:
    if (
        not isinstance(about, dict)
        or not {"object", "action"} <= set(about)
        or set(about) - {"object", "action", "before", "after", "when", "each"}
        or not isinstance(about.get("when", {}), dict)
    ):
        raise _broken(where, "a change needs object, action, before, after (and may have when, each)", "add them")
    when = {name: Rule.parse(rule, f"{where}.when.{name}") for name, rule in about.get("when", {}).items()}
    return Announced(about["object"], about["action"], about.get("before"), about.get("after"), when, about.get("each"))


@functools.cache
def load(root: Path) -> Mapping[str, Remediation]:
    """All remediations below a content root, by id, in the order of their paths: the folders are the list."""
    files = sorted((root / "remediations").glob("[!_]*/*/remediation.yaml"))
    return {file.parent.name: read(file.parent) for file in files}


def find(name: str) -> Remediation:
    """The remediation of that id; UnknownRemediation names those that exist."""
    known = load(content.root())
    if name not in known:
        raise UnknownRemediation(
            "looked for the remediation", f"there is no {clean(name)}", f"use one of {', '.join(known)}"
        )
    return known[name]
