"""The command line without a host: help, usage, runs, and what a terminal is shown."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import threading
import unicodedata
from pathlib import Path

import pytest
from rich.cells import cell_len

from teamsmedic import cli, parallel, runfolder, view
from teamsmedic.answer import DeviceInfo
from teamsmedic.errors import ExitCode, NothingToUndo, Unreachable
from teamsmedic.hosts.base import Send, Verb
from teamsmedic.outcome import Change, Outcome, Status
from teamsmedic.result import HostResult, Result
from teamsmedic.treatment import Report

COMMANDS = [(), ("explain",), ("triage",), ("check",), ("fix",), ("undo",), ("runs",), ("hashes",), ("lab",), ("lab", "up"), ("lab", "down"),
            ("record",), ("history",), ("validate",), ("new",), ("new", "code"), ("new", "remediation"), ("reference",)]  # fmt: skip
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202egnp.exe\u2066 \r\n\x9b2J \u200b"


def shown(what: object) -> str:
    console = view.console()
    console.file = io.StringIO()
    console.print(what, crop=False)
    return console.file.getvalue()


def harmless(text: str) -> bool:
    return all(one == "\n" or unicodedata.category(one) not in ("Cc", "Cf", "Zl", "Zp") for one in text)


def wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if cell_len(line) > 80]


# ------------------------------------------------------------------------------------------------ help and usage


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_80_columns(capsys, command):
    assert cli._main([*command, "--help"]) == 0

    said = capsys.readouterr()
    assert said.out.startswith("Usage: teamsmedic")
    assert wide(said.out) == []
    assert said.err == ""


def test_help_shows_every_exit_code(capsys):
    cli._main(["-h"])

    table = capsys.readouterr().out.partition("Exit codes\n")[2].splitlines()
    assert [int(line.split()[0]) for line in table if line.split()[0].isdigit()] == sorted(ExitCode)


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "--colour", "x"],
        ["check", "x", "y"],
        ["check", "x", "-f", "many"],
        ["check", "x", "-f", "0"],
        ["check", "x", "--code"],
        ["fix", "x", "--allow", "anything"],
        ["frob"],
        ["--frob"],
        ["explain"],
        ["runs", "-n", "0"],
        ["lab", "frob"],
        ["check", "x"],
        ["check", "x", "--code", "\udcff"],
        ["check", "x", "--code", "AADSTS53003"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_one_sentence_and_3(capsys, words):
    assert cli._main(words) == 3

    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert ": " in line
    assert "; " in line
    assert line.endswith(".")


@pytest.mark.parametrize("words", [[], ["lab"]], ids=["teamsmedic", "teamsmedic lab"])
def test_without_a_command_the_help_is_shown(capsys, words):
    assert cli._main(words) == 3

    said = capsys.readouterr()
    assert said.out == ""
    assert "Commands:" in said.err
    assert said.err.splitlines()[-1].startswith("read the command line: no command is named; see teamsmedic")


@pytest.mark.parametrize(
    "words", [["-894947609"], ["--json", "-894947609"], ["-894947609", "--json"], ["-894947609", "-2146697208"]]
)
def test_negative_numbers_are_codes(capsys, words):
    assert cli._main(["explain", *words]) == 0

    said = capsys.readouterr().out
    if "--json" in words:
        assert json.loads(said)["sources"][0]["codes"][0]["code"] == "0xCAA82EE7"
    else:
        assert "0xCAA82EE7" in said


# ------------------------------------------------------------------------------------------------ runs


def test_no_runs(capsys, tmp_path):
    where = tmp_path / "runs"

    assert cli._main(["runs", "--run-dir", str(where)]) == 0
    assert capsys.readouterr() == ("", f"no runs in {where}\n")
    assert cli._main(["runs", "--run-dir", str(where), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "runs": []}


@pytest.fixture
def three(tmp_path) -> Path:
    for number in (1, 2, 3):
        manifest = {"command": "fix", "codes": ["4c7"], "started": 1_700_000_000 + number}
        folder = runfolder.RunFolder.create(tmp_path, f"20260102T03040{number}Z-abcdef", manifest)
        for host in range(number):
            outcomes = [{"remediation": "a", "status": "fixed"}, {"remediation": "b", "status": "blocked"}]
            folder.write(f"desk-{host}", "outcome", {"outcomes": outcomes})
        folder.write("gone", "unreachable", {"outcomes": []})
    return tmp_path


def test_runs_are_listed_newest_first(capsys, three):
    assert cli._main(["runs", "--run-dir", str(three), "-n", "2"]) == 0

    said = capsys.readouterr().out
    head, *rows = said.splitlines()
    assert head.split() == ["run", "started", "command", "hosts", "outcomes"]
    assert [row.split()[0] for row in rows if row.startswith("2026")] == [
        "20260102T030403Z-abcdef",
        "20260102T030402Z-abcdef",
    ]
    assert "3 fixed, 3 blocked" in " ".join(said.split())
    assert wide(said) == []


def test_runs_as_json(capsys, three):
    assert cli._main(["runs", "--run-dir", str(three), "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)["runs"]
    assert [one["hosts"] for one in rows] == [
        ["desk-0", "desk-1", "desk-2", "gone"],
        ["desk-0", "desk-1", "gone"],
        ["desk-0", "gone"],
    ]
    assert rows[0]["statuses"] == {"fixed": 3, "blocked": 3, "not reached": 1}


def test_a_run_folder_that_was_spoilt_is_still_listed(capsys, three):
    (three / "20260102T030401Z-abcdef/manifest.json").write_text("{")
    with (three / "20260102T030402Z-abcdef/hosts/desk-0.jsonl").open("a") as out:
        out.write('{"type": "outc')

    assert cli._main(["runs", "--run-dir", str(three)]) == 0
    assert capsys.readouterr().out.count("Z-abcdef") == 3


# ------------------------------------------------------------------------------------------------ what is shown


def device(computer: str = "DESK", *, replayed: bool = False) -> DeviceInfo:
    return DeviceInfo("5.1", "FullLanguage", 64, 22631, 0, computer, False, replayed, "absent", "", (), None)


def changes(count: int, above: str = r"HKLM\SOFTWARE") -> list[Change]:
    return [
        Change(rf"{above}\{'Key' * 20}\Name {n}", "write", None, {"kind": "DWord", "data": n}) for n in range(count)
    ]


def result(*hosts: HostResult, command: str = "check", **more: object) -> Result:
    return Result(command, "20260102T030405Z-abcdef", "/runs/20260102T030405Z-abcdef", (), hosts=list(hosts), **more)


def copied(text: str) -> str:
    """The lines that are there to be copied, which are never broken."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("To repair:", "To undo:")))


