"""`teamsmedic new`: what it writes can be read at once, and `validate` asks for the rest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from teamsmedic import catalog, cli, content, remediation, scaffold, validate
from teamsmedic.errors import RequestError

ROOT = content.root()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for folder in ("catalog", "remediations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setenv("TEAMSMEDIC_CONTENT", str(tmp_path))
    content.root.cache_clear()
    remediation.load.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    content.root.cache_clear()
    remediation.load.cache_clear()


@pytest.mark.parametrize(
    ("given", "family", "sources", "lies_in"),
    [
        ("0xCAA30197", None, [], "token_transport"),
        ("-895286889", None, [], "token_transport"),
        ("AADSTS90009", None, [], "policy_join_broker"),
        ("sip:580", None, [], "sip_5xx_6xx"),
        ("560484", None, [], "sip_4xx"),
        ("reload_gave_up", "client_loop", ["errorcodecenter"], "client_loop"),
    ],
)
def test_a_new_code_can_be_looked_up_and_waits_for_words(
    checkout: Path, given: str, family: str | None, sources: list[str], lies_in: str
) -> None:
    path = scaffold.code(given, family, sources)

    (entry,) = catalog.load(checkout).resolve([given])
    assert (path.name, entry.family, entry.decoded) == (f"{lies_in}.yaml", lies_in, False)
    problems = [str(one) for one in validate.check(checkout).problems]
    assert problems
    assert all("a TODO is left" in one and f"{lies_in}.yaml" in one for one in problems)


def test_what_the_code_space_knows_is_in_a_new_code(checkout: Path) -> None:
    known = catalog.load(checkout).resolve("0xCAA30197")[0]

    scaffold.code("0xCAA30197", None, [])

    (entry,) = catalog.load(checkout).resolve("0xCAA30197")
    assert entry.meaning[1:] == known.meaning
    assert (entry.name, entry.verdict, entry.causes) == (known.name, known.verdict, known.causes)


@pytest.mark.parametrize(
    ("given", "family", "sources", "says"),
    [
        ("0xCAA70007", None, [], "token_transport lists it"),
        ("hello", None, [], "the form of no Teams code"),
        ("reload_gave_up", None, [], "--family"),
        ("reload_gave_up", "client_loop", [], "--source"),
        ("0xCAA30197", "nowhere", [], "there is no family nowhere"),
        ("0xCAA30197", None, ["nowhere"], "there is no source nowhere"),
    ],
)
def test_a_code_that_cannot_be_added_is_one_sentence(
    checkout: Path, given: str, family: str | None, sources: list[str], says: str
) -> None:
    with pytest.raises(RequestError, match=says):
        scaffold.code(given, family, sources)


def test_a_retired_code_does_not_come_back(checkout: Path) -> None:
    (checkout / "catalog/retired.yaml").write_text(
        "codes: [{code: old_code, because: it became 1001}]\n", encoding="utf-8"
    )

    with pytest.raises(RequestError, match="it became 1001"):
        scaffold.code("old_code", "client_loop", ["errorcodecenter"])


def test_a_new_remediation_can_be_read_and_waits_for_words(checkout: Path) -> None:
    folder = scaffold.new_remediation("client/broker_registered", ["broker_blocked_or_missing"])

    one = remediation.read(folder)
    assert (one.id, one.layer, one.cures) == ("broker_registered", "client", ("broker_blocked_or_missing",))
    problems = [str(one) for one in validate.check(checkout).problems]
    assert all("a TODO is left" in one and "broker_registered" in one for one in problems)
    files = {one.split(":")[0].rpartition("/")[2] for one in problems}
    assert {"remediation.yaml", "detect.ps1", "fix.ps1", "undo.ps1", "README.md", "cases.yaml"} <= files


@pytest.mark.parametrize(
    ("path", "cures", "says"),
    [
        ("client/clear_cache", ["client_cache_corrupt"], "clear is something to do and no state"),
        ("client_cache_fresh", ["client_cache_corrupt"], "LAYER/STATE"),
        ("../client/cache_fresh", ["client_cache_corrupt"], "LAYER/STATE"),
        ("client/Cache_Fresh", ["client_cache_corrupt"], "LAYER/STATE"),
        ("network/client_cache_fresh", ["client_cache_corrupt"], "is there, in client"),
        ("client/broker_registered", ["nothing_known"], "there is no cause nothing_known"),
        ("client/broker_registered", [], "it cures nothing"),
    ],
)
def test_a_remediation_that_cannot_be_made_is_one_sentence(
    checkout: Path, path: str, cures: list[str], says: str
) -> None:
    with pytest.raises(RequestError, match=says):
        scaffold.new_remediation(path, cures)


def test_a_retired_id_is_never_reused(checkout: Path) -> None:
    (checkout / "catalog/retired.yaml").write_text(
        "codes: []\nremediations: [{id: broker_registered, because: Windows does it}]\n", encoding="utf-8"
    )

    with pytest.raises(RequestError, match="Windows does it"):
        scaffold.new_remediation("client/broker_registered", ["broker_blocked_or_missing"])


def test_the_commands_say_what_they_wrote(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["new", "code", "-895286889"]) == 0
    assert cli._main(["new", "remediation", "client/broker_registered", "--cures", "broker_blocked_or_missing"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        str(checkout / "catalog/token_transport.yaml"),
        str(checkout / "remediations/client/broker_registered"),
    ]


def test_what_is_written_keeps_the_rules_of_yaml_files(checkout: Path) -> None:
    scaffold.code("0xCAA30197", None, [])
    scaffold.new_remediation("client/broker_registered", ["broker_blocked_or_missing"])

    for path in (
        checkout / "catalog/token_transport.yaml",
        *checkout.glob("remediations/client/broker_registered/**/*.*"),
    ):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert max(map(len, text.splitlines())) <= 160
