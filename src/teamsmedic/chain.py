"""Lines that show when one of them was changed: each says what stood before it, and ends with its own hash. No I/O.

    {..., "prev": "<SHA-256 of the line before>", "hash": "<SHA-256 of this line without its hash>"}

Before the first line stands a name that the caller gives, so that a file put elsewhere is noticed too. Whoever may
write the lines may also compute all hashes anew: what tells of that is a copy of the last hash elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from teamsmedic.outcome import Json

_HASH = re.compile(rb', "hash": "([0-9a-f]{64})"\}\n?\Z')


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def seal(text: str) -> str:
    """The text of a JSON object with its hash as the last key."""
    return f'{text[:-1]}, "hash": "{sha256(text.encode())}"}}'


def sound(text: bytes) -> bool | None:
    """Whether a sealed text is as it was written; None where it has no hash."""
    match = _HASH.search(text)
    return None if match is None else sha256(text[: match.start()] + b"}") == match[1].decode()


def lines(data: bytes) -> list[bytes]:
    """The lines of a file without their ends; the last may have been cut."""
    out = data.split(b"\n")
    return out if out[-1] else out[:-1]


def line(record: Mapping[str, Json], before: bytes) -> str:
    """The record as a sealed line, without its end; `before`: the line before it, or the name of the whole."""
    return seal(json.dumps({**record, "prev": sha256(before)}))


def faults(lines: Sequence[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Line numbers from 1, each with what is wrong there. A line that was cut while it was written is no fault."""
    before = name.encode("utf-8", "surrogateescape")
    for number, one in enumerate(lines, 1):
        whole, said = sound(one), _prev(one)
        if whole is None:
            # Whoever was killed here left no whole record, and the next one was chained to what it left.
            torn = parsed(one) is None and (number == len(lines) or _prev(lines[number]) == sha256(one))
            if not torn:
                yield number, "has no hash"
        elif not whole:
            yield number, "is not as it was written"
        elif said != sha256(before):
            where = "does not belong to this file" if number == 1 else "does not follow the line before it"
            yield number, f"{where}: something was taken out, put in or changed there"
        before = one


def parsed(text: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes; None where there is none, or one nested deeper than can be read."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _prev(one: bytes) -> str | None:
    said = (parsed(one) or {}).get("prev")
    return said if isinstance(said, str) else None
