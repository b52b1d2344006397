"""Reports as text that other programs or tickets take: Markdown, CSV and JSON. Harmless whatever a device said."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from teamsmedic.outcome import Change, Json, Outcome
from teamsmedic.report.model import HostState, Report
from teamsmedic.runreader import End, Run, State
from teamsmedic.text import clean, value

VERSION = 1
STATES = {
    State.ENDED: "ended",
    State.GOING_ON: "still going on",
    State.CUT: "cut in the middle",
    State.UNTOLD: "no end recorded",
}
COLUMNS = (
    "run", "host", "kind", "groups", "wave", "standing", "remediation", "status", "reasons", "changes", "restart",
    "error", "at",
)  # fmt: skip


def when(seconds: float | None) -> str:
    """A time as people read it, in UTC; a dash where there is none."""
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}Z"


def change(it: Change) -> str:
    """A change as one line."""
    return f"{it.action} {clean(it.object, 400)}: {value(it.before)} -> {value(it.after)}"


def head(run: Run) -> list[tuple[str, str]]:
    """What is known of a run as a whole, as name and text."""
    said = [
        ("run", run.id),
        ("command", " ".join(filter(None, (run.command, "(dry run)" if run.dry_run else "", run.playbook)))),
        ("state", STATES[run.state]),
        ("started", when(run.started)),
        ("ended", when(run.ended)),
        ("by", run.by or ""),
        ("door", run.door or ""),
        ("hosts asked for", run.pattern or ""),
        ("inventory", ", ".join(run.inventory)),
        ("codes", ", ".join(run.codes)),
        ("teamsmedic", run.version or ""),
        ("content", (run.content or "")[:16]),
        ("seal", run.seal or ""),
    ]
    return [(name, clean(text, 300)) for name, text in said if text and text != "-"]


# ------------------------------------------------------------------------------------------------ Markdown


def markdown(report: Report) -> str:
    """The report as Markdown: GitHub's and GitLab's tables. Nothing that a device said is read as Markdown or HTML."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    for run in report.runs:
        yield "* " + ", ".join(f"{name}: {escaped(text)}" for name, text in head(run))
        yield from (f"  * {escaped(note)}" for note in run.notes)
    yield from ("", "| devices | |", "|---|---|")
    yield from (f"| {name} | {count} |" for name, count in report.counts.items())
    if report.todos:
        yield from ("", "## What must be done", "")
    for todo in report.todos:
        hosts = f" on {_names(todo.hosts)}" if todo.hosts else ""
        yield f"* **{escaped(todo.what)}**{hosts} ({todo.who})"
        yield from (f"  * {escaped(reason)}" for reason in todo.reasons)
        if todo.command and not report.redacted:
            yield f"  * {escaped(todo.command)}"
    if report.waves:
        yield from ("", "## Waves", "", "| wave | devices | how they stand |", "|---|---|---|")
        for wave in report.waves:
            told = ", ".join(f"{count} {name}" for name, count in wave.counts.items())
            yield f"| {wave.number or 'not begun'} | {wave.hosts} | {told} |"
        decided = [f"* {escaped(line)}" for run in report.runs for line in run.decided]
        yield from ["", *decided] if decided else ()
    if report.drifts:
        yield from (
            "",
            "## Drift before and after",
            "",
            "| remediation | looked at | before | after |",
            "|---|---|---|---|",
        )
        yield from (
            f"| {escaped(one.remediation)} | {one.known} | {one.before} | {one.after} |" for one in report.drifts
        )
    if report.families:
        yield from ("", "## Families", "", "| family | codes | outcomes |", "|---|---|---|")
        for family in report.families:
            told = ", ".join(f"{count} {name}" for name, count in family.counts.items()) or "-"
            yield f"| {escaped(family.title)} | {escaped(', '.join(family.codes)) or '-'} | {told} |"
    yield from (
        "",
        "## Devices",
        "",
        "| device | stands | remediation | status | why, or what changed |",
        "|---|---|---|---|---|",
    )
    for host in report.hosts:
        for outcome in host.outcomes.values():
            told = "; ".join(
                [*map(clean, outcome.reasons[:3]), *map(clean, outcome.notes[:3]), *map(change, outcome.changes[:3])]
            )
            yield (
                f"| {escaped(host.host)} | {host.standing} | {escaped(outcome.remediation)} | {outcome.status} "
                f"| {escaped(told)} |"
            )
        if not host.outcomes or host.last.end is not End.OUTCOME:
            yield f"| {escaped(host.host)} | {host.standing} | - | - | {escaped(why(host))} |"


