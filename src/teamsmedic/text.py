"""Makes text from devices and logs harmless where people read it."""

from __future__ import annotations

import unicodedata


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
