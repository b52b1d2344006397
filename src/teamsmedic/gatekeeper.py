"""The gate of a run, kept in its run folder: the workers of a run share it, threads and processes alike.

`waves.json` holds the counters and who is under way, `waves.lock` is held while they change. Nothing here is flushed to
disk: after a power failure a run resumes from the start, and what is verified stays verified.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teamsmedic import chain
from teamsmedic.errors import RunFolderError
from teamsmedic.outcome import Json
from teamsmedic.runfolder import RunFolder, told
from teamsmedic.waves import Gate, Policy, Standing

LONGEST = 0.5
"""Seconds that one who waits sleeps at most before looking again."""


@dataclass
class Gatekeeper:
    """Lets the devices of a run in, wave by wave.

    `begin` makes the gate where none is kept yet; `place`: a host's place in the run's order, in which those who wait
    are let in; `alive` is asked while one waits and raises what ends the waiting.
    """

    folder: RunFolder
    policy: Policy
    begin: Callable[[], Gate]
    place: Callable[[str], int]
    alive: Callable[[], None] = lambda: None
    _broken: RunFolderError | None = field(default=None, init=False)

    def enter(self, host: str) -> int:
        """Waits until the host may be treated and returns its wave (from 1); HeldBack where it may not."""
        pause, place = 0.01, self.place(host)
        while True:
            if self._broken:
                raise self._broken
            self.alive()
            with self._kept() as kept:
                if (wave := kept.enter(host, place)) is not None:
                    return wave
            time.sleep(pause)
            pause = min(LONGEST, pause * 1.5)

    def settle(self, host: str, what: Standing) -> None:
        """The host has come to its end; what became of it is in the run folder already."""
        try:
            with self._kept() as kept:
                if kept.under_way.pop(host, None) is not None:
                    kept.gate.settle(what, time.time())
        except RunFolderError as error:
            self._broken = error  # whoever waits for this host would wait for ever
            raise

    @contextlib.contextmanager
    def _kept(self) -> Iterator[_Kept]:
        path = self.folder.path / "waves.json"
        with told("kept the waves in", path):
            lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                kept = _read(path, self.policy) or _Kept(self.begin())
                kept.bury()
                try:
                    yield kept
                finally:
                    _write(path, kept)
            finally:
                os.close(lock)


@dataclass
class _Kept:
    """The gate, hosts under way with the process that works on each, and those that wait with their place besides."""

    gate: Gate
    under_way: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, list[int]] = field(default_factory=dict)

    def enter(self, host: str, place: int) -> int | None:
        """Lets the host in, where there is room for it after all that wait and come before it."""
        before = sum(1 for other, (theirs, _) in self.waiting.items() if other != host and theirs < place)
        if not self.gate.stopped and self.gate.room - self.gate.taken <= before:
            self.waiting[host] = [place, os.getpid()]
            return None
        self.waiting.pop(host, None)
        if (wave := self.gate.enter()) is not None:
            self.under_way[host] = os.getpid()
        return wave

    def bury(self) -> None:
        """A worker that was killed settles as unverified: what became of its device nobody knows."""
        for host in [host for host, (_, worker) in self.waiting.items() if _gone(worker)]:
            del self.waiting[host]
        for host in [host for host, worker in self.under_way.items() if _gone(worker)]:
            del self.under_way[host]
            self.gate.settle(Standing.UNVERIFIED, time.time())


def _gone(worker: int) -> bool:
    try:
        os.kill(worker, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def read(folder: RunFolder, policy: Policy) -> Gate | None:
    """The gate that a run's folder holds; None where it has none, or one that cannot be read."""
    kept = _read(folder.path / "waves.json", policy)
    return kept.gate if kept else None


def progress(folder: Path) -> tuple[list[str], dict[str, int]]:
    """What was decided after each wave, and the wave (from 1) of each host under way; of whatever is readable."""
    data: Any = {}
    with contextlib.suppress(OSError):
        data = chain.parsed((folder / "waves.json").read_bytes()) or {}
    gate, under_way = (one if isinstance(one := data.get(name), dict) else {} for name in ("gate", "under_way"))
    told, wave = gate.get("told"), gate.get("wave")
    decided = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    return decided, dict.fromkeys(under_way, wave + 1) if isinstance(wave, int) else {}


def _read(path: Path, policy: Policy) -> _Kept | None:
    try:
        data: Mapping[str, Json] = json.loads(path.read_text("utf-8"))
        return _Kept(Gate.from_json(policy, data["gate"]), dict(data["under_way"]), dict(data["waiting"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, kept: _Kept) -> None:
    data = json.dumps({"gate": kept.gate.to_json(), "under_way": kept.under_way, "waiting": kept.waiting}).encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, data, 0)
        os.ftruncate(handle, len(data))
    finally:
        os.close(handle)
