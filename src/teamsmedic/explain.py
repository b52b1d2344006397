"""Says what codes mean and who must act: builds the explain document and writes it for a terminal.

`build` and `render` are pure; `document` reads the content and the inputs for them. The document's form is
schemas/explain.schema.json.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from teamsmedic import content, reading, remediation
from teamsmedic.catalog import Catalog, Elsewhere, Entry, NamedCause, Statement, Verdict, Who, load
from teamsmedic.codes import Code, spellings
from teamsmedic.errors import RequestError
from teamsmedic.hit import Hit
from teamsmedic.outcome import Json
from teamsmedic.text import clean

if TYPE_CHECKING:
    from teamsmedic.recognise import Recogniser

VERSION = 2
HITS = 20
"""Places of one code that the document keeps; `count` tells how many there were."""

_AROUND_LINES, _AROUND = 5, 600
"""What a place is judged by: so many lines, and at most so many characters, on either side of the code."""

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
    """Something that was looked at for codes: a code, a text, a file, standard input.

    `hits` may end with a `RequestError` where reading went wrong. `given` says that it is a code and no text.
    """

    name: str
    hits: Iterable[Hit]
    given: bool = False
    asked: bool = True


def sources(
    what: Sequence[str], catalog: Catalog, standard_input: BinaryIO | None = None, files: Sequence[str] = ()
) -> Iterator[Source]:
    """What the arguments of `explain` name, in their order; `files` are paths whatever they look like.

    Each is a code, `-` for standard input, or a path; all that are nothing of the kind are together one text. A code
    wins over a path of the same name. RequestError where an argument is a path of nothing.
    """
    codes = [_known(one, catalog) for one in what]
    paths = [one != "-" and not code and _is_path(one) for one, code in zip(what, codes, strict=True)]
    words = [one for one, code, path in zip(what, codes, paths, strict=True) if not (code or path or one == "-")]
    if words:  # in a sentence numbers are no arguments of their own, and a word may be the name of a folder
        paths = [path and ("/" in one or "." in one) for one, path in zip(what, paths, strict=True)]
        words = [one for one, path in zip(what, paths, strict=True) if not path and one != "-"]
        if len(words) == 1 and _MISSING.fullmatch(words[0]):
            raise RequestError(
                f"read {words[0]}", "there is no such file", "correct its name, or quote a text with blanks"
            )
    find = _finder(catalog)
    for one, code, path in zip(what, codes, paths, strict=True):
        if path:
            yield from _read(one, find)
        elif one == "-":
            if standard_input:
                standard = reading.stream("standard input", standard_input)
                yield Source(standard.name, _hits(standard, find))
        elif code and not words:
            yield Source(code.given, [Hit(code, 1, 1)], given=True)
    if words:
        text = " ".join(words)
        code = _known(text, catalog)
        yield Source("text", [Hit(code, 1, 1)] if code else find(reading.text(text)), given=bool(code))
    for one in files:
        yield from _read(one, find)


_MISSING = re.compile(
    r"[^\s]*\.(?:log|txt|xml|json|csv|gz|zip|evtx|etl|html?|blog|\d)|(?:\.{0,2}/|[A-Za-z]:\\)[^\s]*", re.I
)
"""What can only have been meant as a path."""


_Find = Callable[[Iterable[bytes]], Iterator[Hit]]


def _finder(catalog: Catalog) -> _Find:
    made: list[Recogniser] = []

    def find(pieces: Iterable[bytes]) -> Iterator[Hit]:
        if not made:  # late: a code alone needs no patterns
            from teamsmedic.recognise import Recogniser  # noqa: PLC0415 - ditto

            made.append(Recogniser(catalog))
        return made[0].find(pieces)

    return find


def _read(path: str, find: _Find) -> Iterator[Source]:
    for one in reading.path(path):
        yield Source(one.name, _hits(one, find), asked=one.asked)


def _hits(one: reading.Input, find: _Find) -> Iterator[Hit]:
    """The codes of an input; what was read before something went wrong counts."""
    wrong: list[RequestError] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield from one.pieces()
        except RequestError as error:
            wrong.append(error)

    yield from find(pieces())
    if wrong:
        raise wrong[0]


def _is_path(given: str) -> bool:
    try:
        return bool(given) and Path(given).exists()
    except (OSError, ValueError):  # longer than a name can be, or with a zero in it
        return False


def _known(given: str, catalog: Catalog) -> Code | None:
    code = catalog.read(given)
    return code if code and (code in catalog.entries or catalog.lookup(code) or code in catalog.retired) else None


def build(found: Iterable[Source], catalog: Catalog, remedies: Remedies) -> dict[str, Json]:
    """The explain document for what was looked at."""
    return {"version": VERSION, "sources": [_source(one, catalog, remedies) for one in found]}


@dataclass
class _Seen:
    """What a source showed of one code."""

    entry: Entry
    places: list[Json] = field(default_factory=list)
    count: int = 0
    times: dict[tuple[str | int | None, ...], tuple[str, str]] = field(default_factory=dict)
    """The first and the last time as they stand there, of each way of writing whose order is that of its letters."""
    others: list[_Time] = field(default_factory=list)
    """Of all other ways together."""
    elsewhere: Counter[Elsewhere] = field(default_factory=Counter)

    def add(self, hit: Hit) -> None:
        """Counts a hit."""
        self.count += 1
        if len(self.places) < HITS:
            position: dict[str, Json] = {"line": hit.line, "column": hit.column}
            self.places.append({"position": position, "spelling": hit.code.given, "sure": hit.sure.value})
        if match := _time(hit):
            self._note(match)
        # Once a hit stands in no such place, no other matters.
        if self.entry.elsewhere and sum(self.elsewhere.values()) == self.count - 1:
            text = _around(hit)
            for other in self.entry.elsewhere:
                if other.applies(text):
                    self.elsewhere[other] += 1
                    break

    def _note(self, match: re.Match[str]) -> None:
        # To read every time would take an eighth of all: the first and the last are enough.
        said = match[0]
        if match["y"]:
            way = len(said), said.find(":"), said[4], said[10], match["z"]
            first, last = self.times.get(way, (said, said))
            self.times[way] = min(first, said), max(last, said)
        elif time := _read_time(match):
            self.others = [min([*self.others, time]), max([*self.others, time])]

    def span(self) -> dict[str, Json]:
        """When it was seen first and last; null where the source has no times."""
        ends = [match for both in self.times.values() for one in both if (match := _TIMES.match(one))]
        times = [*self.others, *filter(None, map(_read_time, ends))]
        return {"first_seen": min(times)[1] if times else None, "last_seen": max(times)[1] if times else None}

    def settled(self) -> tuple[Entry, Statement | None]:
        """The entry, with the verdict of another place where all hits stand in such a place, and why it is another."""
        if sum(self.elsewhere.values()) < self.count:
            return self.entry, None
        ((other, _),) = self.elsewhere.most_common(1)
        return replace(self.entry, verdict=other.verdict), other.meaning


def _around(hit: Hit) -> str:
    """The lines around a hit by which its place is judged."""
    before = "\n".join(hit.before[-_AROUND:].split("\n")[-_AROUND_LINES - 1 :])
    after = "\n".join(hit.after[:_AROUND].split("\n")[: _AROUND_LINES + 1])
    return before + hit.code.given + after


def _source(source: Source, catalog: Catalog, remedies: Remedies) -> dict[str, Json]:
    seen: dict[str, _Seen] = {}
    gone, unread = "", None
    try:
        for hit in source.hits:
            name = hit.code.text
            if name not in seen:
                entry = catalog.lookup(hit.code)
                if entry is None:
                    gone = gone or catalog.retired.get(hit.code, "")
                    continue
                seen[name] = _Seen(entry)
            seen[name].add(hit)
    except RequestError as error:
        unread = str(error)
    settled = {name: one.settled() for name, one in seen.items()}
    ordered = sorted((entry for entry, _ in settled.values()), key=_order)
    if ordered:
        who, reason = ordered[0].verdict.who, _reason(ordered, settled[ordered[0].code.text][1])
    elif unread or gone or source.given:
        who, reason = Who.UNKNOWN, unread or gone or "no code was found"
    else:
        who, reason = Who.NONE, "no code was found"
    return {
        "name": source.name,
        "verdict": who.value,
        "reason": reason,
        "unread": unread,
        "asked": source.asked,
        "codes": [
            {
                **_code(entry, catalog, remedies),
                "elsewhere": _statement(elsewhere) if (elsewhere := settled[entry.code.text][1]) else None,
                "hits": seen[entry.code.text].places,
                "count": seen[entry.code.text].count,
                **seen[entry.code.text].span(),
            }
            for entry in ordered
        ],
    }


def _order(entry: Entry) -> tuple[bool, bool, int, bool, bool]:
    """What decides among several codes comes first: a fault before a normal outcome, the inner before a wrapper."""
    who = entry.verdict.who
    return who is Who.NONE, entry.yields, entry.rank, who is Who.UNKNOWN, entry.decoded


_Time = tuple[float, str]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIMES = re.compile(
    r"(?P<y>20[0-9]{2})[-/.](?P<m>0[1-9]|1[0-2])[-/.](?P<d>0[1-9]|[12][0-9]|3[01])[T ](?P<h>[01]?[0-9]|2[0-3])"
    r":(?P<i>[0-5][0-9])(?::(?P<s>[0-5][0-9])(?:[.,][0-9]{1,9})?)?\s?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2}(?![0-9:]))?"
    r"|(?P<m2>[0-9]{1,2})/(?P<d2>[0-9]{1,2})/(?P<y2>20[0-9]{2}),?\s(?P<h2>[0-9]{1,2}):(?P<i2>[0-9]{2})(?::(?P<s2>[0-9]{2}))?"
    r"(?:\s?(?P<half>[AP])M)?"
    r"|(?P<d3>[0-9]{1,2})\.(?P<m3>[0-9]{1,2})\.(?P<y3>20[0-9]{2}),?\s(?P<h3>[0-9]{1,2}):(?P<i3>[0-9]{2})(?::(?P<s3>[0-9]{2}))?"
    r"|(?P<m4>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s(?P<d4>[0-9]{1,2})\s(?P<y4>20[0-9]{2})\s"
    r"(?P<h4>[0-9]{2}):(?P<i4>[0-9]{2}):(?P<s4>[0-9]{2})(?:\sGMT(?P<z4>[+-][0-9]{4}))?"
    r"|(?P<d5>[0-9]{1,2})[/ ](?P<m5>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[/ ](?P<y5>20[0-9]{2})[: ]"
    r"(?P<h5>[0-9]{2}):(?P<i5>[0-9]{2}):(?P<s5>[0-9]{2})(?:\s(?P<z5>[+-][0-9]{4}))?",
    re.A,
)


def _time(hit: Hit) -> re.Match[str] | None:
    """When it was seen: the time in its line, else the last before it."""
    line = hit.before.rpartition("\n")[2]
    match = _TIMES.search(line) or _TIMES.search(hit.after.partition("\n")[0][:200])
    if match is None:
        for match in _TIMES.finditer(hit.before):  # noqa: B007 - the last one is wanted
            pass
    return match


_FORMS = tuple(tuple(one.split()) for one in ("y m d h i s z", "y2 m2 d2 h2 i2 s2", "y3 m3 d3 h3 i3 s3",
                                              "y4 m4 d4 h4 i4 s4 z4", "y5 m5 d5 h5 i5 s5 z5"))  # fmt: skip


def _read_time(match: re.Match[str]) -> _Time | None:
    form = next(one for one in _FORMS if match[one[0]])
    year, month, day, hour, minute, second, zone = (*match.group(*form), "")[:7]
    number = int(month) if month.isdecimal() else _MONTHS.index(month.lower()) + 1
    if form[0] == "y2":
        if half := match["half"]:
            hour = int(hour) % 12 + (12 if half == "P" else 0)
        elif number > 12:
            number, day = int(day), number
        elif int(day) <= 12 and int(day) != number:
            return None  # American or British: it does not say
    zone = "Z" if zone == "UTC" else zone or ""
    try:
        time = datetime.fromisoformat(f"{year}-{number:02}-{day:0>2}T{hour:0>2}:{minute}:{second or '00'}{zone}")
        # Without a zone it is compared as if it were UTC: within one log all are alike.
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp(), time.isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def _reason(ordered: Sequence[Entry], elsewhere: Statement | None) -> str:
    first, *others = ordered
    said = f"{first.code}: {(elsewhere or first.meaning[0]).text}"
    if not others:
        return said
    differ = [
        one for one in others if not one.yields and one.verdict.who not in {first.verdict.who, Who.UNKNOWN, Who.NONE}
    ]
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
    for other in entry.elsewhere:
        sourced += [other.verdict, other.meaning]
    used = dict.fromkeys(source for one in sourced for source in one.sources)
    return {
        "code": entry.code.text,
        "spellings": [*spellings(entry.code), *entry.also_written],
        "family": entry.family,
        "family_title": catalog.title(entry.family),
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


def document(what: Sequence[str], standard_input: BinaryIO | None = None, files: Sequence[str] = ()) -> dict[str, Json]:
    """The explain document for the arguments of `teamsmedic explain`, with the installed content."""
    catalog = load(content.root())
    remedies: dict[str, list[tuple[str, str]]] = {}
    for one in remediation.load(content.root()).values():
        for cause in one.cures:
            remedies.setdefault(cause, []).append((one.id, one.title))
    return build(sources(what, catalog, standard_input, files), catalog, remedies)


def render(document: Mapping[str, Json]) -> str:
    """The document as text for a terminal: who must act first; at most 80 columns, but for addresses of pages."""
    found = document["sources"]
    many = len(found) > 1 and not all(source["name"] == _only_given(source) for source in found)
    lines = _render_many(found) if many else (line for one in found for line in (*_render_source(one), ""))
    return "\n".join(lines).rstrip("\n")


def _only_given(source: Mapping[str, Json]) -> str | None:
    """The code that a source is, if it is a code and no text."""
    hits = [hit for code in source["codes"] for hit in code["hits"]]
    return hits[0]["spelling"] if len(hits) == 1 else None


def _render_source(source: Mapping[str, Json]) -> Iterator[str]:
    if not source["codes"]:
        if source["unread"]:
            yield from _wrap(f"No answer: {clean(source['reason'], 500)}")
            return
        name = source["name"]
        what = f"the {name}" if name in {"text", "standard input"} else clean(name, 50)
        yield from _wrap(f"No answer for {what}: {source['reason']}.")
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
        for title, codes in _families(others):
            yield title
            for code in codes:
                said = f"{code['code']} ({code['verdict']}): {code['meaning'][0]['text']} {_seen(code)}"
                yield from _wrap(said, "  - ", "    ")
    if source["unread"]:
        yield ""
        yield from _wrap(f"Not all was read: {clean(source['unread'], 500)}")


def _families(codes: Iterable[Mapping[str, Json]]) -> Iterator[tuple[str, list[Mapping[str, Json]]]]:
    """Codes by family, in the order in which they came."""
    found: dict[str, list[Mapping[str, Json]]] = {}
    for code in codes:
        found.setdefault(code["family_title"], []).append(code)
    yield from found.items()


def _render_many(found: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """An overview of several sources: who must act where, and each family's codes with where they were seen."""
    speaking = [source for source in found if source["codes"]]
    hits = sum(code["count"] for source in speaking for code in source["codes"])
    yield from _wrap(f"{len(found)} sources, {len(speaking)} with codes, {_times(hits)}.")
    yield ""
    yield "Who must act first"
    for who in Who:
        names = [_short(source) for source in speaking if source["verdict"] == who.value]
        if names:
            more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
            yield from _wrap(f"{who.value:<8} {', '.join(names[:_NAMES])}{more}", "  ", " " * 11)
    by_code: dict[str, list[tuple[Mapping[str, Json], Mapping[str, Json]]]] = {}
    for source in speaking:
        for code in source["codes"]:
            by_code.setdefault(code["code"], []).append((source, code))
    for title, codes in _families(seen[0][1] for seen in by_code.values()):
        yield ""
        yield title
        for code in sorted(codes, key=lambda one: -sum(each["count"] for _, each in by_code[one["code"]])):
            seen = sorted(by_code[code["code"]], key=lambda one: -one[1]["count"])
            count = sum(each["count"] for _, each in seen)
            where = f" in {len(seen)} sources" if len(seen) > 1 else ""
            yield from _wrap(
                f"{code['code']} ({code['verdict']}): {_times(count)}{where}. {code['meaning'][0]['text']}",
                "  - ",
                "    ",
            )
            for source, each in seen[:_NAMES]:
                yield from _wrap(f"{_short(source)}: {_times(each['count'])}{_when(each)}", "    * ", "      ")
            if len(seen) > _NAMES:
                yield f"    * and {len(seen) - _NAMES} more"
    if unread := [source for source in found if source["unread"]]:
        yield ""
        yield "Not read, or not all of it"
        for source in unread:
            yield from _wrap(clean(source["unread"], 500), "  - ", "    ")
    yield ""
    yield "Next: teamsmedic explain CODE"


