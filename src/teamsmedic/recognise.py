"""Finds codes in text: logs, mails, what somebody copied from a screen.

A code that cannot be mistaken (0xCAA82EE7, AADSTS50076, SIP 403, max_reload_exceeded) counts wherever it stands. A bare
or short one (1001, 4c7, 403, 50126, 3399942151) counts only with a sign of its kind near it, and nothing counts inside
what is something else: a GUID, a hash, an address, a date, a version, a telephone number, a duration, a numbered thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from teamsmedic.catalog import Catalog
from teamsmedic.codes import Code, Kind

PIECE = 65_536
"""Characters that are read at once: a longer line is looked at in pieces."""

_OVERLAP = 128
"""Characters of a piece that are looked at again with the next one, so that no code is lost in a cut."""

_BEFORE, _AFTER = 64, 48
"""How far around a bare code a sign of its kind may stand, in characters; before it also on earlier lines."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A code and where it was seen: line and column count from 1, `code.given` is how it stood there."""

    code: Code
    line: int
    column: int


_FORMS = r"""
    (?P<sip> SIP (?: /2\.0\s{1,3} | [:/_-]?
                 | \s{1,3} (?:(?:response|status|final|error|result)\s){0,2} (?:code)? \s?[:=]?\s? )
             (?P<sip_number>[3-6][0-9]{2}) (?! [@.0-9] | :[0-9] ) )
  | (?P<aadsts> AADSTS [\s:\#_-]{0,2} [1-9][0-9]{3,6} )
  | (?P<hex> 0x [0-9a-f]{3,8} )
  | (?P<bare_hex> [0-9a-f]{8} )
  | (?P<decimal> -[0-9]{9,10} | [0-9]{3,10} )
  | (?P<short_hex> (?=[0-9]*[a-f]) [0-9][0-9a-f]{2,3} )
"""

_ELSE = re.compile(
    r"""
    [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12}                               # GUID
  | \b (?=[0-9]{0,64}[a-f]) [0-9a-f]{9,} \b | 0x[0-9a-f]{9,}                      # hash, thumbprint, long pointer
  | \b (?: [0-9a-f]{2} [:-] ){5} [0-9a-f]{2}                                      # hardware address, fingerprint
  | \b v? [0-9]+ (?: \.[0-9]+ )+ (?: :[0-9]+ )?                                   # version, IP address, fraction
  | \b (?: [a-z0-9-]{1,63} (?: \.[a-z0-9-]{1,63} ){1,8} | localhost ) : [0-9]+    # name and port
  | \] : [0-9]+
  | \b [0-9]{4} - [0-9]{2} - [0-9]{2} (?: [T\s] [0-9:.,]+ )?                      # date and time
  | \b [0-9]{1,2} : [0-9]{2} (?: : [0-9]{2} )? (?: [.,][0-9]+ )?
  | sips? : [^\s@;>]{1,64} @ [^\s>]* | tel: [+0-9().\-]+                          # address of a person
  | (?: \+ | \b00 ) [1-9] [0-9\s().\-]{6,}                                        # telephone number
  | \(? \b [0-9]{3} \)? [\s.\-] [0-9]{3} [\s.\-] [0-9]{4} \b
  | \b [0-9][0-9.,]{0,20} \s? (?: ms|msec|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|days?|[kmg]i?b|bytes?
        |px|[kmg]?hz|users?|times|people|devices?|rooms?|calls?|attempts?|lines?|rows?|items?|files?
        |eur|usd|gbp|chf ) \b
  | \b [0-9][0-9.,]{0,20} \s? %
  | \b (?: ports?|build|version|pid|tid|process(?:\s?id)?|thread(?:\s?id)?|line|row|column|page|room|building|floor|desk
        |ext|extension|tel|phone|mobile|fax|kb|event(?:\s?id)?|eventid|instance|id|size|length|count|ticket|case
        |incident|inc|chg|req|year|no|number|width|height|offset|position|step|vlan
        |https?(?:/[0-9.]{1,3})?(?:\s(?:status|error|code)){0,2} )
        \s? [:=.\#]? \s? \(? [0-9][0-9a-f.:]* \b
  | \# [0-9]+ | [$\u20ac\u00a3] \s? [0-9][0-9.,]*
  | \b [a-z]:\\ \S+ | \b https?:// [^\s?]+                                        # path, address without its query
    """,
    re.I | re.X | re.A,
)
"""What is something else, however much it looks like a code."""

