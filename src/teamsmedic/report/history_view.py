"""A history for people: text of at most 80 columns where names allow, and one HTML file with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from teamsmedic.report import history, html, text
from teamsmedic.text import clean
from teamsmedic.view import wrap

MOST = 10
"""Rows of each list in a terminal; `--json` and the page have more."""
SHOWN = 100
"""Rows of each list of a page, worst first."""
BY = {"remediation": "remediation", "family": "family", "site": "group", "device": "device"}
HEADS = {
    "hosts": "devices", "drift": "drift", "fixed": "repaired", "came_back": "came back", "failed": "failed",
    "unknown": "not known", "not_reached": "not reached",
}  # fmt: skip
WORDS = {"drift": "drift seen", "fixed": "repaired", "reverted": "put back by an undo", "healthy": "seen healthy"}


def title(it: Mapping[str, Any]) -> str:
    """What weighs most, in one line."""
    if not it["hosts"]:
        return "There is nothing to tell yet"

    def many(count: int) -> str:
        return f"{count:,} device{'s' * (count != 1)}"

    back, again, silent = (
        len({one["host"] for one in it[name]}) for name in ("came_back", "recurring", "never_reached")
    )
    parts = [
        f"On {many(back)} a repair lasted less than a week" if back else "",
        f"On {many(again)} drift recurs" if again and not back else "",
        f"{many(silent)} never answered" if silent else "",
    ]
    return "; ".join(filter(None, parts)) or "Nothing came back, and every device answered"


def span(it: Mapping[str, Any]) -> str:
    """How much is told of, in one line."""
    replayed = f", {it['replayed']:,} of them simulated" if it["replayed"] else ""
    runs = f"{it['runs']:,} run{'s' * (it['runs'] != 1)}"
    return f"{runs}, {text.when(it['first'])} to {text.when(it['last'])}, {it['hosts']:,} devices{replayed}"


def render(it: Mapping[str, Any]) -> str:
    """The history for a terminal."""
    return "\n".join(_lines(it))


def _lines(it: Mapping[str, Any]) -> Iterator[str]:
    yield title(it)
    yield span(it)
    for one in it["skipped"]:
        yield from wrap(f"left out: {clean(one['path'])}: {clean(one['why'])}", 0)
    yield from _list("Came back within a week of its repair", [
        f"{one['host']}  {one['remediation']}: repaired {text.when(one['back']['fixed'])}, back "
        f"{text.when(one['back']['seen'])}" + (f", {one['came_back']} times in all" if one["came_back"] > 1 else "")
        for one in it["came_back"]
    ])  # fmt: skip
    yield from _list("Recurs, with more than a week between", [
        f"{one['host']}  {one['remediation']}: drifted {one['drift']} times, repaired {one['fixed']}; "
        f"{'drifting now' if one['drifting'] else 'well when last seen'}"
        for one in it["recurring"]
        if not one["back"]
    ])  # fmt: skip
    yield from _list("Never answered", [
        f"{one['host']}  asked {one['asked']} time{'s' * (one['asked'] != 1)} since {text.when(one['first'])}: "
        f"{one['error']}"
        for one in it["never_reached"]
    ])  # fmt: skip
    yield from _list("Could never be told", [
        f"{one['host']}  {one['remediation']}: {one['times']} times, last: {one['reason']}" for one in it["never_told"]
    ])  # fmt: skip
    for kind, rows in it["by"].items():
        if rows:
            yield from _table(BY[kind], rows)


def _list(head: str, told: Sequence[str]) -> Iterator[str]:
    if told:
        yield from ("", f"{head} ({len(told):,})")
        for one in told[:MOST]:
            yield from wrap(clean(one), 2, 4)
        if len(told) > MOST:
            yield f"  and {len(told) - MOST:,} more: --json, --html"


def _table(kind: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    width = max(len(kind), *(min(30, len(clean(row["name"]))) for row in rows[:MOST]))
    names = [name for name in HEADS if kind != "device" or name != "hosts"]
    names = [name for name in names if any(row[name] for row in rows)]
    yield from ("", f"{kind:{width}}" + "".join(f"  {HEADS[name]:>{max(5, len(HEADS[name]))}}" for name in names))
    for row in rows[:MOST]:
        counts = "".join(f"  {row[name] or '-':>{max(5, len(HEADS[name]))}}" for name in names)
        yield f"{clean(row['name'], 30):{width}}{counts}"
    if len(rows) > MOST:
        yield f"and {len(rows) - MOST:,} more"


def page(it: Mapping[str, Any]) -> str:
    """The history as one file that needs no network and no script."""
    made = html._environment()
    source = jinja2.PackageLoader("teamsmedic")
    style = "".join(source.get_source(made, name)[0] for name in ("report.css", "history.css"))
    return made.get_template("history.html").render(
        it=it,
        title=title(it),
        span=span(it),
        picture=history.columns(it["days"]),
        width=history.WIDTH,
        height=history.HEIGHT,
        place=history.place,
        by=BY,
        heads=HEADS,
        words=WORDS,
        shown=SHOWN,
        kept=history.KEPT,
        style=Markup(style),  # noqa: S704 - files of ours, which hold nothing of a run
        policy="default-src 'none'; style-src 'unsafe-inline'",
    )
