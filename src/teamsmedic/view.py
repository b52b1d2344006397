"""What people see on a terminal: plans, results, runs. Builds text; prints nothing. Fits 80 columns."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from teamsmedic.errors import NotReversible
from teamsmedic.outcome import Change, Json, Outcome, Status
from teamsmedic.result import HostResult, Result
from teamsmedic.text import clean, value
from teamsmedic.treatment import FORETOLD

if TYPE_CHECKING:
    from teamsmedic.lab.cli import Lab

WIDTH = 80
_STYLE = {
    Status.HEALTHY: "green",
    Status.FIXED: "bold green",
    Status.REVERTED: "bold green",
    Status.NOT_APPLICABLE: "dim",
    Status.DRIFTED: "bold yellow",
    Status.BLOCKED: "bold magenta",
    Status.UNKNOWN: "bold magenta",
    Status.FAILED: "bold red",
}
_ORDER = (*(str(one) for one in Status), "nothing to undo", "not reached", "held back", "not done", "stopped")


def console(*, stderr: bool = False) -> Console:
    """A console at most 100 columns wide, 80 where there is no terminal; colour only on one, and without NO_COLOR."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    made.width = min(made.width, 100) if made.is_terminal else WIDTH
    return made


def result(it: Result, *, diff: bool = False) -> RenderableType:
    """The table of outcomes, below it why and what changed, and one line to go on from.

    `diff`: every reason and change; else the first few of each outcome.
    """
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim", expand=False)
    table.add_column("host", overflow="fold", max_width=30)
    table.add_column("remediation", overflow="fold", max_width=24)
    table.add_column("status", no_wrap=True)
    for host in it.hosts:
        for number, outcome in enumerate(host.outcomes):
            table.add_row(_name(host) if number == 0 else "", outcome.remediation, _status(outcome))
        if host.without:
            table.add_row(
                _name(host), "-", Text(host.without, "dim" if isinstance(host.error, NotReversible) else "bold red")
            )
    parts: list[RenderableType] = [table]
    for host in it.hosts:
        parts += _notes(host, diff=diff, predicted=it.dry_run or diff)
    return Group(*parts, Text(), *_closing(it))


def _name(host: HostResult) -> Text:
    text = Text(clean(host.host, 60))
    if host.report and host.report.device and host.report.device.replayed:
        text.append(" (replayed)", "dim")
    return text


def _status(outcome: Outcome) -> Text:
    text = Text(str(outcome.status), _STYLE[outcome.status])
    if outcome.restart and outcome.status in (Status.FIXED, Status.REVERTED):
        text.append(f", restart the {outcome.restart}", "yellow")
    return text


def _notes(host: HostResult, *, diff: bool, predicted: bool) -> Iterable[RenderableType]:
    """Below the table: why, and what changes, for each outcome that is more than its status."""
    if host.error and host.without != "held back":
        yield from _block(host.host, "", [str(host.error)], [], everything=True)
    for outcome in host.outcomes:
        changed = outcome.status in (Status.FIXED, Status.REVERTED)
        # What was changed says more than why; a restart that is due stands in the table.
        changes = outcome.changes if changed or predicted else []
        told = changed or (outcome.status is Status.DRIFTED and bool(changes))
        reasons = [one for one in outcome.reasons if not told or one.startswith(FORETOLD)] + outcome.notes
        if reasons or changes:
            yield from _block(host.host, outcome.remediation, reasons, changes, everything=diff)


MOST = 4
"""Reasons and changes of one outcome that are shown unless all are asked for."""


def _block(
    host: str, remediation: str, reasons: Sequence[str], changes: Sequence[Change], *, everything: bool
) -> Iterable[RenderableType]:
    yield Text()
    head = Text(clean(host, 60), "bold")
    if remediation:
        head.append(f"  {remediation}", "not bold")
    yield head
    most = len(reasons) + len(changes) if everything else MOST
    for reason in reasons[:most]:
        yield from map(Text, wrap(clean(reason), 2))
    yield from change_lines(changes[:most])
    left = max(0, len(reasons) - most) + max(0, len(changes) - most)
    if left:
        yield Text(f"  and {left} more: -D shows all", "dim")


def wrap(text: str, indent: int, hanging: int = 2) -> list[str]:
    """The text in lines of at most 80 columns, broken at blanks and after backslashes, so that paths stay readable."""
    lines, line = [], " " * indent
    room = len(line)
    for piece in re.findall(r"\\*[^\\\s]+\\?|\\|\s+", text):
        if len(line) + len(piece.rstrip()) > WIDTH and len(line) > room:
            lines.append(line.rstrip())
            line = " " * (indent + hanging)
            room = len(line)
            piece = piece.lstrip()  # noqa: PLW2901 - a blank at the start of a line
        line += piece
    return [*lines, line.rstrip()]


_VERBS = {
    "stop": "stops",
    "remove": "removes",
    "create": "creates",
    "copy": "copies",
    "move": "moves",
    "replace": "replaces",
}


