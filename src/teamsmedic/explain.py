"""Says what codes mean and who must act: builds the explain document and writes it for a terminal.

`build` and `render` are pure; `document` reads the content and standard input for them. The document's form is
schemas/explain.schema.json.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from teamsmedic import content, remediation
from teamsmedic.catalog import Catalog, Entry, NamedCause, Statement, Verdict, Who, load
from teamsmedic.codes import Code, spellings
from teamsmedic.outcome import Json
from teamsmedic.recognise import Hit, Recogniser, pieces
from teamsmedic.text import clean

VERSION = 1
HITS = 20
"""Places of one code that the document keeps; `count` tells how many there were."""

Remedies = Mapping[str, Sequence[tuple[str, str]]]
"""Cause id to id and title of the remediations that cure it."""

WHO = {
    Who.DEVICE: "an administrator, on the device",
    Who.USER: "the user",
    Who.NETWORK: "whoever runs the network",
    Who.TENANT: "an administrator of the tenant",
    Who.SBC: "whoever runs the SBC",
    Who.CARRIER: "the carrier",
    Who.NONE: "nobody here",
    Who.UNKNOWN: "not to be told from this code alone",
}
WIDTH = 80


@dataclass(frozen=True)
class Source:
    """Something that was looked at for codes: an argument, or standard input."""

    name: str
    hits: Iterable[Hit]


def sources(what: Sequence[str], catalog: Catalog, standard_input: BinaryIO | None = None) -> Iterator[Source]:
    """What the arguments of `explain` name: each a code, `-` for standard input, or all together one text."""
    codes = [_known(one, catalog) for one in what]
    if all(code or one == "-" for code, one in zip(codes, what, strict=True)):
        for code in codes:
            if code:
                yield Source(code.given, [Hit(code, 1, 1)])
            elif standard_input:
                yield Source("standard input", Recogniser(catalog).find(pieces(_text(standard_input))))
        return
    text = " ".join(what)
    code = _known(text, catalog)
    yield Source("text", [Hit(code, 1, 1)] if code else Recogniser(catalog).find(text.splitlines(keepends=True)))


def _known(given: str, catalog: Catalog) -> Code | None:
    code = catalog.read(given)
    return code if code and (code in catalog.entries or catalog.lookup(code) or code in catalog.retired) else None


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    """Bytes as text: UTF-8, or UTF-16 as Windows PowerShell writes redirected output; what is neither is replaced."""
    # A BufferedReader takes anything with readinto, which its type does not say.
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    head = buffered.peek(4)[:4]
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    else:
        encoding = "utf-16-le" if head[1:2] == b"\0" else "utf-8-sig"
    return io.TextIOWrapper(buffered, encoding=encoding, errors="replace")


def build(found: Iterable[Source], catalog: Catalog, remedies: Remedies) -> dict[str, Json]:
    """The explain document for what was looked at."""
    return {"version": VERSION, "sources": [_source(one, catalog, remedies) for one in found]}


def _source(source: Source, catalog: Catalog, remedies: Remedies) -> dict[str, Json]:
    entries: dict[str, Entry] = {}
    places: dict[str, list[Json]] = {}
    counts: dict[str, int] = {}
    gone = ""
    for hit in source.hits:
        name = hit.code.text
        if name not in entries:
            entry = catalog.lookup(hit.code)
            if entry is None:
                gone = gone or catalog.retired.get(hit.code, "")
                continue
            entries[name], places[name], counts[name] = entry, [], 0
        counts[name] += 1
        if len(places[name]) < HITS:
            places[name].append({"line": hit.line, "column": hit.column, "text": hit.code.given})
    ordered = sorted(
        entries.values(), key=lambda one: (one.yields, one.rank, one.verdict.who is Who.UNKNOWN, one.decoded)
    )
    return {
        "name": source.name,
        "verdict": (ordered[0].verdict.who if ordered else Who.UNKNOWN).value,
        "reason": _reason(ordered) if ordered else gone or "no code was found",
        "codes": [
            {
                **_code(entry, catalog, remedies),
                "hits": places[entry.code.text],
                "count": counts[entry.code.text],
            }
            for entry in ordered
        ],
    }


def _reason(ordered: Sequence[Entry]) -> str:
    first, *others = ordered
    said = f"{first.code}: {first.meaning[0].text}"
    if not others:
        return said
    differ = [one for one in others if not one.yields and one.verdict.who not in {first.verdict.who, Who.UNKNOWN}]
    more = "".join(f" {one.code} beside it is for {WHO[one.verdict.who]}." for one in differ[:3])
    return f"{said}{more}" if more else f"{said} It decides among {len(ordered)} codes."


def _code(entry: Entry, catalog: Catalog, remedies: Remedies) -> dict[str, Json]:
    causes = [
        {
            "id": named.cause,
            "title": catalog.causes[named.cause].title,
            "verdict": catalog.causes[named.cause].verdict.value,
            "confidence": named.confidence.value,
            "sources": list(named.sources),
            "manual": [_statement(one) for one in catalog.causes[named.cause].manual],
            "remediations": [{"id": id_, "title": title} for id_, title in remedies.get(named.cause, ())],
        }
        for named in entry.causes
    ]
    sourced: list[Statement | Verdict | NamedCause] = [entry.verdict, *entry.statements()]
    for named in entry.causes:
        sourced += [named, *catalog.causes[named.cause].manual]
    used = dict.fromkeys(source for one in sourced for source in one.sources)
    return {
        "code": entry.code.text,
        "spellings": [*spellings(entry.code), *entry.also_written],
        "family": entry.family,
        "family_title": catalog.families[entry.family],
        "decoded": entry.decoded,
        "space": entry.space,
        "related": entry.related.text if entry.related else None,
        "verdict": entry.verdict.who.value,
        "confidence": entry.verdict.confidence.value,
        "verdict_sources": list(entry.verdict.sources),
        "name": _statement(entry.name) if entry.name else None,
        "meaning": [_statement(one) for one in entry.meaning],
        "causes": causes,
        "check_first": [_statement(one) for one in entry.check_first],
        "do_not_assume": [_statement(one) for one in entry.do_not_assume],
        "references": [
            {"id": id_, "title": source.title, "url": source.url, "dated": source.dated}
            for id_, source in ((one, catalog.sources[one]) for one in used)
        ],
    }


def _statement(one: Statement) -> dict[str, Json]:
    return {"text": one.text, "confidence": one.confidence.value, "sources": list(one.sources), "as_of": one.as_of}


def document(what: Sequence[str], standard_input: BinaryIO | None = None) -> dict[str, Json]:
    """The explain document for the arguments of `teamsmedic explain`, with the installed content."""
    catalog = load(content.root())
    remedies: dict[str, list[tuple[str, str]]] = {}
    for one in remediation.load(content.root()).values():
        for cause in one.cures:
            remedies.setdefault(cause, []).append((one.id, one.title))
    return build(sources(what, catalog, standard_input), catalog, remedies)


def render(document: Mapping[str, Json]) -> str:
    """The document as text for a terminal: who must act first; at most 80 columns, but for addresses of pages."""
    return "\n\n".join("\n".join(_render_source(source)) for source in document["sources"])


def _render_source(source: Mapping[str, Json]) -> Iterator[str]:
    if not source["codes"]:
        yield from _wrap(f"No answer for the {clean(source['name'], 50)}: {source['reason']}.")
        yield from _wrap("Codes look like 0xCAA70007, AADSTS50076, SIP 403, 560403, 1001 or max_reload_exceeded.")
        return
    yield f"Who must act: {WHO[Who(source['verdict'])]}"
    yield from _wrap(source["reason"])
    first, *others = source["codes"]
    yield ""
    yield from _render_code(first)
    if others:
        yield ""
        yield "Other codes in it (teamsmedic explain CODE tells all)"
        for code in others:
            said = f"{code['code']} ({code['verdict']}): {code['meaning'][0]['text']} {_seen(code)}"
            yield from _wrap(said, "  - ", "    ")


def _seen(code: Mapping[str, Json]) -> str:
    """Where a code was seen, and how often."""
    lines = list(dict.fromkeys(str(hit["line"]) for hit in code["hits"]))
    more = ", ..." if code["count"] > HITS else ""
    times = "once" if code["count"] == 1 else f"{code['count']} times"
    return f"Seen {times}, in line {', '.join(lines)}{more}."


def _render_code(code: Mapping[str, Json]) -> Iterator[str]:
    numbers = {reference["id"]: index for index, reference in enumerate(code["references"], 1)}

    def told(statement: Mapping[str, Json]) -> str:
        sure = "" if statement["confidence"] == "documented" else f"{statement['confidence']} "
        dated = f", as of {statement['as_of']}" if statement.get("as_of") else ""
        return f"[{sure}{','.join(map(str, sorted(numbers[one] for one in statement['sources'])))}{dated}]"

    def listed(title: str, statements: Sequence[Mapping[str, Json]]) -> Iterator[str]:
        if statements:
            yield ""
            yield title
            for one in statements:
                yield from _wrap(f"{one['text']} {told(one)}", "  - ", "    ")

    title = f"{code['code']}: {code['name']['text']}" if code["name"] else code["code"]
    yield title
    yield "-" * min(len(title), WIDTH)
    yield f"Family   {code['family_title']}"
    verdict = {"confidence": code["confidence"], "sources": code["verdict_sources"]}
    yield f"Verdict  {code['verdict']} {told(verdict)}"
    if code["decoded"]:
        yield from _wrap(f"Decoded  The catalogue does not list it; its code space says: {code['space']}.", "", " " * 9)
    if code["related"]:
        yield f"See also {code['related']}"
    if given := [one for one in dict.fromkeys(hit["text"] for hit in code["hits"]) if one != code["code"]]:
        yield from _wrap(f"Given as {', '.join(given)}", "", " " * 9)
    if others := [one for one in code["spellings"] if one not in given]:
        yield from _wrap(f"Written  also {', '.join(others)}", "", " " * 9)
    if code["count"] > 1:
        yield from _wrap(f"Seen     {_seen(code).removeprefix('Seen ')}", "", " " * 9)
    yield from listed("What it means", code["meaning"])
    if code["causes"]:
        yield ""
        yield "Causes, the likeliest first"
        for index, cause in enumerate(code["causes"], 1):
            yield from _wrap(f"{cause['title']} ({cause['verdict']}) {told(cause)}", f"  {index}. ", "     ")
            for remediation in cause["remediations"]:
                yield from _wrap(f"cured by {remediation['id']}: {remediation['title']}", "     * ", "       ")
            for step in cause["manual"]:
                yield from _wrap(f"{step['text']} {told(step)}", "     - ", "       ")
    yield from listed("Check first", code["check_first"])
    yield from listed("Do not assume", code["do_not_assume"])
    if any(cause["remediations"] for cause in code["causes"]):
        yield ""
        yield f"Next: teamsmedic check HOST --code {code['code'].replace('SIP ', 'sip:')}"
    yield ""
    yield "Sources (a statement is documented there, unless its mark says otherwise)"
    for reference in code["references"]:
        dated = f" ({reference['dated']})" if reference["dated"] else ""
        yield from _wrap(f"{reference['title']}{dated}", f"  [{numbers[reference['id']]}] ", "      ")
        yield f"      {reference['url']}"


def _wrap(text: str, first: str = "", then: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False, break_long_words=False
    )
