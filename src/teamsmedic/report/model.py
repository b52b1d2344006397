"""What is to be told of runs: the state of each host, what must be done by whom, waves, families. No I/O.

Of several runs the last one that has a record of a host speaks for it, remediation by remediation.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from teamsmedic import handover, redact
from teamsmedic.catalog import Catalog, Entry, Who
from teamsmedic.errors import UnknownCode
from teamsmedic.explain import WHO
from teamsmedic.outcome import Outcome, Status
from teamsmedic.redact import Redactor
from teamsmedic.remediation import Remediation
from teamsmedic.runreader import End, HostRun, Run, State

FEW = 3
"""Reasons of one thing to do that are told; all stand with the hosts."""


class Standing(StrEnum):
    """How a host stands, the most urgent first."""

    FAILED = "failed"
    UNREACHED = "not reached"
    DRIFTED = "drifted"
    UNSURE = "not known"
    HELD = "held back"
    LEFT = "left alone"
    BACK = "put back"
    FIXED = "fixed"
    WELL = "well"


_OF_STATUS = {
    Status.FAILED: Standing.FAILED,
    Status.DRIFTED: Standing.DRIFTED,
    Status.BLOCKED: Standing.UNSURE,
    Status.UNKNOWN: Standing.UNSURE,
    Status.FIXED: Standing.FIXED,
    Status.REVERTED: Standing.BACK,
    Status.HEALTHY: Standing.WELL,
    Status.NOT_APPLICABLE: Standing.WELL,
}


_OTHERS = {
    Standing.HELD: ("was held back", "were held back"),
    Standing.LEFT: ("had nothing to undo", "had nothing to undo"),
    Standing.BACK: ("was put back", "were put back"),
}
"""What needs nobody and is not called well either, of one device and of several."""
_UNTOUCHED = {End.HELD_BACK: Standing.HELD, End.NOTHING_TO_UNDO: Standing.LEFT}


@dataclass
class HostState:
    """One host over all runs. `runs`: for each remediation the run that its outcome is from."""

    last: HostRun
    run: Run
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Its name."""
        return self.last.host

    @property
    def standing(self) -> Standing:
        """The most urgent that is to be said of it; a host without outcomes is never well."""
        if self.last.end is End.UNREACHABLE:
            return Standing.UNREACHED
        if self.last.end in _UNTOUCHED:
            return _UNTOUCHED[self.last.end]
        if self.last.end is not End.OUTCOME:
            return Standing.FAILED if self.last.end in (End.BEGUN, End.STOPPED) else Standing.UNREACHED
        found = {_OF_STATUS[one.status] for one in self.outcomes.values()}
        if self.last.verdict and not found:
            return Standing.WELL if self.last.verdict == Who.NONE else Standing.UNSURE
        return next((one for one in Standing if one in found), Standing.UNSURE)


@dataclass(frozen=True)
class Todo:
    """One thing to do: by whom, on which hosts, why, the line to type where there is one, and the state it is about."""

    who: str
    what: str
    hosts: list[str]
    reasons: list[str]
    command: str | None
    standing: Standing
    about: str | None = None


@dataclass(frozen=True)
class Wave:
    """One wave's hosts by how they stand; without a number those that no wave has let in."""

    number: int | None
    hosts: int
    counts: Mapping[Standing, int]


@dataclass(frozen=True)
class Family:
    """A family with the codes that were asked for and the outcomes of the remediations that belong to it."""

    id: str
    title: str
    codes: list[str]
    counts: Mapping[Status, int]


@dataclass(frozen=True)
class Drift:
    """How many devices had drifted from one remediation's state, of those where it is known, before and after."""

    remediation: str
    known: int
    before: int
    after: int