_FAILURE = re.compile(r"err(?:or)?\b|error|fail|code|hresult|\bhr\b|status|result|exception|aad|wam|broker|win32", re.I)
_SIP_SIGN = re.compile(
    r"\bsip\b|sbc|callend|invite|\bbye\b|pstn|direct routing|trunk|response code|teams phone|subcode", re.I
)
_SIGNS = {
    Kind.HRESULT: _FAILURE,
    Kind.SHORT: _FAILURE,
    Kind.AADSTS: re.compile(
        r"aad|sign-?in|entra|error ?code|result ?type|conditional access|failure reason|[?&]code=", re.I
    ),
    Kind.SIP: _SIP_SIGN,
    Kind.NUMBER: re.compile(_SIP_SIGN.pattern + "|microsoft|sub ?reason", re.I),
}


class Recogniser:
    """Finds the codes of one catalogue; compiled once, used for any number of texts."""

    def __init__(self, catalog: Catalog) -> None:
        """Compiles the forms of codes, and the signs that the catalogue's entries bring."""
        self._catalog = catalog
        words = "|".join(sorted(catalog.words, key=len, reverse=True))
        forms = _FORMS + (rf"| (?P<word> (?:{words}) )" if words else "")
        self._forms = re.compile(rf"(?<![A-Za-z0-9_]) (?: {forms} ) (?![A-Za-z0-9_])", re.I | re.X | re.A)
        self._signs = {
            code: re.compile("|".join(map(re.escape, entry.signs)), re.I)
            for code, entry in catalog.entries.items()
            if entry.signs
        }

    def find(self, pieces: Iterable[str]) -> Iterator[Hit]:
        """The codes of a text in order, from its lines or from parts of lines; memory does not grow with the text.

        A piece that ends in no line end is continued by the next one.
        """
        text, line, start, first, before = "", 1, 0, 0, ""
        for piece in pieces:
            *ended, rest = piece.split("\n")
            for part in ended:
                text += part
                yield from self._line(text, before, line, start, first=first, last=len(text))
                before = f"{before} {text[-_BEFORE:]}"[-_BEFORE:]
                text, line, start, first = "", line + 1, 0, 0
            text += rest
            while len(text) - first > PIECE + _OVERLAP:
                last = first + PIECE
                yield from self._line(text[: last + _OVERLAP], before, line, start, first=first, last=last)
                text, start, first = text[last - _OVERLAP :], start + last - _OVERLAP, _OVERLAP
        yield from self._line(text, before, line, start, first=first, last=len(text))

    def _line(self, text: str, before: str, line: int, start: int, *, first: int, last: int) -> Iterator[Hit]:
        """The codes of a line's part that begin in [first, last); `start` is the part's place in its line."""
        elsewhere: list[tuple[int, int]] | None = None
        for match in self._forms.finditer(text):
            begin, end = match.span()
            if not first <= begin < last:
                continue
            code = self._catalog.read(f"sip:{match['sip_number']}" if match["sip"] else match[0])
            if code is None:
                continue
            if elsewhere is None:
                elsewhere = [found.span() for found in _ELSE.finditer(text)]
            if not match["sip"] and any(low < end and begin < high for low, high in elsewhere):
                continue
            around = f"{before} {text[max(0, begin - _BEFORE) : begin]}"[-_BEFORE:] + "\0" + text[end : end + _AFTER]
            alone = text.strip(" \t\r\"'[](),;.") == match[0]
            if self._counts(code, match.lastgroup or "", around, alone=alone):
                yield Hit(Code(code.text, code.kind, code.number, match[0]), line, start + begin + 1)

    def _counts(self, code: Code, form: str, around: str, *, alone: bool) -> bool:
        space = self._catalog.space(code)
        if space is None and code not in self._catalog.entries:
            return False
        if form in {"sip", "aadsts", "word"}:
            return True
        if signs := self._signs.get(code):
            return alone or signs.search(around) is not None
        adal = code.kind is Kind.HRESULT and code.number & 0xFFF00000 == 0xCAA00000
        if form == "hex" and code.kind is Kind.HRESULT:
            if adal or (space and not space.needs_sign):
                return True
        elif form == "bare_hex" and adal:
            return True
        elif not (adal or self._catalog.names(code)):
            return False
        return (alone and self._catalog.names(code)) or _SIGNS[code.kind].search(around) is not None


def pieces(stream: TextIO) -> Iterator[str]:
    """The lines of a stream, a longer one in parts of at most `PIECE` characters."""
    while piece := stream.readline(PIECE):
        yield piece
