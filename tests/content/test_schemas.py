"""The schemas for editors: every content file is held to its own, and they know the keys that the loaders know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from teamsmedic import catalog, content, remediation
from teamsmedic.lab import cases

ROOT = content.root()
SCHEMAS = Path(catalog.__file__).parent / "schemas"
OTHERS = ("causes", "sources", "spaces", "retired")


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    return loaded


def files() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "catalog").glob("*.yaml")):
        yield path, path.stem if path.stem in OTHERS else "family"
    for path in sorted((ROOT / "remediations").glob("*/*/remediation.yaml")):
        yield path, "remediation"
        yield path.parent / "tests/cases.yaml", "cases"


def as_json(value: Any) -> Any:
    """Keys that are numbers in YAML are texts for a schema."""
    if isinstance(value, dict):
        return {str(key): as_json(one) for key, one in value.items()}
    return [as_json(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "name"), list(files()), ids=lambda value: value if isinstance(value, str) else value.stem
)
def test_every_file_keeps_to_its_schema(path: Path, name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    jsonschema.validate(as_json(yaml.safe_load(path.read_text("utf-8"))), schema(name), jsonschema.Draft202012Validator)


def test_schemas_and_loaders_know_the_same_keys() -> None:
    loader = catalog._Loader
    entry = {*loader._ENTRY.split(), *loader._ENTRY_MORE.split()}
    code = schema("family")["properties"]["codes"]["items"]["properties"]
    assert set(code) == entry | {"code", "also_written", "signs"}
    space = schema("spaces")["properties"]["spaces"]["items"]["properties"]
    assert set(space) == entry | {
        "title",
        "kind",
        "family",
        "mask",
        "value",
        "low",
        "pattern",
        "table",
        "same_as",
        "related",
        "needs_sign",
    }
    assert set(schema("remediation")["properties"]) == set(remediation._KEYS)
    assert set(schema("cases")["properties"]["cases"]["additionalProperties"]["properties"]) == cases._KEYS
    kinds = schema("remediation")["properties"]["parameters"]["additionalProperties"]["properties"]["type"]["enum"]
    assert set(kinds) == set(remediation._PARAMETER_TYPES)
    who = schema("causes")["additionalProperties"]["properties"]["verdict"]["enum"]
    assert set(who) == {str(one) for one in catalog.Who}
