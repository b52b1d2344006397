"""Finds codes in text: logs, mails, what somebody copied from a screen, in any language.

A code that cannot be mistaken (0xCAA82EE7, AADSTS50076, SIP 403, max_reload_exceeded) counts wherever it stands. A bare
or short one (1001, 4c7, 403, 50126, 3399942151) counts only with a sign of its kind near it, and nothing counts inside
what is something else: a GUID, a hash, an address, a date, a version, a telephone number, a duration, a numbered thing.

A long text is searched in two steps. Patterns that are as fast as reading (hyperscan) say where a code could stand;
only there the rules look, at a bounded piece of text around. What the rules find does not depend on the first step,
only how long it takes: a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from teamsmedic.catalog import Catalog
from teamsmedic.codes import Code, Kind
from teamsmedic.hit import KEPT, Hit, Sure
from teamsmedic.signs import (
    AAD,
    CALL,
    CALLS_NUMBER,
    CARRIED_ON,
    CLIENT,
    CODES,
    CODES_OF_THINGS,
    COUNTED,
    DECIMAL,
    EDGE,
    ELSE,
    ERRORS,
    FAILED,
    GOES_ON,
    HEADED,
    HEADER,
    HTTP,
    LABELLED_AADSTS,
    LABELS_AADSTS,
    LIBRARY,
    LINKS,
    NOT_HEX,
    OF_SIGN_IN,
    PADDED,
    PARTIES,
    PHRASES,
    ROW,
    ROW_OF_CALLS,
    ROW_OF_NUMBERS,
    SIP_LABEL,
    STRONG,
    STRONG_PAIRS,
    SUBCODES,
    THINGS,
    TRIGGER_GLUED,
    TRIGGERS,
    WIDE_TRIGGERS,
    Signs,
    near_call,
    rows,
)

BLOCK = 1 << 19
"""Bytes that are searched at once."""

SHORT = 1 << 15
"""Bytes of a text so short that preparing the fast step would take longer than it saves."""

_LONGEST = 48
"""Characters that hold the longest token and what is looked at just behind it."""

_CONTEXT = 2400
"""Bytes around a place that the rules may look at: `before` and `after` of a hit in letters of up to four bytes."""

_BEFORE, _AFTER = 200, 100
"""Characters in which the signs of a bare code are looked for."""

_BARE = r"""
    (?= [0-9a-f]{8} (?![0-9a-f]) )
    (?: (?<![0-9a-z]) | (?-i: (?<= [a-z] ) (?= [0-9A-F]AA ) ) | (?<= [g-z] ) (?= caa ) ) [0-9a-f]{8}
