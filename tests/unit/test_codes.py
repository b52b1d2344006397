"""Codes in one canonical form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teamsmedic.codes import Code, canonical, parse_list, shown, spellings
from teamsmedic.errors import UnknownCode

SPELLINGS = {
    "0xCAA82EE7": ["0xCAA82EE7", "0XCAA82EE7", "caa82ee7", "CAA82EE7", "3400019687", "-894947609", " 0xcaa82ee7. "],
    "0xCAA70007": [3399942151, -895025145, "\u2212895025145", "0x\u200bCAA70007", "\u00a00xCAA70007", "'0xCAA70007'"],
    "0x80070002": ["2147942402", "-2147024894", "80070002", "0x80070002"],
    "0x80090016": ["80090016", 80090016, "0x80090016"],
    "0xC0090016": ["c0090016"],
    "AADSTS53003": ["AADSTS53003", "aadsts53003", "AADSTS 53003", "AADSTS:53003", "AADSTS-53003", "53003", 53003],
    "AADSTS700003": ["700003"],
    "SIP 403": ["SIP 403", "SIP403", "sip:403", "sip/403", "SIP_403", "403", 403],
    "Q.850 16": ["Q.850 16", "Q.850;cause=16", "q.850 ;cause=16", "Q850 cause 16", "q850 16"],
    "560403": ["560403", 560403],
    "500001": ["500001"],
    "1106": ["1106"],
    "10037": ["10037"],
    "1001": ["1001", "[1001]", 1001],
    "4c7": ["4c7", "4C7", "0x4c7", "0x4C7", "0x000004C7"],
    "0x102": ["0x102", "0x00000102"],
    "max_reload_exceeded": ["max_reload_exceeded", "MAX_RELOAD_EXCEEDED"],
}


@pytest.mark.parametrize(
    ("text", "written"), [(text, written) for text, all_ in SPELLINGS.items() for written in all_], ids=repr
)
def test_every_spelling_gives_the_canonical_form(text: str, written: object) -> None:
    code = canonical(written)

    assert code is not None
    assert code.text == text


@pytest.mark.parametrize(
    "hostile",
    [
        *(
            "",
            " ",
            "0x",
            "0x1",
            "-",
            "--1",
            "0xCAA82EE7 0xCAA82EE7",
            "0xCAA82EE70",
            "0xGAA82EE7",
            "-0xCAA82EE7",
            "00403",
        ),
        *(
            "hello",
            "abc",
            "dead beef",
            "AADSTS",
            "AADSTS12",
            "AADSTS12345678",
            "AADSTS053003",
            "SIP 200",
            "Q.850 0",
            "Q.850;cause=128",
            "SIP 99",
            "999",
        ),
        *("12345678", "1" * 11, "9" * 100_000, "0x" + "F" * 100_000, "-1", "-9999999999", "\u0661\u0660\u0660\u0661"),
        *(
            "0xCAA8\u0032\ufe0fEE7",
            "\uff10xCAA82EE7",
            "\0",
            "caa82ee7-1234",
            "../1001",
            "$(1001)",
            "1001;rm",
            "_",
            "a_",
        ),
        *(None, True, False, 1.5, 403.0, b"0xCAA82EE7", [], {}, 2**32, -(2**31) - 1, 10**50, 0, -1),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_code_gives_none(hostile: object) -> None:
    assert canonical(hostile) is None


_CODES = st.one_of(
    st.integers(0x10000, 2**32 - 1).map(lambda n: f"0x{n:08X}"),
    st.integers(1000, 9_999_999).map(lambda n: f"AADSTS{n}"),
    st.integers(300, 699).map(lambda n: f"SIP {n}"),
    st.integers(0x100, 0xFFFF).map(lambda n: f"0x{n:x}"),
    st.integers(1, 127).map(lambda n: f"Q.850;cause={n}"),
    st.integers(1000, 999_999).map(str),
)


@given(_CODES)
def test_the_canonical_form_is_its_own_and_each_spelling_leads_to_it(written: str) -> None:
    code = canonical(written)
    assert code is not None

    again = [canonical(text) for text in [code.text, *spellings(code)]]

    assert again == [code] * len(again)


@given(st.one_of(st.text(max_size=60), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=20)))
def test_nothing_that_is_given_raises(value: object) -> None:
    assert canonical(value) is None or isinstance(canonical(value), Code)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("0xCAA70007, AADSTS53003\nsip:403", ["0xCAA70007", "AADSTS53003", "SIP 403"]),
        (["0xCAA70007", 3399942151, "1001,4c7"], ["0xCAA70007", "1001", "4c7"]),
        (3399942151, ["0xCAA70007"]),
        ("", []),
        ([], []),
        (",,\r\n", []),
    ],
    ids=repr,
)
def test_lists_come_as_strings_lists_and_integers(value: object, texts: list[str]) -> None:
    assert [code.text for code in parse_list(value)] == texts


@pytest.mark.parametrize(
    "value", ["hello", ["0xCAA70007", "hello"], {"0xCAA70007": 1}, None, True, [None], "x" * 10_000]
)
def test_a_list_with_something_else_says_which(value: object) -> None:
    with pytest.raises(UnknownCode, match="has the form of no Teams code") as error:
        parse_list(value)

    assert len(str(error.value)) < 250


def test_messages_show_the_canonical_form_and_what_was_given() -> None:
    assert [shown(code) for code in parse_list([3399942151, "0xCAA70007", "1001"])] == [
        "0xCAA70007 (given as 3399942151)",
        "1001",
    ]
