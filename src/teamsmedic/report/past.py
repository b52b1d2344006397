"""Finds the runs that a history is to tell of, and reads them one after the other, oldest first."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from teamsmedic import catalog, codes, runfolder, runreader
from teamsmedic.errors import RequestError, TeamsMedicError
from teamsmedic.outcome import Json
from teamsmedic.redact import Redactor
from teamsmedic.report import model
from teamsmedic.report.history import History
from teamsmedic.text import clean


def find(given: Sequence[str], where: Path) -> list[Path]:
    """The folders of the runs that are meant; RequestError for what is none. Without any: all in `where`."""
    if not given:
        return [one.path for one in runfolder.every(where)]
    found: dict[Path, None] = {}
    for one in given:
        path = Path(one).expanduser()
        inside = runfolder.every(path) if path.is_dir() else []
        for folder in [each.path for each in inside] or [runreader.locate(one, where)]:
            found[folder.resolve()] = None
    return list(found)


def tell(paths: Sequence[Path], key: bytes | None) -> dict[str, Json]:
    """The document of these runs; with a key of pseudonyms, without names. What is no run is named in it."""
    book = catalog.load()

    @functools.cache
    def family(code: str) -> str:
        read = codes.canonical(code)
        entry = book.lookup(read) if read else None
        return entry.family if entry and entry.family else ""

    history = History(lambda several: filter(None, map(family, several)))
    skipped: dict[str, str] = {}
    names: set[tuple[str, str]] = set()
    seen: set[str] = set()
    for path in _oldest_first(paths, skipped):
        try:
            run = runreader.read(path)
            if run.id in seen:  # a copy, or what a runner kept of it
                skipped[clean(path)] = f"run {clean(run.id, 60)} is told of already"
                continue
            seen.add(run.id)
            history.add(run)
            names.update(model.names([run]) if key is not None else ())
        except TeamsMedicError as error:
            skipped[clean(path)] = error.found
    document = history.to_json(skipped, redacted=key is not None)
    if key is not None:
        # Sorted: who is called by two kinds has the same pseudonym each time.
        document = Redactor(sorted(names), key, keep=("what", "day", "command")).data(document)
    return document


def _oldest_first(paths: Sequence[Path], skipped: dict[str, str]) -> Iterator[Path]:
    """By the time in a run's name; what has none (the artifacts of an ansible-runner) is read for it."""
    timed: list[tuple[float, Path]] = []
    for path in paths:
        if runfolder.RUN_ID.fullmatch(path.name):
            timed.append((datetime.strptime(path.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp(), path))
            continue
        try:
            timed.append((runreader.read(path).started or 0.0, path))
        except TeamsMedicError as error:
            skipped[clean(path)] = error.found
    if paths and not timed:
        raise RequestError("looked for runs", "none of the folders is one", "see teamsmedic runs")
    for _, path in sorted(timed, key=lambda one: (one[0], str(one[1]))):
        yield path
