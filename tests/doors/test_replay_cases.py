"""Every case of every remediation on a replay device: the engine tells the whole story that the case begins."""

from __future__ import annotations

import time

import pytest
from direct import Direct

from teamsmedic import content, plan, remediation, rooms, treatment
from teamsmedic.lab import cases
from teamsmedic.lab.replay import ReplayDevice
from teamsmedic.outcome import Outcome, Status
from teamsmedic.run import drive

ROOT = content.root()
KNOWN = remediation.load(ROOT)
PAIRS = [(name, case) for name, found in cases.load(ROOT).items() for case in found]
CONTEXT = treatment.Context("20260102T030405Z-abcdef", "test", terms=rooms.Terms(because="told to the end"))


@pytest.mark.parametrize(("name", "case"), PAIRS, ids=[f"{name}-{case}" for name, case in PAIRS])
def test_a_case_is_told_to_its_end(name, case):
    about = cases.load(ROOT)[name][case]
    device = ReplayDevice("d1", about.role, cases.choose(ROOT, about.role, {name: case}))
    door = Direct(device)
    wanted = plan.make(KNOWN, names=[name], parameters={name: dict(about.parameters)}, now=time.time())

    def go(walk: treatment.Walk) -> Outcome:
        (outcome,) = drive(walk, door, lambda *_: None, sleep=lambda _: None).outcomes
        return outcome

    first = go(treatment.check(wanted, CONTEXT))
    assert first.status is about.status
    assert first.reasons == list(about.reasons) or not about.reasons
    fixed = go(treatment.fix(wanted, CONTEXT, allow=("disruptive", "irreversible")))
    if about.status is not Status.DRIFTED:
        assert (fixed.status, fixed.reasons, fixed.changes) == (first.status, first.reasons, [])
        return
    if about.fix:
        assert fixed.status in (Status.BLOCKED, Status.FAILED)
        return
    assert fixed.status is Status.FIXED
    again = go(treatment.check(wanted, CONTEXT))
    restart = KNOWN[name].room_restart if about.role == "room" else KNOWN[name].restart
    assert again.status is (Status.FIXED if restart == "device" else Status.HEALTHY)
    if KNOWN[name].reversible:
        undo = treatment.undo(KNOWN, CONTEXT, values=lambda one: one.values(about.parameters, time.time()))
        assert go(undo).status is Status.REVERTED
        last = go(treatment.check(wanted, CONTEXT))
        assert (last.status, last.reasons) == (first.status, first.reasons)
