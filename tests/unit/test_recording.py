"""Recorded devices: without names they are judged as before, and one from an older content says what it lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from direct import Direct

from teamsmedic import content, handover, plan, recording, redact, remediation, treatment
from teamsmedic.errors import InventoryError
from teamsmedic.lab import cases, inventory, recorded
from teamsmedic.lab.replay import ReplayDevice
from teamsmedic.outcome import Status
from teamsmedic.result import HostResult
from teamsmedic.run import drive

ROOT = content.root()
KNOWN = remediation.load(ROOT)
PAIRS = [(name, case) for name, found in cases.load(ROOT).items() for case in found]
CONTEXT = treatment.Context("20260102T030405Z-abcdef", "test")
NAMES = ("amber", "bruno", "carla", "zoë", "user.domain", "contoso", "fabrikam", "litware", "tailspin", "lt-0417",
         "1111111111", "1004336348", "5f0d2a6e", "0b7c7a52", "99999999", "amberadams", "lapsadmin")  # fmt: skip
"""What stands in facts of the cases and tells who or where somebody is."""
SCHEMAS = ROOT / "src/teamsmedic/schemas"


def wanted(name: str, parameters: Mapping[str, Any]) -> plan.Plan:
    return plan.make(KNOWN, names=[name], parameters={name: dict(parameters)}, now=0.0)


def look(device: ReplayDevice, asked: plan.Plan) -> treatment.Report:
    return drive(treatment.check(asked, CONTEXT), Direct(device), lambda *_: None, sleep=lambda _: None)


def known(report: treatment.Report) -> list[tuple[str, str]]:
    facts = [one.facts for one in report.outcomes]
    return [
        ("host", "desk-17"),
        *(name for one in facts for name in (*handover.people(one), *redact.told(one))),
    ]


@pytest.mark.parametrize(("name", "case"), PAIRS, ids=[f"{name}-{case}" for name, case in PAIRS])
def test_a_case_is_judged_the_same_without_names_and_replayed(name: str, case: str, tmp_path: Path) -> None:
    about = cases.load(ROOT)[name][case]
    asked = wanted(name, about.parameters)
    first = look(ReplayDevice("desk-17", about.role, cases.choose(ROOT, about.role, {name: case})), asked)
    redactor = recording.Pseudonyms(known(first), b"key")
    made = recording.make(asked.items, first, redactor)
    file = tmp_path / f"{name}-{case}.yaml"
    text = yaml.safe_dump(made.to_json(0), allow_unicode=True)
    file.write_text(text, encoding="utf-8")

    assert made.missing == {}
    assert [one for one in NAMES if one in text.casefold()] == []
    found = recorded.read(file)
    assert (found.role, set(found.missing)) == (about.role, set(KNOWN) - {name})
    # An id that somebody confirmed is a pseudonym, too: the parameters are those that were kept.
    kept = wanted(name, found.cases[name].parameters)
    again = look(ReplayDevice("again", found.role, found.cases, missing=found.missing), kept)
    (before,), (after,) = first.outcomes, again.outcomes
    assert after.status is about.status
    assert [redactor.restored(one) for one in after.reasons] == [one.casefold() for one in before.reasons]
    assert len(after.changes) == len(before.changes)


WORDS = ("answered", "own", "foreign", "new", "fresh", "looked_at", "enough", "free", "state", "logged", "asked", "yes")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["client_cache_fresh", "stale_credentials_absent"])
def test_somebody_who_is_called_like_a_word_of_ours_changes_no_status(name: str, word: str) -> None:
    said = json.dumps({key: vars(case)["facts"] for key, case in cases.load(ROOT)[name].items()})
    renamed = json.loads(said.replace("amber", word))
    for key, case in cases.load(ROOT)[name].items():
        facts = renamed[key]
        device = ReplayDevice("d", case.role, {name: cases.Case(key, case.role, facts, case.status)})
        first = look(device, wanted(name, {}))
        made = recording.make(wanted(name, {}).items, first, recording.Pseudonyms(known(first), b"key"))
        if made.missing:  # the folder of a copy is called Teams-new
            assert (name, word) == ("client_cache_fresh", "new")
            assert made.missing[name].endswith("(a change that could not be undone)")
        else:
            assert made.kept[name]["status"] == first.outcomes[0].status


def test_facts_that_mean_something_else_without_names_are_not_kept() -> None:
    one = KNOWN["tls12_usable"]
    report = look(ReplayDevice("d", "desktop", cases.choose(ROOT, "desktop", {one.id: "all_off"})), wanted(one.id, {}))

    class Clumsy(recording.Pseudonyms):
        def __call__(self, _: str) -> str:
            return "same"

    made = recording.make(wanted(one.id, {}).items, report, Clumsy([], b""))

    assert made.kept == {}
    assert made.missing == {one.id: "without names its facts mean something else (other reasons)"}


def test_what_gave_no_facts_is_replayed_as_unknown_with_the_reason(tmp_path: Path) -> None:
    name = "tls12_usable"
    device = ReplayDevice("d", "desktop", cases.choose(ROOT, "desktop", {}), faults={name: "error"})
    made = recording.make(wanted(name, {}).items, look(device, wanted(name, {})), recording.Pseudonyms([], b""))
    (tmp_path / "d.yaml").write_text(yaml.safe_dump(made.to_json(0)), encoding="utf-8")
    found = recorded.read(tmp_path / "d.yaml")

    (outcome,) = look(ReplayDevice("d", "desktop", found.cases, missing=found.missing), wanted(name, {})).outcomes

    assert outcome.status is Status.UNKNOWN
    assert outcome.reasons[0].startswith("recorded 1970-01-01 by teamsmedic ")
    assert "its script failed: this script fails, as the lab was told" in outcome.reasons[0]


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Any]:
    name = "client_cache_fresh"
    report = look(ReplayDevice("d", "desktop", cases.choose(ROOT, "desktop", {name: "both"})), wanted(name, {}))
    made: dict[str, Any] = recording.make(
        wanted(name, {}).items, report, recording.Pseudonyms(known(report), b"")
    ).to_json(0)
    return made


def test_a_file_fits_its_schema_and_says_which_versions_it_is_from(kept: dict[str, Any]) -> None:
    jsonschema.validate(kept, json.loads((SCHEMAS / "recorded.schema.json").read_text(encoding="utf-8")))
    assert kept["content"] == content.digest()
    assert kept["remediations"]["client_cache_fresh"]["scripts"] == recording.scripts("client_cache_fresh")


def test_a_recording_of_other_scripts_says_what_it_lacks_instead_of_a_status(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    """What an older detect.ps1 did not report yet: here the room that is left, which a guard of today looks at."""
    about = kept["remediations"]["client_cache_fresh"]
    about["scripts"] = "0" * 64
    for cache in about["facts"]["caches"]:
        del cache["space"]
    kept["teamsmedic"] = "0.0.9"
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")

    found = recorded.read(tmp_path / "old.yaml")
    (outcome,) = look(
        ReplayDevice("d", "desktop", found.cases, missing=found.missing), wanted("client_cache_fresh", {})
    ).outcomes

    assert (outcome.status, outcome.reasons) == (
        Status.UNKNOWN,
        [
            "recorded 1970-01-01 by teamsmedic 0.0.9 (other scripts than today's): it lacks caches[].space; record the device again"
        ],
    )


def test_a_recording_of_other_scripts_with_the_same_form_is_judged_and_says_so(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    kept["remediations"]["client_cache_fresh"]["scripts"] = "0" * 64
    kept["remediations"]["gone"] = {}
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")

    found = recorded.read(tmp_path / "old.yaml")

    assert found.cases["client_cache_fresh"].status is Status.DRIFTED
    assert found.notes[0].endswith("with other scripts than today's; its facts still have today's form.")
    assert "there is no such remediation today" in found.notes[1]


def test_a_recording_that_is_judged_otherwise_than_it_was_recorded_says_so(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    kept["remediations"]["client_cache_fresh"]["status"] = "healthy"
    (tmp_path / "edited.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")

    assert (
        recorded.read(tmp_path / "edited.yaml")
        .notes[0]
        .endswith("as healthy; by today's rules, or by what was changed in the file, it is drifted.")
    )


def test_the_form_of_facts_is_what_all_cases_show() -> None:
    form = recorded.of([{"a": [{"b": 1, "c": None}], "d": "x"}, {"a": [{"b": 2}], "d": None}])

    assert list(form.lacks({"a": [{"b": None, "new": 1}], "d": "y"}, "")) == []
    assert list(form.lacks({"a": [{"c": 1}]}, "")) == ["d", "a[].b"]
    assert list(form.lacks({"a": {"b": 1}, "d": [1]}, "")) == ["a as list", "d as text"]


@pytest.mark.parametrize("name", KNOWN)
def test_a_form_takes_every_case_it_is_made_of(name: str) -> None:
    form = recorded.form(name)

    assert {case: list(form.lacks(dict(about.facts), "")) for case, about in cases.load(ROOT)[name].items()} == {
        case: [] for case in cases.load(ROOT)[name]
    }
    assert form.needed


BROKEN = {
    "no file": (None, "No such file"),
    "something else": ("cases: {}", "it is no recorded device"),
    "a later version": ("{version: 2, remediations: {}}", "its version is 2"),
    "no role": ("{version: 1, remediations: {}, role: lift}", "its role is lift"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_recording_is_refused_by_the_lab(text: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    if text is not None:
        (tmp_path / "cases/desk.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "lab.yml").write_text("all: {hosts: {d: {lab_case: desk}}}", encoding="utf-8")

    with pytest.raises(InventoryError, match=said):
        inventory.read(tmp_path / "lab.yml")


def test_a_failed_host_is_told_and_keeps_no_file(tmp_path: Path) -> None:
    one = recorded.keep(HostResult("desk", error=InventoryError("a", "b", "c")), (), tmp_path, None, (), b"")
    document = recorded.document([one], 3, CONTEXT.run)

    jsonschema.validate(document, json.loads((SCHEMAS / "record.schema.json").read_text(encoding="utf-8")))
    assert list(recorded.render(document)) == ["desk: not recorded: a: b; c."]
    assert list(tmp_path.iterdir()) == []
