"""What facts mean: rules, guards, drift and announced changes, judged without any device."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from teamsmedic import plan, remediation
from teamsmedic.errors import ContentError, RequestError
from teamsmedic.outcome import Change, Status

ABOUT = {
    "title": "A value is right",
    "summary": "…",
    "cures": ["some_cause"],
    "context": "machine",
    "user_notices": "nothing",
    "references": ["https://example.com"],
    "parameters": {
        "limit": {"type": "int", "default": 3, "least": 0, "help": "a number"},
        "since": {"type": "moment", "default": "24h", "help": "a time"},
        "people": {"type": "list", "default": [], "help": "names"},
    },
    "applies_when": {"build": {"at_least": 9200}},
    "guards": {
        "free": {"fact": "people", "each": {"call": {"not": "in_use"}}, "reason": "in a call ({name})"},
        "policy": {"fact": "policy", "one_of": ["none", "sound"], "always": True, "reason": "cipher policy"},
    },
    "desired": {
        "enabled": {"not": 0, "absent": True, "write": 1},
        "protocols": {"bits": 0x800, "absent": True},
        "caches": {"each": {"fresh": True}},
    },
    "reasons": {
        "build": "build {value} is too old",
        "enabled": "{object} is {value}",
        "protocols": "{object} lacks a bit",
        "caches": "{object} is not fresh",
    },
    "changes": {
        "caches": [
            {"object": "{object}", "action": "move", "before": "there", "after": "{aside}"},
            {"object": "{item}", "action": "stop", "each": "processes", "when": {"fresh": False}},
        ]
    },
    "objects": [r"HKLM\\.*", r"C:\\.*"],
}
FACTS = {
    "build": 22631,
    "people": [{"name": "amber", "call": "free"}],
    "policy": "none",
    "enabled": {"object": r"HKLM\Enabled", "value": None},
    "protocols": {"object": r"HKLM\Protocols", "value": {"kind": "DWord", "data": 0x2800}},
    "caches": [{"object": r"C:\a", "fresh": True, "aside": r"C:\b", "processes": []}],
}


def write(folder: Path, about: dict) -> remediation.Remediation:
    folder = folder / "layer" / "value_right"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "remediation.yaml").write_text(yaml.safe_dump(about))
    return remediation.read(folder)


@pytest.fixture
def one(tmp_path: Path) -> remediation.Remediation:
    return write(tmp_path, ABOUT)


def judge(one: remediation.Remediation, **facts: object) -> remediation.Finding:
    return one.judge({**FACTS, **facts}, one.values({}, 1000.0))


def test_facts_as_desired_are_healthy(one):
    assert judge(one) == remediation.Finding(Status.HEALTHY, [])


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"kind": "DWord", "data": 0}, Status.DRIFTED),
        ({"kind": "DWord", "data": 1}, Status.HEALTHY),
        ({"kind": "DWord", "data": 0xFFFFFFFF}, Status.HEALTHY),
        (None, Status.HEALTHY),
        ({"kind": "String", "data": "0"}, Status.UNKNOWN),
        ({"kind": "DWord", "data": "0"}, Status.UNKNOWN),
        ("what", Status.HEALTHY),
    ],
)
def test_a_rule_with_not_and_absent(one, value, status):
    assert judge(one, enabled={"object": "x", "value": value}).status is status


def test_a_missing_bit_is_added_and_the_others_are_kept(one):
    finding = judge(one, protocols={"object": r"HKLM\Protocols", "value": {"kind": "DWord", "data": 0x2080}})

    assert finding.changes == [
        Change(r"HKLM\Protocols", "write", {"kind": "DWord", "data": 0x2080}, {"kind": "DWord", "data": 0x2880})
    ]


def test_the_drift_holds_before_and_after_for_the_fix(one):
    finding = judge(one, enabled={"object": r"HKLM\Enabled", "value": {"kind": "DWord", "data": 0}})

    assert finding.drift == [
        {"fact": "enabled", "object": r"HKLM\Enabled", "value": {"kind": "DWord", "data": 0},
         "before": {"kind": "DWord", "data": 0}, "after": {"kind": "DWord", "data": 1}}
    ]  # fmt: skip


def test_list_facts_drift_by_element_and_announce_by_template(one):
    caches = [FACTS["caches"][0], {"object": r"C:\c", "fresh": False, "aside": r"C:\d", "processes": ["ms-teams.exe"]}]

    finding = judge(one, caches=caches)

    assert finding.changes == [Change(r"C:\c", "move", "there", r"C:\d"), Change("ms-teams.exe", "stop", None, None)]


def test_a_guard_counts_only_where_something_drifted(one):
    people = [{"name": "amber", "call": "in_use"}]

    assert judge(one, people=people).status is Status.HEALTHY
    blocked = judge(one, people=people, enabled={"object": "x", "value": {"kind": "DWord", "data": 0}})
    assert (blocked.status, blocked.reasons) == (Status.BLOCKED, ["in a call (amber)"])


def test_an_always_guard_blocks_without_drift(one):
    assert judge(one, policy="bad").status is Status.BLOCKED


def test_not_applicable_says_why(one):
    finding = judge(one, build=7601)

    assert (finding.status, finding.reasons) == (Status.NOT_APPLICABLE, ["build 7601 is too old"])


@pytest.mark.parametrize(
    "facts",
    [{"caches": None}, {"caches": [1]}, {"caches": [{"object": "x"}]}, {"build": "x"}, {"build": True}, {"people": {}}],
)
def test_facts_that_cannot_be_judged_are_unknown_and_never_healthy(one, facts):
    broken = {
        "people": facts.get("people", [{"call": "in_use", "name": "a"}]),
        "enabled": {"object": "x", "value": {"kind": "DWord", "data": 0}},
    }

    assert (
        judge(one, **broken, **{key: value for key, value in facts.items() if key != "people"}).status is Status.UNKNOWN
    )


@pytest.mark.parametrize("name", ["build", "people", "policy", "enabled", "caches"])
def test_a_missing_fact_is_unknown(one, name):
    facts = {key: value for key, value in FACTS.items() if key != name}
    facts["protocols"] = {"object": "x", "value": {"kind": "DWord", "data": 0}}

    assert one.judge(facts, one.values({}, 0)).status is Status.UNKNOWN


def test_text_from_a_device_is_harmless_in_reasons_and_changes(one):
    finding = judge(
        one, caches=[{"object": "C:\\\x1b[2Jevil\u202e", "fresh": False, "aside": "{object}", "processes": []}]
    )

    assert finding.reasons == [r"C:\\x1b[2Jevil\u202e is not fresh"]
    assert finding.changes[0].object == r"C:\\x1b[2Jevil\u202e"
    assert finding.changes[0].after == "{object}"


def test_what_was_not_looked_at_is_told_with_every_answer_that_looked(tmp_path):
    note = {"fact": "people", "each": {"call": {"not": "away"}}, "reason": "not looked at: {name}"}
    one = write(tmp_path, {**ABOUT, "notes": {"away": note}})
    away = [{"name": "amber", "call": "away"}]

    assert judge(one, people=away) == remediation.Finding(Status.HEALTHY, ["not looked at: amber"])
    drifted = judge(one, people=away, enabled={"object": r"HKLM\Enabled", "value": {"kind": "DWord", "data": 0}})
    assert (drifted.status, drifted.reasons[1:]) == (Status.DRIFTED, ["not looked at: amber"])
    assert judge(one).reasons == []


def test_a_moment_becomes_seconds_before_now(one):
    assert one.values({"since": "1970-01-01T00:10:00+00:00"}, 1000.0)["since"] == 400
    assert one.values({"since": "2h"}, 1000.0)["since"] == 7200


def test_a_moment_without_a_zone_is_local_and_is_shown_with_its_zone(one, monkeypatch):
    monkeypatch.setenv("TZ", "XST-2")  # two hours ahead of UTC
    time.tzset()
    try:
        assert one.values({"since": "1970-01-01T02:10"}, 1000.0)["since"] == 400
        assert one.moments({"since": "1970-01-01T02:10"}) == {"since": "1970-01-01T02:10:00+02:00"}
        assert one.moments({"since": "1970-01-01T00:10Z"}) == {"since": "1970-01-01T00:10:00+00:00"}
        assert one.moments({"since": "2h", "limit": 3}) == {}
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_a_parameter_of_something_that_is_not_planned_is_refused_with_the_plan(one):
    known = {"value_right": one, "other": replace(one, id="other")}

    with pytest.raises(RequestError, match=r"parameters of other: the plan is value_right"):
        plan.make(known, names=["value_right"], parameters={"other": {"limit": 3}}, now=1000.0)
    made = plan.make(
        known, names=["value_right"], parameters={"value_right": {"since": "1970-01-01T00:10Z"}}, now=1000.0
    )
    assert made.items[0].moments == {"since": "1970-01-01T00:10:00+00:00"}


@pytest.mark.parametrize(
    "given",
    [
        {"limit": "x"},
        {"nonsense": 1},
        {"since": "yesterday"},
        {"since": "2970-01-01T00:00Z"},
        {"limit": True},
        {"limit": -1},
        {"limit": None},
        {"since": -5},
        {"since": True},
        {"since": "100000000d"},
        {"people": [None]},
        {"people": ["amber", " "]},
    ],
)
def test_an_unusable_parameter_is_a_request_error(one, given):
    with pytest.raises(RequestError):
        one.values(given, 1000.0)


@pytest.mark.parametrize(
    "about",
    [
        {"surprise": 1},
        {"observes": ["some_cause"]},
        {"context": "system"},
        {"cuts_connection": True},
        {"notes": {"x": {"fact": "policy", "equals": 1}}},
        {"risk": "dangerous"},
        {"title": None},
        {"desired": {"unheard": True}},
        {"desired": {"enabled": {"not": 0, "equals": 1}}},
        {"desired": {"enabled": {"like": 0}}},
        {"guards": {"x": {"fact": "policy", "equals": 1}}},
        {"changes": {"caches": [{"object": "x"}]}},
        {"parameters": {"x": {"type": "colour", "help": "x"}}},
    ],
)
def test_broken_metadata_is_a_content_error(tmp_path, about):
    with pytest.raises(ContentError, match=r"remediation\.yaml"):
        write(tmp_path, {**ABOUT, **about})


def test_a_guard_that_comes_first_says_no_also_where_nothing_applies_or_can_be_told(tmp_path):
    never = {"fact": "room", "equals": False, "first": True, "reason": "never on a Room"}
    one = write(tmp_path, {**ABOUT, "guards": {"room": never}})

    for facts in ({"build": 7601}, {"build": None}, {"enabled": {"object": "x", "value": "?"}}, {}):
        finding = judge(one, room=True, **facts)
        assert (finding.status, finding.reasons) == (Status.BLOCKED, ["never on a Room"])
    assert judge(one, room=False, build=7601).status is Status.NOT_APPLICABLE
