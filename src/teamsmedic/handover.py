"""The texts for other people: what was seen, what it is not, and what is asked of them, without names they do not need.

Templates are those of texts/, one for each verdict that hands over; a site can put its own in a folder instead. All run
in a sandbox, and what a device or a user said reaches them as values only, never as a template.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from teamsmedic.catalog import Catalog
from teamsmedic.errors import RequestError
from teamsmedic.evidence import Evidence
from teamsmedic.outcome import Json
from teamsmedic.redact import Redactor, told
from teamsmedic.text import clean
from teamsmedic.triage import Device, State, Triage

if TYPE_CHECKING:
    from jinja2 import Environment

ASKS = 3
"""Causes that a text asks somebody to look at: the likeliest ones that are for that person."""


@functools.cache
def _environment(folder: Path | None = None) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined  # noqa: PLC0415 - counted
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    ours = PackageLoader("teamsmedic", "texts")
    # Plain text, so nothing is escaped for HTML; what comes from a device or a user is made harmless before.
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder), ours]) if folder else ours,
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def own(folder: Path | None) -> None:
    """Reads a site's own templates, so that a broken one is told of before anybody is asked anything."""
    if folder is None:
        return
    known = [f"{one}.txt.j2" for one in ("carrier", "network", "sbc", "tenant", "user")]
    found = sorted(one.name for one in folder.glob("*.j2")) if folder.is_dir() else []
    wrong = [one for one in found if one not in known and not one.startswith("_")]
    if wrong or not found:
        what = f"{clean(wrong[0], 100)} is none" if wrong else "there is none"
        raise RequestError(f"looked for templates in {clean(folder)}", what, f"name them {', '.join(known)}")
    for name in found:
        if not (folder / name).is_file():
            raise RequestError(f"looked for templates in {clean(folder)}", f"{clean(name, 100)} is no file", "mend it")
        with _told(folder):
            _environment(folder).get_template(name)


