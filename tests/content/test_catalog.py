"""The catalogue's content, held to what it promises, and its form, broken piece by piece."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from teamsmedic import catalog, content
from teamsmedic.catalog import Confidence, Entry, Statement
from teamsmedic.codes import canonical
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

    assert f"{file}.yaml" in str(error.value)
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
