"""A real device as data that can be kept and replayed: its facts without names, judged as before. No I/O.

Names are replaced by pseudonyms (`redact`), but for what a rule compares: there a person whose name is a word of ours
stays that word. Facts that would mean something else without names are not kept, and it is said why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from teamsmedic import __version__, content, payload
from teamsmedic.answer import SESSION_STATES
from teamsmedic.hosts.base import Verb
from teamsmedic.outcome import Change, Json, Outcome
from teamsmedic.plan import Item
from teamsmedic.redact import Redactor
from teamsmedic.remediation import Finding, Remediation, Rule
from teamsmedic.treatment import Report

VERSION = 1
_OURS = re.compile(r"[a-z][a-z0-9_]*")
"""Keys that scripts give their facts; any other key is a device's word."""


class Pseudonyms(Redactor):
    """A redactor that can put the names back, for comparisons."""

    def __init__(self, known: Iterable[tuple[str, str]], key: bytes | None) -> None:
        """`known` and `key` are the redactor's."""
        super().__init__(known, key)
        self._found: dict[str, str] = {}

    def _replaced(self, match: re.Match[str]) -> str:
        placeholder = super()._replaced(match)
        self._found.setdefault(placeholder, match[0])
        return placeholder

    def restored(self, text: str) -> str:
        """The text with its names again, in small letters: one name has one pseudonym however it was written."""
        for placeholder, found in self._found.items():
            text = text.replace(placeholder, found)
        return text.casefold()


@dataclass
class Recording:
    """One device: `kept` by remediation (what a file holds of it), and why others are `missing`."""

    role: str
    kept: dict[str, dict[str, Json]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def to_json(self, now: float) -> dict[str, Json]:
        """The file's document (schemas/recorded.schema.json); `now`: unix time, of which the day is kept."""
        return {
            "version": VERSION,
            "recorded": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}",
            "teamsmedic": __version__,
            "content": content.digest(),
            "role": self.role,
            "remediations": self.kept,
            "missing": self.missing,
        }


def make(items: Sequence[Item], report: Report, redactor: Pseudonyms) -> Recording:
    """The recording of a check: `items` are those of its plan, `report` is what came of it."""
    out = Recording("room" if report.device and report.device.room else "desktop")
    said = {one.remediation: one for one in report.outcomes}
    for item in items:
        one, outcome = item.remediation, said[item.remediation.id]
        if outcome.facts is None:
            out.missing[one.id] = redactor("; ".join(outcome.reasons)) or "it gave no facts"
            continue
        facts = {name: _without(value, name, _judged(one), redactor) for name, value in outcome.facts.items()}
        parameters: dict[str, Json] = redactor.data(dict(item.parameters))
        if found := _differs(one, outcome, item.parameters, facts, parameters, redactor):
            out.missing[one.id] = f"without names its facts mean something else ({found})"
            continue
        finding = one.judge(facts, parameters)
        out.kept[one.id] = {
            "scripts": scripts(one.id),
            "parameters": parameters,
            "status": str(finding.status),
            "reasons": finding.reasons,
            "facts": facts,
        }
    return out


def scripts(name: str) -> str:
    """SHA-256 of all that a check of this remediation sends: other scripts may report other facts."""
    return payload.digest(payload.build([name], Verb.CHECK))


@dataclass(frozen=True)
class _Judged:
    """What rules of one remediation look at: names of facts and fields, and the words that they are compared with."""

    keys: frozenset[str]
    words: frozenset[str]


def _judged(one: Remediation) -> _Judged:
    keys, words = {"state", "value", "data", "kind"}, {"answered", *SESSION_STATES}
    rules: list[Rule] = []
    for condition in (
        *one.applies_when, *one.known_when, *one.desired, *(each.condition for each in (*one.guards, *one.notes)),
    ):  # fmt: skip
        keys |= {*condition.fact.split("."), *condition.each}
        rules += [*([condition.rule] if condition.rule else []), *condition.each.values()]
    for announced in (each for several in one.changes.values() for each in several):
        keys |= set(announced.when)
        rules += announced.when.values()
    for rule in rules:
        operands = rule.operand if isinstance(rule.operand, list) else [rule.operand]
        words |= {word for word in (*operands, rule.kind) if isinstance(word, str)}
    return _Judged(frozenset(keys), frozenset(words))


def _without(value: Json, key: str, judged: _Judged, redactor: Redactor) -> Json:
    """A fact without names."""
    if isinstance(value, str):
        return value if key in judged.keys and value in judged.words else redactor(value)
    if isinstance(value, list):
        return [_without(one, key, judged, redactor) for one in value]
    if isinstance(value, dict):
        out = {
            name if _OURS.fullmatch(name) else redactor(name): _without(one, name, judged, redactor)
            for name, one in value.items()
        }
        words, detail = SESSION_STATES.get(str(value.get("state")), ""), value.get("detail")
        if words and isinstance(detail, str) and detail.startswith(words):
            out["detail"] = words + redactor(detail.removeprefix(words))
        return out
    return value


def _differs(
    one: Remediation,
    outcome: Outcome,
    parameters: Mapping[str, Json],
    facts: Mapping[str, Json],
    kept: Mapping[str, Json],
    redactor: Pseudonyms,
) -> str:
    """What the facts mean otherwise without names, in two words; empty where nothing."""
    before, after = one.judge(outcome.facts or {}, parameters), one.judge(facts, kept)
    if before.status is not after.status:
        return f"{after.status} instead of {before.status}"
    if [reason.casefold() for reason in before.reasons] != [redactor.restored(reason) for reason in after.reasons]:
        return "other reasons"
    if _told(before, str.casefold) != _told(after, redactor.restored):
        return "other changes"
    for was, is_now in zip(before.changes, after.changes, strict=True):
        if _touched(one, was) and not _touched(one, is_now):
            return "a change that could not be undone"
    return ""


def _told(finding: Finding, read: Callable[[str], str]) -> list[list[str]]:
    return [[read(str(part)) for part in vars(one).values()] for one in finding.changes]


def _touched(one: Remediation, change: Change) -> bool:
    return any(pattern.fullmatch(change.object) for pattern in one.objects)
