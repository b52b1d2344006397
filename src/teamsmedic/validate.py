"""Holds the whole content to what it promises, and tells everything that is wrong at once.

Reading a catalogue or a remediation refuses what has no form. Here come the promises over all files: names that stand
for one thing for ever, codes that lead back to themselves, causes that somebody can act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from teamsmedic import catalog as catalogue
from teamsmedic import content, remediation
from teamsmedic.catalog import Catalog, Entry
from teamsmedic.codes import Code, canonical, spellings
from teamsmedic.errors import ContentError
from teamsmedic.lab import cases
from teamsmedic.outcome import Json
from teamsmedic.remediation import Remediation

PLACEHOLDER = "TODO"
"""What `teamsmedic new` leaves where a person has to write."""

_CODE = re.compile(r"0xCAA[0-9A-F]{5}|AADSTS[0-9]{4,7}|\bSIP [3-6][0-9]{2}", re.I)
_LINK = re.compile(r"http://[^\s)>\"'`]+")
_LOCAL = re.compile(r"http://(localhost|127\.|\[::1\]|[a-z0-9.-]*\.?example\b)")


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, as counts by its name, what is wrong with it, and what only a run knows."""

    looked_at: Mapping[str, int]
    problems: tuple[ContentError, ...]
    left_alone: tuple[str, ...] = ()


def check(root: Path) -> Report:
    """The report on the content below a root; a file that cannot be read is one problem of its own."""
    problems: list[ContentError] = list(_yaml(root))
    looked_at: dict[str, int] = {}
    remediations = _remediations(root, problems)
    try:
        catalog = catalogue.load(root, problems)
        _ = catalog.spaces, catalog.retired, catalog.retired_ids
        looked_at |= {
            "families": len(catalog.families),
            "codes": len(catalog.entries),
            "spaces": len(catalog.spaces),
            "rows": sum(len(table) for table in {id(one.table): one.table for one in catalog.spaces}.values()),
            "causes": len(catalog.causes),
            "sources": len(catalog.sources),
        }
        problems += _codes(root, catalog)
        problems += _causes(root, catalog, remediations)
        problems += _meeting(root, remediations)
    except ContentError as error:
        problems.append(error)
    looked_at["remediations"] = len(remediations)
    problems += _addresses(root, remediations)
    unique = {str(one): one for one in problems}
    return Report(looked_at, tuple(unique.values()))


def document(report: Report) -> dict[str, Json]:
    """The report as a JSON document (schemas/validate.schema.json)."""
    problems = [{"tried": one.tried, "found": one.found, "todo": one.todo} for one in report.problems]
    return {
        "version": 1, "looked_at": dict(report.looked_at), "problems": problems, "left_alone": list(report.left_alone),
    }  # fmt: skip


def summary(report: Report) -> str:
    """What was looked at and how many problems there are, in one line."""
    counts = ", ".join(f"{count} {name}" for name, count in report.looked_at.items())
    return f"{len(report.problems) or 'no'} problem{'s' * (len(report.problems) != 1)} in {counts}."


def _wrong(path: Path, trail: tuple[object, ...], found: str, todo: str) -> ContentError:
    return ContentError(f"checked {content.place(path, trail)}", found, todo)


def _yaml(root: Path) -> Iterator[ContentError]:
    files = [*(root / "catalog").glob("*.yaml"), *(root / "remediations").glob("*/*/**/*.yaml")]
    for path in sorted(files):
        try:
            for key, line in content.twice(path):
                yield ContentError(
                    f"checked {content.named(path)}:{line}",
                    f"the key {key!r} stands there twice",
                    "remove one of the two",
                )
        except ContentError as error:
            yield error
    for path in sorted(
        [*files, *(root / "remediations").glob("*/*/**/*.ps1"), *(root / "remediations").glob("*/*/README.md")]
    ):
        for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if re.search(rf"\b{PLACEHOLDER}\b", text):
                yield ContentError(
                    f"checked {content.named(path)}:{number}", f"a {PLACEHOLDER} is left", "write what belongs there"
                )