def test_a_long_list_is_cut_and_says_so():
    outcome = Outcome("tls12_usable", Status.DRIFTED, [f"reason {n} {'word ' * 30}" for n in range(50)], changes(50))
    hosts = [HostResult(f"desk-{n:03}", Report([outcome], device())) for n in range(100)]

    asked = {"pattern": "rooms", "again": " -i x.yml", "more": " --allow disruptive"}
    said = shown(view.result(result(*hosts, **asked)))
    full = shown(view.result(result(hosts[0]), diff=True))

    assert wide(copied(said)) == []
    assert wide(copied(full)) == []
    assert said.count("and 46 more: -D shows all") == 100
    assert "more: -D" not in full
    assert full.count("Name ") == 50
    assert "100 hosts: 100 drifted" in said
    assert "To repair: teamsmedic fix rooms -i x.yml --remediation tls12_usable --allow disruptive\n" in said


def test_a_host_with_nothing_to_undo_hides_no_other_and_alone_is_an_error():
    nothing = HostResult(
        "calm", error=NothingToUndo("looked", "nothing there is in force", "nothing needs to be undone")
    )
    done = HostResult("desk", Report([Outcome("tls12_usable", Status.REVERTED)], device()))
    failed = HostResult("sick", Report([Outcome("tls12_usable", Status.FAILED)], device()))

    assert result(nothing, command="undo").exit_code is ExitCode.USAGE
    assert result(nothing, done, command="undo").exit_code is ExitCode.OK
    assert result(nothing, done, failed, command="undo").exit_code is ExitCode.FAILED
    assert "3 hosts: 1 reverted, 1 failed, 1 nothing to undo" in shown(view.result(result(nothing, done, failed)))


