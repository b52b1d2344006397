"""Waves: whether a device of a fleet may be treated now, by what became of those before it. No I/O.

A wave is a number of devices. The next one begins when all of this one have settled, enough of them answered, and of
those the share that is verified reaches a threshold. A wave that tells too little, because devices are off or nothing
there applies, takes more devices instead of ending the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from teamsmedic.errors import AccessDenied, ExitCode, HostError, RequestError, TeamsMedicError
from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.text import clean


class Standing(StrEnum):
    """What a device counts as. Only `verified`, `unverified` and `failed` have answered and were applicable."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    ABSENT = "absent"
    INAPPLICABLE = "inapplicable"


class HeldBack(TeamsMedicError):
    """A device that was not touched, because the waves before it say so. `shown`: whether some device of the run failed
    or was absent, so that the run ends as no success without this one."""

    exit_code = ExitCode.BLOCKED
    shown = False


VERIFIED = (Status.HEALTHY, Status.FIXED, Status.NOT_APPLICABLE)
"""Statuses of a device of which nothing is left to do."""
_ANSWERED = (Standing.VERIFIED, Standing.UNVERIFIED, Standing.FAILED)
_NOT_THERE = ("logged_off", "out_of_scope", "asked_for_logged_off")
"""States of a session of somebody who has none (answer.py)."""


def standing(outcomes: Sequence[Outcome], error: TeamsMedicError | None = None) -> Standing:
    """What a device counts as, by its outcomes or by the error in their place.

    `absent`: not reached, or nobody is logged on. A device that refuses the sign-in is there: the next would refuse it
    too, and lock the account out.
    """
    if isinstance(error, HostError) and not isinstance(error, AccessDenied):
        return {ExitCode.UNREACHABLE: Standing.ABSENT, ExitCode.BLOCKED: Standing.UNVERIFIED}.get(
            error.exit_code, Standing.FAILED
        )
    statuses = {one.status for one in outcomes}
    if error or Status.FAILED in statuses:
        return Standing.FAILED
    if any(_nobody(one) for one in outcomes):
        return Standing.ABSENT
    if statuses - set(VERIFIED):
        return Standing.UNVERIFIED
    return Standing.INAPPLICABLE if statuses <= {Status.NOT_APPLICABLE} else Standing.VERIFIED


def _nobody(outcome: Outcome) -> bool:
    facts = outcome.facts or {}
    people = facts.get("sessions")
    return (
        outcome.status is Status.UNKNOWN
        and facts.get("sessions_answered") == 0
        and isinstance(people, list)
        and all(one.get("state") in _NOT_THERE for one in people)
    )


