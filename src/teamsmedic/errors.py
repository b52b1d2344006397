"""The errors a user can meet, as one tree, and the exit codes.

TeamsMedicError
    RequestError (3)    UnknownCode, UnknownRemediation, NotReversible (NothingToUndo)
    ContentError (3)
    InventoryError (3)
    RunFolderError (3)
    HostError (4)       Unreachable, AccessDenied, BadReply (2), Untrusted (5)
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from teamsmedic.text import clean


class ExitCode(IntEnum):
    """What the command's exit code says."""

    OK = 0
    DRIFT = 1
    FAILED = 2
    USAGE = 3
    UNREACHABLE = 4
    BLOCKED = 5
    NO_CODE = 6
    INTERNAL = 70
    INTERRUPTED = 130

    @classmethod
    def worst(cls, codes: Iterable[ExitCode]) -> ExitCode:
        """The one exit code of several hosts: the first of 70, 130, 3, 2, 4, 5, 1, 6, 0 that occurs."""
        order = (cls.INTERNAL, cls.INTERRUPTED, cls.USAGE, cls.FAILED, cls.UNREACHABLE, cls.BLOCKED, cls.DRIFT)
        seen = set(codes)
        return next((code for code in (*order, cls.NO_CODE) if code in seen), cls.OK)


class TeamsMedicError(Exception):
    """One sentence for a person, in three parts: what was tried, what was found, what to do."""

    exit_code = ExitCode.FAILED

    def __init__(self, tried: str, found: str, todo: str) -> None:
        super().__init__(clean(f"{tried}: {found}; {todo}.", 4000))
        self.tried, self.found, self.todo = tried, found, todo


class RequestError(TeamsMedicError):
    """What was asked for cannot be done as asked."""

    exit_code = ExitCode.USAGE


class UnknownCode(RequestError):
    """No code that the catalogue or its arithmetic can read."""


class UnknownRemediation(RequestError):
    """No remediation, cause or parameter of that name."""


class NotReversible(RequestError):
    """There is no way back for what was asked to be undone."""


class NothingToUndo(NotReversible):
    """Nothing on the device is in force, or what was asked for has been undone already."""


class ContentError(TeamsMedicError):
    """A file of the catalogue or of a remediation breaks a rule."""

    exit_code = ExitCode.USAGE


class InventoryError(TeamsMedicError):
    """An inventory, a pattern or a connection setting cannot be used."""

    exit_code = ExitCode.USAGE


class RunFolderError(TeamsMedicError):
    """A run folder cannot be written or read."""

    exit_code = ExitCode.USAGE


class HostError(TeamsMedicError):
    """A host could not be worked with."""

    exit_code = ExitCode.UNREACHABLE


class Unreachable(HostError):
    """No connection came about, or it was lost and could not be made again."""


class AccessDenied(HostError):
    """The host answered and refused."""


class BadReply(HostError):
    """The host answered something that is no answer."""

    exit_code = ExitCode.FAILED


class Untrusted(HostError):
    """The device's journal could be somebody else's."""

    exit_code = ExitCode.BLOCKED
