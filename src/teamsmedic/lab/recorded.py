"""Devices that `teamsmedic record` writes down, and the lab replays.

A file is held to the form that facts have today, which is what the named cases of each remediation show: a key that
every case has is needed. What a file lacks is `unknown` with the reason, never a status made of too little.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from teamsmedic import content, handover, recording, remediation
from teamsmedic.errors import ContentError, ExitCode, InventoryError, RequestError
from teamsmedic.lab import cases
from teamsmedic.lab.cases import ROLES, Case
from teamsmedic.outcome import Json
from teamsmedic.plan import Item
from teamsmedic.recording import Recording
from teamsmedic.redact import told
from teamsmedic.result import HostResult
from teamsmedic.text import clean

FOLDER = "cases"
"""Beside a lab inventory: where a recorded device lies that `lab_case` names without a path."""


@dataclass(frozen=True)
class Recorded:
    """One recorded device. `cases`: what can be replayed; `missing`: why a remediation cannot; `notes`: what else to
    know, one sentence each."""

    file: Path
    role: str
    recorded: str
    teamsmedic: str
    cases: Mapping[str, Case]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()


def locate(given: str, inventory: Path) -> Path:
    """The file that `lab_case` of that inventory means: a path from there, or a name in `cases` beside it."""
    if "/" in given or given.endswith((".yaml", ".yml")):
        return (inventory.parent / Path(given).expanduser()).resolve()
    return (inventory.parent / FOLDER / f"{given}.yaml").resolve()


@functools.cache
def read(file: Path) -> Recorded:
    """The device in a file; InventoryError where it is none."""
    tried = f"read the recorded device {clean(file)}"
    try:
        data = content.read_yaml(file)
    except ContentError as error:
        raise InventoryError(tried, error.found, "name a file that teamsmedic record has written") from None
    if not isinstance(data, dict) or not isinstance(data.get("remediations"), dict):
        raise InventoryError(tried, "it is no recorded device", "name a file that teamsmedic record has written")
    if data.get("version") != recording.VERSION:
        found = f"its version is {clean(data.get('version'), 40)}, and {recording.VERSION} is read here"
        raise InventoryError(tried, found, "record the device again with this teamsmedic")
    if data.get("role") not in ROLES:
        raise InventoryError(tried, f"its role is {clean(data.get('role'), 40)}", f"use one of {', '.join(ROLES)}")
    said = data.get("missing")
    gaps: Mapping[str, Json] = said if isinstance(said, dict) else {}
    by = f"recorded {clean(data.get('recorded'), 20)} by teamsmedic {clean(data.get('teamsmedic'), 40)}"
    kept: dict[str, Case] = {}
    missing: dict[str, str] = {}
    notes: list[str] = []
    for name, one in remediation.load(content.root()).items():
        about = data["remediations"].get(name)
        if about is None:
            missing[name] = f"{by} without it: {clean(gaps.get(name) or 'it was not asked for, or not known then', 90)}"
            continue
        same = isinstance(about, dict) and about.get("scripts") == recording.scripts(name)
        lacks = list(dict.fromkeys(_lacks(name, about)))
        if lacks:
            why = "the file was changed by hand" if same else "other scripts than today's"
            few = ", ".join(lacks[:3]) + (f" and {len(lacks) - 3} more" if len(lacks) > 3 else "")
            missing[name] = f"{by} ({why}): it lacks {few}; record the device again"
            continue
        if not same:
            notes.append(f"{name}: {by} with other scripts than today's; its facts still have today's form.")
        kept[name] = _case(one, file.stem, str(data["role"]), about)
        if about.get("status") != kept[name].status:
            said, now = clean(about.get("status"), 40), kept[name].status
            notes.append(f"{name}: {by} as {said}; by today's rules, or by what was changed in the file, it is {now}.")
    gone = [name for name in data["remediations"] if name not in kept and name not in missing]
    notes += [f"{clean(name, 60)}: {by}; there is no such remediation today." for name in gone]
    notes += [f"{name}: {why}." for name, why in missing.items()]
    return Recorded(
        file, str(data["role"]), clean(data.get("recorded"), 20), clean(data.get("teamsmedic"), 40), kept, missing,
        tuple(notes),
    )  # fmt: skip


def _case(one: remediation.Remediation, name: str, role: str, about: Mapping[str, Any]) -> Case:
    parameters = about.get("parameters") or {}
    known = {key: value for key, value in parameters.items() if key in one.parameters}
    finding = one.judge(about["facts"], one.values(known, 0.0))
    return Case(name, role, about["facts"], finding.status, tuple(finding.reasons), known)


# ------------------------------------------------------------------------------------------------ writing


@dataclass(frozen=True)
class Kept:
    """What became of recording one host: its file, or the error that stopped it."""

    host: str
    file: Path | None = None
    recording: Recording | None = None
    error: str | None = None
    exit_code: ExitCode = ExitCode.OK


def keep(
    result: HostResult,
    items: Sequence[Item],
    folder: Path,
    name: str | None,
    known: Iterable[tuple[str, str]],
    key: bytes | None,
) -> Kept:
    """Writes what a check of one host found as `folder`/NAME.yaml; RequestError where that cannot be written.

    `known`: names with their kinds that the inventory tells; `key`: that of the pseudonyms. Without a name the file is
    called by the pseudonym that the host has in all outputs of this controller.
    """
    if result.report is None:
        return Kept(result.host, error=str(result.error or "stopped"), exit_code=result.exit_code)
    facts = [one.facts for one in result.report.outcomes]
    names = [*known, ("host", result.host)]
    for one in facts:
        names += [*handover.people(one), *told(one)]
    if result.report.device:
        names.append(("host", result.report.device.computer))
    redactor = recording.Pseudonyms(names, key)
    made = recording.make(items, result.report, redactor)
    file = folder / f"{name or re.sub(r'[^A-Za-z0-9.-]', '', redactor(result.host))}.yaml"
    lines = yaml.safe_dump(made.to_json(time.time()), sort_keys=False, allow_unicode=True, width=120)
    head = f"# A device as teamsmedic record found it, without names: lab_case: {file.stem}\n---\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".tmp")
        draft.write_text(head + lines, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise RequestError(f"wrote {clean(file)}", error.strerror or type(error).__name__, "see --to") from error
    return Kept(result.host, file, made, exit_code=ExitCode.BLOCKED if made.missing else ExitCode.OK)


def document(kept: Sequence[Kept], exit_code: int, run: str) -> dict[str, Json]:
    """What `record --json` prints (schemas/record.schema.json)."""
    return {
        "version": 1,
        "command": "record",
        "run": run,
        "exit_code": exit_code,
        "hosts": [
            {
                "host": one.host,
                "file": str(one.file) if one.file else None,
                "error": one.error,
                "recorded": {name: about["status"] for name, about in one.recording.kept.items()}
                if one.recording
                else {},
                "missing": one.recording.missing if one.recording else {},
            }
            for one in kept
        ],
    }


def render(document: Mapping[str, Any]) -> Iterator[str]:
    """That document as lines for people."""
    for one in document["hosts"]:
        if one["error"]:
            yield clean(f"{one['host']}: not recorded: {one['error']}")
            continue
        told_of = ", ".join(f"{name} {status}" for name, status in one["recorded"].items()) or "nothing"
        yield clean(f"{one['host']}: {one['file']} ({told_of})")
        for name, why in one["missing"].items():
            yield clean(f"  without {name}: {why}")


# ------------------------------------------------------------------------------------------------ the form of facts


@dataclass
class Form:
    """What values at one place look like: their types, the keys of objects with those that all have, the elements."""

    types: set[str] = field(default_factory=set)
    keys: dict[str, Form] = field(default_factory=dict)
    needed: set[str] | None = None
    items: Form | None = None

    def add(self, value: Json) -> None:
        """One more value that is known to be right."""
        self.types.add(_type(value))
        if isinstance(value, dict):
            self.needed = set(value) if self.needed is None else self.needed & set(value)
            for key, one in value.items():
                self.keys.setdefault(key, Form()).add(one)
        elif isinstance(value, list):
            self.items = self.items or Form()
            for one in value:
                self.items.add(one)

    def lacks(self, value: Json, path: str) -> Iterator[str]:
        """What the value lacks to have this form, as places; null is right everywhere, an unseen key too."""
        seen = self.types - {"null"}
        if value is None or not seen:
            return
        if _type(value) not in seen:
            yield f"{path} as {' or '.join(sorted(seen))}"
        elif isinstance(value, dict):
            yield from (f"{path}.{key}".lstrip(".") for key in sorted((self.needed or set()) - set(value)))
            for key, one in value.items():
                if key in self.keys:
                    yield from self.keys[key].lacks(one, f"{path}.{key}".lstrip("."))
        elif isinstance(value, list) and self.items:
            for one in value:
                yield from self.items.lacks(one, f"{path}[]")


@functools.cache
def form(name: str) -> Form:
    """The form of a remediation's facts: what all its named cases show, after a fix as well."""
    return of(
        facts for case in cases.load(content.root())[name].values() for facts in (case.facts, case.after) if facts
    )


def of(samples: Iterable[Mapping[str, Json]]) -> Form:
    """The form that these facts have in common."""
    out = Form()
    for one in samples:
        out.add(dict(one))
    return out


def _lacks(name: str, about: Any) -> Iterator[str]:
    if not isinstance(about, dict) or not isinstance(about.get("facts"), dict):
        yield "its facts"
        return
    yield from form(name).lacks(about["facts"], "")


def _type(value: Json) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "true or false", int: "number", type(None): "null"}
    return names.get(type(value), "something else")
