"""Codes found in text, and what is not taken for one."""

from __future__ import annotations

import time
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teamsmedic import catalog
from teamsmedic.recognise import PIECE, Recogniser, pieces

RECOGNISER = Recogniser(catalog.load())

FOUND = [
    ("Error 0xCAA82EE7 while signing in", ["0xCAA82EE7"]),
    ("we saw CAA70007 again", ["0xCAA70007"]),
    ("Error: caa20004.", ["0xCAA20004"]),
    ("AADSTS50076: Due to a configuration change", ["AADSTS50076"]),
    ("Something went wrong [1001]", ["1001"]),
    ("Modern authentication failed here, status code 4c7", ["4c7"]),
    ("SIP/2.0 403 Forbidden", ["SIP 403"]),
    ("SIP response code 486", ["SIP 486"]),
    ("CallEndReason 403, CallEndSubReason 510532", ["SIP 403", "510532"]),
    ("Final Microsoft subcode: 560403", ["560403"]),
    ("state: max_reload_exceeded;", ["max_reload_exceeded"]),
    ("internal error code 3399942148", ["0xCAA70004"]),
    ("hr=-894947609", ["0xCAA82EE7"]),
    ("errorCode: 50126", ["AADSTS50126"]),
    ("Sign-in error code\n53003", ["AADSTS53003"]),
    ("https://login.microsoftonline.com/error?code=53003", ["AADSTS53003"]),
    ("call ended 408 by the SBC", ["SIP 408"]),
    ("error 0x80070002 while loading", ["0x80070002"]),
    ("c0090016 TPM error", ["0xC0090016"]),
    ("Exchange status : 80131500 : AADSTS50076", ["0x80131500", "AADSTS50076"]),
    ("0xCAA20003\nAADSTS53003\n0xCAA20003", ["0xCAA20003", "AADSTS53003", "0xCAA20003"]),
    ("560403", ["560403"]),
    ("  403  ", ["SIP 403"]),
]

NOT_FOUND = [
    "error in caa82ee7-1234-1234-1234-123456789abc",
    "error in commit caa82ee7caa82ee7caa82ee7caa82ee7caa82ee7",
    "0xCAA82EE7FF error",
    "error: call +1 339 994 2148",
    "error: call (339) 994-2148",
    "tel:3399942148 error",
    "SIP call to sip:403@example.com",
    "Teams sign-in on port 1001",
    "Teams sign-in at 10.0.0.1:1001",
    "Teams sign-in at proxy.example.com:1001",
    "Teams build 22631.1001",
    "Teams sign-in took 1001 ms",
    "Event ID 1001, Teams sign-in",
    "Teams sign-in, pid 1001",
    "Teams sign-in error #1001",
    "Teams sign-in in room 4c7",
    "HTTP 403 error from the SBC's web page",
    "403 people",
    "flags 0xFFFFFFFF",
    "0xDEADBEEF",
    "deadbeef error",
    "KB5050126 breaks sign-in",
    "on 2025-04-03 the SIP trunk went down at 10:04:03",
    "invoice 560403",
    "SIP trunk 560403 EUR, ticket 560403",
    "50126 sheep",
    "error 1e4c7a error",
    "max_reload_exceeded_twice",
    "",
]


@pytest.mark.parametrize(("text", "codes"), FOUND, ids=[text for text, _ in FOUND])
def test_codes_are_found(text: str, codes: list[str]) -> None:
    assert [hit.code.text for hit in RECOGNISER.find([text])] == codes


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_something_else_is_not_taken_for_a_code(text: str) -> None:
    assert [hit.code.text for hit in RECOGNISER.find([text])] == []


def test_a_hit_says_line_column_and_spelling() -> None:
    (hit,) = RECOGNISER.find(["first\n", "second caa82ee7\n"])

    assert (hit.line, hit.column, hit.code.given) == (2, 8, "caa82ee7")


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_no_code_is_lost_or_doubled_where_a_long_line_is_cut(shift: int) -> None:
    group = " 0xCAA82EE7 AADSTS50076 SIP 403 "
    line = " " * shift + ("x" * (PIECE - 40) + group) * 3

    hits = list(RECOGNISER.find(pieces(StringIO(line))))

    assert [hit.code.text for hit in hits] == ["0xCAA82EE7", "AADSTS50076", "SIP 403"] * 3
    assert [line[hit.column - 1 :][: len(hit.code.given)] for hit in hits] == [hit.code.given for hit in hits]


@given(
    st.lists(
        st.sampled_from(["0xCAA82EE7", "AADSTS50076", "\n", " ", "error ", "1001", "sip:", "403", "-", "x"]),
        max_size=40,
    ),
    st.data(),
)
def test_where_a_text_is_cut_into_pieces_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))

    cut = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert list(RECOGNISER.find(cut)) == list(RECOGNISER.find([text]))


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    list(RECOGNISER.find([text]))


@pytest.mark.parametrize(
    "part",
    [
        "a.",
        "1,",
        "1.",
        "sip:",
        "SIP ",
        "SIP" + " " * 50,
        "AADSTS ",
        "0x",
        "caa",
        "1:1",
        "+1",
        "-",
        "12-",
        "tel:",
        "[]:",
        "0",
        "deadbeef ",
    ],
)
def test_time_grows_with_the_text_and_not_with_its_square(part: str) -> None:
    def seconds(size: int) -> float:
        text = (part * size)[:size]
        start = time.process_time()
        list(RECOGNISER.find([text]))
        return time.process_time() - start

    assert seconds(400_000) < 12 * max(seconds(100_000), 0.02)
