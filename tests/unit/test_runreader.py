"""What a run left on a disk is read whatever its state, says which that is, and shows where it was changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from teamsmedic import runfolder, runreader
from teamsmedic.errors import ExitCode, RequestError
from teamsmedic.outcome import Status
from teamsmedic.runfolder import RunFolder
from teamsmedic.runreader import End, State

MANIFEST = {
    "command": "fix", "door": "pypsrp", "by": "somebody@here", "hosts": ["desk", "room", "late"], "codes": [],
    "remediations": ["tls12_usable"], "dry_run": False, "inventory": ["hosts.yml"],
}  # fmt: skip
FIXED = {"outcomes": [{"remediation": "tls12_usable", "status": "fixed", "reasons": [], "changes": []}], "error": None}


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    made = RunFolder.create(tmp_path / "runs", runfolder.new_id(), MANIFEST)
    made.write("desk", "way_back", {"verb": "fix", "remediations": {}})
    made.write("desk", "outcome", {**FIXED, "groups": ["berlin"], "wave": 1})
    made.write("room", "unreachable", {"error": "no route", "outcomes": []})
    return made


def test_a_run_that_ended_is_told_host_by_host(folder):
    folder.write("late", "outcome", {**FIXED, "wave": 2})
    folder.end(4)

    run = runreader.read(folder.path)

    assert (run.state, run.exit_code, run.notes) == (State.ENDED, 4, [])
    assert {name: (one.end, one.wave, one.groups) for name, one in run.hosts.items()} == {
        "desk": (End.OUTCOME, 1, ["berlin"]), "late": (End.OUTCOME, 2, []), "room": (End.UNREACHABLE, None, []),
    }  # fmt: skip
    assert run.hosts["desk"].outcomes[0].status is Status.FIXED


def test_a_run_of_a_living_process_is_going_on(folder):
    run = runreader.read(folder.path)

    assert run.state is State.GOING_ON
    assert run.hosts["late"].end is End.NONE


def test_a_run_whose_process_is_gone_was_cut(folder):
    folder.save_manifest({**folder.manifest(), "process": {**runfolder.process(), "began": 1}})
    folder.write("late", "way_back", {"verb": "fix", "remediations": {}})

    run = runreader.read(folder.path)

    assert run.state is State.CUT
    assert run.hosts["late"].end is End.BEGUN
    assert any("late: check there, or undo this run" in note for note in run.notes)


def test_a_run_of_another_machine_does_not_tell_whether_it_goes_on(folder):
    folder.save_manifest({**folder.manifest(), "process": {**runfolder.process(), "node": "elsewhere"}})

    assert runreader.read(folder.path).state is State.UNTOLD


def test_a_run_without_its_manifest_says_so(folder):
    (folder.path / "manifest.json").unlink()

    run = runreader.read(folder.path)

    assert set(run.hosts) == {"desk", "room"}
    assert "manifest is missing" in run.notes[0]


def test_a_run_of_an_older_version_says_so(tmp_path):
    path = tmp_path / "20260601T060000Z-aaaaaa"
    (path / "hosts").mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps({"format": 1, "teamsmedic": "0.0.9", "ended": 1e9, "exit_code": 0}))
    (path / "hosts/desk.jsonl").write_text(json.dumps({"type": "outcome", "at": 1e9, "host": "desk", **FIXED}) + "\n")

    run = runreader.read(path)

    assert run.hosts["desk"].outcomes[0].status is Status.FIXED
    assert "an older teamsmedic (0.0.9)" in run.notes[0]
    assert runreader.verify(path).result == "unknown"


def test_a_record_that_was_cut_costs_only_itself_and_what_comes_later_is_chained(folder):
    file = folder.path / "hosts/desk.jsonl"
    with file.open("a") as out:
        out.write('{"type": "outc')
    folder.write("desk", "outcome", FIXED)
    folder.end(0)

    run = runreader.read(folder.path)

    assert run.hosts["desk"].end is End.OUTCOME
    assert any("1 record was cut" in note for note in run.notes)
    assert runreader.verify(folder.path).result == "intact"


@pytest.mark.parametrize("said", [{"status": "fine"}, {"status": None}, {}, "healthy", None])
def test_an_outcome_that_is_not_understood_is_never_healthy(said):
    assert runreader.outcome(said).status is Status.UNKNOWN


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(RequestError, match="job_events"):
        runreader.read(tmp_path)


def swap(lines):
    return [lines[1], lines[0], *lines[2:]]


CHANGES = {
    "a letter": (lambda lines: [lines[0], lines[1].replace(b"fixed", b"xixed")], 2, "not as it was written"),
    "a line gone at the start": (lambda lines: lines[1:], 1, "does not belong to this file"),
    "a line gone at the end": (lambda lines: lines[:-1], 2, "2 lines at the end"),
    "two lines swapped": (swap, 1, "does not belong"),
    "a line put in": (lambda lines: [lines[0], lines[0], lines[1]], 2, "does not follow"),
    "a line without a hash": (lambda lines: [*lines, b'{"type": "outcome"}'], 3, "no hash"),
    "a sound line once more": (lambda lines: [lines[0], lines[1], lines[1]], 3, "does not follow"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_verify_says_where_a_file_was_changed(folder, kind):
    change, line, what = CHANGES[kind]
    folder.end(4)
    assert runreader.verify(folder.path).exit_code is ExitCode.OK
    file = folder.path / "hosts/desk.jsonl"
    file.write_bytes(b"".join(one + b"\n" for one in change(file.read_bytes().splitlines())))

    found = runreader.verify(folder.path)

    assert found.exit_code is ExitCode.FAILED
    assert (found.faults[0].file, found.faults[0].line) == ("hosts/desk.jsonl", line)
    assert what in found.faults[0].what


def test_verify_notices_whole_files_and_the_manifest(folder):
    folder.end(4)
    (folder.path / "hosts/room.jsonl").rename(folder.path / "hosts/late.jsonl")
    manifest = folder.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("somebody@here", "nobody@there"))

    assert [str(one) for one in runreader.verify(folder.path).faults] == [
        "manifest.json is not as it was written",
        "hosts/late.jsonl:1 does not belong to this file: something was taken out, put in or changed there",
        "hosts/room.jsonl is gone",
    ]


def elsewhere(path):
    """As somebody would who lays one run into the folder of another."""
    return path.rename(path.parent / "20260101T000000Z-abcdef")


ODD = {
    "a run in another run's folder": (elsewhere, "lies in the folder of 20260101T000000Z-abcdef"),
    "one made to look older": (
        lambda path: (path / "manifest.json").write_text(
            (path / "manifest.json").read_text().replace('"format": 2', '"format": 1')
        ),
        "manifest.json is not as it was written",
    ),
    "a folder": (lambda path: (path / "hosts/more.jsonl").mkdir(), "hosts/more.jsonl is no file"),
    "a link to nowhere": (lambda path: (path / "hosts/more.jsonl").symlink_to("nowhere"), "more.jsonl is no file"),
    "a name in no encoding": (
        lambda path: Path(os.fsdecode(bytes(path / "hosts") + b"/\xff.jsonl")).write_text("{}\n"), "has no hash",
    ),
    "what is nested too deep": (lambda path: (path / "hosts/room.jsonl").write_text("[" * 100_000), "is not what it was"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_verify_names_what_no_run_writes(folder, kind):
    put, what = ODD[kind]
    folder.end(4)

    moved = put(folder.path)
    found = runreader.verify(moved if isinstance(moved, Path) else folder.path)

    assert found.exit_code is ExitCode.FAILED
    assert any(what in str(fault) for fault in found.faults), found.faults


def test_a_file_says_nothing_of_another_host(folder):
    (folder.path / "hosts/more.jsonl").write_text('{"type": "outcome", "host": "room", "outcomes": []}\n')

    assert runreader.read(folder.path).hosts["room"].end is End.UNREACHABLE


def test_a_run_that_goes_on_tells_its_waves_so_far(folder):
    gate = {"told": ["wave 1: 1 of 1 that answered are verified"], "wave": 1}
    (folder.path / "waves.json").write_text(json.dumps({"gate": gate, "under_way": {"late": 1}, "waiting": {}}))

    run = runreader.read(folder.path)

    assert (run.decided, run.hosts["late"].wave) == (gate["told"], 2)


def test_a_run_that_is_not_over_cannot_be_called_intact(folder):
    assert runreader.verify(folder.path).exit_code is ExitCode.BLOCKED


def test_hosts_of_one_long_beginning_have_files_of_their_own(folder):
    for end in "ab":
        folder.write("x" * 250 + end, "outcome", FIXED)

    assert {"x" * 250 + "a", "x" * 250 + "b"} <= set(runreader.read(folder.path).hosts)


def test_a_number_of_a_process_that_was_given_again_is_another_process():
    mine = runfolder.process()

    assert runfolder.runs_still(mine) is True
    assert runfolder.runs_still({**mine, "began": mine["began"] - 1}) is False
    assert runfolder.runs_still({**mine, "node": "elsewhere"}) is None
    assert os.getpid() == mine["pid"]


def events(tmp_path, *told):
    folder = tmp_path / "artifacts/7/job_events"
    folder.mkdir(parents=True)
    for number, one in enumerate(told, 1):
        said = one if isinstance(one, str) else json.dumps(one)
        (folder / f"{number}-abc.json").write_text(said)
    return runreader.read(tmp_path)


def event(kind, host, res, action="teamsmedic.teams.remediation"):
    return {"event": kind, "event_data": {"host": host, "res": res, "resolved_action": action}}


def test_events_of_a_runner_are_told_host_by_host_and_no_other_module_is_believed(tmp_path):
    ours = {"run": "20260601T060000Z-aaaaaa", "state": "fixed", **FIXED}
    run = events(
        tmp_path,
        event("runner_on_ok", "desk", ours),
        event("runner_on_ok", "liar", ours, "ansible.windows.win_shell"),
        event("runner_on_failed", "wrong", {"msg": "no such code", "outcomes": []}),
        event("runner_on_unreachable", "off", {"msg": "no route"}),
        event("runner_on_skipped", "held", {"msg": "the waves", "outcomes": [], "without": "held back"}),
        "{",
        "[" * 100_000,
    )

    assert {name: (one.end, one.error) for name, one in run.hosts.items()} == {
        "desk": (End.OUTCOME, None),
        "wrong": (End.STOPPED, "no such code"),
        "off": (End.UNREACHABLE, "no route"),
        "held": (End.HELD_BACK, "the waves"),
    }
    assert (run.id, run.command, run.state) == ("20260601T060000Z-aaaaaa", "fix", State.UNTOLD)
    assert "The waves stopped, and 1 device was held back and not touched." in run.notes
    assert any("2 events cannot be read" in note for note in run.notes)


def test_several_artifacts_are_not_guessed_at(tmp_path):
    events(tmp_path)
    (tmp_path / "artifacts/8/job_events").mkdir(parents=True)

    with pytest.raises(RequestError, match="name one"):
        runreader.read(tmp_path)