def change_lines(changes: Sequence[Change]) -> Iterable[Text]:
    """Changes as lines: values of one registry key together below the key, everything else by its verb."""
    above = None
    for change in changes:
        if change.action in ("write", "restore") and change.object.startswith(("HKLM\\", "HKU\\")):
            key, _, name = (clean(part) for part in change.object.rpartition("\\"))
            if key != above:
                yield from map(Text, wrap(key, 2))
            above = key
            yield Text(f"    {name}  {value(change.before)} -> ").append(value(change.after), "bold")
            continue
        above = None
        verb = _VERBS.get(change.action)
        if change.action in ("move", "copy"):
            yield from map(Text, wrap(f"{verb} {clean(change.object)}", 2))
            yield from map(Text, wrap(f"{'to' if change.action == 'move' else 'from'} {value(change.after)}", 4))
        elif verb:
            # What is gone for good is named in full: the account of a saved sign-in, not its place alone.
            whose = f", saved for {value(change.before)}" if change.action == "remove" and _named(change) else ""
            yield from map(Text, wrap(f"{verb} {clean(change.object)}{whose}", 2))
        else:
            yield from map(Text, wrap(f"{clean(change.object)}", 2))
            yield from map(Text, wrap(f"{value(change.before)} -> {value(change.after)}", 4))


def _named(change: Change) -> bool:
    return isinstance(change.before, str) and change.before not in ("folder", "file")


def _closing(it: Result) -> Iterable[Text]:
    counts = it.counts()
    told = ", ".join(f"{counts[name]} {name}" for name in _ORDER if name in counts) or "nothing"
    yield from (Text(line) for said in it.waves for line in wrap(said, 0))
    yield Text(f"{len(it.hosts)} host{'s' if len(it.hosts) != 1 else ''}: {told}", "bold")
    named = [host.host for host in it.hosts if any(one.status is Status.DRIFTED for one in host.outcomes)]
    if named and (it.command == "check" or (it.command == "fix" and it.dry_run)):
        yield _command(f"To repair: teamsmedic fix {_pattern(named, it)}{it.again} {_what(it)}{it.more}".rstrip())
    left = [host for host in it.hosts if host.absent or host.without in ("not reached", "held back", "stopped")]
    if it.waves and left and not it.dry_run:
        yield Text(f"To go on:  the same command with --resume {it.run}")
    changed = [one for host in it.hosts for one in host.outcomes if one.status in (Status.FIXED, Status.FAILED)]
    if it.command == "fix" and any(one.changes for one in changed):
        yield _command(f"To undo:   teamsmedic undo {it.run}{it.again}")


def _command(text: str) -> Text:
    """A line to copy: never broken, whatever the width."""
    return Text(clean(text, 10_000), no_wrap=True, overflow="ignore")


def _pattern(names: Sequence[str], it: Result) -> str:
    return shlex.quote(",".join(names) if len(names) <= 3 or not it.pattern else it.pattern)


def _what(it: Result) -> str:
    if it.codes:
        return " ".join(f"--code {code if ' ' not in code else code.replace(' ', ':').lower()}" for code in it.codes)
    drifted = (one.remediation for host in it.hosts for one in host.outcomes if one.status is Status.DRIFTED)
    return " ".join(f"--remediation {name}" for name in dict.fromkeys(drifted))


def plan(hosts: Sequence[HostResult], notices: Mapping[str, str], verb: str) -> RenderableType:
    """What a fix or an undo is going to change, object by object, and what users will notice."""
    parts: list[RenderableType] = [
        Text({"fix": "Going to change", "undo": "Going to put back", "forget": "Going to remove"}[verb], "bold")
    ]
    named: dict[str, None] = {}
    for host in hosts:
        for outcome in host.outcomes:
            if outcome.changes:
                parts += _block(host.host, outcome.remediation, outcome.notes, outcome.changes, everything=True)
                named[outcome.remediation] = None
    if said := [f"{name}: {notices[name]}" for name in named if notices.get(name)]:
        parts += [Text(), Text("What people notice", "bold"), *(Text(line) for one in said for line in wrap(one, 2))]
    return Group(*parts, Text())


def runs(listed: Sequence[Mapping[str, Json]]) -> RenderableType:
    """The table of run folders, newest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("run", "started", "command", "hosts", "outcomes"):
        table.add_column(
            column, overflow="fold", no_wrap=column in ("run", "started")
        )  # a run's id is there to be copied
    for one in listed:
        started = one.get("started")
        when = f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d %H:%M}Z" if isinstance(started, int | float) else "-"
        told = clean(", ".join(f"{count} {name}" for name, count in one["statuses"].items()) or "-")
        table.add_row(clean(one["run"]), when, clean(one.get("command") or "-"), str(len(one["hosts"])), told)
    return table


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def lab(it: Lab) -> RenderableType:
    """A lab: which devices run, of which kind, and how to name them to both doors."""
    if not it.up:
        return Text("The lab is down." if it.changed else "The lab is not up.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("device", "kind", "plays", "groups"):
        table.add_column(column, overflow="fold")
    for one in it.devices:
        table.add_row(one.name, "recorded" if one.recorded else one.kind, one.role, ", ".join(one.groups))
    noted: dict[str, list[str]] = {}
    for one in it.devices:
        for note in one.notes:
            noted.setdefault(note, []).append(one.name)
    notes = [Text(clean(f"{_few(names)}: {note}"), "dim") for note, names in noted.items()]
    head = "The lab is up" if it.changed else "The lab was up already"
    return Group(
        Text(
            f"{head}: {len(it.devices)} simulated device{'s' if len(it.devices) != 1 else ''} on this machine.", "bold"
        ),
        table,
        *notes,
        Text(f"Inventory for -i: {it.inventory}"),
    )
