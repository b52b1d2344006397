"""What differs between two runs: what came back, what is new, what is gone, what was not seen again. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from teamsmedic.errors import ExitCode
from teamsmedic.outcome import Json, Status
from teamsmedic.runreader import End, HostRun, Run

_GOOD = (Status.HEALTHY, Status.FIXED, Status.REVERTED, Status.NOT_APPLICABLE)
_BAD = (Status.DRIFTED, Status.FAILED)


class Kind(StrEnum):
    """How one remediation on one host differs, the most urgent first."""

    CAME_BACK = "came back"
    NEW = "new"
    WORSE = "no longer known"
    STILL = "still there"
    BETTER = "better"
    NOT_SEEN = "not seen again"


@dataclass(frozen=True)
class Difference:
    """One difference; `before` and `after` are statuses, or how the run ended for that host."""

    kind: Kind
    host: str
    remediation: str
    before: str
    after: str
    reasons: list[str]


def between(first: Run, second: Run) -> list[Difference]:
    """All differences, the most urgent first; what is well in both is none.

    `came back`: fixed in the first run, drifted or failed in the second. `new`: such a thing where the first had none.
    """
    found = [
        one
        for name in sorted({*first.hosts, *second.hosts})
        for one in _host(name, first.hosts.get(name), second.hosts.get(name))
    ]
    order = list(Kind)
    return sorted(found, key=lambda one: order.index(one.kind))


def _host(name: str, first: HostRun | None, second: HostRun | None) -> Iterator[Difference]:
    before = {one.remediation: one for one in first.outcomes} if first else {}
    after = {one.remediation: one for one in second.outcomes} if second and second.end is End.OUTCOME else {}
    for what in sorted({*before, *after}):
        old, new = before.get(what), after.get(what)
        if new is None:
            assert old is not None
            gone = second.end if second and second.end is not End.OUTCOME else "not looked at"
            yield Difference(
                Kind.NOT_SEEN, name, what, old.status, gone, [second.error] if second and second.error else []
            )
            continue
        was = old.status if old else first.end if first and first.end is not End.OUTCOME else "not looked at"
        kind = _kind(old.status if old else None, new.status)
        if kind:
            yield Difference(kind, name, what, was, new.status, new.reasons)
    if second and second.end is not End.OUTCOME and not before:
        yield Difference(
            Kind.NOT_SEEN,
            name,
            "-",
            first.end if first else "not asked for",
            second.end,
            [second.error] if second.error else [],
        )


def _kind(old: Status | None, new: Status) -> Kind | None:
    if new in _BAD:
        if old in (Status.FIXED, Status.REVERTED):
            return Kind.CAME_BACK
        return Kind.STILL if old in _BAD else Kind.NEW
    if new in _GOOD:
        return Kind.BETTER if old is not None and old not in _GOOD else None
    return Kind.STILL if old is new else Kind.WORSE


def document(first: Run, second: Run, found: list[Difference], *, redacted: bool) -> dict[str, Json]:
    """The document of `diff --json` (schemas/diff.schema.json)."""
    return {
        "version": 1,
        "command": "diff",
        "redacted": redacted,
        "runs": [
            {"run": one.id, "state": str(one.state), "started": one.started, "notes": one.notes}
            for one in (first, second)
        ],
        "counts": {str(kind): count for kind in Kind if (count := sum(one.kind is kind for one in found))},
        "differences": [asdict(one) | {"kind": str(one.kind)} for one in found],
        "exit_code": int(exit_code(found)),
    }  # fmt: skip


def exit_code(found: list[Difference]) -> ExitCode:
    """1 where something came back or is new, 5 where something is not known any more, else 0."""
    kinds = {one.kind for one in found}
    if kinds & {Kind.CAME_BACK, Kind.NEW}:
        return ExitCode.DRIFT
    return ExitCode.BLOCKED if kinds & {Kind.WORSE, Kind.NOT_SEEN} else ExitCode.OK