def _remediations(root: Path, problems: list[ContentError]) -> dict[str, Remediation]:
    found: dict[str, Remediation] = {}
    helpers = {path.stem for path in (root / "remediations" / "_helpers").glob("*.ps1")}
    for path in sorted((root / "remediations").glob("[!_]*/*/")):
        file = path / "remediation.yaml"
        if not path.is_dir():
            continue
        try:
            if not file.is_file():
                raise ContentError(
                    f"checked {content.named(path)}", "it holds no remediation.yaml", "add it or remove the folder"
                )
            one = remediation.read(path)
            if one.id in found:
                raise _wrong(
                    file,
                    (),
                    f"{one.id} is a remediation of {found[one.id].layer} already",
                    "name one of them otherwise",
                )
            found[one.id] = one
            wanted = ["detect.ps1", "README.md", "tests/cases.yaml"]
            wanted += ["fix.ps1"] if not one.observes else []
            wanted += ["undo.ps1"] if one.reversible and not one.observes else []
            for name in wanted:
                if not (path / name).is_file():
                    raise _wrong(file, (), f"{name} is missing beside it", f"add {name}")
            for name in ("fix.ps1", "undo.ps1", "forget.ps1") if one.observes else ():
                if (path / name).is_file():
                    raise _wrong(file, ("observes",), f"{name} lies beside what only observes", f"remove {name}")
            for name in sorted(set(one.uses) - helpers):
                raise _wrong(file, ("uses",), f"there is no helper {name}", f"use {', '.join(sorted(helpers))}")
            cases.read(path)
        except ContentError as error:
            problems.append(error)
    return found


def _codes(root: Path, catalog: Catalog) -> Iterator[ContentError]:
    """Every code leads back to itself: each listed one by every spelling, each row of a table by its number."""
    places = _places(root, catalog)
    for code, entry in catalog.entries.items():
        path, trail = places[code]
        for written in (code.text, *spellings(code), *entry.also_written):
            read = catalog.read(written)
            back = catalog.lookup(read) if read else None
            if back is None or back.code != code or back.decoded:
                found = f"{written!r} is read as {read.text if read else 'no code'}"
                yield _wrong(path, trail, f"{found}, not as {code}", "remove that spelling or write the code otherwise")
    spaces = root / "catalog" / "spaces.yaml"
    tables = _table_names(root)
    reached: dict[int, set[int]] = {}
    for space in catalog.spaces:
        for number in space.table:
            meant = space.code(number)
            if meant is None:
                continue
            led = catalog.lookup(meant)
            if led and (meant in catalog.entries or (led.space == space.title and led.code == meant)):
                reached.setdefault(id(space.table), set()).add(number)
    for space in catalog.spaces:
        if space.table:
            for number in sorted(set(space.table) - reached.get(id(space.table), set())):
                name = tables.get(space.title, "")
                yield _wrong(
                    spaces,
                    ("tables", name, number),
                    f"no code leads to the row {number} of {name}",
                    "correct its number, or the spaces that name the table",
                )


def _places(root: Path, catalog: Catalog) -> dict[Code, tuple[Path, tuple[object, ...]]]:
    """Where each listed code stands."""
    found: dict[Code, tuple[Path, tuple[object, ...]]] = {}
    for family in catalog.families:
        path = root / "catalog" / f"{family}.yaml"
        for index, item in enumerate(content.read_yaml(path)["codes"]):
            code = canonical(item.get("code")) if isinstance(item, dict) else None
            if code and code in catalog.entries:
                found.setdefault(code, (path, ("codes", index)))
    return found


def _table_names(root: Path) -> dict[str, str]:
    """Title of a space to the name of its table."""
    spaces = content.read_yaml(root / "catalog" / "spaces.yaml")["spaces"]
    named = [(one.get("title"), one.get("table")) for one in spaces if isinstance(one, dict)]
    return {title: table for title, table in named if isinstance(title, str) and isinstance(table, str)}


