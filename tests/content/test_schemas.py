"""The schemas for editors agree with the files, and with what the readers refuse."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from teamsmedic import content

ROOT = content.root()
FOLDER = resources.files("teamsmedic") / "schemas"
FILES = [
    *sorted((ROOT / "catalog").glob("*.yaml")),
    *sorted((ROOT / "remediations").glob("*/*/remediation.yaml")),
    *sorted((ROOT / "remediations").glob("*/*/tests/cases.yaml")),
]
COMMON = Resource.from_contents(json.loads((FOLDER / "content.schema.json").read_text(encoding="utf-8")))
REGISTRY = Registry().with_resource("content.schema.json", COMMON)


def named(path: Path) -> Path:
    """The schema that a file's first line names."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema="), f"{path}: begin with the line that names its schema"
    return (path.parent / first.partition("=")[2]).resolve()


def errors(path: Path, data: Any) -> list[str]:
    schema = json.loads(named(path).read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema, registry=REGISTRY).iter_errors(_keys_as_text(data))
    return [f"{list(one.path)}: {one.message[:200]}" for one in found]


def _keys_as_text(data: Any) -> Any:
    """JSON has only texts as keys, and so an editor sees the numbers of rows."""
    if isinstance(data, dict):
        return {str(key): _keys_as_text(value) for key, value in data.items()}
    return [_keys_as_text(one) for one in data] if isinstance(data, list) else data


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_fits_the_schema_it_names(path: Path) -> None:
    assert errors(path, yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", sorted((Path(str(FOLDER))).glob("*.json")), ids=lambda path: path.name)
def test_every_schema_is_a_schema(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


# From the same pieces as tests/content/test_catalog.py: what the reader refuses for its form, an editor underlines.
BREAKS = {
    "unknown key": ("catalog/client_loop.yaml", "    verdict:", "    verdikt: {}\n    verdict:"),
    "missing key": ("catalog/client_loop.yaml", "    check_first:", "    also_written:"),
    "no source": ("catalog/client_loop.yaml", "sources: [teams_sign_in]", "sources: []"),
    "unknown confidence": ("catalog/client_loop.yaml", "confidence: guess", "confidence: sure"),
    "code as a number": ("catalog/token_transport.yaml", '"0xCAA70004"', "0xCAA70004"),
    "verdict unheard of": ("catalog/token_transport.yaml", "who: network", "who: microsoft"),
    "address without https": ("catalog/sources.yaml", "url: https://errorcodecenter.com/microsoft-teams\n", "url: x\n"),
    "date as a date": ("catalog/sources.yaml", 'dated: "2024-11-25"', "dated: 2024"),
    "id with capitals": ("catalog/causes.yaml", "\ntls12_disabled:", "\nTLS12_disabled:"),
    "row under a text": ("catalog/spaces.yaml", "    403:", "    four:"),
    "unknown kind of code": ("catalog/spaces.yaml", "kind: hresult", "kind: hex"),
    "retired without a reason": ("catalog/retired.yaml", "codes: []", 'codes: [{code: "1001"}]'),
    "unknown risk": ("remediations/network/tls12_usable/remediation.yaml", "risk: safe", "risk: low"),
    "unknown key of a remediation": (
        "remediations/network/tls12_usable/remediation.yaml",
        "risk: safe",
        "risque: safe",
    ),
    "unknown status": ("remediations/network/tls12_usable/tests/cases.yaml", "status: healthy", "status: fine"),
}


@pytest.mark.parametrize(("file", "old", "new"), BREAKS.values(), ids=BREAKS)
def test_a_broken_form_does_not_fit(file: str, old: str, new: str) -> None:
    path = ROOT / file
    text = path.read_text(encoding="utf-8")
    assert old in text

    assert errors(path, yaml.safe_load(text.replace(old, new, 1)))
