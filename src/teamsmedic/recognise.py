"""Finds codes in text: logs, mails, what somebody copied from a screen, in any language.

A code that cannot be mistaken (0xCAA82EE7, AADSTS50076, SIP 403, max_reload_exceeded) counts wherever it stands. A bare
or short one (1001, 4c7, 403, 50126, 3399942151) counts only with a sign of its kind near it, and nothing counts inside
what is something else: a GUID, a hash, an address, a date, a version, a telephone number, a duration, a numbered thing.

A long text is searched in two steps. Patterns that are as fast as reading (hyperscan) say where a code could stand; only
there the rules look, at a bounded piece of text around. What the rules find does not depend on the first step, only how
long it takes: a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from teamsmedic.catalog import Catalog
from teamsmedic.codes import Code, Kind
from teamsmedic.signs import (
    ADAL_WORDS,
    AROUND_AAD,
    AROUND_CALL,
    AROUND_CLIENT,
    AROUND_ROW,
    COUNTED,
    ELSE,
    FAILED,
    GOES_ON,
    HEADER,
    HTTP,
    LABEL,
    LABELLED_AADSTS,
    LABELLED_CALL,
    NO_LABEL,
    NOT_HEX,
    PADDED,
    PHRASES,
    SIP_LABEL,
    TRIGGER_AROUND_CALL,
    TRIGGERS,
)

BLOCK = 1 << 19
"""Bytes that are searched at once."""

SHORT = 1 << 15
"""Bytes of a text so short that preparing the fast step would take longer than it saves."""

_CONTEXT = 2400
"""Bytes around a place that the rules may look at: `before` and `after` of a hit in letters of up to four bytes."""

_BEFORE, _AFTER = 200, 100
"""Characters in which the signs of a bare code are looked for."""

KEPT = 600
"""Characters around a hit that go with it."""


class Sure(StrEnum):
    """How sure the recogniser is of a hit."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class Hit:
    """A code and where it was seen: line and column count from 1, `code.given` is how it stood there.

    `before` and `after` are the text around it, at most `KEPT` characters of each.
    """

    code: Code
    line: int
    column: int
    sure: Sure = Sure.CERTAIN
    before: str = field(default="", compare=False, repr=False)
    after: str = field(default="", compare=False, repr=False)


_TOKENS = r"""
    (?P<aadsts> AADSTS (?: [\s:\#_=."'\\()-]{0,8} | \s{0,3} (?:error\s?)?code \s? [:=]? \s? ) (?P<aadsts_number> [1-9][0-9]{3,6} ) (?![0-9]) )
  | (?P<hex> (?<![0-9]) 0x (?: [0-9a-f]{8} (?: (?![0-9a-f]) | (?= [a-f]{1,9} [g-z] ) ) | [0-9a-f]{3,7} (?![0-9a-z_]) ) )
  | (?P<wide_hex> (?<![0-9]) 0x (?: f{8} | 0{8} ) (?P<wide_number> [4-9a-f][0-9a-f]{7} ) (?![0-9a-z]) )
  | (?P<pair> (?<![\w\#.]) (?P<pair_sip> [3-6][0-9]{2} ) \# (?P<pair_number> [0-9]{1,7} ) (?![\w\#]) )
  | (?P<row> (?<![\w.:\-+]) (?P<row_sip> 0 | [3-6][0-9]{2} ) ["']? [ ]? [,;\t|] [ ]? ["']? (?P<row_number> 0 | [0-9]{4,7} ) (?= ["']? [ ]? (?: [,;\t|\r\n] | \Z ) ) )
  | (?P<sip> (?<![a-z0-9]) SIP (?: /2\.0\s{1,3} | [:/_-] \s? | \s{1,3} )? (?P<sip_number> [3-6][0-9]{2} )
        (?! [@0-9_] | [.:,][0-9] | ; \s? (?:user|phone-context|transport|tag) ) )
  | (?P<bare_hex> (?: (?<![0-9a-z]) | (?-i: (?<= [a-z] ) (?= [0-9A-F]AA ) ) | (?<= [g-z] ) (?= caa ) ) [0-9a-f]{8} (?![0-9a-f]) )
  | (?P<decimal> (?<![0-9a-z_.,-]) -[0-9]{9,10} (?![0-9a-z_]) | (?<![0-9a-z_]) (?<![0-9][.,]) [0-9]{3,10} (?![0-9a-z_]) )
  | (?P<short_hex> (?<![0-9a-z_.\#-]) (?=[0-9]*[a-f]) [0-9][0-9a-f]{2,3} (?![0-9a-z_-]) )
"""