def why(host: HostState) -> str:
    """Why a host has no outcomes, as one line."""
    said = {
        End.NONE: "nothing is recorded of it",
        End.BEGUN: "a change was begun and its end is not recorded",
        End.UNREACHABLE: "not reached",
        End.STOPPED: "stopped",
        End.HELD_BACK: "held back",
        End.NOTHING_TO_UNDO: "nothing to undo",
        End.OUTCOME: f"triage: {host.last.verdict}" if host.last.verdict else "nothing was to be looked at",
    }[host.last.end]
    return clean(host.last.error or said, 400)


def _names(hosts: Sequence[str]) -> str:
    few = ", ".join(escaped(one) for one in hosts[:3])
    return few if len(hosts) <= 3 else f"{len(hosts):,} devices ({few} …)"


_SIGNS = re.compile(
    r"[&<>|*`~\[\]{}#!@^=$\"]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis is only at the edge of a word
    r"|\\(?=[!-/:-@\[-`{-~]|$)"  # a backslash escapes only what is punctuation
    r"|:(?=//)|(?<=www)\."  # an address becomes a link by itself
    r"|^\s*[-+](?=\s|$)|^\s*\d+[.)](?=\s|$)",  # a list
    re.I,
)


def escaped(text: object) -> str:
    """A text that Markdown shows as it is: each sign that has a meaning where it stands becomes a reference."""
    return _SIGNS.sub(lambda one: f"{one[0][:-1]}&#{ord(one[0][-1])};", clean(text, 600))


# ------------------------------------------------------------------------------------------------ CSV, JSON


def table(report: Report) -> str:
    """One line for each outcome (and each host without) as CSV with a header, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for host in report.hosts:
        outcomes: Sequence[Outcome | None] = [*host.outcomes.values()] or [None]
        for one in outcomes:
            row = {
                "run": host.runs[one.remediation] if one else host.run.id,
                "host": host.host,
                "kind": host.last.kind or "",
                "groups": " ".join(host.last.groups),
                "wave": "" if host.last.wave is None else host.last.wave,
                "standing": host.standing,
                "remediation": one.remediation if one else "",
                "status": one.status if one else "",
                "reasons": "; ".join(one.reasons) if one else "",
                "changes": "; ".join(map(change, one.changes)) if one else "",
                "restart": (one.restart if one else "") or "",
                "error": host.last.error or ("" if one else why(host)),
                "at": when(host.last.at),
            }
            writer.writerow([cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def cell(text: object) -> str:
    """A text that no spreadsheet takes for a formula: one that begins like one has an apostrophe before it.

    The signs are those of OWASP's CSV injection page, and their full-width forms, which spreadsheets read alike.
    """
    said = clean(text, 30_000)  # a cell of Excel holds 32,767
    return f"'{said}" if said.lstrip()[:1] in tuple("=+-@\\|%＝＋－＠") else said  # noqa: RUF001 - they are meant


def document(report: Report) -> dict[str, Json]:
    """The report as data (schemas/report.schema.json)."""
    return {
        "version": VERSION,
        "command": "report",
        "redacted": report.redacted,
        "title": report.title,
        "counts": {str(name): count for name, count in report.counts.items()},
        "runs": [_run(one) for one in report.runs],
        "todos": [_plain(one) for one in report.todos],
        "waves": [{"wave": one.number, "hosts": one.hosts, "counts": _plain(one.counts)} for one in report.waves],
        "drifts": [_plain(one) for one in report.drifts],
        "families": [_plain(one) for one in report.families],
        "hosts": [
            {
                "host": one.host,
                "run": one.run.id,
                "standing": str(one.standing),
                "end": str(one.last.end),
                "kind": one.last.kind,
                "computer": one.last.computer,
                "groups": one.last.groups,
                "wave": one.last.wave,
                "error": one.last.error,
                "verdict": one.last.verdict,
                "at": one.last.at,
                "outcomes": [{**said.to_json(), "run": one.runs[said.remediation]} for said in one.outcomes.values()],
            }
            for one in report.hosts
        ],
    }  # fmt: skip


def _run(run: Run) -> dict[str, Json]:
    data = {one.name: getattr(run, one.name) for one in dataclasses.fields(run) if one.name not in ("hosts", "path")}
    return {**data, "state": str(run.state), "hosts": len(run.hosts)}


def _plain(it: Any) -> Json:
    """In plain types, enums as their words."""
    if dataclasses.is_dataclass(it) and not isinstance(it, type):
        return {one.name: _plain(getattr(it, one.name)) for one in dataclasses.fields(it)}
    if isinstance(it, Mapping):
        return {str(name): _plain(one) for name, one in it.items()}
    if isinstance(it, list | tuple):
        return [_plain(one) for one in it]
    return str(it) if isinstance(it, str) else it
