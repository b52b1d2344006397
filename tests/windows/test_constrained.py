"""Constrained language, as script policy sets it: a check answers facts or that it cannot, and no fix starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from doors import BY, pypsrp
from harness import LabDevice
from snapshot import report

from teamsmedic import asked, content, payload, remediation, runfolder, treatment
from teamsmedic.errors import Untrusted
from teamsmedic.hosts.base import End, Send, Statement, Verb
from teamsmedic.hosts.winrm import WinRMHost
from teamsmedic.lab import cases
from teamsmedic.plan import Plan
from teamsmedic.run import drive

KNOWN = remediation.load(content.root())
CASES = cases.load(content.root())
CHANGING = {name: one for name, one in KNOWN.items() if not one.observes}
DRIFTED = {
    name: next(one for one in CASES[name].values() if str(one.status) == "drifted" and one.role == "desktop")
    for name in CHANGING
}
# The state of the session outlives the pipeline that sets it; the product's statements follow unedited. Add-Type refuses
# as it does under script policy; without one this engine lets it pass.
CONSTRAIN = r"""
function Add-Type {
    $why = [System.InvalidOperationException]::new('no new types in this language mode')
    throw [System.Management.Automation.ErrorRecord]::new($why, 'CannotDefineNewType', 'PermissionDenied', $null)
}
$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'
'done'
"""
COMPILES = """
try { Add-Type -TypeDefinition 'public static class Never { }'; 'compiled' } catch { "$($_.FullyQualifiedErrorId)" }
try { [System.IO.File]::Exists('C:\\\\'); 'called' } catch { "$($_.FullyQualifiedErrorId)" }
"""


BLIND = {"client_cache_fresh", "device_rejoin_prepared", "stale_credentials_absent"}
"""Those that need functions of Windows, which constrained language does not let them call."""


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    """A device on which every remediation that changes something has something to do."""
    scripts = [one.script(KNOWN[name].folder) for name, one in DRIFTED.items()]
    return device("desktop", breaks="\n".join(f"& {{\n{script}\n}}" for script in scripts if script))


@pytest.fixture
def constrained(desk: LabDevice) -> Iterator[WinRMHost]:
    host = pypsrp(desk)
    assert host.run(Send(Verb.CHECK, (Statement("mode", CONSTRAIN, 30.0),), "")).lines == ("done",)
    yield host
    host.close()


def plan(*names: str) -> Plan:
    parameters = {name: dict(DRIFTED[name].parameters) for name in names if name in CHANGING}
    return asked.plan(None, names=names, parameters=parameters, now=0)


def check(host: WinRMHost, *names: str) -> treatment.Report:
    return drive(treatment.check(plan(*names), treatment.Context(runfolder.new_id(), BY)), host, lambda *_: None)


def test_the_language_is_constrained(constrained: WinRMHost) -> None:
    """What follows rests on this: nothing is compiled, no method is called."""
    compiled, called = constrained.run(Send(Verb.CHECK, (Statement("try", COMPILES, 30.0),), "")).lines
    assert compiled.startswith("CannotDefineNewType")
    assert called.startswith("MethodInvocationNotSupportedInConstrainedLanguage")


def test_every_check_answers_facts_or_that_it_cannot(
    desk: LabDevice, constrained: WinRMHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host = pypsrp(desk)
    full = {one.remediation: one for one in check(host, *KNOWN).outcomes}
    host.close()
    before = desk.snapshot()

    together = check(constrained, *KNOWN)
    alone = {name: check(constrained, name).outcomes[0] for name in KNOWN}

    assert together.device
    assert together.device.language == "ConstrainedLanguage"
    assert together.device.build == 22631
    assert {one.remediation: one for one in together.outcomes} == alone
    for name, outcome in alone.items():
        assert str(full[name].status) == ("drifted" if name in CHANGING else "not_applicable"), full[name]
        if name in BLIND:
            assert (str(outcome.status), outcome.reasons) == ("unknown", ["constrained language"])
        else:
            varies = KNOWN[name].varies
            assert {k: v for k, v in (outcome.facts or {}).items() if k not in varies} == {
                k: v for k, v in (full[name].facts or {}).items() if k not in varies
            }
            assert (outcome.status, outcome.reasons) == (full[name].status, full[name].reasons)
    assert report(desk.changes(before)) == "no change"
    with capsys.disabled():
        seeing = sorted(set(KNOWN) - BLIND)
        print(f"\n  constrained language: facts from {', '.join(seeing)}; unknown from {', '.join(sorted(BLIND))}")


def test_no_fix_starts(desk: LabDevice, constrained: WinRMHost) -> None:
    """Nor where only the fix itself meets constrained language, after a check that did not."""
    before = desk.snapshot()
    walk = treatment.fix(
        plan(*CHANGING), treatment.Context(runfolder.new_id(), BY), allow={"disruptive", "irreversible"}
    )

    outcomes = {one.remediation: one for one in drive(walk, constrained, lambda *_: None).outcomes}

    for name, outcome in outcomes.items():
        said = ["constrained language"] if name in BLIND else ["constrained language; detected again: drifted"]
        assert (str(outcome.status), outcome.reasons[:1]) == ("unknown" if name in BLIND else "failed", said), outcome
    for name in CHANGING:
        statements = payload.build([name], Verb.FIX)
        about = {"parameters": {}, "drift": [], "journal": "{}"}
        asked_for = {"protocol": 1, "run": "20260102T030405Z-abcdef", "verb": "fix", "remediations": {name: about}}
        reply = constrained.run(Send(Verb.FIX, statements, json.dumps(asked_for)))
        answers = {one["statement"]: one for one in map(json.loads, reply.lines)}
        assert (reply.end, answers[name]["error"]["kind"]) == (End.COMPLETED, "language"), answers
    assert report(desk.changes(before)) == "no change"


def test_no_undo_starts(desk: LabDevice) -> None:
    """Wine gives the journal to a user, whom constrained language cannot name; on Windows it is of Administrators."""
    host = pypsrp(desk)
    names = [name for name in CHANGING if name not in BLIND]
    drive(treatment.fix(plan(*names), treatment.Context("20260102T030405Z-abcdef", BY)), host, lambda *_: None)
    host.run(Send(Verb.CHECK, (Statement("mode", CONSTRAIN, 30.0),), ""))
    before = desk.snapshot()
    walk = treatment.undo(KNOWN, treatment.Context(runfolder.new_id(), BY), values=lambda one: one.values({}, 0))

    try:
        with pytest.raises(Untrusted, match="not trustworthy"):
            drive(walk, host, lambda *_: None)
        for name in names:
            about = {"parameters": {}, "run": "20260102T030405Z-abcdef", "sha256": "", "items": []}
            asked_for = {"protocol": 1, "run": "20260102T030406Z-abcdef", "verb": "undo", "remediations": {name: about}}
            reply = host.run(Send(Verb.UNDO, payload.build([name], Verb.UNDO), json.dumps(asked_for)))
            answers = {one["statement"]: one for one in map(json.loads, reply.lines)}
            assert answers[name]["error"]["kind"] == "language"
    finally:
        host.close()
    assert report(desk.changes(before)) == "no change"
