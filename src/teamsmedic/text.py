"""Makes text from devices and logs harmless where people read it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping


def clean(text: object, limit: int = 2000) -> str:
    """The text in one line without what moves a cursor, hides or reorders letters; at most `limit` characters.

    Control, format and surrogate characters (Unicode categories Cc, Cf, Cs, Co, Zl, Zp) become `\\xNN` or `\\uNNNN`.
    """
    text = str(text)
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    if short.isascii() and short.isprintable():
        return short
    return "".join(
        one if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else _escape(ord(one))
        for one in short
    )


def _escape(point: int) -> str:
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def value(it: object) -> str:
    """A value of a change in few words."""
    if it is None:
        return "absent"
    if isinstance(it, Mapping) and "data" in it:
        data = it["data"]
        return clean(data, 300) + (f" (0x{data:X})" if isinstance(data, int) and data > 9 else "")
    return clean(it if isinstance(it, str) else json.dumps(it, sort_keys=True), 300)
