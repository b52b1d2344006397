"""What people see on a terminal: plans, results, runs. Builds text; prints nothing. Fits 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from teamsmedic.outcome import Change, Json, Status
from teamsmedic.result import HostResult, Result
from teamsmedic.text import clean

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
NOT_REACHED = "not reached"
_ORDER = (*(str(one) for one in Status), NOT_REACHED)


def console(*, stderr: bool = False) -> Console:
    """A console at most 100 columns wide, 80 where there is no terminal; colour only on a terminal and without NO_COLOR."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    made.width = min(made.width, 100) if made.is_terminal else WIDTH
    return made


def result(it: Result, *, diff: bool = False) -> RenderableType:
    """The table of outcomes, the changes where `diff` or where something changed, and one line to go on from."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim", expand=False)
    table.add_column("host", overflow="fold", max_width=26)
    table.add_column("remediation", overflow="fold", max_width=24)
    table.add_column("status", no_wrap=True)
    for host in it.hosts:
        for number, outcome in enumerate(host.outcomes):
            table.add_row(
                _name(host) if number == 0 else "",
                outcome.remediation,
                Text(str(outcome.status), _STYLE[outcome.status]),
            )
        if host.error or host.interrupted:
            table.add_row(_name(host), "–", Text(NOT_REACHED if host.error else "stopped", "bold red"))
    notes = [note for host in it.hosts for note in _notes(host, diff=diff or it.dry_run)]
    parts: list[RenderableType] = [table]
    if notes:
        parts += [Text(), *notes]
    parts += [Text(), *_closing(it)]
    return Group(*parts)


def _name(host: HostResult) -> Text:
    text = Text(clean(host.host, 60))
    if host.report and host.report.device and host.report.device.replayed:
        text.append(" (replayed)", "dim")
    return text


def _notes(host: HostResult, *, diff: bool) -> Iterable[RenderableType]:
    """Below the table: why, and what changes, for each outcome that is more than its status."""
    if host.error:
        yield _block(host.host, "", [str(host.error)], [])
    for outcome in host.outcomes:
        reasons = list(outcome.reasons) if outcome.status is not Status.HEALTHY else []
        if outcome.restart and outcome.status in (Status.FIXED, Status.REVERTED):
            reasons.append(f"Restart the {outcome.restart}: it takes effect only then.")
        changes = outcome.changes if diff or outcome.status in (Status.FIXED, Status.REVERTED) else []
        if reasons or changes:
            yield _block(host.host, outcome.remediation, reasons, changes)


def _block(host: str, remediation: str, reasons: Sequence[str], changes: Sequence[Change]) -> RenderableType:
    head = Text(clean(host, 60), "bold")
    if remediation:
        head.append(f"  {remediation}", "not bold")
    body = [Text(clean(one)) for one in reasons] + [Text(line) for change in changes for line in change_lines(change)]
    return Group(head, Padding(Group(*body), (0, 0, 0, 2)))


def change_lines(change: Change) -> list[str]:
    """One change in one or two lines: the object, and what becomes of it."""
    before, after = _value(change.before), _value(change.after)
    verb = {
        "stop": "stops",
        "remove": "removes",
        "create": "creates",
        "copy": "copies",
        "move": "moves",
        "replace": "replaces",
    }.get(change.action)
    if verb and change.action in ("stop", "remove", "create"):
        return [f"~ {verb} {change.object}"]
    if verb:
        return [f"~ {verb} {change.object}", f"    {before} -> {after}"]
    return [f"~ {change.object}", f"    {before} -> {after}"]


def _value(value: Json) -> str:
    if value is None:
        return "absent"
    if isinstance(value, dict) and "data" in value:
        data = value["data"]
        return f"{value.get('kind', '')} {data}" + (f" (0x{data:X})" if isinstance(data, int) and data > 9 else "")
    return clean(value, 300)


def _closing(it: Result) -> Iterable[Text]:
    counts = it.counts()
    told = ", ".join(f"{counts[name]} {name}" for name in _ORDER if name in counts) or "nothing"
    yield Text(f"{len(it.hosts)} host{'s' if len(it.hosts) != 1 else ''}: {told}", "bold")
    named = [host.host for host in it.hosts if any(one.status is Status.DRIFTED for one in host.outcomes)]
    if named and it.command == "check":
        yield Text(f"To repair: teamsmedic fix {_pattern(named)} {_what(it)}".rstrip())
    if (
        it.command == "fix"
        and not it.dry_run
        and any(
            one.status in (Status.FIXED, Status.FAILED) and one.changes for host in it.hosts for one in host.outcomes
        )
    ):
        yield Text(f"To undo:   teamsmedic undo {it.run}")


def _pattern(names: Sequence[str]) -> str:
    return ",".join(names) if len(names) <= 3 else f"{','.join(names[:3])},…"


def _what(it: Result) -> str:
    if it.codes:
        return " ".join(f"--code {code if ' ' not in code else code.replace(' ', ':').lower()}" for code in it.codes)
    return " ".join(
        f"--remediation {name}"
        for name in dict.fromkeys(o.remediation for h in it.hosts for o in h.outcomes if o.status is Status.DRIFTED)
    )


def plan(hosts: Sequence[HostResult], notices: Mapping[str, str], verb: str) -> RenderableType:
    """What a fix or an undo is going to change, object by object, and what users will notice."""
    parts: list[RenderableType] = []
    named: dict[str, None] = {}
    for host in hosts:
        for outcome in host.outcomes:
            if outcome.changes:
                parts.append(_block(host.host, outcome.remediation, outcome.reasons, outcome.changes))
                named[outcome.remediation] = None
    if said := [f"{name}: {notices[name]}" for name in named if notices.get(name)]:
        parts += [Text(), Text("What people notice", "bold"), *(Text(f"  {one}") for one in said)]
    title = Text("Going to change" if verb == "fix" else "Going to put back", "bold")
    return Group(title, *parts)


def runs(listed: Sequence[Mapping[str, Json]]) -> RenderableType:
    """The table of run folders, newest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("run", "started", "command", "hosts", "outcomes"):
        table.add_column(column, overflow="fold")
    for one in listed:
        started = one.get("started")
        when = f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d %H:%M}Z" if isinstance(started, int | float) else "–"
        told = ", ".join(f"{count} {name}" for name, count in one["statuses"].items()) or "–"
        table.add_row(clean(one["run"]), when, clean(one.get("command") or "–"), str(len(one["hosts"])), told)
    return table


def lab(it: Lab) -> RenderableType:
    """A lab: which devices run, of which kind, and how to name them to both doors."""
    if not it.up:
        return Text("The lab is down." if it.changed else "The lab is not up.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("device", "kind", "plays", "groups"):
        table.add_column(column, overflow="fold")
    for one in it.devices:
        table.add_row(one.name, one.kind, one.role, ", ".join(one.groups))
    head = "The lab is up" if it.changed else "The lab was up already"
    return Group(
        Text(
            f"{head}: {len(it.devices)} simulated device{'s' if len(it.devices) != 1 else ''} on this machine.", "bold"
        ),
        table,
        Text(f"Inventory for -i: {it.inventory}"),
    )
