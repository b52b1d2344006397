"""A triage as people read it: who must act first, then why, what to do, and what is not known. At most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from teamsmedic.outcome import Json
from teamsmedic.text import clean
from teamsmedic.view import WIDTH, wrap

_STATES = {"confirmed": "confirmed", "refuted": "refuted", "not_observable": "open"}
_MARKS = {"good": "ok", "attention": "!!", "not_observable": "??"}
FEW = 3
"""Hosts that are told in full."""
MOST = 2
"""Reasons of one cause that are shown; all are in the JSON document."""


def render(document: Mapping[str, Json], *, everything: bool = False) -> str:
    """The document of `triage --json` as text for a terminal; many hosts by verdict, unless all is wanted."""
    results = document["results"]
    if len(results) > FEW and not everything:
        return "\n".join(_many(results))
    return "\n\n".join("\n".join(_host(one)) for one in results)


def _many(results: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """Hosts by verdict, with what each needs next; a text for other people stands once."""
    texts: dict[str, Mapping[str, Json]] = {}
    for verdict in dict.fromkeys(one["verdict"] for one in results):
        mine = [one for one in results if one["verdict"] == verdict]
        yield f"Who must act: {mine[0]['who']} ({len(mine)} host{'s' if len(mine) != 1 else ''})"
        for one in mine:
            yield from wrap(f"- {clean(one['host'], 60)}: {clean(one['next']['text'], 300)}", 2)
            texts |= {text["body"]: text for text in one["texts"]}
        yield ""
    yield "Why, host by host: -v, or --json"
    for text in texts.values():
        yield from _text(text)


def _host(it: Mapping[str, Json]) -> Iterator[str]:
    if it["host"]:
        replayed = " (replayed)" if it["kind"] == "replayed" else ""
        yield f"{clean(it['host'], 60)}{replayed}"
    yield f"Who must act: {it['who']}" if not it["solved"] else "Nobody must act any more"
    for reason in it["reasons"]:
        yield from wrap(clean(reason), 0, 0)
    if it["error"]:
        yield from wrap(clean(f"The device did not answer: {it['error']}"), 0, 0)
    yield ""
    yield from wrap(clean(f"Next: {it['next']['text']}"), 0)
    if it["next"]["command"]:
        yield f"  {clean(it['next']['command'], 10_000)}"
    if it["contradictions"]:
        yield from _section("What does not fit together")
        for one in it["contradictions"]:
            yield from wrap(f"- {clean(one)}", 2)
    if it["causes"]:
        yield from _section("Causes")
        for number, cause in enumerate(it["causes"], 1):
            yield from wrap(f"{number}. {cause['title']} ({cause['verdict']}): {_STATES[cause['state']]}", 2, 3)
            for reason in cause["reasons"][:MOST]:
                yield from wrap(f"- {clean(reason)}", 5)
    if it["ladder"]:
        yield from _section("Remediations, of what is confirmed first, then from harmless to invasive")
        for rung in it["ladder"]:
            state = rung["state"].replace("_", " ")
            yield from wrap(f"- {rung['remediation']} ({rung['grade']}): {state}; {clean(rung['reason'])}", 2)
    if it["stopped"]:
        yield from wrap(clean(f"Why it stops: {it['stopped']}"), 2)
    if it["checklist"] is not None:
        yield from _section("Checklist")
        for point in it["checklist"]:
            said = clean(point["text"])
            by = f" ({point['by']})" if point["by"] else ""
            yield from wrap(f"{_MARKS[point['state']]} {point['number']:>2}. {point['title']}: {said}{by}", 2, 7)
    if it["not_asked"]:
        yield from _section(f"Not asked ({clean(it['not_asked'][0]['why'])})")
        for one in it["not_asked"]:
            yield from wrap(f"- {one['text']} {one['option']}", 2)
    for text in it["texts"]:
        yield from _text(text)


def _text(text: Mapping[str, Json]) -> Iterator[str]:
    """A text for somebody else without a margin, so that it can be copied; the JSON document has it unbroken."""
    yield from _section(f"--- text for: {text['for']} ".ljust(WIDTH, "-"))
    for line in [f"Subject: {text['subject']}", "", *text["body"].splitlines()]:
        yield from (_copied(clean(line)) if line else [""])
    yield "-" * WIDTH


def _copied(line: str) -> list[str]:
    """A line of a text to copy; an address stays whole, however long."""
    return [line] if "https://" in line else wrap(line, 0)


def _section(title: str) -> Iterator[str]:
    yield ""
    yield title
