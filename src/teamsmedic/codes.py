"""One canonical form for a code in every spelling that a person or a log gives it.

This module knows how codes are written; what they mean is in catalog/. It reads no file and decides nothing.

| kind    | canonical             | also read                                                                     |
|---------|-----------------------|-------------------------------------------------------------------------------|
| hresult | `0xCAA82EE7`          | `caa82ee7`, `3400019687`, `-894947609`; HRESULT and NTSTATUS alike            |
| aadsts  | `AADSTS53003`         | `aadsts 53003`, `AADSTS:53003`, `53003`                                       |
| sip     | `SIP 403`             | `SIP403`, `sip:403`, `403`                                                    |
| q850    | `Q.850 16`            | `Q.850;cause=16`, `q850 cause 16`                                             |
| number  | `560403`, `1001`      | Microsoft response codes, and numbers that the screen shows                   |
| short   | `4c7`, `0x102`        | `0x4C7`, `0x000004C7`; with digits only the `0x` stays, or it would be decimal |
| word    | `max_reload_exceeded` | `MAX_RELOAD_EXCEEDED`                                                         |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from teamsmedic.errors import UnknownCode


class Kind(StrEnum):
    """How a code is written."""

    HRESULT = "hresult"
    AADSTS = "aadsts"
    SIP = "sip"
    Q850 = "q850"
    NUMBER = "number"
    SHORT = "short"
    WORD = "word"


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code: `text` is its canonical form and identity, `number` its value (a word: 0), `given` how it was put."""

    text: str
    kind: Kind = field(compare=False)
    number: int = field(compare=False)
    given: str = field(compare=False)

    def __str__(self) -> str:
        """The canonical form."""
        return self.text


