"""What many runs tell together: what recurs, what was fixed and came back, who never answers. No I/O.

Runs are taken one after the other, oldest first. What is kept grows with devices and days, never with runs: counts, and
of one remediation on one device its last few changes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.runreader import End, HostRun, Run
from teamsmedic.text import clean

VERSION = 1
WEEK = 7 * 86400
"""Seconds after a fix within which drift counts as come back."""
KEPT = 40
"""Changes of one remediation on one device that are kept for the picture."""
NO_CODE = "no code given"
COUNTS = ("drift", "fixed", "came_back", "failed", "unknown", "not_reached")


@dataclass
class Tally:
    """Counts of one device, family, site or remediation. `drift` counts how often drift began, not how often it was
    seen; `unknown` also what was blocked; `not_reached` runs."""

    hosts: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Pair:
    """One remediation on one device. `drifting`: how it stood last, None where that was never told."""

    host: str
    remediation: str
    drifting: bool | None = None
    fixed: float | None = None
    """When it was fixed last, and nobody has put the drift back since."""
    back: tuple[float, float] | None = None
    """Of the last time that it came back: when it was fixed, and when drift was seen again."""
    counts: Counter[str] = field(default_factory=Counter)
    reason: str = ""
    events: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=KEPT))


@dataclass
class Answering:
    """How one device answers. `error` is the last one."""

    groups: tuple[str, ...] = ()
    asked: int = 0
    answered: int = 0
    first: float | None = None
    last: float | None = None
    replayed: bool = False
    error: str = ""


class History:
    """The sum of many runs. `families`: the families of a run's codes."""

    def __init__(self, families: Callable[[Sequence[str]], Iterable[str]]) -> None:
        """Nothing is known yet."""
        self._families = families
        self.runs = 0
        self.first: float | None = None
        self.last: float | None = None
        self.hosts: dict[str, Answering] = {}
        self.pairs: dict[tuple[str, str], Pair] = {}
        self.by: dict[str, dict[str, Tally]] = {name: {} for name in ("device", "family", "site", "remediation")}
        self.days: dict[str, Counter[str]] = {}

    def add(self, run: Run) -> None:
        """One more run, not older than those before."""
        self.runs += 1
        families = tuple(dict.fromkeys(self._families(run.codes))) or (NO_CODE,)
        for host in run.hosts.values():
            at = host.at or run.started
            if at is None or host.end in (End.NONE, End.HELD_BACK) or (host.end is End.STOPPED and not host.outcomes):
                continue  # nobody went there
            if host.verified_in is not None:
                continue  # that run tells it
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)
            self._host(host, at, families)

    def _host(self, host: HostRun, at: float, families: tuple[str, ...]) -> None:
        about = self.hosts.setdefault(host.host, Answering())
        about.groups = tuple(host.groups) or about.groups
        about.asked += 1
        about.first, about.last = at if about.first is None else about.first, at
        places = [
            ("device", host.host),
            *(("site", one) for one in about.groups),
            *(("family", one) for one in families),
        ]
        if host.end is End.UNREACHABLE and not host.outcomes:  # with outcomes it answered, and nobody was logged on
            about.error = clean(host.error or "", 300)
            self._count("not_reached", at, host.host, places)
            return
        about.answered += 1
        about.replayed = host.kind == "replayed"
        for outcome in host.outcomes:
            known = self.pairs.setdefault((host.host, outcome.remediation), Pair(host.host, outcome.remediation))
            for what in _told(known, outcome, at):
                known.counts[what] += 1
                self._count(what, at, host.host, [*places, ("remediation", outcome.remediation)])

    def _count(self, what: str, at: float, host: str, places: Iterable[tuple[str, str]]) -> None:
        day = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
        self.days.setdefault(day, Counter())[what] += 1
        for kind, name in places:
            tally = self.by[kind].setdefault(name, Tally())
            tally.hosts.add(host)
            tally.counts[what] += 1

    # -------------------------------------------------------------------------------------------- what it tells

    def to_json(self, skipped: Mapping[str, str], *, redacted: bool = False) -> dict[str, Json]:
        """The document of `history --json` (schemas/history.schema.json); `skipped`: what is no run, and why."""
        pairs = sorted(self.pairs.values(), key=lambda one: (-one.counts["came_back"], -one.counts["drift"], one.host))
        silent = {name: about for name, about in self.hosts.items() if not about.answered}
        return {
            "version": VERSION,
            "command": "history",
            "exit_code": 0,
            "redacted": redacted,
            "runs": self.runs,
            "first": self.first,
            "last": self.last,
            "skipped": [{"path": path, "why": why} for path, why in skipped.items()],
            "hosts": len(self.hosts),
            "replayed": sum(one.replayed for one in self.hosts.values()),
            "came_back": [self._pair(one) for one in pairs if one.back],
            "recurring": [self._pair(one) for one in pairs if one.counts["drift"] > 1],
            "never_reached": [
                {
                    "host": name, "groups": list(about.groups), "asked": about.asked,
                    "first": about.first, "last": about.last, "error": about.error,
                }
                for name, about in sorted(silent.items(), key=lambda item: (-item[1].asked, item[0]))
            ],
            "never_told": [
                {"host": one.host, "remediation": one.remediation, "times": one.counts["unknown"], "reason": one.reason}
                for one in sorted(pairs, key=lambda one: (-one.counts["unknown"], one.host))
                if one.counts["unknown"] and one.drifting is None
            ],
            "by": {kind: list(_rows(tallies)) for kind, tallies in self.by.items()},
            "days": [
                {"day": day, **{name: counts[name] for name in COUNTS}} for day, counts in sorted(self.days.items())
            ],
        }  # fmt: skip

    def _pair(self, one: Pair) -> dict[str, Json]:
        return {
            "host": one.host,
            "remediation": one.remediation,
            "groups": list(self.hosts[one.host].groups),
            **{name: one.counts[name] for name in ("drift", "fixed", "came_back")},
            "drifting": bool(one.drifting),
            "back": {"fixed": one.back[0], "seen": one.back[1]} if one.back else None,
            "events": [{"at": at, "what": what} for at, what in one.events],
        }


