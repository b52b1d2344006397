"""Registry hives as the text that Wine reads: what a device is seeded with, written without starting anything.

The format (`WINE REGISTRY Version 2`) is Wine's own for system.reg, user.reg, userdef.reg, and for what RegLoadKey
reads and RegSaveKey writes, so a user's NTUSER.DAT on a device is such a text as well. A key that occurs twice in a
file is merged, the later value wins: appending is enough to change a hive at rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HEAD = "WINE REGISTRY Version 2\n"


@dataclass(frozen=True)
class Expand:
    """A REG_EXPAND_SZ."""

    text: str


@dataclass(frozen=True)
class QWord:
    """A REG_QWORD, 0 to 2**64 - 1."""

    number: int


@dataclass(frozen=True)
class Link:
    """The target of a key that is a symbolic link, as `\\Registry\\Machine\\...`."""

    target: str


Value = str | int | bytes | Expand | QWord
"""REG_SZ, REG_DWORD (0 to 2**32 - 1), REG_BINARY, or one of the classes above."""


def key(path: str, values: Mapping[str, Value] | Link | None = None) -> str:
    """One key with its values; `path` is relative to the top of its hive. A `Link` makes the key a symbolic link."""
    if isinstance(values, Link):
        lines = ["#link", f'"SymbolicLinkValue"=hex(6):{_hex(values.target.encode("utf-16-le"))}']
    else:
        lines = [f'"{_escape(name, chr(34))}"={_data(value)}' for name, value in (values or {}).items()]
    return "\n".join(["", f"[{_escape(path, '[]')}]", *lines, ""])


def _data(value: Value) -> str:
    match value:
        case Expand(text):
            return f'str(2):"{_escape(text, chr(34))}"'
        case QWord(number):
            return f"hex(b):{_hex(number.to_bytes(8, 'little'))}"
        case int():
            return f"dword:{value:08x}"
        case bytes():
            return f"hex:{_hex(value)}"
    return f'"{_escape(value, chr(34))}"'


def _hex(data: bytes) -> str:
    return ",".join(f"{byte:02x}" for byte in data)


def _escape(text: str, special: str) -> str:
    """Backslashes and `special` with a backslash before them, everything else than ASCII as `\\xNNNN` of UTF-16."""
    text = re.sub(rf"[\\{re.escape(special)}]", r"\\\g<0>", text)
    return re.sub(r"[^ -~]", lambda match: "".join(f"\\x{unit:04x}" for unit in _units(match[0])), text)


def _units(letter: str) -> list[int]:
    raw = letter.encode("utf-16-le")
    return [int.from_bytes(raw[i : i + 2], "little") for i in range(0, len(raw), 2)]