@dataclass(frozen=True)
class Size:
    """A number of devices, or a percentage of them all."""

    number: int
    percent: bool = False

    def of(self, total: int) -> int:
        """How many of so many, at least one for a percentage that is not 0, as with Ansible's `serial`."""
        return -(-total * self.number // 100) if self.percent else self.number

    def __str__(self) -> str:
        """As it is given."""
        return f"{self.number}%" if self.percent else str(self.number)

    @classmethod
    def read(cls, value: Any, name: str, *, least: int = 0) -> Size:
        """A number, or a string such as 5%; RequestError for anything else."""
        match = None if isinstance(value, bool) else re.fullmatch(r"\s*(\d{1,7})\s*(%?)\s*", str(value))
        size = cls(int(match[1]), bool(match[2])) if match else None
        if size is None or size.number < least or (size.percent and size.number > 100):
            raise RequestError(
                f"read {name}", f"{clean(value, 60)} is no number of devices", "write a number, or as in 5%"
            )
        return size


@dataclass(frozen=True)
class Policy:
    """What opens and what ends the waves. The last size is repeated until all devices have had their turn.

    `threshold`: the share, in percent, of a wave that must be verified; `min_evidence`: how many of it must have
    answered (a smaller wave: all of it); `failure_budget`: how many may fail in the whole run; `absent_limit`: how many
    may be absent; `evidence_age`: for how many seconds a resumed run believes what an earlier one saw.
    """

    sizes: tuple[Size, ...] = (Size(1), Size(5, True), Size(25, True), Size(100, True))
    threshold: int = 80
    min_evidence: int = 3
    failure_budget: Size = Size(5, True)
    absent_limit: Size = Size(50, True)
    evidence_age: float = 86_400.0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Policy:
        """The policy of options that may be missing: `waves` (a list, or one string with commas) and those below."""
        waves = given.get("waves")
        listed = waves.split(",") if isinstance(waves, str) else [waves] if isinstance(waves, int) else waves
        if listed is not None and not isinstance(listed, list | tuple):
            raise RequestError("read waves", f"{clean(waves, 60)} is no list", "write for example 1,5%,25%,100%")
        named = {
            "failure_budget": lambda one: Size.read(one, "failure_budget"),
            "absent_limit": lambda one: Size.read(one, "absent_limit"),
            "threshold": lambda one: _number(one, "threshold", 0, 100),
            "min_evidence": lambda one: _number(one, "min_evidence", 1, 1_000_000),
            "evidence_age": _age,
        }
        found: dict[str, Any] = {name: read(given[name]) for name, read in named.items() if given.get(name) is not None}
        if listed:
            found["sizes"] = tuple(Size.read(one, "waves", least=1) for one in listed)
        return cls(**found)


def _number(value: Any, name: str, least: int, most: int) -> int:
    text = str(value).strip().removesuffix("%")
    if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise RequestError(f"read {name}", f"it is {clean(value, 60)}", f"give a whole number from {least} to {most}")
    return int(text)


_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def _age(value: Any) -> float:
    match = re.fullmatch(r"(\d{1,6})([mhd])", str(value).strip())
    if match is None:
        raise RequestError("read evidence_age", f"it is {clean(value, 60)}", "write for example 30m, 24h or 2d")
    return float(int(match[1]) * _UNITS[match[2]])


@dataclass
class Gate:
    """How far the waves of a run have come: counters alone, so that any number of devices costs the same.

    `wave` counts from 0; `room`: how many devices it may take; `taken`: how many it has; `settled`: what they count as;
    `since`: when it began, in unix seconds of the controller; `widened`: how often it has taken more; `failed`,
    `absent`: of the whole run; `told`: a line for each decision; `stopped`: why no further device is let in, or empty.
    """

    policy: Policy
    total: int
    wave: int = 0
    room: int = 0
    taken: int = 0
    settled: dict[str, int] = field(default_factory=dict)
    since: float = 0.0
    widened: int = 0
    failed: int = 0
    absent: int = 0
    told: list[str] = field(default_factory=list)
    stopped: str = ""

    @classmethod
    def begin(cls, policy: Policy, total: int, now: float) -> Gate:
        """Before the first device."""
        gate = cls(policy, total, since=now)
        gate.room = gate._planned(gate.wave)
        return gate

    @classmethod
    def resume(cls, policy: Policy, total: int, now: float, earlier: Gate | None) -> Gate:
        """Where an earlier run was, if that is not longer ago than evidence counts; else from the start.

        What was verified in the wave that was under way counts in it; all others are to be treated again.
        """
        gate = cls.begin(policy, total, now)
        if earlier is None or not -60 <= now - earlier.since <= policy.evidence_age:
            return gate
        gate.wave, gate.since = earlier.wave, earlier.since
        verified = earlier.settled.get(Standing.VERIFIED, 0)
        gate.room = max(gate._planned(gate.wave), verified)
        if verified:
            gate.taken, gate.settled = verified, {Standing.VERIFIED: verified}
        gate.told = [f"goes on in wave {gate.wave + 1} with {verified} verified"]
        gate._close(now)
        return gate

    def _planned(self, wave: int) -> int:
        sizes = self.policy.sizes
        return max(1, sizes[min(wave, len(sizes) - 1)].of(self.total))

    def enter(self) -> int | None:
        """Lets one more device in and gives its wave (from 1); None where it has to wait, HeldBack where none may."""
        if self.stopped:
            held = HeldBack("held this device back", self.stopped, "see why, then resume the run")
            held.shown = bool(self.failed or self.absent)
            raise held
        if self.taken >= self.room:
            return None
        self.taken += 1
        return self.wave + 1

    def settle(self, what: Standing, now: float) -> None:
        """A device that was let in has come to its end."""
        self.settled[what] = self.settled.get(what, 0) + 1
        self.failed += what is Standing.FAILED
        self.absent += what is Standing.ABSENT
        budget, limit = self.policy.failure_budget, self.policy.absent_limit
        if self.stopped:
            return
        if self.failed > budget.of(self.total):
            self._stop(f"{_devices(self.failed)} of {self.total} failed, and the failure budget is {budget}")
        elif self.absent > limit.of(self.total):
            self._stop(f"{_devices(self.absent)} of {self.total} could not be looked at, and the limit is {limit}")
        else:
            self._close(now)

    def _close(self, now: float) -> None:
        """Decides once all devices of the wave have settled: the next wave, more of this one, or no further device."""
        if self.taken < self.room or sum(self.settled.values()) < self.taken:
            return
        planned = self._planned(self.wave)
        answered = sum(self.settled.get(one, 0) for one in _ANSWERED)
        verified = self.settled.get(Standing.VERIFIED, 0)
        said = f"wave {self.wave + 1}: {verified} of {answered} that answered are verified"
        if verified * 100 < self.policy.threshold * answered:
            self._stop(f"{said}, and {self.policy.threshold} % are wanted")
        elif (lack := min(self.policy.min_evidence, planned) - answered) > 0:
            # Twice as many each time, up to the next wave's size: where nothing applies, or half a site is off, one
            # after the other would take days.
            self.room += min(self._planned(self.wave + 1), lack * 2**self.widened)
            self.widened += 1
            self.told.append(f"{said}, too few to tell: it takes {self.room - self.taken} more")
        else:
            self.told.append(said)
            self.wave, self.taken, self.settled, self.since, self.widened = self.wave + 1, 0, {}, now, 0
            self.room = self._planned(self.wave)

    def _stop(self, why: str) -> None:
        self.stopped = why
        self.told.append(f"stopped: {why}")

    def to_json(self) -> dict[str, Json]:
        """The counters as an object for JSON; the policy is the run's."""
        out = asdict(self)
        del out["policy"]
        return out

    @classmethod
    def from_json(cls, policy: Policy, data: Mapping[str, Json]) -> Gate:
        """The counters of `to_json`."""
        return cls(policy, **data)


def _devices(number: int) -> str:
    return f"{number} device{'s' if number != 1 else ''}"


def first_absent(hosts: Iterable[str], absent: Iterable[str]) -> list[str]:
    """The hosts in their order, those that could not be looked at before first."""
    lost = set(absent)
    return sorted(hosts, key=lambda host: host not in lost)