def _entries(catalog: Catalog) -> list[Entry]:
    return [*catalog.entries.values(), *(space.entry for space in catalog.spaces)]


def _causes(root: Path, catalog: Catalog, remediations: Mapping[str, Remediation]) -> Iterator[ContentError]:
    path = root / "catalog" / "causes.yaml"
    entries = _entries(catalog)
    rows = [row for space in catalog.spaces for row in space.table.values()]
    named = {one.cause for entry in entries for one in entry.causes} | {cause for row in rows for cause in row.causes}
    cured = {cause for one in remediations.values() for cause in one.cures}
    for cause in catalog.causes.values():
        if not cause.manual and cause.id not in cured:
            yield _wrong(
                path,
                (cause.id,),
                f"nobody can act on {cause.id}",
                "add `manual:` steps, or a remediation that cures it",
            )
        if cause.id not in named:
            yield _wrong(
                path, (cause.id,), f"no code names {cause.id}", "name it in a code, a space or a row, or remove it"
            )
    for one in remediations.values():
        for unknown in sorted({*one.cures, *one.observes} - set(catalog.causes)):
            yield _wrong(
                one.folder / "remediation.yaml",
                ("cures" if unknown in one.cures else "observes",),
                f"there is no cause {unknown}",
                "add it to catalog/causes.yaml",
            )
    for name, because in catalog.retired_ids["remediations"].items():
        if name in remediations:
            file = remediations[name].folder / "remediation.yaml"
            yield _wrong(
                file, (), f"{name} was retired ({because})", "name the folder otherwise: an id is never reused"
            )
    used = {source for entry in entries for source in entry.verdict.sources}
    used |= {source for entry in entries for named_cause in entry.causes for source in named_cause.sources}
    used |= {source for entry in entries for statement in entry.statements() for source in statement.sources}
    used |= {source for entry in entries for place in entry.elsewhere for source in place.verdict.sources}
    used |= {source for row in rows for source in row.sources}
    used |= {source for cause in catalog.causes.values() for step in cause.manual for source in step.sources}
    for source in catalog.sources:
        if source not in used:
            yield _wrong(root / "catalog" / "sources.yaml", (source,), f"no statement rests on {source}", "remove it")


def _meeting(root: Path, remediations: Mapping[str, Remediation]) -> Iterator[ContentError]:
    """Codes and remediations meet at a cause and never name each other."""
    for path in sorted((root / "catalog").glob("*.yaml")):
        if path.stem == "retired":
            continue
        for name in sorted(set(re.findall(r"\w+", content.read_text(path))) & set(remediations)):
            yield _wrong(
                path, (), f"it names the remediation {name}", "name a cause instead, and let the remediation cure it"
            )
    for one in remediations.values():
        file = one.folder / "remediation.yaml"
        if match := _CODE.search(content.read_text(file)):
            yield _wrong(file, (), f"it names the code {match[0]}", "leave codes to the catalogue")


def _addresses(root: Path, remediations: Mapping[str, Remediation]) -> Iterator[ContentError]:
    """Every reference is an https address."""
    for one in remediations.values():
        for index, address in enumerate(one.references):
            if not re.fullmatch(r"https://\S+", str(address)):
                file = one.folder / "remediation.yaml"
                yield _wrong(
                    file,
                    ("references", index),
                    f"{address!r} is no https address",
                    "give the https:// address of the page",
                )
    for path in sorted((root / "remediations").glob("*/*/README.md")):
        for number, line in enumerate(content.read_text(path).splitlines(), 1):
            for address in _LINK.findall(line):
                if not _LOCAL.match(address):
                    where = f"checked {content.named(path)}:{number}"
                    yield ContentError(
                        where, f"{address!r} is no https address", "give the https:// address of the page"
                    )
