"""The reference: a web page for every code, cause and remediation, and one to search them all.

`pages` is pure; `write` puts the pages of the content in use into a folder. They fetch nothing: they work from a disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

from teamsmedic import catalog as catalogue
from teamsmedic import content, remediation
from teamsmedic.catalog import Catalog, Entry
from teamsmedic.codes import Code, spellings
from teamsmedic.errors import RequestError
from teamsmedic.explain import WHO
from teamsmedic.remediation import Remediation

MARK = ".teamsmedic-reference"
"""The file by which a folder is known as made here, so that nothing else is ever overwritten."""


def slug(code: Code) -> str:
    """A code as the name of a page's file."""
    return code.text.lower().replace(" ", "-").replace(";", "-").replace("=", "-")


def entries(catalog: Catalog) -> Iterator[Entry]:
    """All that is known by name: the listed codes first, then what the rows of the spaces' tables name."""
    yield from catalog.entries.values()
    seen = set(catalog.entries)
    for space in catalog.spaces:
        for number in sorted(space.table):
            code = space.code(number)
            entry = catalog.lookup(code) if code and code not in seen else None
            if entry:
                seen.add(entry.code)
                yield entry


def pages(catalog: Catalog, remediations: Mapping[str, Remediation]) -> dict[str, str]:
    """All pages: path below the folder to text."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("teamsmedic"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.globals.update(sources=catalog.sources, family=catalog.title, causes=catalog.causes, who=WHO, slug=slug)
    known = list(entries(catalog))
    found: dict[str, str] = {}
    rows: list[dict[str, str]] = []

    def add(path: str, template: str, row: tuple[str, str, str], words: list[str], **more: Any) -> None:
        found[path] = templates.get_template(template).render(title=row[0], up="../", **more)
        title, verdict, text = row
        kind = path.partition("/")[0]
        name = {"codes": "", "causes": "cause", "remediations": "remediation"}[kind]
        every = " ".join([title, name, verdict, text, *words]).lower()
        shown = words[0] if kind == "codes" else name
        rows.append({"address": path, "title": title, "kind": shown, "verdict": verdict, "text": text, "words": every})

    addresses = {entry.code: f"codes/{slug(entry.code)}.html" for entry in known}
    for entry in known:
        written = [*spellings(entry.code), *entry.also_written]
        related = addresses.get(entry.related) if entry.related else None
        add(
            addresses[entry.code],
            "code.html",
            (entry.code.text, entry.verdict.who, entry.meaning[0].text),
            [entry.name.text if entry.name else "", catalog.title(entry.family), *written],
            entry=entry,
            written=written,
            related=related and f"../{related}",
        )
    for cause in catalog.causes.values():
        add(
            f"causes/{cause.id}.html",
            "cause.html",
            (cause.title, cause.verdict, cause.manual[0].text if cause.manual else ""),
            [cause.id],
            cause=cause,
            cured=[one for one in remediations.values() if cause.id in one.cures],
            observed=[one for one in remediations.values() if cause.id in one.observes],
            named=[entry for entry in known if any(one.cause == cause.id for one in entry.causes)],
        )
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    for one in remediations.values():
        readme = one.folder / "README.md"
        text = content.read_text(readme) if readme.is_file() else ""
        rendered = Markup(markdown.render(text))  # noqa: S704 - its own HTML is switched off one line above
        add(
            f"remediations/{one.id}.html",
            "remediation.html",
            (one.title, "device", one.summary),
            [one.id, *one.cures, *one.observes],
            one=one,
            readme=rendered,
        )
    found["index.html"] = templates.get_template("index.html").render(
        title="Codes, causes and remediations", up="", rows=rows
    )
    found["style.css"] = templates.get_template("style.css").render()
    return found


def write(folder: Path) -> Path:
    """Writes the pages of the content in use to a folder, made anew, and gives the first page."""
    tried = f"wrote the reference to {folder}"
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
            raise RequestError(tried, "it holds other files", "name a folder of its own")
        made = pages(catalogue.load(), remediation.load(content.root()))
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / MARK).touch()
        for path, text in made.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(
            tried, error.strerror or type(error).__name__, "name a folder that can be written"
        ) from error
    return folder / "index.html"