@pytest.mark.parametrize("command", ["check", "fix", "undo"])
@pytest.mark.parametrize("diff", [False, True])
@pytest.mark.parametrize("long", [False, True])
def test_hostile_names_are_harmless_and_fit(command, diff, long):
    """Names and values come from inventories and devices."""
    bad = HOSTILE * 10 if long else HOSTILE
    status = {"check": Status.DRIFTED, "fix": Status.FIXED, "undo": Status.REVERTED}[command]
    value = {"kind": "String", "data": bad}
    altered = [
        Change(f"HKLM\\{bad}\\{bad}", "write", value, value),
        Change(f"HKU\\S-1-5\\{bad}\\Name", "restore", bad, None),
        *(Change(f"C:\\{bad}", verb, bad, bad) for verb in ("stop", "remove", "create", "copy", "move", "replace")),
    ]
    hosts = [
        HostResult(bad, Report([Outcome("tls12_usable", status, [bad], altered)], device(bad, replayed=True))),
        HostResult(f"{bad}2", Report([Outcome("tls12_usable", Status.UNKNOWN, [bad])], device(bad))),
        HostResult(f"{bad}3", error=Unreachable(f"connected to {bad}", bad, bad)),
        HostResult(f"{bad}4", interrupted=True),
    ]

    said = shown(view.result(result(*hosts, command=command), diff=diff))
    asked = shown(view.plan(hosts, {"tls12_usable": "word " * 50}, "fix"))

    assert harmless(said), repr(said)
    assert harmless(asked), repr(asked)
    assert wide(copied(said)) == []
    assert wide(asked) == []


def test_wide_letters_fit():
    name = "會議室" * 40
    outcome = Outcome("tls12_usable", Status.DRIFTED, [name], [Change(f"HKLM\\{name}\\{name}", "write", name, name)])

    assert wide(copied(shown(view.result(result(HostResult(name, Report([outcome], device()))), diff=True)))) == []


def test_a_line_to_copy_names_each_host_as_one_word():
    outcome = Outcome("tls12_usable", Status.DRIFTED)

    said = shown(view.result(result(HostResult("desk; reboot", Report([outcome], device())), again=" -i 'a b'")))

    assert "teamsmedic fix 'desk; reboot' -i 'a b' --remediation tls12_usable" in said


def test_runs_with_hostile_names_are_harmless():
    row = {"run": "20260102T030405Z-abcdef", "started": 1, "command": HOSTILE, "hosts": [], "statuses": {HOSTILE: 1}}

    said = shown(view.runs([row]))

    assert harmless(said), repr(said)
    assert wide(said) == []


# ------------------------------------------------------------------------------------------------ faults and Ctrl-C


def test_a_report_goes_where_it_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    folder = runfolder.RunFolder(tmp_path / "run")

    assert str(tmp_path / "run/internal-error.txt") in str(parallel.internal(folder, "one \udcff"))
    assert str(tmp_path / "run/internal-error.txt") in str(parallel.internal(folder, "two"))
    assert (tmp_path / "run/internal-error.txt").read_text() == "one \\udcff\ntwo\n"

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = parallel.internal(runfolder.RunFolder(tmp_path / "gone"), "three")
    (report,) = tmp_path.glob("teamsmedic-*/internal-error.txt")
    assert str(report) in str(gone)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    nowhere = parallel.internal(None, "four")
    assert "its report cannot be written (No such file or directory); make room" in str(nowhere)
    assert nowhere.exit_code is ExitCode.INTERNAL


