"""What authors of content need: everything that is wrong with it at once, and beginnings of new parts.

Loaders stop at the first fault, which is right for a run; here each file is read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from teamsmedic import catalog, content, remediation
from teamsmedic.catalog import Catalog
from teamsmedic.codes import Code, canonical, spellings
from teamsmedic.errors import ContentError, RequestError
from teamsmedic.lab import cases
from teamsmedic.remediation import Remediation

OPEN = "TODO"
"""Stands in a beginning where its author must write."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Checked:
    """What was looked at, and each fault as one sentence."""

    counts: dict[str, int]
    faults: tuple[str, ...]


def validate(root: Path) -> Checked:
    """Everything below a content root: each file's form, and what files say of each other."""
    faults: list[str] = []
    counts = {"families": 0, "codes": 0, "causes": 0, "remediations": 0, "cases": 0}
    for path in sorted((*root.glob("catalog/*.yaml"), *root.glob("remediations/*/*/**/*.yaml"))):
        faults += _text(root, path)
    known = None
    try:
        known = catalog.load(root)
        faults += _catalog(known)
        counts |= {"families": len(known.families), "codes": len(known.entries), "causes": len(known.causes)}
    except ContentError as error:
        faults.append(str(error))
    several: dict[str, Remediation] = {}
    for file in sorted((root / "remediations").glob("[!_]*/*/remediation.yaml")):
        try:
            one = remediation.read(file.parent)
            if one.id in several:
                faults.append(_fault(file, f"{several[one.id].folder} has the same name", "give one of them another"))
            several[one.id] = one
            faults += _remediation(root, one, known)
            found = cases.read(file.parent)
            counts["cases"] += len(found)
            faults += _cases(one, found)
        except ContentError as error:
            faults.append(str(error))
    counts["remediations"] = len(several)
    return Checked(counts, tuple(dict.fromkeys(faults)))


def _fault(where: object, found: str, todo: str) -> str:
    return str(ContentError(f"read {where}", found, todo))


def _text(root: Path, path: Path) -> Iterator[str]:
    where = path.relative_to(root)
    try:
        content.read_yaml(path)
        for key, line in content.twice(path):
            yield _fault(f"{where}:{line}", f"the key {key} stands there a second time", "keep one of the two")
        for number, text in enumerate(content.read_text(path).splitlines(), 1):
            if OPEN in text:
                yield _fault(f"{where}:{number}", f"{OPEN} is still there", "write what belongs there")
    except ContentError as error:
        yield str(error)


def _catalog(known: Catalog) -> Iterator[str]:
    _ = known.spaces, known.retired  # read when first asked for
    for code, entry in known.entries.items():
        where = f"catalog/{entry.family}.yaml, {code}"
        for spelling in (code.text, *spellings(code), *entry.also_written):
            if known.read(spelling) != code:
                yield _fault(where, f"{spelling!r} reads as {known.read(spelling)}", "mend the code or its spelling")
    named = {cause.cause for entry in known.entries.values() for cause in entry.causes}
    named |= {cause.cause for space in known.spaces for cause in space.entry.causes}
    named |= {cause for space in known.spaces for row in space.table.values() for cause in row.causes}
    for cause in sorted(set(known.causes) - named):
        yield _fault(f"catalog/causes.yaml, {cause}", "no code names it", "name it in a code, or take it out")


def _remediation(root: Path, one: Remediation, known: Catalog | None) -> Iterator[str]:
    where = (one.folder / "remediation.yaml").relative_to(root)
    if not _NAME.fullmatch(one.id):
        yield _fault(where, f"{one.id} is no id", "use lower-case words joined by _")
    for cause in one.cures if known else ():
        if known and cause not in known.causes:
            yield _fault(where, f"it cures {cause}, which is no cause", "correct it, or add it to catalog/causes.yaml")
    for reference in one.references:
        if not re.fullmatch(r"https://\S+", str(reference)):
            yield _fault(where, f"{reference!r} is no address", "give the https:// address of the page")
    needed = ["detect.ps1", "fix.ps1", "README.md", *(["undo.ps1"] if one.reversible else [])]
    for name in needed:
        if not (one.folder / name).is_file():
            yield _fault(
                one.folder.relative_to(root), f"there is no {name}", "add it; CONTRIBUTING.md says what it does"
            )
    for helper in one.uses:
        if not (root / "remediations/_helpers" / f"{helper}.ps1").is_file():
            yield _fault(where, f"it uses {helper}, which is not among the helpers", "correct it, or add the helper")
    if not one.reversible and not one.irreversible_because:
        yield _fault(where, "it is not reversible and does not say why", "add irreversible_because")
    for name, about in one.parameters.items():
        try:
            one.values({name: about.get("default")}, 0)
        except RequestError as error:
            yield _fault(f"{where}: parameters.{name}", error.found, "give it a default that its own rules accept")


