"""Runs as a disk holds them, made by the product's own writer, for the tests of what reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teamsmedic.runfolder import RunFolder

KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client\\"
CHANGE = {
    "object": f"{KEY}Enabled",
    "action": "write",
    "before": {"kind": "DWord", "data": 0},
    "after": {"kind": "DWord", "data": 1},
}


def outcome(status: str, name: str = "tls12_usable", **more: Any) -> dict[str, Any]:
    changes = [CHANGE] if status in ("drifted", "fixed", "failed") else []
    reasons = [] if status in ("healthy", "fixed") else [f"{KEY}Enabled is 0"]
    made = {"remediation": name, "status": status, "reasons": reasons, "changes": changes}
    return {**made, "facts": None, "facts_after": None, "restart": None, "notes": [], **more}


def told(*outcomes: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"kind": "replayed", "computer": None, "error": None, "interrupted": False, "undone": None}
    return {**about, "outcomes": list(outcomes), "groups": [], **more}


def run(where: Path, number: int, hosts: dict[str, dict[str, Any] | str | None], **more: Any) -> RunFolder:
    """A run that ended; of each host its outcomes, the error of one that was not reached, or None for no record."""
    manifest = {
        "command": "fix", "door": "pypsrp", "by": "somebody@control", "pattern": "all", "inventory": ["hosts.yml"],
        "codes": ["0xCAA70004"], "remediations": ["tls12_usable"], "hosts": list(hosts), "dry_run": False, **more,
    }  # fmt: skip
    folder = RunFolder.create(where, f"20261125T08000{number}Z-aaaaa{number}", manifest)
    for name, said in hosts.items():
        if isinstance(said, str):
            folder.write(name, "unreachable", {"error": said, "outcomes": []})
        elif said:
            folder.write(name, "outcome", said)
    folder.end(0)
    return folder


SHARE = {"healthy": 55, "fixed": 27, "drifted": 4, "failed": 1, "blocked": 2, "unknown": 2, "lost": 9}


def fleet(where: Path, count: int, number: int = 1) -> RunFolder:
    """A run over `count` hosts in four waves, of every kind, the same each time."""
    cycle = [status for status, share in SHARE.items() for _ in range(share)]
    ends = (1, count // 20 + 1, count // 4 + 1, count)
    hosts: dict[str, dict[str, Any] | str | None] = {}
    for each in range(count):
        name, status = f"{'room' if each % 5 == 0 else 'desk'}-{each:04d}", cycle[each * 37 % 100]
        wave = next(place for place, end in enumerate(ends, 1) if each < end)
        restart = {"restart": "device"} if status == "fixed" else {}
        said = told(outcome(status, **restart), outcome("healthy", "client_cache_fresh"), groups=["berlin"], wave=wave)
        hosts[name] = f"connected to {name}: no answer; check that it is on." if status == "lost" else said
    return run(where, number, hosts)


START = datetime(2026, 10, 1, 8, tzinfo=UTC).timestamp()
DAY = 86400


def put(
    where: Path, day: float, hosts: dict[str, Any], *, codes: tuple[str, ...] = ("0xCAA70004",), group: str = "berlin"
) -> None:
    """A run folder of an older version, of that day: of each host its statuses (one or several), or after `!` the error
    of one not reached."""
    at = START + day * DAY
    name = f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}-{len(list(where.glob('*'))):06x}"
    (where / name / "hosts").mkdir(parents=True)
    manifest = {
        "format": 1, "run": name, "started": at, "ended": at + 9, "command": "fix", "codes": list(codes), "hosts": list(hosts),
    }  # fmt: skip
    (where / name / "manifest.json").write_text(json.dumps(manifest))
    for host, said in hosts.items():
        record: dict[str, Any] = {"type": "outcome", "at": at + 5, "host": host, "groups": [group], "error": None}
        if isinstance(said, str) and said.startswith("!"):
            record |= {"type": "unreachable", "error": said[1:], "outcomes": []}
        else:
            several = [said] if isinstance(said, str) else said
            record["outcomes"] = [outcome(one, reasons=[f"because {one}"]) for one in several]
        (where / name / "hosts" / f"{host}.jsonl").write_text(json.dumps(record) + "\n")
