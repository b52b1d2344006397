"""What `teamsmedic validate` finds: every promise about the content, broken once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from teamsmedic import cli, content, validate

ROOT = content.root()
CLIENT, SPACES, CAUSES = "catalog/client_loop.yaml", "catalog/spaces.yaml", "catalog/causes.yaml"
ROOM = "remediations/identity/room_account_accepted/remediation.yaml"
TLS = "remediations/network/tls12_usable/remediation.yaml"
RETIRED = "catalog/retired.yaml"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("catalog", "remediations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def found(root: Path) -> list[str]:
    return [str(one) for one in validate.check(root).problems]


def test_the_content_keeps_every_rule() -> None:
    report = validate.check(ROOT)

    assert [str(one) for one in report.problems] == []
    assert report.looked_at["codes"] >= 57
    assert report.looked_at["remediations"] >= 4


BREAKS = {
    "a key twice": (
        CLIENT,
        '    name: {text: "ERROR_ADAL',
        '    name: {}\n    name: {text: "ERROR_ADAL',
        "stands there twice",
    ),
    "a placeholder": (CLIENT, "Windows error 1223:", "TODO Windows error 1223:", "a TODO is left"),
    "a cause that nobody can act on": (
        CAUSES,
        "\ntls12_disabled:",
        "\nlonely:\n  title: Nobody\n  verdict: device\n\ntls12_disabled:",
        "nobody can act on lonely",
    ),
    "a cause that no code names": (
        CAUSES,
        "\ntls12_disabled:",
        "\nlonely:\n  title: Nobody\n  verdict: device\n\ntls12_disabled:",
        "no code names lonely",
    ),
    "a source that nothing uses": (
        "catalog/sources.yaml",
        "\nhybrid_join:",
        "\nlonely:\n  title: Nobody\n  url: https://example.com/\nhybrid_join:",
        "no statement rests on lonely",
    ),
    "an address without https": (
        "catalog/sources.yaml",
        "url: https://errorcodecenter.com/microsoft-teams\n",
        "url: http://errorcodecenter.com/microsoft-teams\n",
        "give the https:// address",
    ),
    "a remediation's address without https": (TLS, "  - https://support", "  - http://support", "no https address"),
    "a remediation that cures nothing known": (
        TLS,
        "cures: [tls12_disabled]",
        "cures: [gone]",
        "there is no cause gone",
    ),
    "a remediation that cures nothing": (TLS, "cures: [tls12_disabled]", "cures: []", "neither cures nor observes"),
    "what observes and cures": (ROOM, "cures: []", "cures: [tls12_disabled]", "make two of it"),
    "what observes nothing known": (
        ROOM,
        "observes: [room_password_wrong",
        "observes: [gone",
        "there is no cause gone",
    ),
    "a helper that is not there": (TLS, "uses: [registry]", "uses: [registri]", "there is no helper registri"),
    "a remediation that names a code": (TLS, "risk: safe", "risk: safe # 0xCAA70007", "names the code 0xCAA70007"),
    "a code that names a remediation": (CLIENT, "# yaml", "# tls12_usable yaml", "names the remediation tls12_usable"),
    "a row that no code leads to": (SPACES, "    403:\n", "    403403:\n", "no code leads to the row 403403"),
    "a code in two families": ("catalog/token_transport.yaml", '"0xCAA70004"', '"0xCAA82EE7"', "keep it in one family"),
    "a spelling that leads elsewhere": (
        CLIENT,
        "  - code: max_reload_exceeded\n",
        "  - code: max_reload_exceeded\n    also_written: ['0xCAA70004']\n",
        "is read already",
    ),
    "a retired code that is listed": (RETIRED, "codes: []", 'codes: [{code: "1001", because: gone}]', "remove one"),
    "a retired cause that is back": (
        RETIRED,
        "codes: []",
        "codes: []\ncauses: [{id: tls12_disabled, because: split}]",
        "never reused",
    ),
    "a retired remediation that is back": (
        RETIRED,
        "codes: []",
        "codes: []\nremediations: [{id: tls12_usable, because: split}]",
        "never reused",
    ),
    "a pattern that is none": (SPACES, 'pattern: "5[46]0000"', 'pattern: "5[46"', "is no pattern"),
    "a case without a status": (
        "remediations/network/tls12_usable/tests/cases.yaml",
        "    status: healthy\n",
        "",
        "its status",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "says"), BREAKS.values(), ids=BREAKS)
def test_a_broken_rule_is_told_with_file_line_and_mending(copy: Path, file: str, old: str, new: str, says: str) -> None:
    change(copy, file, old, new)

    told = [one for one in found(copy) if says in one]

    assert told, f"{says!r} is not among {found(copy)}"
    assert re.match(r"(checked|read) (catalog|remediations)/\S+\.yaml:\d+: .+; .+\.$", told[0]), told[0]


def test_a_second_folder_with_the_same_id_is_refused(copy: Path) -> None:
    shutil.copytree(copy / "remediations/network/tls12_usable", copy / "remediations/client/tls12_usable")

    assert any("tls12_usable is a remediation of client already" in one for one in found(copy))


def test_what_only_observes_has_no_fix(copy: Path) -> None:
    (copy / ROOM).with_name("fix.ps1").write_text("# a fix\n")

    assert any("fix.ps1 lies beside what only observes; remove fix.ps1" in one for one in found(copy))


@pytest.mark.parametrize("name", ["fix.ps1", "undo.ps1", "README.md", "tests/cases.yaml", "remediation.yaml"])
def test_a_folder_without_a_file_is_refused(copy: Path, name: str) -> None:
    (copy / "remediations/network/tls12_usable" / name).unlink()

    assert any("tls12_usable" in one and Path(name).name in one for one in found(copy))


def test_everything_that_is_wrong_is_told_at_once(copy: Path) -> None:
    change(copy, CLIENT, "confidence: guess", "confidence: sure")
    change(copy, SPACES, "kind: hresult", "kind: hex")
    change(copy, TLS, "risk: safe", "risk: low")
    change(copy, RETIRED, "codes: []", "codes: [{code: hello, because: gone}]")

    told = " ".join(found(copy))

    assert all(one in told for one in ("'sure'", "'hex'", "'low'", "it is no code")), told


def test_the_command_tells_lines_and_ends_with_3(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copy, CLIENT, "confidence: guess", "confidence: sure")

    assert cli._main(["validate", str(copy)]) == 3

    said = capsys.readouterr()
    assert said.out.startswith("read catalog/client_loop.yaml:")
    assert "1 problem in 7 families" in said.err


def test_the_command_has_nothing_to_say_of_sound_content(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["validate", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["problems"]) == (1, [])