"""
_TOKENS = r"""
    (?P<spaced> (?<![0-9a-z]) (?= [c0] ) (?: 0x )? caa [ -] (?P<spaced_number> [0-9a-f]{5} ) (?![0-9a-z_-]) )
  | (?= [-0-9] ) (?<![0-9]) (?:
        (?P<hex> 0 (?<! [0-9] 0 ) x
            (?: [0-9a-f]{8} (?: (?![0-9a-f]) | (?= [a-f]{1,9} [g-z] ) ) | [0-9a-f]{3,7} (?![0-9a-z_]) ) )
      | (?P<wide_hex> 0 (?<! [0-9] 0 ) x (?: f{8} | 0{8} ) (?P<wide_number> [4-9a-f][0-9a-f]{7} ) (?![0-9a-z]) )
      | (?P<pair> (?<![\w\#.]) (?P<pair_sip> [3-6][0-9]{2} ) \# (?P<pair_number> [0-9]{1,7} ) (?![\w\#]) )
      | (?P<row> (?<![\w.:\-+]) (?P<row_sip> 0 | [3-6][0-9]{2} ) ["']? [ ]? (?P<row_between> [,;\t|/(] ) [ ]? ["']?
            (?P<row_number> 0 | [0-9]{4,7} ) (?= ["']? [ ]? (?: [,;\t|\r\n)\s] | \. (?![0-9]) | \Z ) ) )
      | (?P<bare_hex> {_BARE} )
      | (?P<decimal> - (?<! [0-9a-z_.,-] - ) [0-9]{9,10} (?![0-9a-z_]) | (?<=[a-z]_) [0-9]{10} (?![0-9a-z_])
            | (?<![0-9a-z_]) (?: (?<![0-9][.,]) | (?<= [1-9][0-9]{4}, ) ) [0-9]{3,10} (?![0-9a-z_]) )
      | (?P<short_hex> (?<![0-9a-z_.\#-]) (?=[0-9]*[a-f]) [0-9][0-9a-f]{2,3} (?![0-9a-z_-]) ) )
  | (?P<aadsts> AADSTS (?: [\s:\#_=."'\\()-]{0,8} | \s{0,3} (?:error\s?)?code \s? [:=]? \s? )
        (?P<aadsts_number> [1-9][0-9]{3,6} ) (?![0-9]) )
  | (?P<sip> SIP (?<! [a-z0-9] SIP ) (?: /2\.0\s{1,3} | [:/_-] \s? | \s{1,3} )? (?P<sip_number> [3-6][0-9]{2} )
        (?! [@0-9_] | [.:,][0-9] | -[0-9a-f]{8} | /(?:tcp|udp) | ; \s? (?:user|phone-context|transport|tag) ) )
  | (?P<q850> Q (?<! [a-z0-9] Q ) \.?850 [\s"'(]{0,3} [;:,=]? \s{0,3} (?:cause (?: \s(?:code|value) )? )?
        [\s"']{0,3} [:=]? [\s"']{0,3} (?P<q850_number> [1-9][0-9]{0,2} ) (?! [0-9a-z_] | [.,][0-9] ) )
  | (?= [a-f] ) (?<![0-9]) (?P<bare_letters> {_BARE} )
"""


class _Known(NamedTuple):
    """A code that the catalogue knows: whether by name, or by its space alone; what it takes to be one in a text."""

    code: Code
    named: bool
    needs_sign: bool
    client: bool
    """It counts only among signs of a client that signs in."""


class Recogniser:
    """Finds the codes of one catalogue; compiled once, used for any number of texts."""

    def __init__(self, catalog: Catalog, *, fast: bool | None = None) -> None:
        """Compiles the forms of codes.

        `fast` says whether the fast step is used: None for where it pays, which is in texts longer than `SHORT`.
        """
        self._catalog = catalog
        self._fast = fast
        self._triggers: dict[tuple[int, bool], Callable[[bytes], list[tuple[int, int]]]] = {}
        words = "|".join(map(re.escape, sorted(catalog.words, key=len, reverse=True)))
        word = rf"| (?<![A-Za-z0-9_]) (?P<word> (?:{words}) ) (?![A-Za-z0-9_])" if words else ""
        # The look ahead lets most letters go at once.
        starts = "".join(sorted({one[0] for one in catalog.words}))
        tokens = _TOKENS.replace("{_BARE}", _BARE) + word
        self._tokens = re.compile(rf"(?= [-0-9a-fqs{starts}] ) (?: {tokens} )", re.I | re.X | re.A)
        self._known: dict[str, _Known | None] = {}
        self._bare = frozenset(_named(catalog)[0])

    def find(self, pieces: Iterable[str | bytes]) -> Iterator[Hit]:
        """The codes of a text in order, from pieces of any size; bytes are UTF-8. Memory does not grow with it."""
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
        at, free = low, low + place.over
        for windows in _together(self._windows(buffer, low, high, place)) if fast else [[(low, high)]]:
            text, spans = _part(buffer, [(min(max(begin, free), end), end) for begin, end in windows])
            plain = _padded(text)
            reached = 0
            for start, first, last in spans:
                for code, sure, index in self._codes(plain, max(first, reached), last, place):
                    offset = start + len(text[first:index].encode())
                    line, column = place.of(buffer, at, offset)
                    at = offset
                    behind = index + len(code.given)
                    yield Hit(
                        code, line, column, sure, text[max(0, index - KEPT) : index], text[behind : behind + KEPT]
                    )
                reached = max(reached, last + place.over)
            free = max(free, start + len(text[first:reached].encode()))
        place.over = max(0, free - high)
        place.of(buffer, at, high)

    def _windows(self, buffer: bytes, low: int, high: int, place: _Place) -> Iterator[tuple[int, int]]:
        """Where in [low, high) codes may begin, in order and apart from each other."""
        first = max(0, low - _CONTEXT)
        part = buffer[first:]
        kind = 1 if part.isascii() else 3, place.rows_seen
        if kind not in self._triggers:
            self._triggers[kind] = _trigger(self._catalog, kind[0], all_rows=kind[1])
        begin = end = low
        for start, stop in self._triggers[kind](part):
            if first + start > end:
                if end > begin:
                    yield begin, min(end, high)
                begin = max(low, first + start)
            end = max(end, first + stop)
            if begin >= high:
                return
        if end > begin:
            yield begin, min(end, high)

    def _codes(self, text: str, first: int, last: int, place: _Place) -> Iterator[tuple[Code, Sure, int]]:
        """The codes that begin in [first, last) of a text without escapes, each with where it begins."""
        at, place.over = first, 0
        # A match ends mostly where its window does: what comes after is searched only if it does not.
        while at < last and (match := self._tokens.search(text, at, last + _LONGEST)) and match.start() < last:
            at = match.end()
            place.over = max(0, at - last)
            form = match.lastgroup or ""
            # The last group that took part is an inner one where a form has inner groups.
            form = _OUTER.get(form, form)
            if form in {"pair", "row"}:
                yield from self._two(text, match, form, place)
            elif found := self._one(text, match, form):
                yield (*found, match.start())

    def _two(self, text: str, match: re.Match[str], form: str, place: _Place) -> Iterator[tuple[Code, Sure, int]]:
        """SIP code and Microsoft's beside it, as in `480#10076` and in rows of call records."""
        sip, number = match[f"{form}_sip"], match[f"{form}_number"]
        before, after = text[max(0, match.start() - 2 * KEPT) : match.start()], text[match.end() : match.end() + KEPT]
        if form == "row":
            if match["row_between"] in "/(":
                known = _LEG.fullmatch(number) is not None and self._response(number)
            elif _FIELD.match(text, match.end()) is None:
                known = False
            elif number == "0":
                known = place.rows(before) or ROW_OF_CALLS.search(before[-300:] + after[:100]) is not None
            else:
                known = (self._response(number) or _LEG.fullmatch(number) is not None) and (
                    place.rows(before) or ROW.near(before.lower()) or ROW.near(after.lower())
                )
            if not known:
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
        known = self._read(number)
        return known is not None and known.code.kind is Kind.NUMBER

    def _read(self, given: str) -> _Known | None:
        """What is known of the code that a token spells; None for nothing."""
        if given in self._known:
            return self._known[given]
        code, catalog = self._catalog.read(given), self._catalog
        known = None
        if code and (code in catalog.entries or catalog.space(code)):
            space, entry = catalog.space(code), catalog.entries.get(code)
            needs_sign = space is None or space.needs_sign
            known = _Known(code, catalog.names(code), needs_sign, bool(entry and entry.signs))
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[given] = known
        return known

    def _one(self, text: str, match: re.Match[str], form: str) -> tuple[Code, Sure] | None:
        given, begin, end = match[0], match.start(), match.end()
        if form == "decimal" and not self._promising(given, text, begin, end):
            return None
        if form in _SPOKEN:
            known = self._read(f"{_SPOKEN[form]}{match[f'{form}_number']}")
        elif form == "wide_hex":
            known = self._read(f"0x{match['wide_number']}")
        else:
            known = self._read(given)
        sure = _sure(known, form, text, begin, end) if known else None
        return (Code(known.code.text, known.code.kind, known.code.number, given), sure) if known and sure else None

    def _promising(self, given: str, text: str, begin: int, end: int) -> bool:
        """Whether it is worth asking the catalogue about a bare number; says no quickly to nearly all."""
        if len(given) > 7 or given in self._bare or _LEG.fullmatch(given) or _alone(text, begin, end):
            return True
        if len(given) == 3:
            return "3" <= given[0] <= "6"
        before = text[max(0, begin - 150) : begin].lower()
        if not ("code" in before or "type" in before or "reason" in before or "kod" in before or "nummer" in before):
            return "aadsts" in before and _strong(before)
        return (len(given) > 4 and _strong(before)) or any(one in before[-60:] for one in SUBCODES)


_OUTER = {
    "aadsts_number": "aadsts",
    "wide_number": "wide_hex",
    "pair_number": "pair",
    "row_number": "row",
    "sip_number": "sip",
    "spaced_number": "spaced",
    "q850_number": "q850",
    "bare_letters": "bare_hex",
}
_SPOKEN = {"spaced": "0xCAA", "sip": "sip:", "aadsts": "AADSTS", "q850": "Q.850 "}
"""Forms that say what they are, with how their code is given to the catalogue."""
_LEG = re.compile(r"500001|5[46][09][0-9]{3}|51[01][0-9]{3}|531[0-9]{3}")
"""Response codes whose form alone says what they are."""
_FIELD = re.compile(r"[\"']?[ ]?(?:[,;\t|\r\n]|\Z)")
_NUMBER = re.compile(r"[0-9]{3,10}", re.A)
_ALONE = re.compile(r"[\s\"'\[\](){}<>,;.:!?*`_-]*")


class _Around:
    """What stands around a token, taken apart when it is first asked for."""

    def __init__(self, text: str, begin: int, end: int) -> None:
        self.text, self.begin, self.end = text, begin, end
        self.before = text[max(0, begin - _BEFORE) : begin].lower()
        self.after = text[end : end + _AFTER].lower()
        self._last: list[tuple[str, int]] = []
        self._reach = iter((24, 80))  # mostly the nearest words are enough
        self._labelled: bool | None = None

    def last(self, count: int) -> list[tuple[str, int]]:
        """At most so many of the words just before, the nearest first, each with how far from the next it stands."""
        while len(self._last) < count and (reach := next(self._reach, 0)):
            self._last = self._words(reach)
        return self._last[:count]

    @property
    def nearest(self) -> tuple[str, int]:
        """The word just before, and how far it is; far where there is none."""
        return next(iter(self.last(1)), ("", 9))

    def _words(self, reach: int) -> list[tuple[str, int]]:
        tail = self.before[-80:]
        if "<" in tail:
            tail = _MARKUP.sub(" ", tail)
        first = max(0, len(tail) - reach)
        word = _ASCII_WORD if tail.isascii() else _WORD
        # One that begins where the look does may have begun before.
        words = [one for one in word.finditer(tail, first) if one.start() > first or not first]
        found, at = [], len(tail)
        for match in reversed(words[-5:]):
            found.append((match[0], at - match.end()))
            at = match.start()
        return found

    @property
    def labelled(self) -> bool:
        """Whether a word for an error, a code, a status or a result stands just before."""
        if self._labelled is None:
            self._labelled = self._label()
        return self._labelled

    def _label(self) -> bool:
        tail = self.before[-40:]
        # Letters of some languages are no single words here: their vowels are signs of their own.
        if not tail.isascii() and any(part in tail for part in _FOREIGN) and all(gap < 8 for _, gap in self.last(1)):
            return True
        for place in range(4):
            words = self.last(place + 1)
            if place == len(words):
                return False
            word, gap = words[place]
            if gap > 24 and not _TAGS.fullmatch(self.before[-gap - len(word) :][len(word) :] if not place else ""):
                return False
            if word in CODES or (any(part in word for part in ERRORS) and not word.endswith(_MEASURED)):
                other = self.last(place + 2)[place + 1 :]
                thing = word in {"code", "codes", "kod"} and other and other[0][0] in CODES_OF_THINGS
                return not thing and not (word.endswith("code") and word[:-4] in CODES_OF_THINGS)
            if word not in LINKS:
                return False
        return False

    @property
    def coded(self) -> bool:
        """Whether the label is a code's, so that a word for an amount after it is the next sentence's."""
        return any("cod" in word or "kod" in word for word, gap in self.last(1) if gap <= 4)

    @property
    def thing(self) -> bool:
        """Whether it is the number of a thing, or the measure of one."""
        for place, (word, gap) in enumerate(self.last(2)):
            if gap > 4:
                break
            if word in THINGS or word.endswith(_MEASURED) or (place == 0 and self.before[-1:] in {"\u00b0", "\u2116"}):
                return True
            if word in {"code", "codes", "kod"}:
                return any(one in CODES_OF_THINGS for one, _ in self.last(place + 4)[place + 1 :])
            if word == "id" or (word in {"no", "nr"} and not self.labelled):
                return True
            if word not in {"no", "nr", "num", "number", "nummer", "is", "ist"}:
                break
        return _PARAMETER.search(self.before[-40:]) is not None

    def near(self, signs: Signs, before: int = _BEFORE, after: int = _AFTER) -> bool:
        """Whether signs stand within so many characters before it or after it."""
        return signs.near(f"{self.before[-before:]}\n{self.after[:after]}")

    @property
    def elsewhere(self) -> bool:
        """Whether it is a part of something else."""
        text, begin, end = self.text, self.begin, self.end
        # A label right before it and nothing that goes on behind it: the long pattern would find nothing.
        if self.labelled and self.nearest[1] <= 4 and _CLEAR.match(text, end):
            beginning = self.before[-44:]
            if "/" not in beginning and "http" not in beginning and "\\" not in beginning and "#" not in beginning[-4:]:
                return False
        left, right = text[max(0, begin - 20) : begin], text[end : end + 20]
        if not (
            _DIGIT.search(left)
            or _DIGIT.search(right)
            or left[-1:] in _TIED
            or right[:1] in _TIED
            or ":\\" in left
            or "/" in left
        ):
            return self._in_address()
        first = max(0, begin - 44)
        for one in ELSE.finditer(text[first : end + 40]):
            if one.start() + first < end and begin < one.end() + first:
                return True
        return self._in_address()

    def _in_address(self) -> bool:
        said = "://" in self.before or ":\\" in self.before
        return said and _ADDRESS.search(self.before) is not None


_SENTENCE = re.compile(r"[^\W\d_][.!\u3002]?\s?\[\Z")
_CLOSED = re.compile(r"\][^\w\s]{0,3}(?:\s{0,3}\Z|\s{0,3}\n|[\u300d\u300f\u201d\"\u00bb])")
_CELL = re.compile(r"\"?\s{0,20}(?:[|,;\t]|\s{2})")
_NAME = re.compile(
    r"(?<!from)(?<!by)(?<!von)(?<!vom)(?<!de)(?<!par)(?<![.:!?>|\n\s])\s{1,2}"
    r"(?!(?i:response|reply|answer|antwort)\b)[A-Z\u00c0-\u00de][\w-]*\s\Z"
)
"""A name before a number, as of a telephone's model or of a street: it is no beginning of a sentence."""
_CLEAR = re.compile(r"[\"']?(?:[,;)\]}<](?!\s?[0-9])|\s?[\r\n]|\Z|\s[A-Za-z]{4,}\b)")
_FACILITIES = frozenset({0x1, 0x2, 0x3, 0x5, 0x7, 0x8, 0x9, 0xD})
_FOREIGN = tuple(part for part in ERRORS if not part.isascii() and "\u0590" <= part[0] <= "\u0eff")
_MEASURED = ("size", "count", "counts", "rate", "total", "ratio", "log", "logs", "time", "id", "seconds")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019](?![^\W\d_]{3}))?|[0-9]+(?=[^\W\d_])")
_ASCII_WORD = re.compile(r"[a-z]+(?:'(?![a-z]{3}))?|[0-9]+(?=[a-z])")
"""The same in a text that has only ASCII, in half the time."""
_TAGS = re.compile(r"(?:[^<>\w]{0,8}<[^<>\n]{0,40}>){1,3}[^<>\w]{0,8}")
_MARKUP = re.compile(r"</?(?:t[dhrt]|d[dt]|[bipu]|br|em|li|div|span|font|code|strong)\b[^<>\n]{0,60}>")
"""Elements of HTML that say nothing of what they hold; a name such as `ErrorCode` does."""
_DIGIT = re.compile("[0-9]")
_TIED = frozenset("[-.:@/\\#$\u20ac\u00a3+_xX\u00d7=")
_ADDRESS = re.compile(r"(?:https?://[^\s?\"'<>]{0,160}|\b[a-z]:\\[^\s\"'<>|]{0,160})\Z")
_PARAMETER = re.compile(
    r"(?:[\w-]-(?:length|expires|forwards|after|se|id|age)[\s:=\"']{1,4}|;\s?(?:tag|branch|rport|received|q|ttl|lr|ob)=)\Z"
)


def _sure(what: _Known, form: str, text: str, begin: int, end: int) -> Sure | None:
    """How sure it is that what stands at [begin, end) of a text is this code; None where it is something else."""
    code, named, needs_sign, client = what
    if form in {"aadsts", "word"}:
        return Sure.CERTAIN
    if form == "q850":
        return None if COUNTED.match(text[end : end + 24].lower()) else Sure.CERTAIN
    if form == "sip":
        start_line = "/" in text[begin:end] or _phrase(code.number, text[end : end + 40])
        return Sure.CERTAIN if start_line or not COUNTED.match(text[end : end + 24].lower()) else None
    around = _Around(text, begin, end)
    if form == "spaced":
        known = (code.number >> 16) & 0xF in _FACILITIES
        return Sure.LIKELY if known and (_alone(text, begin, end) or around.labelled or around.near(CLIENT)) else None
    adal = code.kind is Kind.HRESULT and code.number & 0x0FF00000 == 0x0AA00000
    if form in {"hex", "wide_hex", "bare_hex"} and code.kind is Kind.HRESULT:
        word, gap = around.nearest
        if gap <= 4 and (word in NOT_HEX or (word == "id" and form == "bare_hex" and not around.labelled)):
            return None
        if form == "bare_hex" and (
            _in_guid(around.before, around.after)
            or around.before[-1:] in {"#", "/", "\\"}
            or around.after[:1] == "@"
            or (around.before[-1:] == "-" and around.after[:1] == "-")
        ):
            return None
        # A hash may begin like this by chance; only some facilities of the sign-in library are known.
        if adal and code.number >> 28 == 0xC and (form != "bare_hex" or (code.number >> 16) & 0xF in _FACILITIES):
            return Sure.CERTAIN
        if form != "bare_hex" and (named or not needs_sign):
            return Sure.CERTAIN
        if (
            form == "bare_hex"
            and not named
            and not (around.labelled and (adal or (around.coded and code.number >> 24 in {0x80, 0xC0, 0xD0})))
        ):
            return None
        if form == "bare_hex" and (
            around.after[:1].isalnum() or around.before[-1:].isalnum() or around.after[:1] == "_"
        ):
            return None
    if _alone(text, begin, end):
        return Sure.LIKELY if named or adal else None
    if around.before[-1:] == "+" and not around.before[-2:-1].isalpha():
        return None
    match code.kind:
        case Kind.HRESULT:
            twin = f"{code.number:x}" in around.before[-60:] + around.after[:40]  # the same code in another spelling
            known = (
                form != "decimal"
                or adal
                or named
                or (
                    around.labelled
                    and (code.given[0] == "-" or around.coded)
                    and DECIMAL.fullmatch(code.given) is not None
                    and "://" not in around.before
                )
            )
            fine = known and (
                twin
                or around.labelled
                or (form != "decimal" and around.near(FAILED, 80, 48))
                or around.near(LIBRARY, 110, 48)
            )
        case Kind.SHORT:
            fine = named and around.labelled and (form == "hex" or around.near(CLIENT))
        case Kind.AADSTS:
            if named and _CELL.match(around.after) and HEADED.search(text[max(0, begin - KEPT) : begin]):
                return Sure.LIKELY
            fine = (_strong(around.before) and (named or _of_sign_in(around, code.number))) or (
                named and (around.labelled or (around.near(AAD, 110, 60) and _goes_on(around)))
            )
        case Kind.SIP:
            fine = _call(around, code.number)
        case Kind.NUMBER if client:
            fine = (around.labelled or _bracketed(around)) and around.near(CLIENT)
        case _:
            fine = _subcode(around.before) or (
                (named or _LEG.fullmatch(str(code.number)) is not None) and around.near(CALL)
            )
    if not fine or around.thing or _counted(around, code) or around.elsewhere:
        return None
    return Sure.LIKELY


def _counted(around: _Around, code: Code) -> bool:
    """Whether the number is an amount of what stands behind it."""
    if around.coded or COUNTED.match(around.after) is None:
        return False
    return code.kind is not Kind.SIP or not _phrase(code.number, around.after)


def _phrase(number: int, after: str) -> bool:
    """Whether the reason phrase of a SIP code stands behind it."""
    phrase = PHRASES.get(number)
    return phrase is not None and after.lower().lstrip(" \"',;:-").startswith(phrase)


def _strong(before: str) -> bool:
    """Whether a label stands before that the numbers of the sign-in service have: what follows needs no list."""
    tail = before[-150:]
    if not (any(one in tail for one in STRONG) or any(one in tail for one in STRONG_PAIRS)):
        return False
    begins = [at for one in LABELS_AADSTS if (at := tail.find(one)) >= 0]
    match = LABELLED_AADSTS.search(tail, max(0, min(begins) - 7)) if begins else None
    if match is None:
        return False
    head = tail[: match.start()] + match[0][:24]
    return any(one in head[-40:] for one in STRONG) or any(
        one in tail[max(0, match.start() - 24) : match.start()] for one in STRONG_PAIRS
    )


def _subcode(before: str) -> bool:
    """Whether a label of Microsoft's response codes stands before, and no other number behind it."""
    tail = _DIGIT.split(before[-60:])[-1]
    return any(one in tail for one in SUBCODES)


def _of_sign_in(around: _Around, number: int) -> bool:
    """Whether a number that the catalogue does not name, behind a label that others use too, is of the sign-in service.

    Its numbers leave out those of WinINet and WinHTTP, which stand behind the same label.
    """
    if 12000 <= number < 12200:
        return False
    said = around.before + around.after
    return around.near(AAD) or any(one in said for one in OF_SIGN_IN)


def _bracketed(around: _Around) -> bool:
    """Whether a sentence ends with the number in brackets, as in `Something went wrong. [1001]`."""
    return _SENTENCE.search(around.before[-8:]) is not None and (
        around.before[-3:-1].rstrip()[-1:] in {".", "!", "\u3002"} or _CLOSED.match(around.after) is not None
    )


def _call(around: _Around, number: int) -> bool:
    """Whether a number of three digits is the SIP code of a call."""
    if not around.near(CALL, 120, 80):
        return False
    tail = around.before[-80:]
    if ("sip" in tail or "reason" in tail or "q.850" in tail) and SIP_LABEL.search(tail):
        return True
    if around.near(HTTP, 90, 40):
        return False
    if _phrase(number, around.after) or around.labelled:
        return True
    word, gap = around.nearest
    if gap <= 2 and word in PARTIES:
        return False
    if _NAME.search(around.text[max(0, around.begin - 60) : around.begin]) and not CALL.near(word):
        return False
    return around.before.rstrip("\"' ")[-1:] not in {",", ";"} and _goes_on(around)


def _goes_on(around: _Around) -> bool:
    """Whether a sentence goes on behind the number. A field of a table has its column for a label, not what is near."""
    return around.before.rstrip("\"' ")[-1:] not in {"|", "\t"} and GOES_ON.match(around.after) is not None


def _in_guid(before: str, after: str) -> bool:
    return re.match(r"-[0-9a-f]{4}", after) is not None or re.search(r"[0-9a-f]{4}-$", before[-5:]) is not None


def _alone(text: str, begin: int, end: int) -> bool:
    """Whether nothing else stands in the whole text, or in the one line that holds it."""
    return (
        len(text) < 2 * _BEFORE
        and not text[:begin].strip(" \t\r\n\"'[](),;.")
        and not text[end:].strip(" \t\r\n\"'[](),;.")
    )


class _Place:
    """Where in the whole text a block begins, and what its earlier lines said of the later ones."""

    def __init__(self) -> None:
        self.line, self.column, self.rows_seen = 1, 1, False
        self.over = 0
        """How far the last token reaches over the end of what was searched: no other begins inside it."""

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
        self.rows_seen = self.rows_seen or HEADER.search(before) is not None
        return self.rows_seen


def _decoded(part: bytes) -> str:
    return str(part, "utf-8", "replace")


def _together(windows: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Windows whose surroundings overlap, so that each is read once."""
    group: list[tuple[int, int]] = []
    for one in windows:
        if group and (one[0] - group[-1][1] > 3 * KEPT or one[1] - group[0][0] > SHORT):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _part(buffer: bytes, windows: Sequence[tuple[int, int]]) -> tuple[str, list[tuple[int, int, int]]]:
    """Windows of a buffer with what is around them as text; each with its place in the buffer and in the text."""
    lowest, highest = max(0, windows[0][0] - 2 * KEPT), windows[-1][1] + KEPT + _LONGEST
    part = buffer[lowest:highest]
    if part.isascii():
        return str(part, "ascii"), [(begin, begin - lowest, end - lowest) for begin, end in windows]
    at = _boundary(buffer, max(0, windows[0][0] - _CONTEXT))
    pieces, length, spans = [], 0, []
    for begin, end in windows:
        start, stop = _boundary(buffer, begin), _boundary(buffer, end)
        pieces += [_decoded(buffer[at:start]), _decoded(buffer[start:stop])]
        first = length + len(pieces[-2])
        length = first + len(pieces[-1])
        spans.append((start, first, length))
        at = stop
    pieces.append(_decoded(buffer[at : _boundary(buffer, at + _CONTEXT)]))
    return "".join(pieces), spans


def _boundary(buffer: bytes, at: int) -> int:
    """The place itself, or just before the character that a cut there would split; at most three bytes back."""
    at = min(at, len(buffer))
    for back in range(4):
        if at - back <= 0 or at >= len(buffer) or buffer[at - back] & 0xC0 != 0x80:
            return max(0, at - back)
    return at


def _padded(text: str) -> str:
    """The text with what escapes stand for at their place, filled up with blanks so that every place stays."""
    if "=" in text and ("=\n" in text or "=\r\n" in text):
        text = CARRIED_ON.sub(lambda match: match[1].rjust(len(match[0])), text)
    if "%" not in text and "\\" not in text and "&" not in text and not ("=" in text and "=3D" in text):
        return text if text.isascii() else text.translate(_DASHES)
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
    elif match["mail"]:
        said = "="
    else:
        said = "\n" if whole[-1] in "nr" else " " if whole[-1] == "t" else whole[-1]
    if not "\t" <= said <= "~":
        said = " "
    return said.rjust(len(whole))


def _short(number: int) -> str:
    """How a short code is written at least: what has only decimal digits needs the 0x."""
    digits = f"{number:x}"
    return f"0x0{{0,5}}{digits}" if digits.isdecimal() else f"(?:0x0{{0,5}})?{digits}"


def _named(catalog: Catalog) -> tuple[list[str], list[str]]:
    """Bare numbers and short hexadecimal ones that the catalogue names."""
    numbers, hexadecimal = set(), set()
    for code in catalog.entries:
        if code.kind in {Kind.AADSTS, Kind.NUMBER}:
            numbers.add(str(code.number))
        elif code.kind is Kind.SHORT:
            hexadecimal.add(_short(code.number))
    for space in catalog.spaces:
        if space.kind in {Kind.AADSTS, Kind.NUMBER}:
            numbers.update(str(number) for number in space.table if number > 999)
        elif space.kind is Kind.SHORT:
            hexadecimal.update(_short(number) for number in space.table if number > 0xFF)
    return sorted(numbers), sorted(hexadecimal)


def _trigger(catalog: Catalog, letter: int, *, all_rows: bool) -> Callable[[bytes], list[tuple[int, int]]]:
    """The fast step: answers where in a block, whose letters have up to so many bytes, codes could begin, in order."""
    numbers, hexadecimal = _named(catalog)
    words = [re.escape(word) for word in sorted(catalog.words)]
    calls, records = near_call(letter), rows(letter, every=all_rows)
    patterns = [*calls, *records, *WIDE_TRIGGERS, *words]
    wide, longest = range(len(calls), len(patterns)), max([22, *map(len, catalog.words)])
    patterns += TRIGGERS
    patterns += [rf"{EDGE}(?:{'|'.join(numbers)})\b", rf"{EDGE}(?:{'|'.join(hexadecimal)})\b", TRIGGER_GLUED]
    try:
        import hyperscan  # noqa: PLC0415 - late: short texts and single codes need none of it

        database = hyperscan.Database()
        database.compile(
            expressions=[one.encode() for one in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[*[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL] * (len(patterns) - 1), 0],
        )
    except (ImportError, OSError):
        return lambda block: [(0, len(block))]

    # What stands before its sign is told by where the sign ends: how far back it is, and what is looked for there.
    back = {0: (100 * letter + 40, re.compile(CALLS_NUMBER.encode(), re.I))}
    if len(records) > 2:
        back[len(calls) + len(records) - 1] = 640, re.compile(ROW_OF_NUMBERS.encode(), re.I)

    def places(block: bytes) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        signs: dict[int, list[int]] = {which: [] for which in back}

        def seen(which: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            if which in signs:
                signs[which].append(end)
            else:
                found.append((end - (longest if which in wide else 14), end + 1))

        database.scan(block, match_event_handler=seen)
        for which, (reach, pattern) in back.items():
            last = 0
            for end in sorted(signs[which]):
                for one in pattern.finditer(block, max(last, end - reach), end):
                    last = one.end()
                    found.append((last - longest, last + 1))
        found.sort()
        return found

    return places
