"""The catalogue's content, held to what it promises, and its form, broken piece by piece."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from teamsmedic import catalog, content
from teamsmedic.catalog import Confidence, Entry, Statement
from teamsmedic.codes import Kind, canonical, spellings
from teamsmedic.errors import ContentError, UnknownCode
from teamsmedic.recognise import Recogniser

ROOT = content.root()
CATALOG = catalog.load(ROOT)
FILES = sorted((ROOT / "catalog").glob("*.yaml"))
SEED = {
    "client_loop": "0xCAA82EE2 0xCAA82EE7 1001 4c7 2147942402 0xCAA30194 max_reload_exceeded",
    "token_transport": "0xCAA7000A 0xCAA70007 0xCAA70004",
    "policy_join_broker": "0xCAA20002 0xCAA20003 0xCAA20004 0xCAA50021 0xCAA50024 0xCAA5001C",
    "mfa_prt_federation": "0xCAA90014 0xCAA90018 0xCAA90056 0xCAA90057",
    "rooms_account": "AADSTS50055 AADSTS50076 AADSTS50079 AADSTS50126 AADSTS53003",
    # 23 of the 24 are known, and 407 is the guess for the last.
    "sip_4xx": "400 401 402 403 404 405 407 408 410 412 415 420 422 423 480 481 482 483 484 485 486 487 488 491",
    "sip_5xx_6xx": "500 501 502 503 504 505 600 603",
}


@pytest.mark.parametrize("family", SEED)
def test_the_error_table_that_people_search_is_listed_whole(family: str) -> None:
    codes = SEED[family].split()

    assert {code: CATALOG.entries[found].family for code in codes if (found := canonical(code))} == dict.fromkeys(
        codes, family
    )


def test_the_seed_holds_57_codes() -> None:
    assert sum(len(codes.split()) for codes in SEED.values()) == 57


SPELLINGS = [
    (family, code, written)
    for family, codes in SEED.items()
    for code in codes.split()
    if (found := canonical(code))
    for written in [found.text, *spellings(found), *CATALOG.entries[found].also_written, code]
]


@pytest.mark.parametrize(
    ("family", "code", "written"), SPELLINGS, ids=[f"{code} as {one}" for _, code, one in SPELLINGS]
)
def test_every_spelling_of_the_error_table_leads_to_its_entry(family: str, code: str, written: str) -> None:
    (entry,) = CATALOG.resolve([written])

    assert (entry.code, entry.family, entry.decoded) == (canonical(code), family, False)


def test_the_error_table_is_marked_with_how_well_it_is_known() -> None:
    marked = [entry for entry in CATALOG.entries.values() if entry.in_table]

    assert {entry.code for entry in marked} == {canonical(code) for codes in SEED.values() for code in codes.split()}
    assert Counter(entry.in_table for entry in marked) == {"observed": 33, "derived": 23, "guess": 1}
    assert CATALOG.resolve("sip:407")[0].in_table == "guess"


@pytest.mark.parametrize("code", sorted(CATALOG.entries), ids=str)
def test_a_listed_code_says_all_that_an_administrator_needs(code: catalog.Code) -> None:
    entry = CATALOG.entries[code]
    lacks = [part for part in ("meaning", "causes", "check_first", "do_not_assume") if not getattr(entry, part)]

    assert lacks == [], f"add {', '.join(lacks)} to {code} in catalog/{entry.family}.yaml"


# https://www.iana.org/assignments/sip-parameters/sip-parameters.xhtml, without 1xx to 3xx.
REGISTERED = """
400 401 402 403 404 405 406 407 408 410 412 413 414 415 416 417 420 421 422 423 424 425 428 429 430 433 436 437 438 439
440 469 470 480 481 482 483 484 485 486 487 488 489 491 493 494 500 501 502 503 504 505 513 555 580 600 603 604 606 607
608
"""


@pytest.mark.parametrize("number", REGISTERED.split())
def test_every_registered_failure_of_sip_is_named(number: str) -> None:
    (entry,) = CATALOG.resolve(f"sip:{number}")

    assert entry.name, f"add {number} to a SIP family or to the table sip of catalog/spaces.yaml"


def test_the_meaning_of_every_sign_in_number_of_microsoft_is_dated() -> None:
    space = next(space for space in CATALOG.spaces if space.kind is Kind.AADSTS)
    changing = {"aadsts", "aadsts_live"}
    rows = [number for number, row in space.table.items() if changing & {*row.sources} and not row.as_of]
    entries = [
        str(entry.code)
        for entry in CATALOG.entries.values()
        for one in entry.meaning
        if entry.code.kind is Kind.AADSTS and changing & {*one.sources} and not one.as_of
    ]

    assert (rows, entries) == ([], []), "add as_of: the date of the page"


def test_the_rules_for_certificates_of_an_sbc_are_dated() -> None:
    rules = [
        one for one in CATALOG.causes["sbc_certificate_bad"].manual if "root" in one.text or "clientAuth" in one.text
    ]

    assert len([one for one in rules if one.as_of]) >= 3


@pytest.mark.parametrize(
    ("given", "who", "says"),
    [
        ("560403", "sbc", "SBC"),
        ("540415", "sbc", "offer"),
        ("540499", "sbc", "coming in"),
        ("549002", "sbc", "TLS"),
        ("569002", "sbc", "TLS"),
        ("510560", "tenant", "Enterprise Voice"),
        ("511404", "tenant", "No user"),
        ("531004", "network", "ICE"),
        ("540000", "none", "normal end"),
        ("560000", "none", "normal end"),
        ("540200", "none", "taken on another"),
        ("560487", "none", "cancelled"),
        ("10003", "none", "elsewhere"),
        ("sip:487", "none", ""),
        ("sip:486", "none", ""),
        ("560500", "sbc", "internal fault"),
        ("sip:491", "sbc", "crossed"),
        ("sip:604", "carrier", "not in use"),
        ("Q.850;cause=17", "none", "486"),
        ("Q.850 27", "carrier", "502"),
        ("Q.850 63", "unknown", "text beside"),
    ],
)
def test_the_leg_that_speaks_decides_and_a_normal_outcome_is_nobodys(given: str, who: str, says: str) -> None:
    (entry,) = CATALOG.resolve(given)

    assert entry.verdict.who == who
    assert says in " ".join(one.text for one in entry.meaning)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("0xCAA20005", "temporarily_unavailable"),
        ("0xCAA301F7", "HTTP 503 Service Unavailable"),
        ("0xCAA70008", "INET_E_AUTHENTICATION_REQUIRED"),
        ("0xCAA82F05", "ERROR_INTERNET_SEC_CERT_DATE_INVALID"),
        ("0x80072EFD", "ERROR_INTERNET_CANNOT_CONNECT"),
        ("0x80070005", "ERROR_ACCESS_DENIED"),
        ("0x800C0008", "INET_E_DOWNLOAD_FAILURE"),
        ("0xC00CEE4F", "WC_E_DTDPROHIBITED"),
        ("0x80290407", "TPM_E_PCP_INTERNAL_ERROR"),
        ("0xC000006A", "STATUS_WRONG_PASSWORD"),
    ],
)
def test_a_code_that_is_not_listed_has_its_low_word_named(given: str, name: str) -> None:
    (entry,) = CATALOG.resolve(given)

    assert entry.decoded
    assert entry.name
    assert entry.name.text == name


@pytest.mark.parametrize(
    "given", ["0x80040154", "0x8004DEC5", "0xD0000225", "5100", "0xC0F10005", "0xC0000005", "0xC004F074"]
)
def test_what_belongs_to_no_family_does_not_claim_one(given: str) -> None:
    (entry,) = CATALOG.resolve(given)

    assert entry.family is None


def _statements() -> list[tuple[str, Statement]]:
    entries = [*CATALOG.entries.values(), *(space.entry for space in CATALOG.spaces)]
    told = [(f"{entry.family}, {entry.code.given}", one) for entry in entries for one in entry.statements()]
    return told + [(f"causes, {cause.id}", step) for cause in CATALOG.causes.values() for step in cause.manual]


def test_every_statement_has_a_source_and_a_confidence() -> None:
    bare = [where for where, one in _statements() if not one.sources or one.confidence not in Confidence]

    assert bare == [], "add sources and confidence there"


def _named_causes() -> set[str]:
    entries: list[Entry] = [*CATALOG.entries.values(), *(space.entry for space in CATALOG.spaces)]
    named = {one.cause for entry in entries for one in entry.causes}
    return named | {cause for space in CATALOG.spaces for row in space.table.values() for cause in row.causes}


@pytest.mark.parametrize("cause", sorted(CATALOG.causes), ids=lambda cause: f"catalog/causes.yaml:{cause}")
def test_every_cause_is_named_by_a_code(cause: str) -> None:
    assert cause in _named_causes(), f"name {cause} in a code, a space or a row, or remove it from causes.yaml"


def test_every_source_is_used() -> None:
    entries = [*CATALOG.entries.values(), *(space.entry for space in CATALOG.spaces)]
    used = {source for _, one in _statements() for source in one.sources}
    used |= {source for entry in entries for one in (entry.verdict, *entry.causes) for source in one.sources}
    used |= {source for space in CATALOG.spaces for row in space.table.values() for source in row.sources}

    assert set(CATALOG.sources) - used == set(), "remove them from sources.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"catalog/{path.name}")
def test_no_key_stands_twice(path: Path) -> None:
    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{path.name}:{node.start_mark.line + 1}: remove one of each of {twice}"
        return dict(zip(keys, [loader.construct_object(value, deep=True) for _, value in node.value], strict=True))

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"catalog/{path.name}")
def test_the_catalogue_names_no_remediation(path: Path) -> None:
    remediations = {folder.parent.name for folder in (ROOT / "remediations").glob("*/*/remediation.yaml")}

    named = remediations & set(re.findall(r"\w+", path.read_text(encoding="utf-8")))

    assert named == set(), "name a cause instead, and let the remediation cure it"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "remediations").glob("*/*/remediation.yaml")), ids=lambda path: path.parent.name
)
def test_a_remediation_cures_causes_that_exist_and_names_no_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert set(yaml.safe_load(text)["cures"]) <= set(CATALOG.causes), "add the cause to catalog/causes.yaml"
    assert not re.search(r"0xCAA|AADSTS[0-9]|\bSIP [3-6]", text, re.I), "leave codes to the catalogue"


@pytest.mark.parametrize("code", sorted(CATALOG.entries), ids=str)
def test_a_listed_code_on_a_line_of_its_own_is_found(code: catalog.Code) -> None:
    """A short or bare number only below a label in a text of Teams."""
    before = "Microsoft Teams\nError code:" if CATALOG.entries[code].signs else "first"
    assert [hit.code for hit in Recogniser(CATALOG).find([f"{before}\n{code}\nlast"])] == [code], "give it signs"


def test_sentences_print_on_every_console() -> None:
    wide = [where for where, one in _statements() if not one.text.isascii()]

    assert wide == [], "write them with ASCII signs"


BREAKS = {
    "unknown key": ("client_loop", "    verdict:", "    verdikt: {}\n    verdict:", "verdikt"),
    "missing key": ("client_loop", "    check_first:", "    do_not_assume:", "check_first"),
    "unknown cause": ("client_loop", "cause: client_cache_corrupt", "cause: client_cache_gone", "causes.yaml"),
    "unknown source": ("client_loop", "sources: [teams_sign_in]", "sources: [nowhere]", "sources.yaml"),
    "no source": ("client_loop", "sources: [teams_sign_in]", "sources: []", "sources"),
    "unknown confidence": (
        "client_loop",
        "confidence: guess",
        "confidence: sure",
        "documented, observed, derived, guess",
    ),
    "code in two families": ("token_transport", '"0xCAA70004"', '"0xCAA82EE7"', "one family"),
    "code not canonical": ("token_transport", '"0xCAA70004"', '"0xcaa70004"', "0xCAA70004"),
    "no code": ("token_transport", '"0xCAA70004"', '"hello"', "code"),
    "code as a number": ("token_transport", '"0xCAA70004"', "0xCAA70004", "quotes"),
    "verdict of no cause": ("token_transport", "who: network", "who: carrier", "carrier"),
    "verdict unheard of": ("token_transport", "who: network", "who: microsoft", "device, user, network"),
    "cause without manual": ("causes", "  manual:", "  manual: []\n  manuel:", "manu"),
    "address without https": (
        "sources",
        "url: https://errorcodecenter.com/microsoft-teams\n",
        "url: errorcodecenter\n",
        "https://",
    ),
    "date as a date": ("sources", 'dated: "2024-11-25"', "dated: 2024-11-25", "quotes"),
    "id with capitals": ("causes", "\ntls12_disabled:", "\nTLS12_disabled:", "lower-case"),
    "space in an unknown family": ("spaces", "family: token_transport", "family: nowhere", "family"),
    "space with an unknown table": ("spaces", "table: urlmon", "table: nowhere", "tables"),
    "row under a text": ("spaces", "    403:", "    four:", "number"),
    "retired and listed": ("retired", "codes: []", 'codes: [{code: "1001", because: "it is gone"}]', "remove one"),
    "no mapping": ("retired", "codes: []", "- codes", "key: value"),
    "broken YAML": ("retired", "codes: []", "codes: [", "YAML"),
}


def _load_all(root: Path) -> None:
    loaded = catalog.load(root)
    _ = loaded.spaces, loaded.retired


@pytest.mark.parametrize(("file", "old", "new", "says"), BREAKS.values(), ids=BREAKS)
def test_a_broken_form_is_one_sentence_with_place_and_mending(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    path = tmp_path / "catalog" / f"{file}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ContentError) as error:
        _load_all(tmp_path)

    assert re.search(rf"catalog/{file}\.yaml(:|.*line )\d+", str(error.value)), "the line is missing"
    assert says in str(error.value)


def test_a_code_that_nothing_is_known_of_is_one_sentence() -> None:
    with pytest.raises(UnknownCode, match=r"looked up the code foo_bar \(given as FOO_BAR\)"):
        CATALOG.resolve("1001,FOO_BAR")


def test_a_retired_code_tells_why(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    (tmp_path / "catalog/retired.yaml").write_text(
        "codes: [{code: old_code, because: it became 1001}]\n", encoding="utf-8"
    )

    with pytest.raises(UnknownCode, match="it became 1001"):
        catalog.load(tmp_path).resolve("old_code")


def test_a_family_and_a_code_are_added_by_a_file_alone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    (tmp_path / "catalog/new_family.yaml").write_text(
        """
title: New family
codes:
  - code: "0xCAA7FFFF"
    also_written: [seven effs]
    meaning: [{text: Something new., confidence: guess, sources: [urlmon]}]
    verdict: {who: network, confidence: guess, sources: [urlmon]}
    causes: [{cause: endpoints_unreachable, confidence: guess, sources: [urlmon]}]
    check_first: []
""",
        encoding="utf-8",
    )

    (entry,) = catalog.load(tmp_path).resolve("Seven Effs")

    assert (entry.code.text, entry.family, entry.decoded) == ("0xCAA7FFFF", "new_family", False)
