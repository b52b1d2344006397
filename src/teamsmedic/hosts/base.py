"""What a treatment says to a device and hears from it, and what reaches a device. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_OUTPUT = 8_000_000
"""Characters of output after which a door stops a pipeline: a hundred times the largest honest answer."""


class Verb(StrEnum):
    """What a request wants of the device."""

    CHECK = "check"
    FIX = "fix"
    UNDO = "undo"
    JOURNAL = "journal"
    FORGET = "forget"


@dataclass(frozen=True)
class Statement:
    """One script of a pipeline: it writes exactly one line of JSON within `limit` seconds."""

    name: str
    text: str
    limit: float


@dataclass(frozen=True)
class Send:
    """One pipeline to run: the first statement gets `argument` (ASCII JSON) as its only argument, the others none."""

    verb: Verb
    statements: tuple[Statement, ...]
    argument: str


class End(StrEnum):
    """How a pipeline ended, as its door saw it."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    FLOODED = "flooded"
    LOST = "lost"


@dataclass(frozen=True)
class Reply:
    """What came back: the lines in order (untrusted), how the pipeline ended, and what is known of why."""

    lines: tuple[str, ...]
    end: End
    detail: str = ""


class Host(Protocol):
    """A door to one device.

    `run` raises a HostError where no connection comes about; everything later is told by the reply's `end`.
    """

    name: str

    def run(self, request: Send) -> Reply:
        """Run one pipeline."""

    def close(self) -> None:
        """Free what was opened on the device and here."""


def limit_of(statements: tuple[Statement, ...], lines: int) -> float:
    """Seconds that the statement may take which is due when so many lines have come."""
    return statements[min(lines, len(statements) - 1)].limit