_NAMES = 12


def _short(source: Mapping[str, Json]) -> str:
    return clean(source["name"][-60:], 60)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _when(code: Mapping[str, Json]) -> str:
    """The first and the last time a code was seen, where its log has times."""
    first, last = code["first_seen"], code["last_seen"]
    if not first:
        return ""
    return f", at {first}" if first == last else f", {first} to {last}"


def _seen(code: Mapping[str, Json]) -> str:
    """Where a code was seen, when, and how often."""
    lines = list(dict.fromkeys(str(hit["position"]["line"]) for hit in code["hits"]))
    more = ", ..." if code["count"] > HITS else ""
    return f"Seen {_times(code['count'])}, in line {', '.join(lines)}{more}{_when(code)}."


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
        yield from _wrap(f"Decoded  No family lists it; its code space says: {code['space']}.", "", " " * 9)
    if code["related"]:
        yield f"See also {code['related']}"
    if given := [one for one in dict.fromkeys(hit["spelling"] for hit in code["hits"]) if one != code["code"]]:
        yield from _wrap(f"Given as {', '.join(clean(one, 60) for one in given)}", "", " " * 9)
    if others := [one for one in code["spellings"] if one not in given]:
        yield from _wrap(f"Written  also {', '.join(others)}", "", " " * 9)
    if code["elsewhere"]:
        yield from _wrap(f"Here     {code['elsewhere']['text']} {told(code['elsewhere'])}", "", " " * 9)
    if code["count"] > 1 or code["first_seen"]:
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
