"""The exact text that devices are sent."""

from __future__ import annotations

import json
import re

import pytest

from teamsmedic import content, payload, remediation
from teamsmedic.errors import RequestError
from teamsmedic.hosts.base import Verb

IDS = list(remediation.load(content.root()))
FIXED = [name for name in IDS if not remediation.find(name).observes]


def test_one_statement_each_between_prelude_and_end():
    desk = [name for name in IDS if remediation.find(name).session]
    plain = [name for name in IDS if name not in desk]

    assert [one.name for one in payload.build(plain, Verb.CHECK)] == ["prelude", *plain, "end"]
    brought = [f"{name}.session" for name in desk]
    assert [one.name for one in payload.build(IDS, Verb.CHECK)] == ["prelude", *brought, "sessions", *IDS, "end"]
    fixed = [f"{name}.session" for name in desk if remediation.find(name).context == "user"]
    assert [one.name for one in payload.build(FIXED, Verb.FIX)] == ["prelude", *fixed, *FIXED, "end"]


@pytest.mark.parametrize("name", IDS)
def test_a_check_holds_nothing_that_changes_a_device(name):
    root = content.root() / "remediations"
    sent = "\n".join(one.text for one in payload.build([name], Verb.CHECK))
    changing = [
        root / "_change.ps1",
        *(root / "_helpers").glob("*_change.ps1"),
        root / "_session_change.ps1",
        *remediation.find(name).folder.glob("[fu]*.ps1"),
    ]

    for file in changing:
        for line in payload.slim(content.read_text(file)).splitlines():
            if line.startswith("function "):
                assert line not in sent, f"{file.name}: {line} travels with a check; put it into a _change file"


@pytest.mark.parametrize("verb", [Verb.CHECK, Verb.FIX, Verb.UNDO, Verb.JOURNAL])
def test_texts_are_ascii_and_known_again(verb):
    ids = [name for name in FIXED if verb is not Verb.UNDO or remediation.find(name).reversible]
    statements = payload.build(ids, verb)
    argument = json.dumps({"verb": str(verb), "remediations": {name: {} for name in ids}})

    assert all(one.text.isascii() for one in statements)
    assert payload.identify([one.text for one in statements], argument) == (verb, ids)


def test_another_text_is_not_taken_for_ours():
    texts = [one.text for one in payload.build(IDS, Verb.CHECK)]

    with pytest.raises(RequestError, match="hash"):
        payload.identify(
            [texts[0] + " ", *texts[1:]], json.dumps({"verb": "check", "remediations": {name: {} for name in IDS}})
        )


def test_slim_leaves_here_strings_and_code_as_they_are():
    script = "# gone\n\n<# gone\n too #>\n  $a = @'\n# stays\n\n'@\n  $b = 1 # stays\n#gone"

    assert payload.slim(script) == "  $a = @'\n# stays\n\n'@\n  $b = 1 # stays"


def test_what_runs_in_a_session_is_no_other_for_what_else_is_asked_for():
    desk = [name for name in IDS if remediation.find(name).session]
    alone = {line for name in desk for line in payload.build([name], Verb.CHECK)[0].text.splitlines()}
    together = payload.build(IDS, Verb.CHECK)[0].text.splitlines()

    parts = [line for line in together if line.startswith("$TM.Parts[")]
    assert len(parts) == len(desk) + 1
    assert set(parts) <= alone


@pytest.mark.parametrize("verb", [Verb.CHECK, Verb.FIX])
def test_a_session_has_every_function_of_the_helpers_that_its_script_names(verb):
    folder = content.root() / "remediations" / "_helpers"
    scripts = payload.desk_scripts(verb)
    for name in {file.removesuffix(".ps1") for file in scripts} - {"run"}:
        texts = [(folder / f"{helper}.ps1").read_text() for helper in remediation.find(name).uses]
        functions = {found for text in texts for found in re.findall(r"^function ([\w-]+)", text, re.M)}
        assert functions <= set(
            re.findall(r"^function ([\w-]+) \{$", scripts[f"{name}.ps1"].decode("utf-8-sig"), re.M)
        ), name


def test_a_text_that_ends_with_an_at_sign_opens_no_here_string():
    assert payload.slim("$a = '://***@'\n# gone\n") == "$a = '://***@'"
