"""The explain document and its text."""

from __future__ import annotations

import gzip
import io
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from teamsmedic import catalog
from teamsmedic.errors import RequestError
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
        ("AADSTS50034", "AADSTS50034", "user", "not found"),
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
    assert "No family lists it" in render(found)


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
        (("SIP", "error", "403", "on the SBC"), ["text"], [["SIP 403"]]),
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
        ("error 0x80070002, then 0xCAA20004 in Teams", "0xCAA20004", "tenant"),
        ("0xCAA5001C, inner 0x80070002", "0x80070002", "device"),
        ("SIP/2.0 486 Busy Here, Reason: Q.850;cause=34", "SIP 486", "none"),
    ],
)
def test_in_a_text_the_inner_code_decides(text: str, first: str, verdict: str) -> None:
    (source,) = explained(text)["sources"]

    assert (source["codes"][0]["code"], source["verdict"]) == (first, verdict)


def test_places_are_kept_up_to_a_limit_and_counted_beyond() -> None:
    (source,) = explained("-", stdin=b"0xCAA70007\n" * 100)["sources"]

    (code,) = source["codes"]
    assert (code["count"], len(code["hits"]), code["hits"][1]["position"]["line"]) == (100, HITS, 2)


@pytest.mark.parametrize(
    ("log", "first", "last"),
    [
        (
            "2026-11-25T10:00:00.123Z 0xCAA70007\n2026-11-25T09:00:00Z 0xCAA70007\n",
            "2026-11-25T09:00:00Z",
            "2026-11-25T10:00:00Z",
        ),
        ("2026-11-25 10:00:00,5 +01:00 x 0xCAA70007\n", "2026-11-25T10:00:00+01:00", "2026-11-25T10:00:00+01:00"),
        ("11/25/2026 1:05:06 PM 0xCAA70007\n", "2026-11-25T13:05:06", "2026-11-25T13:05:06"),
        ("25/11/2026 13:05 0xCAA70007\n", "2026-11-25T13:05:00", "2026-11-25T13:05:00"),
        ("03/04/2026 13:05 0xCAA70007\n", None, None),
        ("25.11.2026, 13:05:06 0xCAA70007\n", "2026-11-25T13:05:06", "2026-11-25T13:05:06"),
        (
            "Wed Nov 25 2026 10:00:00 GMT+0100 <8> -- error -- 0xCAA70007\n",
            "2026-11-25T10:00:00+01:00",
            "2026-11-25T10:00:00+01:00",
        ),
        (
            "<TimeCreated SystemTime='2026-11-25T10:00:00.5Z'/>\n<Data>0xCAA70007</Data>",
            "2026-11-25T10:00:00Z",
            "2026-11-25T10:00:00Z",
        ),
        ("2026-11-25 9:05 0xCAA70007\n", "2026-11-25T09:05:00", "2026-11-25T09:05:00"),
        (
            "[25/Nov/2026:10:00:00 +0100] 0xCAA70007\nDate: Wed, 25 Nov 2026 09:30:00 +0000\n0xCAA70007\n",
            "2026-11-25T10:00:00+01:00",
            "2026-11-25T09:30:00Z",
        ),
        ("2026-13-45T10:00:00Z 0xCAA70007\n", None, None),
        ("0xCAA70007\n", None, None),
    ],
    ids=repr,
)
def test_a_code_brings_the_first_and_the_last_time_of_the_log(log: str, first: str | None, last: str | None) -> None:
    (source,) = explained("-", stdin=log.encode())["sources"]

    assert (source["codes"][0]["first_seen"], source["codes"][0]["last_seen"]) == (first, last)


def test_a_text_without_a_code_shows_no_fault_and_an_unknown_code_is_unknown() -> None:
    assert explained("all is well")["sources"][0]["verdict"] == "none"
    assert explained("-", stdin=b"")["sources"][0]["verdict"] == "none"


@pytest.mark.parametrize(
    "text", ["ByotOut,+49,0,540000,BYE,sbc.contoso.com", "Final SIP code 0, Final Microsoft subcode: 560000, BYE"]
)
def test_rows_of_calls_that_went_well_show_no_fault(text: str) -> None:
    (source,) = explained("-", stdin=text.encode())["sources"]

    assert source["verdict"] == "none"


def test_a_fault_beside_calls_that_went_well_decides() -> None:
    rows = "ByotOut,+49,0,540000,BYE,sbc\nByotOut,+49,403,510560,x,sbc\nByotIn,+49,0,560000,BYE,sbc\n"
    (source,) = explained("-", stdin=rows.encode())["sources"]

    assert (source["codes"][0]["code"], source["verdict"]) == ("510560", "tenant")


def test_a_path_that_leads_nowhere_is_one_sentence() -> None:
    with pytest.raises(RequestError, match=r"read lost\.log: there is no such file; .+"):
        list(sources(["lost.log"], CATALOG))


