"""The explain document and its text."""

from __future__ import annotations

import io
import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from teamsmedic import catalog
from teamsmedic.explain import HITS, build, document, render, sources

CATALOG = catalog.load()
SCHEMA = json.loads(resources.files("teamsmedic").joinpath("schemas/explain.schema.json").read_text(encoding="utf-8"))
REMEDIES = {"tls12_disabled": [("tls12_usable", "TLS 1.2 is usable")]}


def explained(*what: str, stdin: bytes = b"") -> dict[str, Any]:
    found = build(sources(what, CATALOG, io.BytesIO(stdin)), CATALOG, REMEDIES)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize("code", sorted(CATALOG.entries), ids=str)
def test_every_listed_code_is_explained_in_the_published_form(code: catalog.Code) -> None:
    (source,) = explained(code.text)["sources"]

    assert [one["code"] for one in source["codes"]] == [code.text]
    assert not source["codes"][0]["decoded"]


@pytest.mark.parametrize("code", sorted(CATALOG.entries), ids=str)
def test_the_text_says_first_who_must_act_and_fits_80_columns(code: catalog.Code) -> None:
    lines = render(explained(code.text)).splitlines()

    assert lines[0].startswith("Who must act: ")
    assert [line for line in lines if len(line) > 80 and not line.strip().startswith("https://")] == []


def test_a_cause_brings_the_remediations_that_cure_it() -> None:
    found = explained("0xCAA70007")

    cause = found["sources"][0]["codes"][0]["causes"][0]
    assert (cause["id"], cause["remediations"]) == (
        "tls12_disabled",
        [{"id": "tls12_usable", "title": "TLS 1.2 is usable"}],
    )
    assert "Next: teamsmedic check HOST --code 0xCAA70007" in render(found)


@pytest.mark.parametrize(
    ("given", "code", "verdict", "says"),
    [
        ("0xCAA30193", "0xCAA30193", "network", "HTTP status"),
        ("0xCAA81234", "0xCAA81234", "network", "WinINet or WinHTTP error 4660"),
        ("0x4AA70007", "0x4AA70007", "device", "Read as 0xCAA70007"),
        ("0x80072EE7", "0x80072EE7", "network", "not resolved"),
        ("c0090016", "0xC0090016", "device", "key set"),
        ("AADSTS50034", "AADSTS50034", "tenant", "not found"),
        ("AADSTS99999", "AADSTS99999", "tenant", "number 99999"),
        ("560484", "560484", "tenant", "form of the number"),
        ("560499", "560499", "sbc", "SIP 499"),
        ("569008", "569008", "sbc", "expired"),
        ("511404", "511404", "tenant", "No user"),
        ("407", "SIP 407", "sbc", "proxy"),
        ("SIP 607", "SIP 607", "carrier", "unwanted"),
    ],
)
def test_a_code_is_decoded_by_its_space(given: str, code: str, verdict: str, says: str) -> None:
    (source,) = explained(given)["sources"]

    (found,) = source["codes"]
    assert (found["code"], source["verdict"]) == (code, verdict)
    assert says in " ".join(one["text"] for one in found["meaning"])


def test_a_decoded_code_says_so() -> None:
    found = explained("0xCAA30193")

    assert found["sources"][0]["codes"][0]["decoded"]
    assert "The catalogue does not list it" in render(found)


@pytest.mark.parametrize("what", [("nothing here",), ("foo_bar",), ("-",), ("9999",)], ids=str)
def test_without_a_code_there_is_none(what: tuple[str, ...]) -> None:
    found = explained(*what)

    assert found["sources"][0]["codes"] == []
    assert "no code was found" in render(found)


@pytest.mark.parametrize(
    ("what", "names", "codes"),
    [
        (("0xCAA70007", "-894947609"), ["0xCAA70007", "-894947609"], [["0xCAA70007"], ["0xCAA82EE7"]]),
        (("SIP", "403"), ["text"], [["SIP 403"]]),
        (("AADSTS", "50076"), ["text"], [["AADSTS50076"]]),
        (("saw 0xCAA70007 and", "max_reload_exceeded"), ["text"], [["0xCAA70007", "max_reload_exceeded"]]),
        (("1001", "-"), ["1001", "standard input"], [["1001"], ["0xCAA70007"]]),
    ],
    ids=str,
)
def test_arguments_are_codes_or_together_one_text(
    what: tuple[str, ...], names: list[str], codes: list[list[str]]
) -> None:
    found = explained(*what, stdin=b"error 0xCAA70007")["sources"]

    assert [source["name"] for source in found] == names
    assert [[code["code"] for code in source["codes"]] for source in found] == codes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_standard_input_is_read_in_the_encodings_of_windows(encoding: str) -> None:
    found = explained("-", stdin="Fehler f\u00fcr Zo\u00eb: AADSTS50076\r\n".encode(encoding))

    assert [code["code"] for code in found["sources"][0]["codes"]] == ["AADSTS50076"]


@pytest.mark.parametrize(
    ("text", "first", "verdict"),
    [
        ("0xCAA20003 and AADSTS53003", "AADSTS53003", "tenant"),
        ("0xCAA5001C, inner 0xCAA82EE7", "0xCAA82EE7", "network"),
        ("0xCAA90056 then 0xCAA2000C", "0xCAA2000C", "user"),
        ("SIP 403 with subcode 510560", "510560", "tenant"),
        ("AADSTS70002 ... AADSTS135011", "AADSTS135011", "tenant"),
        ("0x80131500 : AADSTS50076", "AADSTS50076", "tenant"),
    ],
)
def test_in_a_text_the_inner_code_decides(text: str, first: str, verdict: str) -> None:
    (source,) = explained(text)["sources"]

    assert (source["codes"][0]["code"], source["verdict"]) == (first, verdict)


def test_places_are_kept_up_to_a_limit_and_counted_beyond() -> None:
    (source,) = explained("-", stdin=b"0xCAA70007\n" * 100)["sources"]

    (code,) = source["codes"]
    assert (code["count"], len(code["hits"]), code["hits"][1]["line"]) == (100, HITS, 2)


def test_the_installed_content_is_explained() -> None:
    found = document(["0xCAA70007"])

    jsonschema.validate(found, SCHEMA)