def _told(pair: Pair, outcome: Outcome, at: float) -> Iterator[str]:
    """What one outcome adds to a pair: words of `COUNTS`."""
    status = outcome.status
    # A check says `fixed` where only a restart is due: nothing changed then.
    changed = status is Status.FIXED and bool(outcome.changes)
    if status in (Status.DRIFTED, Status.FAILED) or changed:
        if pair.drifting is not True:
            yield "drift"
            pair.events.append((at, "drift"))
            if pair.fixed is not None and at - pair.fixed <= WEEK:
                pair.back = (pair.fixed, at)
                yield "came_back"
        pair.drifting = not changed
        if changed:
            pair.fixed = at
            pair.events.append((at, "fixed"))
            yield "fixed"
        elif status is Status.FAILED:
            yield "failed"
    elif status is Status.REVERTED:  # the drift is back because somebody wanted it
        pair.drifting, pair.fixed = True, None
        pair.events.append((at, "reverted"))
    elif status in (Status.BLOCKED, Status.UNKNOWN):
        pair.reason = clean("; ".join(outcome.reasons), 300)
        yield "unknown"
    else:
        if pair.drifting:
            pair.events.append((at, "healthy"))
        pair.drifting = False


def _rows(tallies: Mapping[str, Tally]) -> Iterator[dict[str, Json]]:
    """Rows by what weighs most: what came back, then drift, then what did not answer."""

    def weight(item: tuple[str, Tally]) -> tuple[int, int, int, str]:
        counts = item[1].counts
        return -counts["came_back"], -counts["drift"], -counts["not_reached"] - counts["unknown"], item[0]

    for name, tally in sorted(tallies.items(), key=weight):
        yield {"name": name, "hosts": len(tally.hosts), **{one: tally.counts[one] for one in COUNTS}}


# ------------------------------------------------------------------------------------------------ pictures


@dataclass(frozen=True)
class Column:
    """What began, came back and was repaired in some days from `start` on, with its bars as (top, height)."""

    start: str
    counts: Mapping[str, int]
    x: float
    width: float
    bars: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Columns:
    """A picture of days: drift above the line, repairs below; `most`: the largest count above and below."""

    columns: tuple[Column, ...]
    days: int
    line: float
    most: tuple[int, int]


WIDTH, HEIGHT = 720, 150
"""Of the picture, in its own units."""


def columns(days: Sequence[Mapping[str, Json]]) -> Columns | None:
    """The picture of the days of a document; None where nothing drifted and nothing was repaired."""
    counted = {datetime.fromisoformat(str(one["day"])): one for one in days}
    if not any(one["drift"] or one["fixed"] for one in days):
        return None
    first, last = min(counted), max(counted)
    span = (last - first).days + 1
    step = next(one for one in (1, 7, 28, span) if span <= 60 * one or one == span)
    buckets: list[Counter[str]] = [Counter() for _ in range(-(-span // step))]
    for day, one in counted.items():
        buckets[(day - first).days // step].update({name: int(one[name]) for name in ("drift", "came_back", "fixed")})
    up, down = (max(one[name] for one in buckets) for name in ("drift", "fixed"))
    unit = HEIGHT / max(1, up + down)
    line = up * unit
    width = WIDTH / len(buckets)
    made = []
    for number, one in enumerate(buckets):
        begun, back = one["drift"] * unit, one["came_back"] * unit
        bars = {
            "drift": (line - begun, begun - back),
            "came_back": (line - back, back),
            "fixed": (line, one["fixed"] * unit),
        }
        gap = min(2.0, width / 5)
        start = f"{first + timedelta(days=number * step):%Y-%m-%d}"
        made.append(Column(start, one, round(number * width, 2), round(width - gap, 2), bars))
    return Columns(tuple(made), step, round(line, 2), (up, down))


def place(at: float, first: float, last: float) -> float:
    """Where a time stands between two others, in percent: from 2 to 98, so that no mark is cut."""
    return round(2 + 96 * (at - first) / (last - first), 2) if last > first else 50.0
