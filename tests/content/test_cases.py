"""Sweeps over every remediation and case: facts lead to the status and reasons that the case says."""

from __future__ import annotations

import pytest

from teamsmedic import content, remediation
from teamsmedic.lab import cases
from teamsmedic.outcome import Status

KNOWN = remediation.load(content.root())
CASES = [(name, case) for name, several in cases.load(content.root()).items() for case in several.values()]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}/{case.name}" for name, case in CASES])
def test_facts_lead_to_the_status_and_reasons_of_the_case(name, case):
    one = KNOWN[name]
    finding = one.judge(case.facts, one.values(case.parameters, 1_800_000_000))

    assert str(finding.status) == case.status, (
        f"{one.folder}/tests/cases.yaml: {case.name} says {case.status}, its facts mean {finding}"
    )
    if case.reasons:
        assert finding.reasons == list(case.reasons)


@pytest.mark.parametrize("name", KNOWN)
def test_every_remediation_has_a_healthy_and_a_drifted_case_for_each_role(name):
    several = cases.load(content.root())[name].values()
    # Some do nothing on a Room, and a case says so.
    found = {(case.role, case.status if case.role == "desktop" else "some") for case in several}

    wanted = {("desktop", "healthy"), ("desktop", "drifted"), ("room", "some")}
    if KNOWN[name].observes:
        found = {(case.role, str(case.status)) for case in several}
        wanted = {("desktop", "not_applicable"), ("room", "healthy"), ("room", "blocked"), ("room", "unknown")}

    assert wanted <= found, f"add the missing case to {KNOWN[name].folder}/tests/cases.yaml"


@pytest.mark.parametrize("name", KNOWN)
def test_every_break_script_serves_a_case(name):
    several = cases.load(content.root())[name].values()
    folder = KNOWN[name].folder / "tests"
    used = {folder / script for case in several for script in case.breaks}

    assert used == set((folder / "break").glob("*.ps1")), "a case without its script, or a script without its case"


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, case in CASES if case.status == "drifted"],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_announced_object_may_be_touched_and_undone(name, case):
    one = KNOWN[name]
    finding = one.judge(case.facts, one.values(case.parameters, 1_800_000_000))

    assert finding.changes
    for change in finding.changes:
        assert any(pattern.fullmatch(change.object) for pattern in one.objects), (
            f"{one.folder}/remediation.yaml: `objects` must match {change.object}"
        )


@pytest.mark.parametrize("name", KNOWN)
def test_every_folder_is_whole(name):
    folder = KNOWN[name].folder
    changing = {"fix.ps1"} | ({"undo.ps1"} if KNOWN[name].reversible else set())
    found = {one.name for one in folder.iterdir()}

    assert {"remediation.yaml", "detect.ps1", "README.md", "tests"} <= found, f"{folder} lacks a file"
    assert found & {"fix.ps1", "undo.ps1", "forget.ps1"} == set() if KNOWN[name].observes else changing <= found


@pytest.mark.parametrize(("name", "case"), [one for one in CASES if KNOWN[one[0]].observes], ids=str)
def test_what_only_observes_never_has_anything_to_fix(name, case):
    finding = KNOWN[name].judge(case.facts, KNOWN[name].values(case.parameters, 1_800_000_000))

    assert (finding.drift, finding.changes) == ([], [])


@pytest.mark.parametrize("name", KNOWN)
def test_every_remediation_can_be_judged_without_facts(name):
    assert KNOWN[name].judge({}, KNOWN[name].values({}, 0)).status is Status.UNKNOWN
