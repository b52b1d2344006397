"""Whatever stands in a content file, reading it gives the content or one sentence, never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from teamsmedic import catalog, content, remediation, validate
from teamsmedic.errors import ContentError
from teamsmedic.lab import cases

SURE: dict[str, Any] = {"confidence": "guess", "sources": ["page"]}
SENTENCE = {"text": "A sentence about {n}.", **SURE, "as_of": "2026"}
PLAIN = {**SENTENCE, "text": "A sentence."}
ENTRY: dict[str, Any] = {
    "name": PLAIN,
    "verdict": {"who": "device", **SURE},
    "causes": [{"cause": "broken", **SURE}],
    "check_first": [PLAIN],
    "do_not_assume": [PLAIN],
    "elsewhere": [
        {
            "signs": ["backup + job"],
            "unless": ["teams"],
            "instead_of": ["device"],
            "meaning": PLAIN,
            "verdict": {"who": "none", **SURE},
        }
    ],
    "yields": False,
    "rank": 1,
}
CATALOG: dict[str, Any] = {
    "sources": {"page": {"title": "A page", "url": "https://example.com/", "dated": "2026-01-01"}},
    "causes": {"broken": {"title": "It is broken", "verdict": "device", "manual": [PLAIN]}},
    "some_family": {
        "title": "Some family",
        "codes": [
            {
                "code": "0xCAA70007",
                "meaning": [PLAIN],
                **ENTRY,
                "also_written": ["seven"],
                "signs": ["x"],
                "in_table": SURE,
            }
        ],
    },
    "spaces": {
        "spaces": [
            {
                "title": "A space",
                "kind": "hresult",
                "mask": 0xFFFF0000,
                "value": 0xCAA80000,
                "low": [0, 65535],
                "table": "rows",
                "same_as": "0xC{unmasked:07X}",
                "related": "0xCAA7{low:04X}",
                "needs_sign": True,
                "family": "some_family",
                "meaning": [SENTENCE],
                **ENTRY,
            },
            {
                "title": "Numbers",
                "kind": "number",
                "pattern": "560([0-9]{3})",
                "table": "rows",
                "meaning": [SENTENCE],
                **ENTRY,
            },
        ],
        "tables": {
            "rows": {403: {"name": "N", **PLAIN, "causes": ["broken"], "family": "some_family", "yields": True}}
        },
    },
    "retired": {
        "codes": [{"code": "0xCAA70008", "because": "gone"}],
        "causes": [{"id": "gone", "because": "gone"}],
        "remediations": [{"id": "gone_too", "because": "gone"}],
    },
}
ODD: list[Any] = [None, "", "odd", "{odd}", "(", 7, -1, 3.5, True, [], [None], {}, {"odd": None}, [[]]]


def places(data: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield trail
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*trail, key))


def kinds(data: Any, names: frozenset[str] = frozenset()) -> Iterator[tuple[Any, ...]]:
    """The places, one of each kind: the first item of a list, the first key below each of `names`."""
    seen = set()
    for trail in places(data):
        kind = tuple(
            "*" if isinstance(step, int) or (at and trail[at - 1] in names) else step for at, step in enumerate(trail)
        )
        if kind not in seen:
            seen.add(kind)
            yield trail


def changed(data: Any, trail: tuple[Any, ...], odd: Any) -> Any:
    if not trail:
        return odd
    data = copy.deepcopy(data)
    inner = data
    for step in trail[:-1]:
        inner = inner[step]
    inner[trail[-1]] = odd
    return data


def _dump(data: Any) -> str:
    return str(yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def write(root: Path, files: dict[str, Any]) -> None:
    (root / "catalog").mkdir(exist_ok=True)
    for name, data in files.items():
        (root / "catalog" / f"{name}.yaml").write_text(_dump(data), encoding="utf-8")


def read(root: Path) -> None:
    try:
        known = catalog.load(root)
        for given in ("0xCAA70007", "0xCAA81234", "0xCAA80193", "560403", "560999"):
            known.resolve(given)
        _ = known.spaces, known.retired, known.retired_ids
    except ContentError as error:
        assert "; " in str(error)  # noqa: PT017 - no error is as good
    except catalog.UnknownCode:
        pass


def test_the_sample_is_sound(tmp_path: Path) -> None:
    write(tmp_path, CATALOG)

    known = catalog.load(tmp_path)
    assert [known.resolve(one)[0].meaning[0].text for one in ("560999", "0xCAA81234")] == [
        "A sentence about 999.",
        "A sentence about 4660.",
    ]


@pytest.mark.parametrize("file", CATALOG)
def test_an_odd_value_in_the_catalogue_is_one_sentence(tmp_path: Path, file: str) -> None:
    write(tmp_path, CATALOG)

    for trail in kinds(CATALOG[file]):
        for odd in ODD:
            write(tmp_path, {file: changed(CATALOG[file], trail, odd)})
            read(tmp_path)
        assert all(isinstance(problem, ContentError) for problem in validate.check(tmp_path).problems)


SAMPLES = ["client/client_cache_fresh", "network/tls12_usable"]


@pytest.mark.parametrize("name", SAMPLES)
def test_an_odd_value_in_a_remediation_is_one_sentence(tmp_path: Path, name: str) -> None:
    data = content.read_yaml(content.root() / "remediations" / name / "remediation.yaml")
    file = tmp_path / "remediations" / name / "remediation.yaml"
    file.parent.mkdir(parents=True)

    names = frozenset({"guards", "notes", "parameters", "desired", "reasons", "applies_when", "known_when", "changes"})
    for trail in kinds(data, names):
        for odd in ODD:
            file.write_text(_dump(changed(data, trail, odd)), encoding="utf-8")
            try:
                remediation.read(file.parent)
            except ContentError as error:
                assert "; " in str(error)  # noqa: PT017 - no error is as good


def test_an_odd_value_in_a_case_is_one_sentence(tmp_path: Path) -> None:
    case = {"summary": "x", "role": "room", "facts": {"a": 1}, "parameters": {}, "status": "healthy", "reasons": ["x"],
            "break": ["break/x.ps1"], "after": {"facts": {}}, "fix": {}, "windows": {"seeds": ["x"]}}  # fmt: skip
    data = {"cases": {"one": case}}
    file = tmp_path / "tests" / "cases.yaml"
    file.parent.mkdir()

    for trail in places(data):
        for odd in ODD:
            file.write_text(_dump(changed(data, trail, odd)), encoding="utf-8")
            try:
                cases.read(tmp_path)
            except ContentError as error:
                assert "; " in str(error)  # noqa: PT017 - no error is as good