@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [
        ("Backup job failed: error 0x80070002", "none", "tool's missing file"),
        ("Backup job started\n1\n2\n3\nerror 0x80070002", "none", "tool's missing file"),
        ("Backup job started\n1\n2\n3\n4\n5\n6\nerror 0x80070002", "device", "something local"),
        ("Teams error 0x80070002", "device", "something local"),
        ("Backup job failed: error 0x80070002" + "\n" * 20 + "Teams error 0x80070002", "device", "something local"),
        ("The tab of our custom app says CAA20004", "tenant", "custom app"),
        ("errorCode: caa70004, Windows Server 2019, VCRUNTIME140.dll is missing", "device", "Visual C++"),
        ("Printer error 0x80070057", "none", "tool's own failure"),
        ("INVITE not delivered: TLS negotiation failed; HRESULT=0x80090326", "sbc", "SBC's certificate"),
        ('"ByotOut","EUWE","408","0","Request Timeout"', "network", "code 0"),
        ("DiagCode: 603#0", "none", "code 0"),
        ('{"clientAppUsed":"Browser","status":{"errorCode":50076}}', "user", "person's own"),
    ],
)
def test_the_verdict_follows_the_text_around_the_code(text: str, verdict: str, says: str) -> None:
    found = explained("-", stdin=text.encode())
    (source,) = found["sources"]

    assert (source["verdict"], source["codes"][0]["verdict"]) == (verdict, verdict)
    assert says in source["reason"]
    assert (
        (source["codes"][0]["elsewhere"] is not None) == ("Here     " in render(found)) == (says != "something local")
    )


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    (tmp_path / "desk-1").mkdir()
    (tmp_path / "desk-1" / "teams.log").write_text(
        "2026-11-25T10:00:00Z 0xCAA82EE7\n2026-11-25T11:00:00Z 0xCAA82EE7\n", encoding="utf-8"
    )
    (tmp_path / "desk-2.txt").write_bytes(
        "2026-11-24T08:00:00Z AADSTS53003\r\n2026-11-25T10:30:00Z CAA82EE7\r\n".encode("utf-16")
    )
    (tmp_path / "desk-3.log.gz").write_bytes(gzip.compress(b"all is well\n"))
    return tmp_path


def test_a_folder_gives_one_source_for_each_file(fleet: Path) -> None:
    found = {source["name"]: source for source in explained(str(fleet))["sources"]}

    assert {Path(name).name: source["verdict"] for name, source in found.items()} == {
        "teams.log": "network",
        "desk-2.txt": "tenant",
        "desk-3.log.gz": "none",
    }


def test_the_overview_of_a_folder_says_what_is_wrong_with_which(fleet: Path) -> None:
    text = render(explained(str(fleet)))

    assert [line for line in text.splitlines() if len(line) > 80] == []
    flat = " ".join(text.split())
    assert "3 sources, 2 with codes, 4 times." in flat
    assert "0xCAA82EE7 (network): 3 times in 2 sources." in flat
    assert "teams.log: 2 times, 2026-11-25T10:00:00Z to 2026-11-25T11:00:00Z" in flat
    assert flat.index("Desktop sign-in and client loop") < flat.index("0xCAA82EE7 (network)")
    assert "Teams Rooms resource account - AADSTS53003 (tenant): once." in flat


def test_a_code_wins_over_a_path_of_the_same_name_unless_it_is_called_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1001").write_text("AADSTS50076", encoding="utf-8")

    def codes(found: dict[str, Any]) -> list[str]:
        return [code["code"] for source in found["sources"] for code in source["codes"]]

    assert codes(explained("1001")) == ["1001"]
    assert codes(build(sources([], CATALOG, None, ["1001"]), CATALOG, REMEDIES)) == ["AADSTS50076"]


def test_what_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"0xCAA70007 x\n" * 9)[:-4])
    (tmp_path / "b.log").write_bytes(b"AADSTS50076")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)

    first, second, third = explained(str(tmp_path))["sources"]

    assert ([code["code"] for code in first["codes"]], first["unread"] is None) == (["0xCAA70007"], False)
    assert ([code["code"] for code in second["codes"]], second["unread"]) == (["AADSTS50076"], None)
    assert (third["codes"], third["verdict"]) == ([], "unknown")
    assert "it holds no text" in third["reason"]


def test_hostile_text_reaches_no_terminal(tmp_path: Path) -> None:
    bad = tmp_path / "x\x1b[31m\u202e.log"
    bad.write_bytes("\x1b]0;evil\x07 AADSTS\u200b50076\x1b[2J 0xCAA70007".encode())
    (tmp_path / "y.log").write_bytes(b"\x1b[31m 0xCAA20003 AADSTS\r50076")

    for what in ([str(tmp_path)], [str(bad)], ["\x1b[31mAADSTS\n50076"], ["\x1b[31m nothing"]):
        text = render(explained(*what))
        assert all(one.isprintable() or one == "\n" for one in text), what


def test_the_installed_content_is_explained() -> None:
    found = document(["0xCAA70007"])

    jsonschema.validate(found, SCHEMA)
