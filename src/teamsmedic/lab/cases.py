"""The named cases of a remediation: what a device in that case reports. Read from `tests/cases.yaml` of its folder.

The same file is read by the unit tests (facts to status), by the replay device (what it answers) and by the Windows
tests (break the device, detect must report these facts).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teamsmedic import content, remediation
from teamsmedic.errors import ContentError, RequestError
from teamsmedic.outcome import Json, Status

ROLES = ("desktop", "room")
USES = ("free", "in_use", "unreadable", "logged_off")
"""Whether a Room is in use, as its prelude tells."""
_KEYS = {"summary", "role", "facts", "parameters", "status", "reasons", "break", "after", "fix", "windows"}


@dataclass(frozen=True)
class Case:
    """One case. `after`: the facts once fixed, None where they follow from the drift; `fix`: what a fix answers instead
    of doing its work, as `{"blocked": {"reason", "detail"}}` or `{"error": {"kind", "message"}}`; `breaks`: files
    of the remediation's tests."""

    name: str
    role: str
    facts: Mapping[str, Json]
    status: Status
    reasons: tuple[str, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    after: Mapping[str, Json] | None = None
    fix: Mapping[str, Json] | None = None
    breaks: tuple[str, ...] = ()
    windows: Mapping[str, Json] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[str, ...]:
        """The options of `seed` that a `windows` device is made with."""
        seeds = self.windows.get("seeds")
        return tuple(map(str, seeds)) if isinstance(seeds, list) else ()

    def script(self, folder: Path) -> str | None:
        """What puts a new device into the case: the scripts of `break`, in order; None where it is in it anyway.

        `folder` is the remediation's.
        """
        return "\n".join(content.read_text(folder / "tests" / one) for one in self.breaks) or None


@functools.cache
def load(root: Path) -> Mapping[str, Mapping[str, Case]]:
    """All cases below a content root: remediation id to name to case, in the order of the files."""
    return {name: read(one.folder) for name, one in remediation.load(root).items()}


def read(folder: Path) -> dict[str, Case]:
    """The cases of one remediation's folder, empty where it has none; ContentError says what to mend."""
    file = folder / "tests" / "cases.yaml"
    if not file.is_file():
        return {}
    data = content.read_yaml(file)
    found = data.get("cases") if isinstance(data, dict) else None
    if not isinstance(found, dict) or not found:
        raise ContentError(f"read {file}", "it holds no cases", "add `cases:` with at least one name below it")
    return {name: _case(name, about, file) for name, about in found.items()}


def _case(name: Any, about: Any, file: Path) -> Case:
    def broken(found: str, todo: str) -> ContentError:
        return ContentError(f"read {content.place(file, ('cases', name))}", f"{name}: {found}", todo)

    if not isinstance(name, str):
        raise broken("the name is no text for YAML", "quote it, or choose another word")
    if not isinstance(about, dict) or not isinstance(about.get("facts"), dict):
        raise broken("a case needs facts", "add what detect.ps1 reports there")
    if extra := sorted(set(about) - _KEYS):
        raise broken(f"unknown key {extra[0]}", f"use {', '.join(sorted(_KEYS))}")
    role, after, scripts = about.get("role", "desktop"), about.get("after"), about.get("break")
    if role not in ROLES:
        raise broken(f"its role is {role!r}", f"use one of {', '.join(ROLES)}")
    try:
        status = Status(str(about.get("status")))
    except ValueError:
        raise broken(f"its status is {about.get('status')!r}", f"use one of {', '.join(Status)}") from None
    if after is not None and (not isinstance(after, dict) or not isinstance(after.get("facts"), dict)):
        raise broken("its after holds no facts", "add `facts:` below it, or leave it out")
    scripts = [scripts] if isinstance(scripts, str) else scripts or []
    reasons, options = about.get("reasons") or [], [about.get(one) or {} for one in ("parameters", "fix", "windows")]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in (reasons, scripts)):
        raise broken("its reasons or break is no list of texts", "write `- ` items with a text each")
    if not all(isinstance(one, dict) for one in options):
        raise broken("its parameters, fix or windows has no keys", "write `key: value` lines there")
    return Case(
        name,
        role,
        about["facts"],
        status,
        tuple(reasons),
        about.get("parameters") or {},
        after and after["facts"],
        about.get("fix"),
        tuple(scripts),
        about.get("windows") or {},
    )


def choose(root: Path, role: str, named: Mapping[str, str]) -> dict[str, Case]:
    """The case of every remediation for one device: the named one, else the first healthy one of that role, else the
    first of that role, else the first of all. RequestError for a name that does not exist."""
    known = load(root)
    if extra := sorted(set(named) - set(known)):
        raise RequestError(
            "read the lab's inventory", f"lab_case names {extra[0]}, which is no remediation", f"use {', '.join(known)}"
        )
    chosen: dict[str, Case] = {}
    for name, cases in known.items():
        if name in named:
            if named[name] not in cases:
                raise RequestError(
                    "read the lab's inventory",
                    f"{name} has no case {named[name]}",
                    f"use one of {', '.join(cases) or 'none: it has no cases yet'}",
                )
            chosen[name] = cases[named[name]]
        elif cases:
            mine = [case for case in cases.values() if case.role == role] or list(cases.values())
            chosen[name] = next((case for case in mine if case.status is Status.HEALTHY), mine[0])
    return chosen
