"""A device on which the scripts really ran is recorded and replayed: it says the same, and names nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from doors import pypsrp
from harness import LabDevice

from teamsmedic import content, plan, remediation, treatment
from teamsmedic.hosts.base import End, Reply, Send
from teamsmedic.lab import cases, recorded
from teamsmedic.lab.psrp import Asked
from teamsmedic.lab.replay import ReplayDevice
from teamsmedic.result import HostResult
from teamsmedic.run import drive

ROOT = content.root()
CONTEXT = treatment.Context("20260102T030405Z-abcdef", "test")
BROKEN = {
    "desktop": {"tls12_usable": "all_off", "stale_credentials_absent": "foreign"},
    "room": {"tls12_usable": "room_off"},
}


class Replayed:
    """A replay device behind no wire."""

    def __init__(self, device: ReplayDevice) -> None:
        self.name, self.device = device.name, device

    def run(self, request: Send) -> Reply:
        texts = enumerate(one.text for one in request.statements)
        said = self.device.respond(Asked(tuple((text, None if at else request.argument) for at, text in texts), ()))
        return Reply(tuple(said.lines), End.FAILED if said.failed else End.COMPLETED, said.failed or "")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("role", BROKEN)
def test_a_recorded_device_says_what_the_device_said(
    role: str, device: Callable[..., LabDevice], tmp_path: Path
) -> None:
    known = remediation.load(ROOT)
    scripts = [cases.load(ROOT)[name][case].script(known[name].folder) or "" for name, case in BROKEN[role].items()]
    desk = device(role, breaks="\n".join(scripts))
    wanted = plan.make(known, names=list(known), parameters={"tls12_usable": {"probe": ""}}, now=0.0)
    host = pypsrp(desk)
    try:
        told = drive(treatment.check(wanted, CONTEXT), host, lambda *_: None)
    finally:
        host.close()

    kept = recorded.keep(HostResult(desk.name, told), wanted.items, tmp_path, None, (), b"key")

    assert kept.file is not None
    assert kept.recording is not None
    assert kept.recording.missing == {}
    text = kept.file.read_text(encoding="utf-8").casefold()
    names = ("amber", "bruno", "carla", "contoso", "fabrikam", desk.name, "s-1-5-21-", "s-1-12-1-")
    assert [name for name in names if name in text] == []
    found = recorded.read(kept.file)
    assert (found.role, found.missing, found.notes) == (role, {}, ())
    device_again = ReplayDevice("again", found.role, found.cases)
    again = drive(treatment.check(wanted, CONTEXT), Replayed(device_again), lambda *_: None)
    assert [(one.remediation, one.status, len(one.reasons), len(one.changes)) for one in again.outcomes] == [
        (one.remediation, one.status, len(one.reasons), len(one.changes)) for one in told.outcomes
    ]
    assert {one.remediation: str(one.status) for one in told.outcomes}["tls12_usable"] == "drifted"
