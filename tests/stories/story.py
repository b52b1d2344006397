"""A story as its file tells it, and a triage of it by the functions that the command line runs."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teamsmedic import content, treatment
from teamsmedic.hosts.base import Reply, Send
from teamsmedic.interview import Interview
from teamsmedic.lab import cases, replay
from teamsmedic.result import HostResult
from teamsmedic.run import drive
from teamsmedic.triage import Device, Triage

FOLDER = Path(__file__).parent
KEYS = {"code", "evidence", "device", "web", "answers", "tried", "expect", "cure"}
EXPECTED = {"verdict", "acts", "offered", "never", "confirmed", "refuted", "ladder", "contradicts"}


@dataclass
class ReplayedHost:
    """The door to a replayed device in this process; counts what it is asked."""

    device: replay.ReplayDevice
    name: str = "LT-0417"
    heard: list[Send] = field(default_factory=list)

    def run(self, request: Send) -> Reply:
        self.heard.append(request)
        lines, end = self.device._statements([one.text for one in request.statements], request.argument)
        return Reply(tuple(lines), end)

    def close(self) -> None:
        pass


def host(role: str = "desktop", clock: float = 0, **named: str) -> ReplayedHost:
    """A replayed device in these cases, whose clock is that many seconds ahead."""
    chosen = cases.choose(content.root(), role, named)
    return ReplayedHost(replay.ReplayDevice("LT-0417", role, chosen, clock=lambda: time.time() + clock))


def checked(interview: Interview, door: ReplayedHost, runs: Path) -> Device:
    """The device after the check that the interview wants."""
    plan = interview.plan(interview.wanted() or [], time.time())
    begun = time.time()
    report = drive(
        treatment.look(plan, treatment.Context("20260102T030405Z-abcdef", "test")), door, lambda kind, data: None
    )
    return interview.device(HostResult(door.name, report), (begun, time.time()), runs)


@functools.cache
def read(name: str) -> dict[str, Any]:
    story = content.read_yaml(FOLDER / f"{name}.yaml")
    assert set(story) <= KEYS, f"{name}: use {', '.join(sorted(KEYS))}"
    assert set(story["expect"]) <= EXPECTED, f"{name}: use {', '.join(sorted(EXPECTED))}"
    return story


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def interview(story: dict[str, Any]) -> Interview:
    answers = dict(story.get("answers", {}))
    if "web" in story:
        answers["web"] = story["web"]
    return Interview.begin([story["evidence"]], answers, tried=story.get("tried", ()))


def triage(story: dict[str, Any], runs: Path) -> tuple[Interview, Triage, ReplayedHost | None]:
    one = interview(story)
    about = story.get("device")
    door = host(about["role"], about.get("clock", 0), **about.get("cases", {})) if about else None
    device = checked(one, door, runs) if door else None
    return one, one.decide(device), door