@dataclass
class Report:
    """Everything that a report tells. `redacted`: names were replaced."""

    runs: list[Run]
    hosts: list[HostState]
    todos: list[Todo]
    waves: list[Wave]
    drifts: list[Drift]
    families: list[Family]
    redacted: bool = False

    @property
    def counts(self) -> dict[Standing, int]:
        """Hosts by how they stand, the most urgent first; only what there is."""
        counted = Counter(one.standing for one in self.hosts)
        return {one: counted[one] for one in Standing if counted[one]}

    @property
    def unreached(self) -> dict[str, list[str]]:
        """Hosts that were not reached, or not come to, by why; the commonest first."""
        found: dict[str, list[str]] = {}
        for one in self.hosts:
            if one.standing is Standing.UNREACHED:
                found.setdefault(_nameless(one) or "nothing is recorded", []).append(one.host)
        return dict(sorted(found.items(), key=lambda one: -len(one[1])))

    @property
    def title(self) -> str:
        """What happened, as one sentence."""
        said = self._title()
        going = any(one.state is State.GOING_ON for one in self.runs)
        return f"So far: {said[0].lower()}{said[1:]}" if going else said

    def _title(self) -> str:
        total, counts = len(self.hosts), self.counts
        if not total:
            return "Nothing is recorded of any device"
        good = counts.get(Standing.FIXED, 0) + counts.get(Standing.WELL, 0)
        others = {one: counts[one] for one in _OTHERS if one in counts}
        needed = total - good - sum(others.values())
        due = sum(bool(restarts(one)) for one in self.hosts)
        restart = f", {due:,} a restart" if needed and total > 1 else ", once restarted" if total == due else ""
        restart = (restart or f", {due:,} of them once restarted") if due else ""
        told = [f"{count:,} {_OTHERS[one][count != 1]}" for one, count in others.items()]
        if not needed and total not in (good, *others.values()):
            told += [f"{good:,} {'are' if good != 1 else 'is'} well"] if good else []
            return f"Of {total:,} devices {', '.join(told)}{restart}"
        if not needed:
            whole = {1: "The device", 2: "Both devices"}.get(total, f"All {total:,} devices")
            said = _OTHERS[next(iter(others))][total != 1] if others else "are well" if total != 1 else "is well"
            return f"{whole} {said}{restart}"
        of = "The device needs" if total == 1 else f"{needed:,} of {total:,} devices need{'s' if needed == 1 else ''}"
        return ", ".join([f"{of} somebody{restart}", *told])


def restarts(host: HostState) -> set[str]:
    """What must restart (device, app) before what was repaired there takes effect."""
    done = (Status.FIXED, Status.REVERTED)
    return {one.restart for one in host.outcomes.values() if one.restart and one.status in done}


def make(
    runs: Sequence[Run], catalog: Catalog, remediations: Mapping[str, Remediation], *, redactor: Redactor | None = None
) -> Report:
    """The report on these runs, in the order of their time."""
    ordered = sorted(runs, key=lambda one: (one.started or 0, one.id))
    if redactor:
        ordered = [redactor.data(one) for one in ordered]
        for run in ordered:
            run.hosts = {one.host: one for one in run.hosts.values()}
    hosts = _hosts(ordered)
    entries = _entries(ordered, catalog)
    return Report(
        ordered,
        hosts,
        list(_todos(hosts, entries, catalog, {one.id: one.title for one in remediations.values()})),
        list(_waves(hosts, ordered)),
        list(_drifts(hosts)),
        list(_families(hosts, entries, catalog, remediations)),
        redactor is not None,
    )


