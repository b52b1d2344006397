"""What came of several hosts, as data: one document for `--json`, one exit code. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from teamsmedic.errors import ExitCode, HostError, NothingToUndo, NotReversible, TeamsMedicError
from teamsmedic.outcome import Json, Outcome, exit_code
from teamsmedic.treatment import Report
from teamsmedic.waves import HeldBack, Standing, standing

VERSION = 1


@dataclass
class HostResult:
    """One host: its report, or the error that stopped it, or neither where a stopped run never came to it.

    `wave`: in which it was let in, from 1; None where there are no waves, or it was not let in.
    """

    host: str
    report: Report | None = None
    error: TeamsMedicError | None = None
    interrupted: bool = False
    wave: int | None = None

    @property
    def outcomes(self) -> list[Outcome]:
        """The host's outcomes; none where it was not reached."""
        return self.report.outcomes if self.report else []

    @property
    def without(self) -> str:
        """Why a host has no outcomes, in two words; empty where it has some, or nothing was to say."""
        if self.interrupted:
            return "stopped"
        if isinstance(self.error, NotReversible):
            return "nothing to undo"
        if isinstance(self.error, HeldBack):
            return "held back"
        reached = not isinstance(self.error, HostError) or self.error.exit_code is not ExitCode.UNREACHABLE
        return "" if self.error is None else "not done" if reached else "not reached"

    @property
    def untouched(self) -> bool:
        """Whether nothing was done there, as it has to be: it was held back, or there was nothing to undo."""
        return isinstance(self.error, HeldBack | NothingToUndo)

    @property
    def absent(self) -> bool:
        """Whether it counts as not reached in waves, where it can also be that nobody is logged on."""
        return self.wave is not None and standing(self.outcomes, self.error) is Standing.ABSENT

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this host alone."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.absent:
            return ExitCode.UNREACHABLE
        return self.error.exit_code if self.error else exit_code(self.outcomes)

    def to_json(self) -> dict[str, Json]:
        """The host as an object of the document."""
        device = self.report.device if self.report else None
        return {
            "host": self.host,
            "kind": None if device is None else "replayed" if device.replayed else "device",
            "computer": device.computer if device else None,
            "error": str(self.error) if self.error else None,
            "interrupted": self.interrupted,
            "undone": self.report.undone if self.report else None,
            "wave": self.wave,
            "outcomes": [one.to_json() for one in self.outcomes],
        }

    def record(self) -> tuple[str, dict[str, Json]]:
        """The kind and the data of the run folder's record of what became of the host."""
        data = self.to_json()
        del data["host"]
        if self.absent or self.without == "not reached":
            return "unreachable", data
        if self.untouched:
            data["without"] = self.without
        return "outcome" if self.report else "stopped", data


@dataclass
class Result:
    """What came of one command over all its hosts.

    `pattern`, `again`: the hosts asked for and the options that reach them; `more`: options of a plan; `waves`: what
    was decided after each, one line each.
    """

    command: str
    run: str
    folder: str
    codes: Sequence[str] = ()
    dry_run: bool = False
    hosts: list[HostResult] = field(default_factory=list)
    pattern: str = ""
    again: str = ""
    more: str = ""
    waves: Sequence[str] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The first of 70, 130, 3, 2, 4, 5, 1, 0 that any host gives.

        A host of several with nothing to undo is as it was wanted; where all are, what was asked for is wrong.
        """
        meant = [one for one in self.hosts if one.interrupted or not isinstance(one.error, NotReversible)]
        return ExitCode.worst(one.exit_code for one in meant or self.hosts)

    def to_json(self) -> dict[str, Json]:
        """The document of `--json` (schemas/result.schema.json)."""
        return {
            "version": VERSION,
            "command": self.command,
            "run": self.run,
            "folder": self.folder,
            "codes": list(self.codes),
            "dry_run": self.dry_run,
            "exit_code": int(self.exit_code),
            "waves": list(self.waves),
            "hosts": [one.to_json() for one in self.hosts],
        }

    def by_wave(self) -> list[list[str]]:
        """The names of the hosts of each wave."""
        waves: dict[int, list[str]] = {}
        for one in self.hosts:
            if one.wave is not None:
                waves.setdefault(one.wave, []).append(one.host)
        return [names for _, names in sorted(waves.items())]

    def counts(self) -> dict[str, int]:
        """How many outcomes of each status, and hosts without any."""
        counted = Counter(str(outcome.status) for one in self.hosts for outcome in one.outcomes)
        counted.update(one.without for one in self.hosts if one.without)
        return dict(counted)
