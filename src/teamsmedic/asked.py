"""Turns what a person or a playbook asks for into plans and walks: the same for both doors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from teamsmedic import catalog, content, remediation, runfolder, treatment
from teamsmedic import plan as planning
from teamsmedic.errors import RequestError
from teamsmedic.outcome import Json
from teamsmedic.remediation import Remediation


def plan(
    given: Any,
    *,
    names: Sequence[str] = (),
    everything: bool = False,
    parameters: Mapping[str, Mapping[str, Json]] | None = None,
    spare: bool = False,
    now: float,
) -> planning.Plan:
    """The plan for codes in any spelling (a list, a string with commas or lines, an integer), names, or everything; the
    rest as `plan.make` takes it."""
    root = content.root()
    known = catalog.book(root) if given else None
    entries = known.resolve(given) if known else []
    causes = {named.cause for entry in entries for named in entry.causes}
    return planning.make(
        remediation.load(root),
        causes=causes,
        codes=[str(entry.code) for entry in entries],
        names=names,
        everything=everything,
        parameters=parameters,
        spare=spare,
        now=now,
    )


def parameters(given: Sequence[str]) -> dict[str, dict[str, Json]]:
    """`ID.NAME=VALUE` strings as remediation id to values."""
    out: dict[str, dict[str, Json]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        owner, dot, parameter = name.partition(".")
        if not (equals and dot and owner and parameter):
            raise RequestError(
                "read a parameter",
                f"{one!r} is not ID.NAME=VALUE",
                "write for example tls12_usable.probe=login.example.com:443",
            )
        out.setdefault(owner, {})[parameter] = value
    return out


def undo_target(host_or_run: str, run: str, where: Path) -> tuple[str, str]:
    """Host pattern and run id (or `last`) for what was given to undo; RequestError for a run that is not here."""
    if not runfolder.RUN_ID.fullmatch(host_or_run):
        return host_or_run, run
    folder = runfolder.find(where, host_or_run)
    if folder is None:
        raise RequestError(
            f"looked for run {host_or_run}",
            f"there is no such folder in {where}",
            f"name the host: teamsmedic undo HOST --run {host_or_run}",
        )
    changed = [host for host in folder.hosts() if folder.hashes(host)]
    if not changed:
        raise RequestError(f"looked into run {host_or_run}", "it changed no device", "see teamsmedic runs")
    return ",".join(changed), host_or_run


def undo_parameters(given: Mapping[str, Mapping[str, Json]], names: Collection[str], now: float) -> None:
    """RequestError where parameters for an undo name no remediation, none of `names`, or hold an unusable value."""
    for name, values in given.items():
        one = remediation.find(name)
        if names and name not in names:
            wanted = ", ".join(names)
            raise RequestError(
                f"read the parameters of {name}", f"the plan is to undo {wanted}", "leave them out, or name it as well"
            )
        one.values(values, now)


def undo(
    context: treatment.Context,
    host: str,
    *,
    run: str = "last",
    names: Collection[str] = (),
    where: Path,
    dry_run: bool = False,
    forget: bool = False,
    parameters: Mapping[str, Mapping[str, Json]] | None = None,
    now: float,
) -> treatment.Walk:
    """The walk that undoes a run on one host (`forget`: gives up its way back); where its run folder still lies in
    `where`, the hashes there must agree. `parameters`: remediation id to values, as `undo_parameters` accepts them."""
    given = parameters or {}

    def hashes(found: str) -> Mapping[str, str]:
        folder = runfolder.find(where, found)
        return folder.hashes(host) if folder else {}

    def values(one: Remediation) -> Mapping[str, Json]:
        return one.values(given.get(one.id, {}), now)

    verb = treatment.forget if forget else treatment.undo
    known = remediation.load(content.root())
    return verb(
        known, context, run=run, names=names, hashes=hashes, dry_run=dry_run, values=values,
        given={name: tuple(one) for name, one in given.items()},
    )  # fmt: skip


def runs(where: Path, most: int) -> list[dict[str, Json]]:
    """The newest run folders as rows: run, started, command, hosts, statuses with counts."""
    rows = []
    for folder in reversed(runfolder.every(where)[-most:]):
        manifest = folder.manifest()
        counted: Counter[str] = Counter()
        hosts = folder.hosts()
        for records in hosts.values():
            last = next((one for one in reversed(records) if "outcomes" in one), records[-1])
            counted.update(str(one.get("status")) for one in last.get("outcomes") or [])
            if last.get("type") == "unreachable":
                counted["not reached"] += 1
            elif last.get("type") == "stopped":
                counted[str(last.get("without") or "stopped")] += 1
        rows.append(
            {
                "run": folder.id,
                **{key: manifest.get(key) for key in ("started", "command", "codes", "exit_code")},
                "hosts": sorted(hosts),
                "statuses": dict(counted),
                "folder": str(folder.path),
            }
        )
    return rows
