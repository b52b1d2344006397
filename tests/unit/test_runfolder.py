"""Run folders: complete host by host, private, and readable after a controller was killed."""

from __future__ import annotations

import os

import pytest

from teamsmedic import runfolder
from teamsmedic.errors import RunFolderError
from teamsmedic.runfolder import RunFolder


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", runfolder.new_id(), {"command": "fix"})


def test_records_come_back_in_order(folder):
    folder.write("desk", "way_back", {"verb": "fix", "remediations": {"a": {"sha256": "1"}}})
    folder.write("desk", "outcome", {"outcomes": []})

    assert [one["type"] for one in folder.hosts()["desk"]] == ["way_back", "outcome"]
    assert folder.hashes("desk") == {"a": "1"}


def test_nobody_else_can_read_it(folder):
    folder.write("desk", "outcome", {})

    assert [oct(one.stat().st_mode & 0o777) for one in (folder.path, folder.path / "hosts", folder.path / "hosts/desk.jsonl", folder.path / "manifest.json")] == [
        "0o700", "0o700", "0o600", "0o600",
    ]  # fmt: skip


def test_a_line_that_was_cut_costs_only_itself(folder):
    folder.write("desk", "way_back", {})
    with (folder.path / "hosts/desk.jsonl").open("a") as out:
        out.write('{"type": "outc')

    assert [one["type"] for one in folder.hosts()["desk"]] == ["way_back"]


@pytest.mark.parametrize("host", ["../../etc/passwd", "a/b", ".hidden", "CON", "ü\x1b[2J", "x" * 500, "fe80::1%eth0"])
def test_no_host_name_leaves_the_folder(folder, host):
    folder.write(host, "outcome", {})

    assert len(list((folder.path / "hosts").iterdir())) == 1
    assert list(folder.hosts()) == [host]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(RunFolderError, match="--run-dir"):
        RunFolder.create(tmp_path / "runs", runfolder.new_id(), {})


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "runs").write_text("")

    with pytest.raises(RunFolderError, match="--run-dir"):
        RunFolder.create(tmp_path / "runs", runfolder.new_id(), {})


def test_runs_are_listed_oldest_first_and_nothing_else(tmp_path):
    for name in ("20260102T000000Z-aaaaaa", "20260101T000000Z-bbbbbb", "notes"):
        (tmp_path / name).mkdir()

    assert [one.id for one in runfolder.every(tmp_path)] == ["20260101T000000Z-bbbbbb", "20260102T000000Z-aaaaaa"]