class Recogniser:
    """Finds the codes of one catalogue; compiled once, used for any number of texts."""

    def __init__(self, catalog: Catalog, *, fast: bool | None = None) -> None:
        """Compiles the forms of codes.

        `fast` says whether the fast step is used: None for where it pays, which is in texts longer than `SHORT`.
        """
        self._catalog = catalog
        self._fast = fast
        self._trigger: Callable[[bytes], list[int]] | None = None
        words = "|".join(map(re.escape, sorted(catalog.words, key=len, reverse=True)))
        word = rf"| (?<![A-Za-z0-9_]) (?P<word> (?:{words}) ) (?![A-Za-z0-9_])" if words else ""
        self._tokens = re.compile(_TOKENS + word, re.I | re.X | re.A)
        self._numbers: dict[str, tuple[Code, bool] | None] = {}

    def find(self, pieces: Iterable[str | bytes]) -> Iterator[Hit]:
        """The codes of a text in order, from pieces of it in any size; bytes are UTF-8. Memory does not grow with it."""
        place = _Place()
        buffer, low = b"", 0
        waiting: list[bytes] = []
        held = 0
        for piece in pieces:
            waiting.append(piece.encode("utf-8", "replace") if isinstance(piece, str) else piece)
            held += len(waiting[-1])
            if held < BLOCK:
                continue
            buffer = b"".join([buffer, *waiting])
            waiting, held = [], 0
            while len(buffer) - low >= BLOCK:
                high = _boundary(buffer, min(low + 2 * BLOCK, len(buffer) - _CONTEXT))
                yield from self._block(buffer, low, high, place, fast=self._fast is not False)
                keep = max(0, high - _CONTEXT)
                buffer, low = buffer[keep:], high - keep
        buffer = b"".join([buffer, *waiting])
        fast = self._fast if self._fast is not None else len(buffer) - low > SHORT
        yield from self._block(buffer, low, len(buffer), place, fast=fast)

    def _block(self, buffer: bytes, low: int, high: int, place: _Place, *, fast: bool) -> Iterator[Hit]:
        """The codes that begin in [low, high) of the buffer."""
        at = low
        for begin, end in self._windows(buffer, low, high) if fast else [(low, high)]:
            start = _boundary(buffer, max(begin, at))
            if start >= end:
                continue
            stop = _boundary(buffer, end)
            before = _decoded(buffer[_boundary(buffer, max(0, start - _CONTEXT)) : start])
            middle = _decoded(buffer[start:stop])
            text = before + middle + _decoded(buffer[stop : _boundary(buffer, stop + _CONTEXT)])
            for code, sure, index in self._codes(text, len(before), len(before) + len(middle), place):
                offset = start + (index - len(before) if middle.isascii() else len(text[len(before) : index].encode()))
                line, column = place.of(buffer, at, offset)
                at = offset
                last = index + len(code.given)
                yield Hit(code, line, column, sure, text[max(0, index - KEPT) : index], text[last : last + KEPT])
        place.of(buffer, at, high)

    def _windows(self, buffer: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Where in [low, high) codes may begin, in order and apart from each other."""
        if self._trigger is None:
            self._trigger = _trigger(self._catalog)
        first = max(0, low - _CONTEXT)
        begin = end = low
        for found in self._trigger(buffer[first:]):
            at = first + found
            if at - 72 > end:
                if end > begin:
                    yield begin, min(end, high)
                begin = max(low, at - 72)
            end = max(end, at + 8)
            if begin >= high:
                return
        if end > begin:
            yield begin, min(end, high)

    def _codes(self, text: str, first: int, last: int, place: _Place) -> Iterator[tuple[Code, Sure, int]]:
        """The codes that begin in [first, last) of a text, each with where it begins."""
        plain = _padded(text)
        for match in self._tokens.finditer(plain, first):
            if match.start() >= last:
                return
            form = match.lastgroup or ""
            # The last group that took part is an inner one where a form has inner groups.
            form = _OUTER.get(form, form)
            if form in {"pair", "row"}:
                yield from self._two(plain, match, form, place)
            elif found := self._one(plain, match, form):
                yield (*found, match.start())

    def _two(self, text: str, match: re.Match[str], form: str, place: _Place) -> Iterator[tuple[Code, Sure, int]]:
        """SIP code and Microsoft's beside it, as in `480#10076` and in rows of call records."""
        sip, number = match[f"{form}_sip"], match[f"{form}_number"]
        before, after = text[max(0, match.start() - 2 * KEPT) : match.start()], text[match.end() : match.end() + KEPT]
        if form == "row":
            known = number == "0" or self._response(number)
            if not known or not (place.rows(before) or AROUND_ROW.search(before) or AROUND_ROW.search(after)):
                for part in ("row_sip", "row_number"):
                    if single := self._tokens.match(text, match.start(part)):
                        inner = _OUTER.get(single.lastgroup or "", single.lastgroup or "")
                        if inner == "row":
                            single = _NUMBER.match(text, match.start(part))
                            inner = "decimal"
                        if single and (found := self._one(text, single, inner)):
                            yield (*found, match.start(part))
                return
        if sip != "0":
            yield Code(f"SIP {sip}", Kind.SIP, int(sip), sip), Sure.CERTAIN, match.start(f"{form}_sip")
        if number != "0" and self._response(number):
            yield Code(number, Kind.NUMBER, int(number), number), Sure.CERTAIN, match.start(f"{form}_number")

    def _response(self, number: str) -> bool:
        read = self._read(number)
        return read is not None and read[0].kind is Kind.NUMBER

    def _read(self, given: str) -> tuple[Code, bool] | None:
        """The code that a token spells, with whether the catalogue names this very code; None where nothing is known."""
        if given in self._numbers:
            return self._numbers[given]
        code = self._catalog.read(given)
        known = None
        if code and (code in self._catalog.entries or self._catalog.space(code)):
            known = code, self._catalog.names(code)
        if len(self._numbers) > 10_000:
            self._numbers.clear()
        self._numbers[given] = known
        return known

    def _one(self, text: str, match: re.Match[str], form: str) -> tuple[Code, Sure] | None:
        given, begin, end = match[0], match.start(), match.end()
        if form in {"sip", "aadsts"}:
            read = self._read(f"sip:{match['sip_number']}" if form == "sip" else f"AADSTS{match['aadsts_number']}")
        elif form == "wide_hex":
            read = self._read(f"0x{match['wide_number']}")
        else:
            read = self._read(given)
        if read is None:
            return None
        code, named = read
        sure = _sure(code, form, named, text, begin, end, self._needs_sign(code), self._signs(code))
        return (Code(code.text, code.kind, code.number, given), sure) if sure else None

    def _needs_sign(self, code: Code) -> bool:
        space = self._catalog.space(code)
        return space is None or space.needs_sign

    def _signs(self, code: Code) -> bool:
        entry = self._catalog.entries.get(code)
        return bool(entry and entry.signs)


_OUTER = {
    "aadsts_number": "aadsts",
    "wide_number": "wide_hex",
    "pair_number": "pair",
    "row_number": "row",
    "sip_number": "sip",
}
_LEG = re.compile(r"5[46][09][0-9]{3}|51[01][0-9]{3}|531[0-9]{3}")
"""Response codes whose form alone says what they are."""
_NUMBER = re.compile(r"[0-9]{3,10}", re.A)
_ALONE = re.compile(r"[\s\"'\[\](){}<>,;.:!?*`_-]*")


def _sure(
    code: Code, form: str, named: bool, text: str, begin: int, end: int, needs_sign: bool, client: bool
) -> Sure | None:
    """How sure it is that what stands at [begin, end) of a text is a code; None where it is something else."""
    if form in {"aadsts", "word"}:
        return Sure.CERTAIN
    before, after = text[max(0, begin - _BEFORE) : begin], text[end : end + _AFTER]
    adal = code.kind is Kind.HRESULT and code.number & 0x0FF00000 == 0x0AA00000
    if form == "sip":
        return None if COUNTED.match(after) else Sure.CERTAIN
    if form in {"hex", "wide_hex", "bare_hex"} and code.kind is Kind.HRESULT:
        if NOT_HEX.search(before) or (form == "bare_hex" and (_in_guid(before, after) or before[-1:] in {"#", "/", "\\"})):
            return None
        if adal and code.number >> 28 == 0xC:
            return Sure.CERTAIN
        if form != "bare_hex" and not needs_sign:
            return Sure.CERTAIN
        if form == "bare_hex" and (after[:1].isalnum() or before[-1:].isalnum() or after[:1] == "_"):
            return None
    if _alone(text, begin, end):
        return Sure.LIKELY if named or adal else None
    near = text[max(0, begin - 110) : end + 60]
    shift = begin - max(0, begin - 110)
    if before[-1:] == "+" and not before[-2:-1].isalpha():
        return None
    if COUNTED.match(after) or NO_LABEL.search(before):
        return None
    if any(one.start() < shift + end - begin and shift < one.end() for one in ELSE.finditer(near)):
        return None
    labelled = LABEL.search(before) is not None
    match code.kind:
        case Kind.HRESULT:
            if form == "hex":
                fine = labelled or FAILED.search(before) or FAILED.search(after[:48]) or ADAL_WORDS.search(before + after)
            else:
                fine = (adal or named) and (
                    labelled or FAILED.search(before[-80:]) or FAILED.search(after[:48]) or ADAL_WORDS.search(before + after)
                )
        case Kind.SHORT:
            fine = named and labelled and (form == "hex" or AROUND_CLIENT.search(before + "\0" + after))
        case Kind.AADSTS:
            fine = LABELLED_AADSTS.search(before) or (
                named and (labelled or AROUND_AAD.search(before[-110:]) or AROUND_AAD.search(after[:60]))
            )
        case Kind.SIP:
            fine = _call(before, after, labelled, code.number)
        case Kind.NUMBER if client:
            fine = labelled and AROUND_CLIENT.search(before + "\0" + after)
        case _:
            fine = LABELLED_CALL.search(before) or (
                (named or _LEG.fullmatch(str(code.number)))
                and (AROUND_CALL.search(before) or AROUND_CALL.search(after))
            )
    return Sure.LIKELY if fine else None


def _call(before: str, after: str, labelled: bool, number: int) -> bool:
    """Whether a number of three digits is the SIP code of a call."""
    if SIP_LABEL.search(before):
        return True
    if HTTP.search(before[-60:]) or HTTP.search(after[:24]):
        return False
    if not (AROUND_CALL.search(before[-120:]) or AROUND_CALL.search(after[:80])):
        return False
    phrase = PHRASES.get(number)
    said = phrase is not None and after.lstrip(" \"',;:-").lower().startswith(phrase)
    return said or labelled or GOES_ON.match(after) is not None


def _in_guid(before: str, after: str) -> bool:
    return re.match(r"-[0-9a-f]{4}", after, re.I) is not None or re.search(r"[0-9a-f]{4}-$", before[-5:], re.I) is not None


def _alone(text: str, begin: int, end: int) -> bool:
    """Whether nothing else stands in the whole text, or in the one line that holds it."""
    return len(text) < 2 * _BEFORE and not text[:begin].strip(" \t\r\n\"'[](),;.") and not text[end:].strip(
        " \t\r\n\"'[](),;."
    )


class _Place:
    """Where in the whole text a block begins, and what its earlier lines said of the later ones."""

    def __init__(self) -> None:
        self.line, self.column, self._rows = 1, 1, False

    def of(self, buffer: bytes, low: int, high: int) -> tuple[int, int]:
        """Goes on from low to high; answers line and column of high."""
        lines = buffer.count(b"\n", low, high)
        if lines:
            self.line += lines
            self.column = 1
            low = buffer.rfind(b"\n", low, high) + 1
        part = buffer[low:high]
        self.column += len(part) if part.isascii() else len(_decoded(part))
        return self.line, self.column

    def rows(self, before: str) -> bool:
        """Whether rows of call records stand here: a line before named their columns."""
        self._rows = self._rows or HEADER.search(before) is not None
        return self._rows


def _decoded(part: bytes) -> str:
    return str(part, "utf-8", "replace")


def _boundary(buffer: bytes, at: int) -> int:
    """The place itself, or just before the character that a cut there would split; at most three bytes back."""
    at = min(at, len(buffer))
    for back in range(4):
        if at - back <= 0 or at >= len(buffer) or buffer[at - back] & 0xC0 != 0x80:
            return max(0, at - back)
    return at


def _padded(text: str) -> str:
    """The text with what escapes stand for at their place, filled up with blanks so that every place stays."""
    if not any(one in text for one in "%\\&\u2212\u2010\u2011\u2012\u2013\u00a0"):
        return text
    return PADDED.sub(_unescaped, text).translate(_DASHES)


_DASHES = {0x00A0: " ", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-"}
_ENTITIES = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&", "nbsp": " ", "num": "#", "colon": ":"}


def _unescaped(match: re.Match[str]) -> str:
    whole = match[0]
    if match["hex"]:
        said = chr(int(match["hex"], 16))
    elif match["uni"]:
        said = chr(int(match["uni"], 16))
    elif match["entity"]:
        said = _ENTITIES[match["entity"].lower()]
    elif match["point"]:
        said = chr(min(int(match["point"]), 0x10FFFF))
    else:
        said = "\n" if whole[-1] in "nr" else " " if whole[-1] == "t" else whole[-1]
    if not "\t" <= said <= "~":
        said = " "
    return said.rjust(len(whole))


def _named(catalog: Catalog) -> tuple[list[str], list[str]]:
    """Bare numbers and short hexadecimal ones that the catalogue names."""
    numbers, hexadecimal = set(), set()
    for code in catalog.entries:
        if code.kind in {Kind.AADSTS, Kind.NUMBER}:
            numbers.add(str(code.number))
        elif code.kind is Kind.SHORT:
            hexadecimal.add(f"{code.number:x}")
    for space in catalog.spaces:
        if space.kind in {Kind.AADSTS, Kind.NUMBER}:
            numbers.update(str(number) for number in space.table if number > 999)
        elif space.kind is Kind.SHORT:
            hexadecimal.update(f"{number:x}" for number in space.table if number > 0xFF)
    return sorted(numbers), sorted(hexadecimal)


def _trigger(catalog: Catalog) -> Callable[[bytes], list[int]]:
    """The fast step: answers the ends of what could be a code in a block, in order."""
    numbers, hexadecimal = _named(catalog)
    words = [re.escape(word) for word in sorted(catalog.words)]
    edge = r"(?:\b|%[0-9a-f]{2}|\\[nrt]|\\u00[0-9a-f]{2})"
    patterns = [*TRIGGERS, *TRIGGER_AROUND_CALL, *words]
    patterns += [rf"{edge}(?:{'|'.join(numbers)})\b", rf"{edge}(?:0x0{{0,5}})?(?:{'|'.join(hexadecimal)})\b"]
    try:
        import hyperscan  # noqa: PLC0415 - late: short texts and single codes need none of it

        database = hyperscan.Database()
        database.compile(
            expressions=[one.encode() for one in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL] * len(patterns),
        )
    except (ImportError, OSError):
        return lambda block: list(range(0, len(block), 64))

    def ends(block: bytes) -> list[int]:
        found: list[int] = []

        def seen(_id: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            found.append(end)

        database.scan(block, match_event_handler=seen)
        found.sort()
        return found

    return ends
