"""A code that was found in a text, and where. Apart from the recogniser, whose patterns take a while to prepare."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from teamsmedic.codes import Code

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
