"""What an earlier run, which is to be gone on with, has shown of each host, by the records in its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from teamsmedic import gatekeeper, runfolder
from teamsmedic.errors import RequestError
from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.runfolder import RunFolder
from teamsmedic.text import clean
from teamsmedic.waves import VERIFIED, Gate, Policy


@dataclass(frozen=True)
class Verified:
    """When (unix seconds) and in which run a host was verified, and its outcomes now."""

    at: float
    run: str
    outcomes: list[Outcome]

    def record(self) -> dict[str, Json]:
        """What the record of the run that goes on has besides, so that evidence does not grow younger."""
        return {"verified_at": self.at, "verified_in": self.run}


@dataclass(frozen=True)
class Earlier:
    """An earlier fix and those that it went on with itself, newest first, and what the one that goes on with it wants.

    All times are the controller's: a device's clock may be a day off.
    """

    folders: tuple[RunFolder, ...]
    remediations: frozenset[str]
    policy: Policy

    @classmethod
    def find(
        cls, where: Path, run: str, remediations: Collection[str], parameters: Mapping[str, Json], policy: Policy
    ) -> Earlier:
        """The run with this id; RequestError where it is not here, or did not ask for the same."""
        tried = f"looked for run {clean(run, 60)} to go on with"
        folders: list[RunFolder] = []
        wanted = run
        while wanted and (folder := runfolder.find(where, wanted)) and folder not in folders:
            folders.append(folder)
            wanted = str(folder.manifest().get("resumes") or "")
        if not folders:
            raise RequestError(tried, f"there is no such folder in {where}", "see teamsmedic runs")
        about = folders[0].manifest()
        if about.get("command") != "fix" or about.get("dry_run"):
            raise RequestError(tried, "it is no fix", "name the run of a fix: see teamsmedic runs")
        theirs = set(about.get("remediations") or ())
        if theirs != set(remediations) or (about.get("parameters") or {}) != parameters:
            found = f"it asked for {', '.join(sorted(theirs))}"
            found += "" if theirs != set(remediations) else " with other parameters"
            raise RequestError(tried, found, "ask for the same, or begin a new run")
        return cls(tuple(folders), frozenset(remediations), policy)

    def gate(self, total: int, now: float) -> Gate:
        """The gate of the run that goes on."""
        return Gate.resume(self.policy, total, now, gatekeeper.read(self.folders[0], self.policy))

    def verified(self, host: str, now: float) -> Verified | None:
        """That the host was verified; None where it was not, or too long ago."""
        run, last = self._last(host)
        if last is None or last.get("type") != "outcome":
            return None
        at = last.get("verified_at") or last.get("at")
        told = last.get("outcomes") or ()
        # A controller whose clock went back knows nothing of how old this is.
        if not isinstance(at, int | float) or not -60 <= now - at <= self.policy.evidence_age:
            return None
        if {str(one.get("remediation")) for one in told} != self.remediations:
            return None
        if {one.get("status") for one in told} - set(VERIFIED):
            return None
        found = str(last.get("verified_in") or run)
        said = f"not looked at again: verified in run {found} at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%MZ}"
        outcomes = []
        for one in told:
            status, restart = Status(one["status"]), one.get("restart")
            if status is Status.FIXED and restart is None:  # else it is healthy only after that restart
                status = Status.HEALTHY
            outcomes.append(Outcome(str(one["remediation"]), status, [said], restart=restart))
        return Verified(at, found, outcomes)

    def absent(self, host: str) -> bool:
        """Whether the host was not there."""
        last = self._last(host)[1]
        return last is not None and last.get("type") == "unreachable"

    def _last(self, host: str) -> tuple[str, dict[str, Json] | None]:
        """The newest run that came to the host, and its last record there; a run that held it back did not."""
        for folder in self.folders:
            records = folder.of(host)
            if records and (records[-1].get("type") != "stopped" or len(records) > 1):
                return folder.id, records[-1]
        return "", None
