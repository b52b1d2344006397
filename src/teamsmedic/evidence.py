"""What a text of a user or a log says for a triage: its codes, and answers nobody need be asked for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from teamsmedic import dsregcmd
from teamsmedic.catalog import Catalog, Entry, Who
from teamsmedic.codes import Code
from teamsmedic.outcome import Json
from teamsmedic.recognise import Recogniser

LINES = 3
"""Lines that are kept of one code, and times and ids of all."""
KEPT = 20
LINE = 400
AROUND = 2000
"""Characters that are kept of a line, and of the lines around a code."""

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
_DSREGCMD = re.compile(r"^\s*(?:\|\s*Device State|AzureAdJoined\s*:)", re.I)


@dataclass
class Seen:
    """One code of the evidence: what the catalogue knows of it, how often it was seen, and in which lines first."""

    entry: Entry
    count: int = 0
    lines: list[str] = field(default_factory=list)
    around: str = ""

    def placed(self) -> None:
        """Lets what the code means elsewhere speak, where lines around it show that place: its causes are others."""
        for place in self.entry.elsewhere:
            if place.applies(self.around):
                meaning = (place.meaning, *self.entry.meaning)
                self.entry = replace(self.entry, verdict=place.verdict, meaning=meaning, causes=(), elsewhere=())
                return


@dataclass
class Evidence:
    """All that was given to a triage. `hints`: question id to the word that the text answers it with.

    `clashes`: questions that the text answers in two ways. `ids`: correlation ids, which whoever reads the service's
    log needs; `times` likewise. `directory`: what dsregcmd /status says, where its output is in the text.
    """

    codes: dict[Code, Seen] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    clashes: set[str] = field(default_factory=set)
    times: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    gone: str = ""
    directory: dict[str, Json] | None = None
    given: bool = False

    def add(self, code: Code, catalog: Catalog, line: str = "") -> bool:
        """Counts a code once more; false where the catalogue knows nothing of it."""
        entry = catalog.lookup(code)
        if entry is None:
            self.gone = self.gone or catalog.retired.get(code, "")
            return False
        seen = self.codes.setdefault(code, Seen(entry))
        seen.count += 1
        if line and len(seen.lines) < LINES and line not in seen.lines:
            seen.lines.append(line)
        return True

    def read(self, pieces: Iterable[str], catalog: Catalog) -> None:
        """Adds what a text says; memory does not grow with it. A hint in two ways is a clash, not an answer."""
        self.given = True
        kept: list[str] = []
        report: list[str] = []
        size = 0

        def watched() -> Iterator[str]:
            nonlocal size
            for piece in pieces:
                kept[:] = [*kept[-1:], piece]
                self._line(piece[: dsregcmd.MAX_LINE])
                if (report or _DSREGCMD.match(piece)) and size < dsregcmd.MAX_TEXT:
                    report.append(piece)
                    size += len(piece)
                yield piece

        for hit in Recogniser(catalog).find(watched()):
            # The recogniser speaks of a line when it has read its end: the last one that holds the code.
            line = next((one for one in reversed(kept) if hit.code.given in one), "")
            if self.add(hit.code, catalog, " ".join(line.split())[:LINE]):
                seen = self.codes[hit.code]
                seen.around = f"{seen.around} {' '.join(kept)}"[-AROUND:]
        for seen in self.codes.values():
            seen.placed()
        if report:
            self.directory = dsregcmd.summary(dsregcmd.parse("".join(report)))
            prt = self.directory.get("prt")
            if isinstance(prt, bool):
                self._hint("prt", "yes" if prt else "no")

    def _line(self, line: str) -> None:
        for question, word, pattern in _HINTS:
            if pattern.search(line):
                self._hint(question, word)
        apps = {one.lower() for one in _APPS.findall(line)}
        if {"outlook", "onedrive"} <= apps and _FAILING.search(line) and not _FINE.search(line):
            self._hint("apps", "several")
        for found, pattern in ((self.times, _TIME), (self.ids, _ID)):
            for match in pattern.finditer(line):
                text = match[0] if pattern is _TIME else f"{match[1].lower()} {match[2].lower()}"
                if len(found) < KEPT and text not in found:
                    found.append(text)

    def _hint(self, question: str, word: str) -> None:
        if self.hints.setdefault(question, word) != word:
            self.clashes.add(question)

    def ordered(self, *, after: bool | None = None) -> list[Seen]:
        """The codes, the one that decides first, as `explain` orders them; `after`: calls before sign-in, or not."""

        def key(one: Seen) -> tuple[bool, bool, int, bool, bool]:
            entry = one.entry
            other = after is not None and is_call(entry) is not after
            return other, entry.yields, entry.rank, entry.verdict.who is Who.UNKNOWN, entry.decoded

        return sorted(self.codes.values(), key=key)


def is_call(entry: Entry) -> bool:
    """Whether a code speaks of a call, not of a sign-in."""
    return entry.family.startswith("sip_")
