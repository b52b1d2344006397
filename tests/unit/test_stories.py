"""The stories: every code of the catalogue, as somebody meets it, comes to the right person and the right cure."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import story as stories

from teamsmedic import catalog, content, interview, remediation, triage_view
from teamsmedic.catalog import Who
from teamsmedic.lab import cases
from teamsmedic.triage import ELSEWHERE, State

SCHEMA = json.loads((Path(interview.__file__).parent / "schemas/triage.schema.json").read_text())
SEED = [
    "0xCAA82EE2",
    "0xCAA82EE7",
    "1001",
    "4c7",
    "0x80070002",
    "0xCAA30194",
    "max_reload_exceeded",
    "0xCAA7000A",
    "0xCAA70007",
    "0xCAA70004",
    "0xCAA20002",
    "0xCAA20003",
    "0xCAA20004",
    "0xCAA50021",
    "0xCAA50024",
    "0xCAA5001C",
    "0xCAA90014",
    "0xCAA90018",
    "0xCAA90056",
    "0xCAA90057",
    "AADSTS50055",
    "AADSTS50076",
    "AADSTS50079",
    "AADSTS50126",
    "AADSTS53003",
]
SEED += [f"SIP {number}" for number in (*range(500, 506), 600, 603)]
NAMES = stories.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_story_comes_to_its_verdict(name, tmp_path):
    story = stories.read(name)
    expected = story["expect"]

    one, it, door = stories.triage(story, tmp_path)

    document = one.document(it)
    said = f"{document['verdict']}: {document['reasons']}"
    assert any(story["code"] == code["code"] for code in document["codes"]), f"the evidence of {name} does not show it"
    assert (document["verdict"], document["who"]) == (expected["verdict"], expected["acts"]), said
    assert document["offered"] == expected["offered"], document["ladder"]
    assert not set(document["offered"]) & set(expected["never"])
    states = {cause["id"]: cause["state"] for cause in document["causes"]}
    for state in ("confirmed", "refuted"):
        for cause in expected.get(state, ()):
            assert states[cause] == state, document["causes"]
    ladder = {rung["remediation"]: rung["state"] for rung in document["ladder"]}
    assert {key: ladder.get(key) for key in expected.get("ladder", {})} == expected.get("ladder", {}), document[
        "ladder"
    ]
    if expected.get("contradicts"):
        assert document["contradictions"]
    assert door is None or len(door.heard) == 1, "a check is one round trip"
    jsonschema.validate(interview.whole(one, [document], int(it.exit_code)), SCHEMA)
    assert f"Who must act: {expected['acts']}" in triage_view.render({"results": [document]})
    assert "teamsmedic fix" not in (it.command or "") or it.verdict is Who.DEVICE
    assert it.verdict not in ELSEWHERE or it.offered == [], "nothing on a device mends what somebody else must"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_story_names_exists(name):
    story = stories.read(name)
    known = remediation.load(content.root())

    for one in (*story["expect"]["offered"], *story["expect"]["never"], *story.get("tried", ())):
        assert one in known, f"{name} names the remediation {one}"
    if set(story["expect"]["offered"]) | set(story["expect"]["never"]) != {
        one.id for one in known.values() if one.cures
    }:
        pytest.fail(f"{name}: say of each remediation whether it is offered: {', '.join(known)}")
    if cure := story.get("cure"):
        assert cure["case"] in cases.load(content.root())[cure["remediation"]], f"{name}: the cure has no such case"
        assert cure["remediation"] in story["expect"]["offered"]
        assert story["device"]["cases"][cure["remediation"]] == cure["case"]


@pytest.mark.parametrize("code", [code.text for code in catalog.load().entries])
def test_every_code_of_the_catalogue_has_a_story(code):
    assert code in {stories.read(name)["code"] for name in NAMES}, f"add tests/stories/NAME.yaml with code: {code!r}"


def test_the_57_codes_of_the_table_have_stories():
    told = {stories.read(name)["code"] for name in NAMES}

    assert set(SEED) <= told
    assert len({code for code in told if code.startswith("SIP 4")}) >= 24
    assert len(SEED) + 24 == 57


def test_a_cure_is_told_for_every_remediation_that_a_triage_can_offer_at_once():
    """What only makes ready for a cure by hand is never offered without a word of somebody."""
    cured = {story["cure"]["remediation"] for name in NAMES if "cure" in (story := stories.read(name))}

    assert cured == {one.id for one in remediation.load(content.root()).values() if one.cures and not one.prepares}


def test_a_clock_that_is_off_and_a_federation_fault_show_the_same_code(tmp_path):
    _, clock, _ = stories.triage(stories.read("0xcaa20003_clock"), tmp_path)
    _, federation, _ = stories.triage(stories.read("0xcaa20003_federation"), tmp_path)

    assert (clock.verdict, clock.causes[0].id) == (Who.DEVICE, "clock_wrong")
    assert (federation.verdict, federation.causes[0].id) == (Who.TENANT, "federation_refuses")
    assert next(one for one in federation.causes if one.id == "clock_wrong").state is State.REFUTED
