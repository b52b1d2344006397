"""Reference pages: one for every code, cause and remediation, and an index that searches them without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from teamsmedic import catalog, remediation
from teamsmedic.catalog import Catalog, Entry
from teamsmedic.codes import Code, Kind, canonical, spellings
from teamsmedic.errors import RequestError

TEMPLATES = Path(__file__).parent / "pages"


def write(root: Path, folder: Path) -> int:
    """Write the pages of a content root into a folder, over those of an earlier time; how many there are."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    pages = list(_pages(root))
    try:
        for path, about in [*pages, ("index.html", {"kind": "index", "pages": pages})]:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            up = "../" * path.count("/")
            text = environment.get_template(f"{about['kind']}.html.j2").render(up=up, **about)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"wrote pages into {folder}", error.strerror or str(error), "name another folder") from error
    return len(pages) + 1


def slug(name: str) -> str:
    """A name as a file is called: letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")


def _pages(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    known, several = catalog.load(root), remediation.load(root)
    cured: dict[str, list[remediation.Remediation]] = {}
    for one in several.values():
        for name in one.cures:
            cured.setdefault(name, []).append(one)
    shared = {
        "sources": known.sources,
        "causes": known.causes,
        "families": known.families,
        "slug": slug,
        "cured": cured,
    }
    for code, entry in [*known.entries.items(), *_named(known)]:
        written = sorted({*spellings(code), *entry.also_written} - {code.text})
        yield (
            f"codes/{slug(code.text)}.html",
            {"kind": "code", "title": code.text, "entry": entry, "written": written, **shared,
             "words": " ".join([*written, entry.name.text if entry.name else "", *(one.text for one in entry.meaning)]),
             "says": entry.meaning[0].text},
        )  # fmt: skip
    for cause in known.causes.values():
        named = [entry for entry in known.entries.values() if cause.id in [one.cause for one in entry.causes]]
        yield (
            f"causes/{cause.id}.html",
            {"kind": "cause", "title": cause.id, "cause": cause, "named": named, "words": cause.title, **shared,
             "says": cause.title},
        )  # fmt: skip
    for one in several.values():
        yield (
            f"remediations/{one.id}.html",
            {"kind": "remediation", "title": one.id, "one": one, "words": f"{one.title} {one.summary}", **shared,
             "says": one.title},
        )  # fmt: skip


def _named(known: Catalog) -> Iterator[tuple[Code, Entry]]:
    """The codes that a table of a space names, where a family does not list them."""
    for space in known.spaces:
        for number in space.table:
            text = {
                Kind.AADSTS: f"AADSTS{number}",
                Kind.SIP: f"SIP {number}",
                Kind.HRESULT: f"0x{space.value | number | (0xC0000000 if space.mask == 0x0FFF0000 else 0):08X}",
            }.get(space.kind, str(number))
            code = canonical(text)
            if code and code not in known.entries and known.space(code) is space and (entry := known.lookup(code)):
                yield code, entry