def names(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """All names that the runs give away, each with its kind, for a Redactor."""
    for run in runs:
        if run.by:
            user, _, node = run.by.rpartition("@")
            yield "user", user
            yield "host", node
        for host in run.hosts.values():
            for name in filter(None, (host.host, host.computer)):
                yield "host", name
                yield "host", name.partition(".")[0]
            for outcome in host.outcomes:
                for facts in (outcome.facts, outcome.facts_after):
                    yield from handover.people(facts)
                    yield from redact.told(facts)
                yield from redact.told([*outcome.reasons, *outcome.notes])
                yield from redact.told([[one.object, one.before, one.after] for one in outcome.changes])


def _hosts(runs: Sequence[Run]) -> list[HostState]:
    found: dict[str, HostState] = {}
    for run in runs:
        for host in run.hosts.values():
            state = found.get(host.host)
            if state is None:
                state = found[host.host] = HostState(host, run)
            elif host.end not in (End.NONE, End.HELD_BACK) or state.last.end is End.NONE:
                state.last, state.run = host, run
            if host.end is End.OUTCOME:
                state.outcomes |= {one.remediation: one for one in host.outcomes}
                state.runs |= {one.remediation: run.id for one in host.outcomes}
    order = list(Standing)
    return sorted(found.values(), key=lambda one: (order.index(one.standing), one.host))


def _entries(runs: Sequence[Run], catalog: Catalog) -> list[Entry]:
    out = []
    for text in dict.fromkeys(code for run in runs for code in run.codes):
        try:
            out += catalog.resolve([text])
        except UnknownCode:  # of another version of the catalogue
            continue
    return out


# ------------------------------------------------------------------------------------------------ what must be done


def _todos(
    hosts: Sequence[HostState], entries: Sequence[Entry], catalog: Catalog, titles: Mapping[str, str]
) -> Iterator[Todo]:
    device = WHO[Who.DEVICE]
    waiting = [one for one in hosts if _waits(one)]
    hosts = [one for one in hosts if not _waits(one)]
    for what, end, command in (
        ("See what became of a change that was begun, or undo it", End.BEGUN, "teamsmedic undo {run}"),
        ("See why it stopped, and run it again", End.STOPPED, None),
    ):
        mine = [one for one in hosts if one.last.end is end]
        for run in dict.fromkeys(one.run.id for one in mine):
            its = [one for one in mine if one.run.id == run]
            line = command.format(run=run) if command else None
            yield Todo(
                device, what, [one.host for one in its], _few(one.last.error for one in its), line, Standing.FAILED
            )
    yield from _of_status(
        hosts, titles, Status.FAILED, "See why the repair could not be proved: {name}", Standing.FAILED
    )
    yield from _of_status(hosts, titles, Status.DRIFTED, "Repair {name}", Standing.DRIFTED)
    yield from _restarts(hosts)
    yield from _of_status(hosts, titles, Status.BLOCKED, "Clear what stands in the way of {name}", Standing.UNSURE)
    yield from _of_status(hosts, titles, Status.UNKNOWN, "Find out about {name}", Standing.UNSURE)
    lost = [one for one in hosts if one.last.end is End.UNREACHABLE]
    if lost:
        yield Todo(
            device, "Switch on or connect, then run it again", [one.host for one in lost],
            _few(_nameless(one) for one in lost), None, Standing.UNREACHED,
        )  # fmt: skip
    left = [one for one in hosts if one.last.end is End.NONE]
    if left:
        what = "Run it again: nothing is recorded of these"
        yield Todo(device, what, [one.host for one in left], [], None, Standing.UNREACHED)
    held = [one for one in hosts if one.last.end is End.HELD_BACK]
    for stopped in {id(one.run): one.run for one in held}.values():
        go_on = f"-e resume={stopped.id}" if stopped.door == "ansible" else f"--resume {stopped.id}"
        yield Todo(
            device, f"Go on with those that were held back: the same command with {go_on}",
            [one.host for one in held if one.run is stopped], [], None, Standing.HELD,
        )  # fmt: skip
    if waiting:
        what = "Wait: the run is still going on, and has not come to its end on these"
        yield Todo(WHO[Who.NONE], what, [one.host for one in waiting], [], None, Standing.UNREACHED)
    yield from _of_verdicts(hosts, entries, catalog)


def _waits(host: HostState) -> bool:
    return host.run.state is State.GOING_ON and host.last.end in (End.NONE, End.BEGUN)


def _of_status(
    hosts: Sequence[HostState], titles: Mapping[str, str], status: Status, what: str, standing: Standing
) -> Iterator[Todo]:
    found: dict[str, list[tuple[HostState, Outcome]]] = {}
    for host in hosts:
        if host.last.end is End.OUTCOME:
            for one in host.outcomes.values():
                if one.status is status:
                    found.setdefault(one.remediation, []).append((host, one))
    for name, pairs in sorted(found.items(), key=lambda one: -len(one[1])):
        reasons = _few(reason for _, one in pairs for reason in one.reasons[:1])
        named = [host.host for host, _ in pairs]
        command = _fix(pairs[0][0].run, named, name) if status is Status.DRIFTED else None
        yield Todo(WHO[Who.DEVICE], what.format(name=name), named, reasons, command, standing, titles.get(name))


def _fix(run: Run, hosts: Sequence[str], name: str) -> str:
    """The line to type; many hosts by the pattern of their run, because what has not drifted is left alone."""
    which = ",".join(hosts) if len(hosts) <= FEW or not run.pattern else run.pattern
    sources = "".join(f" -i {shlex.quote(one)}" for one in run.inventory)
    return f"teamsmedic fix {shlex.quote(which)}{sources} --remediation {shlex.quote(name)}"


def _restarts(hosts: Sequence[HostState]) -> Iterator[Todo]:
    for what in ("device", "app"):
        mine = [one.host for one in hosts if what in restarts(one)]
        if mine:
            thing = {"device": "Restart the device", "app": "Let people restart Teams"}[what]
            yield Todo(
                WHO[Who.DEVICE],
                f"{thing}: what was changed there takes effect only then",
                mine,
                [],
                None,
                Standing.FIXED,
            )


def _of_verdicts(hosts: Sequence[HostState], entries: Sequence[Entry], catalog: Catalog) -> Iterator[Todo]:
    """What others than the device's administrator must do: by the triage of each host, else by the codes themselves."""
    judged = [one for one in hosts if one.last.verdict]
    for verdict in dict.fromkeys(one.last.verdict for one in judged):
        if verdict != Who.DEVICE and verdict in tuple(Who):
            mine = [one for one in judged if one.last.verdict == verdict]
            steps = _few(one.last.next for one in mine)
            yield Todo(
                WHO[Who(verdict)],
                "Act on the verdict of the triage",
                [one.host for one in mine],
                steps,
                None,
                Standing.UNSURE,
            )
    if judged:
        return
    for verdict in dict.fromkeys(entry.verdict.who for entry in entries):
        if verdict not in (Who.DEVICE, Who.NONE):
            its = [entry for entry in entries if entry.verdict.who is verdict]
            manual = dict.fromkeys(
                step.text for entry in its for named in entry.causes for step in catalog.causes[named.cause].manual[:1]
                if catalog.causes[named.cause].verdict is verdict
            )  # fmt: skip
            what = f"Look at what the code{'s' if len(its) > 1 else ''} name{'' if len(its) > 1 else 's'}: "
            what += ", ".join(entry.code.text for entry in its)
            said = [*dict.fromkeys(entry.meaning[0].text for entry in its), *list(manual)[:FEW]]
            yield Todo(WHO[verdict], what, [], said, None, Standing.UNSURE)


def _nameless(host: HostState) -> str | None:
    """Why a host was not reached, without its name, so that a hundred with one reason are one line."""
    return host.last.error and re.sub(rf"(?<!\w){re.escape(host.host)}(?: \([^)]*\))?(?!\w)", "it", host.last.error)


def _few(said: Iterator[str | None]) -> list[str]:
    """The commonest of these, each once, with how often where that is more than once."""
    counted = Counter(one for one in said if one)
    few = [text if count == 1 else f"{text} ({count:,} devices)" for text, count in counted.most_common(FEW)]
    left = len(counted) - FEW
    return [*few, f"and {left:,} other reason{'s' if left != 1 else ''}"] if left > 0 else few


# ------------------------------------------------------------------------------------------------ waves, families


def _waves(hosts: Sequence[HostState], runs: Sequence[Run]) -> Iterator[Wave]:
    """The waves that have begun, then who is not let in yet, or was held back."""
    waits = (End.NONE, End.HELD_BACK)
    waved = {id(one) for one in runs if one.decided or any(host.wave for host in one.hosts.values())}
    numbers: list[int | None] = [*sorted({one.last.wave for one in hosts if one.last.wave is not None})]
    for number in [*numbers, None]:
        mine = [one for one in hosts if one.last.wave == number]
        if number is None:
            mine = [one for one in mine if id(one.run) in waved and one.last.end in waits]
            if not mine:
                return
        counted = Counter(one.standing for one in mine)
        yield Wave(number, len(mine), {one: counted[one] for one in Standing if counted[one]})


def _drifts(hosts: Sequence[HostState]) -> Iterator[Drift]:
    every = [one for host in hosts for one in host.outcomes.values()]
    for name in sorted({one.remediation for one in every}):
        mine = [one for one in every if one.remediation == name and one.status is not Status.UNKNOWN]
        # Blocked with changes: the device had drifted, and what would have mended it was refused.
        after = [
            one for one in mine
            if one.status in (Status.DRIFTED, Status.FAILED, Status.REVERTED)
            or (one.status is Status.BLOCKED and one.changes)
        ]  # fmt: skip
        before = len(after) + sum((one.status is Status.FIXED) - (one.status is Status.REVERTED) for one in mine)
        known = sum(one.status is not Status.BLOCKED or bool(one.changes) for one in mine)
        yield Drift(name, known, before, len(after))


def _families(
    hosts: Sequence[HostState], entries: Sequence[Entry], catalog: Catalog, remediations: Mapping[str, Remediation]
) -> Iterator[Family]:
    asked = {entry.family for entry in entries if entry.family}
    belongs: dict[str, set[str]] = {}
    for entry in catalog.entries.values():
        causes = {one.cause for one in entry.causes}
        for one in remediations.values():
            if entry.family and causes.intersection(one.cures) and (not asked or entry.family in asked):
                belongs.setdefault(one.id, set()).add(entry.family)
    counted: dict[str, Counter[Status]] = {one: Counter() for one in asked}
    for host in hosts:
        for outcome in host.outcomes.values():
            for family in belongs.get(outcome.remediation, ()):
                counted.setdefault(family, Counter())[outcome.status] += 1
    for family, counts in sorted(counted.items(), key=lambda one: (-sum(one[1].values()), one[0])):
        codes = [entry.code.text for entry in entries if entry.family == family]
        yield Family(family, catalog.title(family), codes, {one: counts[one] for one in Status if counts[one]})
