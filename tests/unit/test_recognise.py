"""Codes found in text, and what is not taken for one."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teamsmedic import catalog
from teamsmedic.codes import Kind, canonical, spellings
from teamsmedic.recognise import _CONTEXT, BLOCK, KEPT, Recogniser, Sure
from teamsmedic.signs import PHRASES

_spec = importlib.util.spec_from_file_location("recognise_tables", Path(__file__).with_name("recognise_tables.py"))
assert _spec
assert _spec.loader
tables = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tables)

CATALOG = catalog.load()
RECOGNISER = Recogniser(CATALOG)
FAST = Recogniser(CATALOG, fast=True)
SLOW = Recogniser(CATALOG, fast=False)

PAD = "\n" + "lorem ipsum dolor sit amet\n" * 20
"""What makes of a code that stands alone one in a text."""


def found(text: str, recogniser: Recogniser = RECOGNISER) -> list[str]:
    return [hit.code.text for hit in recogniser.find([text])]


@pytest.mark.parametrize(("text", "codes"), tables.FOUND, ids=[text for text, _ in tables.FOUND])
def test_codes_are_found(text: str, codes: list[str]) -> None:
    assert found(text) == codes


@pytest.mark.parametrize("text", tables.NOT_FOUND)
def test_what_is_something_else_is_not_taken_for_a_code(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("number", sorted(PHRASES))
def test_a_sip_code_is_found_with_its_phrase_whatever_the_phrase_is(number: int) -> None:
    phrase = PHRASES[number].title()

    for text in (
        f"SIP/2.0 {number} {phrase}",
        f"SIP {number} {phrase}",
        f"the SBC answered: {number} {phrase}",
        f"SIP status {number} {phrase}",
    ):
        assert found(PAD + text + PAD) == [f"SIP {number}"], text
        assert found(PAD + text + PAD, FAST) == [f"SIP {number}"], text


def test_the_negative_table_is_long_enough() -> None:
    assert len(set(tables.NOT_FOUND)) >= 100


@pytest.mark.parametrize("text", [text for text, _ in tables.FOUND] + tables.NOT_FOUND)
def test_the_fast_step_changes_nothing(text: str) -> None:
    padded = PAD + text + PAD

    assert list(FAST.find([padded])) == list(SLOW.find([padded]))


_WRITTEN = st.builds(
    lambda text, escaped: escaped(text),
    st.sampled_from([text for text, _ in tables.FOUND] + tables.NOT_FOUND),
    st.sampled_from([str, str.upper, quote, json.dumps]),
)


@given(st.lists(_WRITTEN, max_size=8), st.integers(0, 400))
def test_the_fast_step_changes_nothing_in_mixed_texts(texts: list[str], gap: int) -> None:
    text = PAD + ("\n" + " " * gap).join(texts) + PAD

    assert list(FAST.find([text])) == list(SLOW.find([text]))


@pytest.mark.parametrize("letter", ["a", "\u00e9"])
def test_rows_far_below_the_names_of_their_columns_are_found_fast_too(letter: str) -> None:
    succeeded = f"2026-11-26,{letter * 40},0,0\n"
    failed = f"2026-11-26,{letter * 40},403,0\n2026-11-26,{letter * 40},0,560403\n"
    text = "day,who,Final SIP Code,Final Microsoft Subcode\n" + (succeeded * 9_000 + failed) * 3

    hits = list(FAST.find([text]))

    assert [hit.code.text for hit in hits] == ["SIP 403", "560403"] * 3
    assert hits == list(SLOW.find([text]))


@pytest.mark.parametrize("row", ["403,0,x", "403;10106;x", "0|560403|x"])
@pytest.mark.parametrize(("before", "after"), [("trunk", ""), ("", "trunk"), ("BYOTIn", ""), ("", "BYOTIn")])
@pytest.mark.parametrize("gap", [90, 250, 500, 1100, 1300])
def test_rows_far_from_their_sign_are_found_fast_too(row: str, before: str, after: str, gap: int) -> None:
    text = PAD + before + " " + "z" * gap + f" {row} " + "z" * gap + " " + after + PAD

    assert list(FAST.find([text])) == list(SLOW.find([text]))


CONTEXT = {
    Kind.HRESULT: "Teams sign-in failed, error code {} (try again)",
    Kind.AADSTS: "Entra sign-in failed with errorCode: {}, try again",
    Kind.SIP: "the SBC ended the call with SIP response code {}, try again",
    Kind.NUMBER: "call ended by the SBC, Microsoft subcode {}; Teams sign-in error code {}",
    Kind.SHORT: "Teams sign-in: modern authentication failed, status code {}.",
    Kind.WORD: "state: {};",
}


@pytest.mark.parametrize("code", sorted(CATALOG.entries), ids=str)
def test_every_listed_code_is_found_in_every_spelling(code: catalog.Code) -> None:
    entry = CATALOG.entries[code]
    for written in [code.text, *spellings(code), *entry.also_written]:
        text = PAD + CONTEXT[code.kind].replace("{}", written) + PAD
        assert set(found(text)) == {code.text}, written
        assert found(text, FAST) == found(text), written


def _hresult(number: int) -> str:
    return f"0x{number:08X}"


_CODES = st.one_of(
    st.integers(0xCAA10000, 0xCAADFFFF).map(_hresult),
    st.integers(10_000, 9_999_999).map(lambda n: f"AADSTS{n}"),
    st.integers(400, 699).map(lambda n: f"SIP {n}"),
)


def wininet(number: int) -> bool:
    """Whether WinINet has such numbers as well, which stand behind the same label."""
    return 12_000 <= number < 12_200


@pytest.mark.parametrize("number", [11_999, 12_000, 12_007, 12_199, 12_200])
def test_a_number_that_wininet_has_too_needs_more_than_the_label_of_a_sign_in(number: int) -> None:
    assert found(PAD + CONTEXT[Kind.AADSTS].format(number) + PAD) == ([] if wininet(number) else [f"AADSTS{number}"])


@given(_CODES, st.data())
def test_all_spellings_of_a_code_in_one_text_are_one_code(written: str, data: st.DataObject) -> None:
    code = canonical(written)
    assert code is not None
    written_so = [code.text, *spellings(code)]
    if wininet(code.number):
        written_so.remove(str(code.number))
    texts = [CONTEXT[code.kind].format(one, one) for one in data.draw(st.permutations(written_so))]

    hits = list(RECOGNISER.find([PAD + "\n".join(texts) + PAD]))

    assert {hit.code for hit in hits} == {code}
    assert len(hits) == len(texts)


@given(
    st.integers(0xCAA10000, 0xCAADFFFF),
    st.sampled_from(["{}SSO:", "err_{}_x", "({})", "{}.", "Error{}", "'{}'", "{}Failed"]),
)
def test_sign_in_library_codes_are_found_glued_to_words(number: int, around: str) -> None:
    assert found(around.format(_hresult(number))) == [_hresult(number)]


@given(
    st.integers(10_000, 9_999_999),
    st.sampled_from(["Credential{}", "{}:", "{}%3a", '\\"{}\\"', "x{}x", "\u3042{}\u3042"]),
)
def test_aadsts_is_found_glued_to_words(number: int, around: str) -> None:
    assert found(around.format(f"AADSTS{number}")) == [f"AADSTS{number}"]


@given(
    st.uuids(),
    st.sampled_from(["error {}", "Teams sign-in {} status", "errorCode in {}", "SIP call {} INVITE", "code:{}"]),
)
def test_a_guid_holds_no_code(guid: object, around: str) -> None:
    assert found(PAD + around.format(guid) + PAD) == []


@given(
    st.binary(min_size=16, max_size=32),
    st.sampled_from(["error sha {}", "thumbprint {} of the SBC", "sign-in hash={}"]),
)
def test_a_hash_holds_no_code(digest: bytes, around: str) -> None:
    assert found(PAD + around.format(digest.hex()) + PAD) == []


def test_a_hit_says_line_column_and_spelling() -> None:
    (hit,) = RECOGNISER.find(["first\n", "second caa82ee7\n"])

    assert (hit.line, hit.column, hit.code.given, hit.sure) == (2, 8, "caa82ee7", Sure.CERTAIN)


def test_a_column_counts_characters_and_not_bytes() -> None:
    (hit,) = RECOGNISER.find(["\u30a8\u30e9\u30fc\U0001f600 0xCAA82EE7"])

    assert hit.column == 6


def test_a_bare_number_is_less_sure_than_a_code_with_its_label() -> None:
    (bare,) = RECOGNISER.find(["errorCode: 50126"])
    (full,) = RECOGNISER.find(["AADSTS50126"])

    assert (bare.sure, full.sure) == (Sure.LIKELY, Sure.CERTAIN)


def test_a_hit_brings_a_bounded_piece_of_text_around() -> None:
    (hit,) = RECOGNISER.find(["a" * 5000 + " 0xCAA82EE7 " + "b" * 5000])

    assert (len(hit.before), len(hit.after)) == (KEPT, KEPT)
    assert hit.before.endswith("a ")
    assert hit.after.startswith(" b")


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_no_code_is_lost_or_doubled_where_a_long_line_is_cut(shift: int) -> None:
    group = " 0xCAA82EE7 AADSTS50076 SIP 403 "
    line = " " * shift + ("x" * (BLOCK - 40) + group) * 3
    cut = [line[low : low + 70_000] for low in range(0, len(line), 70_000)]

    hits = list(RECOGNISER.find(cut))

    assert [hit.code.text for hit in hits] == ["0xCAA82EE7", "AADSTS50076", "SIP 403"] * 3
    assert [line[hit.column - 1 :][: len(hit.code.given)] for hit in hits] == [hit.code.given for hit in hits]


@pytest.mark.parametrize(
    "text",
    [
        "error 0xCAA20004 and",
        "x AADSTS 50126: y",
        "got SIP/2.0 403 Forbidden",
        "SIP DiagCode: 480#10076.",
        "0xffffffffcaa20003",
        "Q.850;cause=21;",
        "ByotIn;no;403;560403;BYE",
        "エラー コード: 50126",
    ],
)
@pytest.mark.parametrize("recogniser", [FAST, SLOW], ids=["fast", "slow"])
def test_a_code_is_one_code_wherever_a_block_ends(text: str, recogniser: Recogniser) -> None:
    once = [hit.code.given for hit in recogniser.find([f"{' ' * BLOCK}\n{text}\n{' ' * BLOCK}"])]
    assert once

    for end in range(len(text.encode()) + 1):
        # A block ends so many bytes before the end of what has been read.
        head = b" " * BLOCK + b"\n" + text.encode()[:end]
        tail = text.encode()[end:] + b"\n" + b" " * (_CONTEXT - len(text.encode()) + end - 1)
        pieces = [head + tail, b" " * 3000]

        assert [hit.code.given for hit in recogniser.find(pieces)] == once, text.encode()[:end]


@given(
    st.lists(
        st.sampled_from(
            ["0xCAA82EE7", "AADSTS50076", "\n", " ", "error ", "1001", "sip:", "403", "-", "x", "\u00e9\u4e2d"]
        ),
        max_size=40,
    ),
    st.data(),
)
def test_where_a_text_is_cut_into_pieces_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))

    cut = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert list(RECOGNISER.find(cut)) == list(RECOGNISER.find([text]))


def test_the_size_of_the_pieces_changes_nothing_in_a_long_text() -> None:
    lines = [text.encode() for text, _ in tables.FOUND] + [text.encode() for text in tables.NOT_FOUND]
    text = (b"\n" + b"a line that tells of nothing, " * 3 + b"\n").join(
        b"%d %s" % (number, line) for number, line in enumerate(lines * 12)
    )
    assert len(text) > BLOCK

    whole = list(FAST.find([text]))

    for size in (1 << 16, 1 << 18, 700_001):
        assert list(FAST.find(text[low : low + size] for low in range(0, len(text), size))) == whole
    assert len(whole) > 12 * 100


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    list(RECOGNISER.find([text]))
    list(FAST.find([text]))


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    list(RECOGNISER.find([data]))


HOSTILE = [
    "a.",
    "1,",
    "1.",
    "sip:",
    "SIP ",
    "SIP" + " " * 50,
    "AADSTS ",
    "AADSTS50126",
    "0x",
    "0xCAA82EE7",
    "caa",
    "1:1",
    "+1",
    "-",
    "12-",
    "tel:",
    "[]:",
    "0",
    "deadbeef ",
    "403 ",
    "403,",
    "403#1",
    "0,0,",
    "error ",
    "error code ",
    "errorCode:50126,",
    "<a>",
    "<" * 40,
    "%25",
    "&quot;",
    "\\n",
    "\u2212",
    "\u30a8\u30e9\u30fc",
    "\u0301",
    "\0",
    "\n",
    "4c7 ",
]


@pytest.mark.parametrize("part", HOSTILE, ids=repr)
def test_time_grows_with_the_text_and_not_with_its_square(part: str) -> None:
    def seconds(size: int) -> float:
        text = (part * size)[:size]
        start = time.process_time()
        for _ in RECOGNISER.find([text]):
            pass
        return time.process_time() - start

    seconds(40_000)  # the fast step is prepared once
    assert seconds(160_000) < 12 * max(seconds(40_000), 0.02)
