"""What people's sessions answer: untrusted, joined, and nobody's answer spoils another's."""

from __future__ import annotations

import json

import pytest

from teamsmedic import answer, content, remediation
from teamsmedic.answer import MAX_SESSION

NAME = "stale_credentials_absent"
LISTS = {"credentials": {"object", "owner"}}
ITEM = {"object": "t", "owner": "own"}


def text(name: str = NAME, **facts: object) -> str:
    return json.dumps(
        {"teamsmedic": 1, "statement": name, "facts": {"credentials": [ITEM], "in_use": [], "sources": [], **facts}}
    )


def person(name: str = "amber", said: object = None, state: str = "answered", **more: object) -> dict:
    return {"object": rf"C:\Users\{name}", "name": name, "sid": f"S-1-{name}", "state": state, "detail": "", "answer": said, **more}  # fmt: skip


def told(*people: object) -> dict | None:
    return answer.told({"statement": NAME, "facts": {"room": False}, "sessions": list(people)}, LISTS)


def test_lists_are_joined_with_name_and_sid_and_the_rest_stays_with_the_person():
    facts = told(person("amber", text()), person("carla", text()))

    assert [(one["user"], one["sid"]) for one in facts["credentials"]] == [
        ("amber", "S-1-amber"),
        ("carla", "S-1-carla"),
    ]
    assert [one["sources"] for one in facts["sessions"]] == [[], []]
    assert (facts["room"], facts["sessions_answered"]) == (False, 2)


def test_who_was_not_asked_stays_so_whatever_he_says():
    facts = told(person("bruno", text(), "logged_off"), person("room", text(), "room"))

    assert [one["state"] for one in facts["sessions"]] == ["logged_off", "room"]
    assert (facts["credentials"], facts["sessions_answered"]) == ([], 0)


def test_what_came_before_others_hung_counts():
    assert told(person("amber", text(), "timeout"))["sessions"][0]["state"] == "answered"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (None, "not_readable"),
        ("", "not_readable"),
        ("{", "not_readable"),
        ("[]", "not_readable"),
        ("[" * 100_000, "not_readable"),
        ('{"a":' * 50 + "1" + "}" * 50, "not_readable"),
        (text() + " " * MAX_SESSION, "not_readable"),
        (text("another_remediation"), "not_readable"),
        (text(credentials="none"), "not_readable"),
        (text(credentials=[1]), "not_readable"),
        (text(credentials=[{"object": "t"}]), "not_readable"),
        (text(number=1.5), "not_readable"),
        (json.dumps({"teamsmedic": 1, "statement": NAME, "error": {"kind": "language"}}), "constrained"),
        (json.dumps({"teamsmedic": 1, "statement": NAME, "error": {"kind": "antimalware"}}), "antimalware"),
        (
            json.dumps({"teamsmedic": 1, "statement": NAME, "error": {"kind": "exception", "message": "x"}}),
            "script_failed",
        ),
    ],
    ids=range(15),
)
def test_an_answer_that_is_none_costs_only_its_own(said, state):
    facts = told(person("mallory", said), person("carla", text()))

    assert [one["state"] for one in facts["sessions"]] == [state, "answered"]
    assert [one["user"] for one in facts["credentials"]] == ["carla"]


def test_nothing_that_a_session_says_replaces_what_the_administrator_read():
    words = {"room": True, "name": "SYSTEM", "sid": "S-1-5-18", "state": "logged_off", "sessions_answered": 9}
    spoof = json.dumps({"teamsmedic": 1, "statement": NAME, "facts": {"credentials": [ITEM], **words}})
    spoofed = text(credentials=[{**ITEM, "user": "carla", "sid": "S-1-carla"}])
    facts = told(person("amber", spoof), person("mallory", spoofed))

    assert (facts["room"], facts["sessions_answered"]) == (False, 2)
    assert [(one["name"], one["sid"], one["state"]) for one in facts["sessions"]] == [
        ("amber", "S-1-amber", "answered"), ("mallory", "S-1-mallory", "answered")
    ]  # fmt: skip
    assert [one["sid"] for one in facts["credentials"]] == ["S-1-amber", "S-1-mallory"]


def test_names_are_harmless_for_a_terminal():
    facts = told(person("\x1b[2Jamber\u202e", text()))

    assert facts["sessions"][0]["name"] == r"\x1b[2Jamber\u202e"
    assert facts["credentials"][0]["user"] == r"\x1b[2Jamber\u202e"


def test_sessions_that_are_no_list_of_objects_are_no_facts():
    assert told("x") is None
    assert answer.told({"facts": {"a": 1}}, {}) == {"a": 1}


@pytest.mark.parametrize(
    "item",
    [{**ITEM, "object": ["t"]}, {**ITEM, "object": None}, {**ITEM, "owner": {"a": 1}}, {**ITEM, "name": ["x"]}],
    ids=["object is a list", "object is nothing", "owner is an object", "name is a list"],
)
def test_an_element_of_another_form_costs_only_its_own_answer(item):
    facts = told(person("amber", text(credentials=[item])), person("carla", text()))

    assert [one["state"] for one in facts["sessions"]] == ["not_readable", "answered"]
    assert [one["user"] for one in facts["credentials"]] == ["carla"]


@pytest.mark.parametrize("fact", ["zzz", "sessions", "room", 7])
def test_an_element_that_calls_itself_another_fact_is_judged_as_what_it_is(fact):
    """What is announced is what is removed, whatever the person at the desk writes into the answer."""
    about = remediation.load(content.root())[NAME]
    forged = {"object": "MicrosoftOffice16_Data:x", "name": "a@b.cc", "written": 1, "owner": "foreign", "fact": fact}
    facts = answer.told(
        {"statement": NAME, "facts": {"room": False}, "sessions": [person("amber", text(credentials=[forged]))]},
        about.lists,
    )

    finding = about.judge(facts, about.values({}, 0))

    assert finding.status == "drifted"
    assert [(one.object, one.action) for one in finding.changes] == [("MicrosoftOffice16_Data:x (amber)", "remove")]
    assert finding.reasons[0] == "amber: MicrosoftOffice16_Data:x is saved for 'a@b.cc' (foreign)"
