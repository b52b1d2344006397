"""What authors are told of their content, and what a beginning holds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from teamsmedic import authoring, content
from teamsmedic.errors import RequestError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("catalog", "remediations"):
        shutil.copytree(content.root() / name, tmp_path / name)
    return tmp_path


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_content_is_sound_and_counted(root: Path) -> None:
    found = authoring.validate(root)
    assert found.faults == ()
    assert found.counts["families"] == 7
    assert found.counts["codes"] >= 57
    assert all(found.counts.values())


TLS = "remediations/network/tls12_usable"
FAULTS = {
    "a confidence that is none": (
        "catalog/client_loop.yaml", "confidence: documented", "confidence: sure",
        r"read catalog/client_loop.yaml:5: .*'sure' is none of its words; use documented, ",
    ),
    "a source that is none": ("catalog/client_loop.yaml", "[hybrid_join]", "[nowhere]", "the source 'nowhere' is unknown"),
    "no https": ("catalog/sources.yaml", "https://", "http://", r"catalog/sources.yaml:\d+: .* is no address"),
    "a code that is not canonical": (
        "catalog/client_loop.yaml", '"0xCAA82EE2"', '"caa82ee2"', "not in canonical form; write '0xCAA82EE2'"
    ),
    "a spelling of something else": (
        "catalog/client_loop.yaml", '  - code: "1001"\n', '  - code: "1001"\n    also_written: ["4c7"]\n',
        "the spelling '4c7' is read already",
    ),
    "a key twice": (
        "catalog/causes.yaml", "  verdict: device\n", "  verdict: device\n  verdict: user\n",
        r"catalog/causes.yaml:6: the key verdict stands there a second time; keep one of the two",
    ),
    "no YAML": ("catalog/causes.yaml", "title:", "title: [", r"catalog/causes.yaml: .*mend the YAML there"),
    "a retired code": (
        "catalog/retired.yaml", "codes: []", 'codes:\n  - {code: "0xCAA82EE2", because: "x"}', "a family still lists it"
    ),
    "a cause that nobody names": (
        "catalog/causes.yaml", "tls12_disabled:",
        ("lonely:\n  title: x\n  verdict: user\n  manual: [{text: x, confidence: guess, sources: [tls_registry]}]\n\n"
        "tls12_disabled:"),
        "lonely: no code names it",
    ),
    "a cure of nothing": (f"{TLS}/remediation.yaml", "cures: [", "cures: [nothing, ", "cures nothing, which is no cause"),
    "a word that is no risk": (
        f"{TLS}/remediation.yaml", "risk: safe", "risk: some", r"remediation.yaml:\d+: risk is 'some'; use one of safe"
    ),
    "a helper that is not there": (
        f"{TLS}/remediation.yaml", "uses: [", "uses: [nothing, ", "it uses nothing, which is not among the helpers"
    ),
    "facts that mean something else": (
        f"{TLS}/tests/cases.yaml", "status: healthy", "status: blocked", "its facts mean healthy, not blocked"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_with_its_place(root: Path, name: str) -> None:
    path, old, new, said = FAULTS[name]
    change(root, path, old, new)
    faults = authoring.validate(root).faults
    assert [one for one in faults if re.search(said, one)], faults
    assert all("\n" not in one and one.endswith(".") for one in faults)


def test_faults_in_several_files_are_all_told(root: Path) -> None:
    change(root, "catalog/causes.yaml", "  verdict: device\n", "  verdict: device\n  verdict: user\n")
    change(root, f"{TLS}/remediation.yaml", "risk: safe", "risk: some")
    (root / "remediations/client/client_cache_fresh/undo.ps1").unlink()
    told = "\n".join(authoring.validate(root).faults)
    assert "causes.yaml:6" in told
    assert "risk is 'some'" in told
    assert "there is no undo.ps1" in told


def test_a_new_code_is_open_until_its_author_has_written(root: Path) -> None:
    file = authoring.new_code(root, "caa7000b", "token_transport")
    assert '  - code: "0xCAA7000B"' in file.read_text()
    faults = authoring.validate(root).faults
    assert any(re.search(r"token_transport.yaml:\d+: TODO is still there", one) for one in faults)


@pytest.mark.parametrize(
    ("code", "family", "found"),
    [
        ("hello", "client_loop", "it is no code"),
        ("caa82ee2", "token_transport", "the family client_loop has it"),
        ("caa7000b", "nowhere", "there is no family nowhere"),
    ],
)
def test_a_code_that_cannot_be_begun_is_one_sentence(root: Path, code: str, family: str, found: str) -> None:
    with pytest.raises(RequestError, match=found):
        authoring.new_code(root, code, family)


def test_a_new_remediation_is_a_whole_folder_that_says_what_is_open(root: Path) -> None:
    folder = authoring.new_remediation(root, "network", "proxy_usable", "proxy_interferes")
    faults = authoring.validate(root).faults
    assert {path.name for path in folder.iterdir()} >= {
        "remediation.yaml",
        "detect.ps1",
        "fix.ps1",
        "undo.ps1",
        "README.md",
    }
    assert any("TODO is still there" in one for one in faults)
    assert not any("unknown key" in one or "is missing" in one for one in faults)
    with pytest.raises(RequestError, match="has that name"):
        authoring.new_remediation(root, "other", "tls12_usable", "proxy_interferes")