LONGEST = 40
"""Characters of the longest spelling worth reading; no code comes near it, and hostile input stays cheap."""

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_PLAIN = {0x00A0: " ", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-"}
_TYPOGRAPHY = _INVISIBLE | _PLAIN
"""What web pages, mail and word processors put into a copied code: invisible signs, hard spaces, other dashes."""

_WRAPPING = " \t\r\n\"'`()[]<>{}.,;:"
_HEX = re.compile(r"0x([0-9a-f]{1,8})", re.I | re.A)
_BARE_HEX = re.compile(r"[0-9a-f]{8}", re.I | re.A)
_SHORT_HEX = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{3,4}", re.I | re.A)
_DECIMAL = re.compile(r"-?[0-9]{3,10}", re.A)
_AADSTS = re.compile(r"aadsts[\s:#_-]{0,2}([1-9][0-9]{3,6})", re.I | re.A)
_SIP = re.compile(r"sip[\s:/_-]{0,2}([3-6][0-9]{2})", re.I | re.A)
_Q850 = re.compile(r"q\.?850\s?;?\s?(?:cause)?\s?[:=]?\s?([1-9][0-9]{0,2})", re.I | re.A)
_WORD = re.compile(r"[a-z][a-z0-9]{1,20}(?:_[a-z0-9]{1,20}){1,4}", re.I | re.A)

_RESPONSE = re.compile(r"1106|10[0-9]{3}|5[46][09][0-9]{3}|51[01][0-9]{3}|531[0-9]{3}|500001|301[0-9]{3}", re.A)
"""Microsoft response codes by form (CallEndSubReason in the Direct Routing and Azure Communication Services lists).

Five to seven digits of any other form are read as AADSTS numbers. The two ranges overlap only here:
AADSTS5000nn and AADSTS530nnn exist, 500001 is a response code and 530nnn is none.
"""


def canonical(given: object) -> Code | None:
    """The code that a text or an integer spells, in canonical form; None where it spells none.

    An integer is read like its decimal digits: YAML turns `0xCAA70007` into 3399942151.
    """
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    if isinstance(given, int) and not -(2**31) <= given < 2**32:
        return None
    original = str(given)
    if len(original) > LONGEST:
        return None
    text = original.translate(_TYPOGRAPHY).strip(_WRAPPING)
    shown = text or original

    def code(kind: Kind, number: int, canonical_text: str) -> Code:
        return Code(canonical_text, kind, number, shown)

    if match := _HEX.fullmatch(text):
        return _hexadecimal(int(match[1], 16), shown)
    if match := _AADSTS.fullmatch(text):
        return code(Kind.AADSTS, int(match[1]), f"AADSTS{int(match[1])}")
    if match := _SIP.fullmatch(text):
        return code(Kind.SIP, int(match[1]), f"SIP {match[1]}")
    if (match := _Q850.fullmatch(text)) and int(match[1]) < 128:
        return code(Kind.Q850, int(match[1]), f"Q.850 {match[1]}")
    # Eight digits are a hexadecimal value even when all are decimal: 80090016 is NTE_BAD_KEYSET; as a decimal number it
    # would have no failure bit.
    if _BARE_HEX.fullmatch(text):
        return _hexadecimal(int(text, 16), shown) if text[0] in "489abcdefABCDEF" else None
    if _DECIMAL.fullmatch(text):
        return _decimal(text, shown)
    if _SHORT_HEX.fullmatch(text):
        return _hexadecimal(int(text, 16), shown)
    if _WORD.fullmatch(text):
        return code(Kind.WORD, 0, text.lower())
    return None


def _hexadecimal(value: int, given: str) -> Code | None:
    if value > 0xFFFF:
        return Code(f"0x{value:08X}", Kind.HRESULT, value, given)
    if value < 0x100:
        return None
    bare = f"{value:x}"
    return Code(f"0x{value:X}" if bare.isdecimal() or not re.search("[0-9]", bare) else bare, Kind.SHORT, value, given)


def _decimal(text: str, given: str) -> Code | None:
    number = int(text)
    if number < 0:
        return (
            Code(f"0x{number + 2**32:08X}", Kind.HRESULT, number + 2**32, given)
            if -(2**31) <= number < -0x10000
            else None
        )
    if number >= 2**31:
        return Code(f"0x{number:08X}", Kind.HRESULT, number, given) if number < 2**32 else None
    if text[0] == "0":
        return None
    if len(text) == 3:
        return Code(f"SIP {text}", Kind.SIP, number, given) if "3" <= text[0] <= "6" else None
    if len(text) == 4 or _RESPONSE.fullmatch(text):
        return Code(text, Kind.NUMBER, number, given)
    return Code(f"AADSTS{text}", Kind.AADSTS, number, given) if len(text) <= 7 else None


def parse_list(value: object, read: Callable[[object], Code | None] = canonical) -> list[Code]:
    """The codes of a list, of a string separated by commas or lines, or of one integer; each once, in the order given.

    UnknownCode names the first part that `read` makes no code of.
    """
    found: dict[Code, Code] = {}
    for part in _parts(value):
        code = read(part)
        if code is None:
            raise UnknownCode(
                f"read the code {_short(part)}",
                "it has the form of no Teams code",
                "give it as in 0xCAA70007, AADSTS53003, sip:403, 560403, 1001 or max_reload_exceeded",
            )
        found.setdefault(code, code)
    return list(found)


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, str):
        yield from filter(None, map(str.strip, re.split(r"[,\r\n]+", value)))
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        for item in value:
            yield from _parts(item) if isinstance(item, str) else [item]
    else:
        yield value


def shown(code: Code) -> str:
    """The code for a message: the canonical form, and what was given where that differs."""
    return code.text if code.given == code.text else f"{code.text} (given as {code.given})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def spellings(code: Code) -> list[str]:
    """Other spellings of a code, the commonest first; `canonical` reads each of them as the same code."""
    match code.kind:
        case Kind.HRESULT:
            digits = f"{code.number:08X}"
            found = [f"0x{digits.lower()}", digits, digits.lower()]
            if code.number >= 2**31:
                found += [str(code.number), str(code.number - 2**32)]
        case Kind.AADSTS:
            found = [code.text.lower(), f"AADSTS {code.number}", f"AADSTS:{code.number}", str(code.number)]
        case Kind.SIP:
            found = [f"SIP{code.number}", f"sip:{code.number}", f"sip {code.number}", str(code.number)]
        case Kind.Q850:
            found = [f"Q.850;cause={code.number}", f"q850 cause {code.number}", f"Q850 {code.number}"]
        case Kind.SHORT:
            digits = f"{code.number:X}"
            found = [digits.lower(), digits, f"0x{digits.lower()}", f"0x{digits}", f"0x{code.number:08X}"]
        case Kind.WORD:
            found = [code.text.upper()]
        case Kind.NUMBER:
            found = []
    return [text for text in dict.fromkeys(found) if text != code.text and canonical(text) == code]