def _cases(one: Remediation, several: dict[str, cases.Case]) -> Iterator[str]:
    for name, case in several.items():
        where = f"{one.folder.parent.name}/{one.id}/tests/cases.yaml, {name}"
        for script in case.breaks:
            if not (one.folder / "tests" / script).is_file():
                yield _fault(where, f"there is no {script}", "add it, or correct the name")
        try:
            found = one.judge(case.facts, one.values(case.parameters, 0))
        except RequestError as error:
            yield _fault(where, error.found, "correct its parameters")
            continue
        if found.status is not case.status:
            yield _fault(where, f"its facts mean {found.status}, not {case.status}", "correct one of the two")


# ------------------------------------------------------------------------------------------------ beginnings


def new_code(root: Path, given: str, family: str) -> Path:
    """Add the beginning of a code to a family's file; RequestError where that cannot be."""
    tried, known = f"began the code {given}", catalog.load(root)
    code = canonical(given)
    if code is None:
        raise RequestError(tried, "it is no code", "write it as a screen or a log does, like 0xCAA70007 or AADSTS50076")
    if code in known.entries:
        raise RequestError(tried, f"the family {known.entries[code].family} has it", "edit it there")
    if code in known.retired:
        raise RequestError(tried, f"{known.retired[code]}", "a retired code is never used again")
    if family not in known.families:
        raise RequestError(tried, f"there is no family {family}", f"use one of {', '.join(known.families)}")
    file = root / "catalog" / f"{family}.yaml"
    with file.open("a", encoding="utf-8") as out:
        out.write(_code(code))
    return file


def _code(code: Code) -> str:
    return f'''
  - code: "{code.text}"
    meaning:
      - text: "{OPEN}: what it means, in a sentence"
        confidence: guess
        sources: [{OPEN}]
    verdict: {{who: unknown, confidence: guess, sources: [{OPEN}]}}
    causes:
      - {{cause: {OPEN}, confidence: guess, sources: [{OPEN}]}}
    check_first:
      - text: "{OPEN}: what to look at first"
        confidence: guess
        sources: [{OPEN}]
'''


def new_remediation(root: Path, layer: str, name: str, cures: str) -> Path:
    """Make the folder of a new remediation, with all files that one has; RequestError where that cannot be."""
    tried = f"began the remediation {layer}/{name}"
    known, several = catalog.load(root), remediation.load(root)
    if not _NAME.fullmatch(layer) or not _NAME.fullmatch(name):
        raise RequestError(tried, "that is no id", "name a state that holds, in lower-case words joined by _")
    if name in several:
        raise RequestError(tried, f"{several[name].folder} has that name", "give it another")
    if cures not in known.causes:
        raise RequestError(tried, f"there is no cause {cures}", "add it to catalog/causes.yaml first")
    folder = root / "remediations" / layer / name
    files = {path: text.replace("@cause@", cures).replace("@open@", OPEN) for path, text in _BEGINNING.items()}
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    return folder


_BEGINNING = {
    "remediation.yaml": """---
title: "@open@: the state that holds, as a sentence"
summary: "@open@: what is looked at and what is changed"
cures: [@cause@]
context: machine
user_notices: "@open@: what the person at the desk sees"
references:
  - "@open@: https address of the page that the rule rests on"

desired:
  setting: {equals: 1, absent: true}

reasons:
  setting: "{object} is {value}"

objects:
  - '@open@: a pattern of what it may touch'
""",
    "detect.ps1": """# Facts: setting. @open@: read it; nothing is changed here, and null stands for what is not there.
param([object] $Parameters)

[ordered]@{ setting = [ordered]@{ object = '@open@'; value = $null } }
""",
    "fix.ps1": """# @open@: bring about what is desired, for what is among the drift only.
param([object] $Parameters, [object[]] $Drift)

Start-TMChange
[ordered]@{ written = @($Drift).Count }
""",
    "undo.ps1": """# @open@: put back what the journal says was there.
param([object] $Parameters, [object[]] $Items)

[ordered]@{ items = @($Items).Count }
""",
    "README.md": """# @open@

What it looks at, what it changes, what it never touches, and how to take it back.
""",
    "tests/cases.yaml": """---
cases:
  healthy:
    summary: a new device
    role: desktop
    break: null
    facts: {setting: {object: '@open@', value: null}}
    status: healthy
  off:
    summary: "@open@: what is wrong"
    role: desktop
    break: break/off.ps1
    facts: {setting: {object: '@open@', value: 0}}
    status: drifted
    reasons: ['@open@ is 0']
""",
    "tests/break/off.ps1": """# @open@: put a new device into that case.
""",
}