@contextlib.contextmanager
def _told(folder: Path | None) -> Iterator[None]:
    """A template that cannot be read or carried out is one sentence; those of ours never are."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError  # noqa: PLC0415

    try:
        yield
    except Exception as error:  # whatever a template of somebody else's brings about, recursion included
        if folder is None:
            raise
        # Jinja2 puts frames of the templates themselves into the traceback.
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.endswith(".j2")]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "a template"
        if isinstance(error, TemplateSyntaxError):
            where = f"{error.name}:{error.lineno}"
        what = f"there is no {error}" if isinstance(error, TemplateNotFound) else error
        found = clean(what, 300).rstrip(".") or type(error).__name__
        raise RequestError(f"made a text from {where} in {clean(folder)}", found, "mend it") from error


def text(
    it: Triage, evidence: Evidence, catalog: Catalog, redact: Redactor | None, folder: Path | None = None
) -> dict[str, Json] | None:
    """The text for whoever must act, as `for`, `subject` and `body`; None where it is nobody else.

    `redact`: takes names out; None leaves them in and quotes the evidence as it was given. `folder`: templates of a
    site, which go before ours.
    """
    if it.recipient is None:
        return None

    def bare(one: object, limit: int = 600) -> str:
        said = clean(one, limit)
        return redact(said) if redact else said

    mine = [one for one in it.causes if one.verdict is it.verdict and one.state is not State.REFUTED]
    # What is known leaves nothing to guess for whoever reads it.
    mine = [one for one in mine if one.state is State.CONFIRMED] or mine
    sources = dict.fromkeys(
        source for one in mine[:ASKS] for step in catalog.causes[one.id].manual for source in step.sources
    )
    used = {
        "code": it.codes[0].entry.code.text if it.codes else "a sign-in that fails",
        "why": bare(" ".join(it.reasons[1:]) or it.reasons[0]),
        "codes": [bare(f"{one.entry.code} ({times(one.count)}): {one.entry.meaning[0].text}") for one in it.codes[:8]],
        "times": [clean(one, 40) for one in evidence.times[:5]],
        "ids": [clean(one, 80) for one in evidence.ids[:5]],
        "quoted": [] if redact else [clean(line, 400) for one in it.codes[:8] for line in one.lines],
        "asks": [clean(step.text) for one in mine[:ASKS] for step in catalog.causes[one.id].manual],
        "excluded": [
            bare(f"{one.title}: {one.reasons[0]}") for one in it.causes if one.state is State.REFUTED and one.reasons
        ],
        "contradictions": [bare(one) for one in it.contradictions],
        "sources": [catalog.sources[one].url for one in sources],
    }
    with _told(folder):
        made = _environment(folder).get_template(f"{it.recipient}.txt.j2").render(it=used)
        if not made.strip():
            raise ValueError(f"{it.recipient}.txt.j2 makes no text")
    lines = made.strip().splitlines()
    body = "\n".join(_squeezed(lines[1:]))
    return {"for": it.recipient.value, "subject": lines[0], "body": body}


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count} times"


def _squeezed(lines: list[str]) -> Iterator[str]:
    """The lines without empty ones at the ends, and never two of them in a row."""
    empty = True
    for line in [*lines, ""]:
        if line.strip() or not empty:
            yield line.rstrip()
        empty = not line.strip()


def names(evidence: Evidence, device: Device | None) -> Iterator[tuple[str, str]]:
    """The names that are known and have no form of their own: kind (user, host, tenant) and name."""
    if device:
        yield "host", device.host
        if device.info:
            yield "host", device.info.computer
        for outcome in device.outcomes:
            yield from people(outcome.facts)
            yield from told([outcome.facts, *outcome.reasons, *outcome.notes])
    yield from _report(evidence.directory)


def people(facts: Json) -> Iterator[tuple[str, str]]:
    """Names that a device's facts hold, each with its kind."""
    if not isinstance(facts, dict):
        return
    for key in ("sessions", "users", "credentials", "caches", "enrolments", "administrators"):
        people = facts.get(key)
        for one in people if isinstance(people, list) else ():
            for word in ("name", "user") if isinstance(one, dict) else ():
                if isinstance(one.get(word), str):
                    yield "user", one[word]
            if isinstance(one, dict):
                yield from _report(one.get("dsregcmd"))
    yield from _report(facts.get("dsregcmd"))
    yield from _accounts(facts, "")


def _accounts(value: Json, key: str) -> Iterator[tuple[str, str]]:
    """Names of people anywhere in some facts: what stands beside a SID, or is called an account."""
    if isinstance(value, list):
        for one in value:
            yield from _accounts(one, key)
    elif isinstance(value, dict):
        names = {"account"}
        if key.endswith("account"):
            names |= {"name", "user", "object"}
        elif any(isinstance(one, str) and one.startswith("S-1-") for one in value.values()):
            names |= {"name", "user"}
        for name, one in value.items():
            if isinstance(one, str) and name in names:
                yield "user", one
            else:
                yield from _accounts(one, name)


def _report(report: Json) -> Iterator[tuple[str, str]]:
    for kind, key in (
        ("host", "device_name"), ("tenant", "tenant_name"), ("tenant", "tenant_id"), ("tenant", "domain_name"),
        ("user", "executing_account"), ("user", "executing_name"),
    ):  # fmt: skip
        if isinstance(report, dict) and isinstance(report.get(key), str):
            yield kind, report[key]
            if key == "executing_name":
                yield kind, report[key].rpartition("\\")[2]
            elif key == "device_name":
                yield kind, report[key].partition(".")[0]


def texts(
    it: Triage, evidence: Evidence, catalog: Catalog, *, redacted: bool, folder: Path | None = None
) -> list[dict[str, Json]]:
    """The texts of one triage: for whoever must act, where that is somebody else."""
    redactor = Redactor(names(evidence, it.device)) if redacted else None
    made = text(it, evidence, catalog, redactor, folder)
    return [made] if made else []