class Slow:
    """A host that answers nothing until it is stopped."""

    name = "slow"

    def __init__(self, stop: threading.Event, *, begun: threading.Event) -> None:
        self.stop, self.begun = stop, begun

    def run(self, _: object) -> object:
        self.begun.set()
        assert self.stop.wait(20)
        raise parallel.Interrupted

    def close(self) -> None:
        pass


def test_ctrl_c_stops_wherever_the_main_thread_is(tmp_path):
    """Also while a result is shown, which is no waiting."""
    stop, begun = threading.Event(), threading.Event()
    folder = runfolder.RunFolder.create(tmp_path, runfolder.new_id(), {})

    def fails() -> Slow:
        assert begun.wait(20)
        raise Unreachable("tried", "found", "do")

    def seen(one: HostResult) -> None:
        if one.host == "fails":
            signal.raise_signal(signal.SIGINT)

    def walk():
        yield Send(Verb.CHECK, (), "")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in a script's background it is ignored
    try:
        tasks = [
            parallel.Task("slow", lambda: Slow(stop, begun=begun), walk),
            parallel.Task("fails", fails, walk),
        ]
        slow, other = parallel.treat(tasks, folder, forks=2, stop=stop, seen=seen)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)

    assert slow.interrupted
    assert isinstance(other.error, Unreachable)
    assert {name: one[-1]["type"] for name, one in folder.hosts().items()} == {
        "slow": "stopped",
        "fails": "unreachable",
    }


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_ctrl_c_that_is_somebody_elses_is_left_alone(tmp_path, handler):
    folder = runfolder.RunFolder.create(tmp_path, runfolder.new_id(), {})
    found = []
    before = signal.signal(signal.SIGINT, handler)
    try:
        with parallel._ctrl_c(threading.Event()):
            found.append(signal.getsignal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)

    assert found == [handler]
    assert folder.hosts() == {}


def test_explain_says_what_it_could_not_read_and_answers_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.log", tmp_path / "bad.gz"
    good.write_bytes(b"Error 0xCAA70007")
    bad.write_bytes(b"\x1f\x8b\x08\x00broken")

    assert cli._main(["explain", "--json", str(bad), str(good)]) == 3

    out, err = capsys.readouterr()
    assert [len(source["codes"]) for source in json.loads(out)["sources"]] == [0, 1]
    assert err.count("\n") == 1
    assert err.startswith(f"read {bad}: the archive ")


@pytest.mark.parametrize(("content", "code"), [(b"Error 0xCAA70007", 0), (b"all is well", 6), (b"", 6)])
def test_explain_of_a_file_ends_with_the_code_of_a_text(
    tmp_path: Path, content: bytes, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.log").write_bytes(content)

    assert cli._main(["explain", str(tmp_path / "x.log")]) == code
    assert cli._main(["explain", "--file", str(tmp_path)]) == code
    assert capsys.readouterr().err == ""


def test_hashes_are_those_of_the_files_that_are_written(capsys, tmp_path):
    assert cli._main(["hashes", "--write", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["scripts"]
    assert cli._main(["hashes"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{one['sha256']}  {one['verb']}/{one['file']}" for one in rows]
    written = {f"{one['verb']}/{one['file']}": one["sha256"] for one in rows}
    assert {"check/run.ps1", "fix/run.ps1", "fix/stale_credentials_absent.ps1"} <= set(written)
    assert written == {
        str(file.relative_to(tmp_path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.glob("*/*")
    }


def test_scripts_that_cannot_be_written_are_one_sentence_and_3(capsys, tmp_path):
    (tmp_path / "file").touch()

    assert cli._main(["hashes", "--write", str(tmp_path / "file" / "below")]) == 3
    assert capsys.readouterr().err.startswith(f"wrote scripts to {tmp_path}/file/below: ")
