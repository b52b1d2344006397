"""What a text of a user or a log says for a triage: its codes, and answers nobody need be asked for. No I/O."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from teamsmedic import dsregcmd
from teamsmedic.catalog import Catalog, Elsewhere, Entry, Who
from teamsmedic.codes import Code
from teamsmedic.hit import Hit
from teamsmedic.outcome import Json

LINES = 3
"""Lines that are kept of one code, and times and ids of all."""
KEPT = 20
LINE = 400
"""Characters that are kept of a line."""
HINTED = 1 << 18
"""Bytes of a text in which hints are looked for; a report of dsregcmd is as long at most."""
Find = Callable[[Iterable[bytes]], Iterator[Hit]]
"""Finds codes in a text: `Recogniser.find`."""
_AROUND_LINES = 5
"""Lines on either side of a code by which its place is judged, as `explain` does."""

_HINTS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (question, word, re.compile(pattern, re.I))
    for question, word, pattern in (
        ("web", "no", r"\b(web|browser)\b[^.\n]{0,30}\b(fails?|broken|does(?: not|n't) work|same error)"),
        ("web", "yes", r"\b(web|browser)\b[^.\n]{0,30}\bworks\b|\bworks\b[^.\n]{0,20}\b(on the web|in (the )?brows)"),
        ("affected", "many", r"\b(everybody|everyone|all users|many users|several users|whole (?:office|team|site))\b"),
        ("affected", "one", r"\b(only (?:me|one user|one person|this user|her|him)|nobody else)\b"),
        ("place", "room", r"\bteams rooms?\b|\bresource account\b|\bskype room system\b|\bmeeting room device\b"),
        ("prompt", "closed", r"\b(?:closed|cancell?ed) the (?:sign-?in )?(?:prompt|window|dialog)"),
        ("network", "yes", r"\bworks (?:on|over|with) (?:the |a |my )?(?:hotspot|mobile|other network|home network)"),
    )
)  # fmt: skip
_APPS = re.compile(r"\b(outlook|onedrive|teams)\b", re.I)
_FAILING = re.compile(r"\b(?:fail(?:s|ed|ing)?|errors?|cannot|can't|stuck|asks?|prompts?|not work(?:ing)?)\b", re.I)
_FINE = re.compile(r"\b(?:works|fine|ok)\b", re.I)
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,7})?Z?\b", re.A)
_ID = re.compile(
    r"\b(correlation ?id|trace ?id|request ?id|call ?id)\W{1,3}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.I
)
_DSREGCMD = re.compile(r"^[ \t]*(?:\|[ \t]*Device State|AzureAdJoined[ \t]*:)", re.I | re.M)


@dataclass
class Seen:
    """One code of the evidence: what the catalogue knows of it, how often it was seen, and in which lines first.

    `placed_by`: how often the lines around it show another place, by what the code means there.
    """

    entry: Entry
    count: int = 0
    lines: list[str] = field(default_factory=list)
    placed_by: Counter[Elsewhere] = field(default_factory=Counter)

    def near(self, line: str, around: str) -> None:
        """Takes the text around one hit."""
        if len(self.lines) < LINES and line not in self.lines:
            self.lines.append(line)
        if place := next((one for one in self.entry.elsewhere if one.applies(around)), None):
            self.placed_by[place] += 1

    def placed(self) -> None:
        """Lets another place speak where all hits stand there, as `explain` does: its causes are not those here."""
        if self.placed_by and sum(self.placed_by.values()) >= self.count:
            ((place, _),) = self.placed_by.most_common(1)
            meaning = (place.meaning, *self.entry.meaning)
            self.entry = replace(self.entry, verdict=place.verdict, meaning=meaning, causes=(), elsewhere=())


@dataclass
class Evidence:
    """All that was given to a triage. `hints`: question id to the word that the text answers it with.

    `clashes`: questions that the text answers in two ways. `ids`: correlation ids, which whoever reads the service's
    log needs; `times` likewise. `directory`: what dsregcmd /status says, where its output is in the text.
    """

    catalog: Catalog
    codes: dict[Code, Seen] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    clashes: set[str] = field(default_factory=set)
    times: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    gone: str = ""
    directory: dict[str, Json] | None = None
    given: bool = False

    def add(self, code: Code) -> Seen | None:
        """Counts a code once more; None where the catalogue knows nothing of it."""
        if code in self.codes:
            self.codes[code].count += 1
            return self.codes[code]
        entry = self.catalog.lookup(code)
        if entry is None:
            self.gone = self.gone or self.catalog.retired.get(code, "")
            return None
        self.codes[code] = Seen(entry, 1)
        return self.codes[code]

    def beside(self, told: Mapping[str, int]) -> Evidence:
        """This evidence and codes that a device tells (with how often), those that the catalogue knows."""
        out = replace(self, codes=dict(self.codes))
        for text, count in told.items():
            code = self.catalog.read(text)
            entry = self.catalog.lookup(code) if code else None
            if code and entry and code not in out.codes:
                out.codes[code] = Seen(entry, count)
        return out

    def read(self, pieces: Iterable[bytes], find: Find) -> None:
        """Adds what a text says (UTF-8); memory does not grow with it. A hint in two ways is a clash, not an answer.

        `find`: a recogniser's. Hints are what a person writes, so they are looked for in the first `HINTED` bytes.
        """
        self.given = True
        head = bytearray()

        def watched() -> Iterator[bytes]:
            for piece in pieces:
                head.extend(piece[: max(0, HINTED - len(head))])
                yield piece

        for hit in find(watched()):
            if seen := self.add(hit.code):
                line = hit.before.rpartition("\n")[2] + hit.code.given + hit.after.partition("\n")[0]
                self._near(line)
                seen.near(" ".join(line.split())[:LINE], _around(hit))
        for one in self.codes.values():
            one.placed()
        text = head.decode("utf-8", "replace")
        for line in text.splitlines():
            self._said(line[: dsregcmd.MAX_LINE])
        if report := _DSREGCMD.search(text):
            self.directory = dsregcmd.summary(dsregcmd.parse(text[report.start() :]))
            prt = dsregcmd.token(self.directory)
            if prt is not None:
                self._hint("prt", "yes" if prt else "no")

    def _said(self, line: str) -> None:
        for question, word, pattern in _HINTS:
            if pattern.search(line):
                self._hint(question, word)
        apps = {one.lower() for one in _APPS.findall(line)}
        if {"outlook", "onedrive"} <= apps and _FAILING.search(line) and not _FINE.search(line):
            self._hint("apps", "several")

    def _near(self, line: str) -> None:
        """Keeps the times and ids of a line in which a code stands."""
        for found, pattern in ((self.times, _TIME), (self.ids, _ID)):
            for match in pattern.finditer(line) if len(found) < KEPT else ():
                text = match[0] if pattern is _TIME else f"{match[1].lower()} {match[2].lower()}"
                if len(found) < KEPT and text not in found:
                    found.append(text)

    def _hint(self, question: str, word: str) -> None:
        if self.hints.setdefault(question, word) != word:
            self.clashes.add(question)

    def ordered(self, *, after: bool | None = None) -> list[Seen]:
        """The codes, the one that decides first, as `explain` orders them; `after`: calls before sign-in, or not."""

        def key(one: Seen) -> tuple[bool, bool, bool, int, bool, bool]:
            entry, who = one.entry, one.entry.verdict.who
            other = after is not None and is_call(entry) is not after
            return other, who is Who.NONE, entry.yields, entry.rank, who is Who.UNKNOWN, entry.decoded

        return sorted(self.codes.values(), key=key)


def is_call(entry: Entry) -> bool:
    """Whether a code speaks of a call, not of a sign-in."""
    return (entry.family or "").startswith("sip_")


def _around(hit: Hit) -> str:
    """The lines around a hit."""
    before = "\n".join(hit.before.split("\n")[-_AROUND_LINES - 1 :])
    return before + hit.code.given + "\n".join(hit.after.split("\n")[: _AROUND_LINES + 1])
