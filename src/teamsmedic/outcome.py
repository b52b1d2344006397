"""The words for what came out: statuses, changes, outcomes. Plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from teamsmedic.errors import ExitCode

Json = Any
"""null, bool, int, float, string, list or dict of these."""


class Status(StrEnum):
    """The closed set of what can be said of one remediation on one host."""

    HEALTHY = "healthy"
    DRIFTED = "drifted"
    FIXED = "fixed"
    REVERTED = "reverted"
    NOT_APPLICABLE = "not_applicable"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    FAILED = "failed"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that this status alone gives."""
        return {
            Status.DRIFTED: ExitCode.DRIFT,
            Status.FAILED: ExitCode.FAILED,
            Status.BLOCKED: ExitCode.BLOCKED,
            Status.UNKNOWN: ExitCode.BLOCKED,
        }.get(self, ExitCode.OK)


@dataclass(frozen=True)
class Change:
    """One object that changes: `action` is write, remove, move, create, copy, stop, restore; null is "not there"."""

    object: str
    action: str
    before: Json
    after: Json

    def to_json(self) -> dict[str, Json]:
        """The change as an object for JSON."""
        return asdict(self)


@dataclass
class Outcome:
    """What is to be said of one remediation on one host.

    `changes` is what would change (check, dry run) or was changed (fix, undo) and is empty where nothing changes.
    `restart` is `device` or `app` where what was changed takes effect only after that. `notes` say what else has to be
    known whatever the status: what stayed, what does not come back, whose programs were ended.
    """

    remediation: str
    status: Status
    reasons: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    facts: dict[str, Json] | None = None
    facts_after: dict[str, Json] | None = None
    restart: str | None = None
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        """The outcome as an object for JSON."""
        return asdict(self)


def exit_code(outcomes: Iterable[Outcome]) -> ExitCode:
    """The exit code of one host's outcomes."""
    return ExitCode.worst(outcome.status.exit_code for outcome in outcomes)
