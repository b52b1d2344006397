"""Every exit code by a real situation: one sentence, no traceback, other hosts go on, nothing lost.

The command runs in a process of its own, against replayed devices in another, in the C locale, with proxies that lead
nowhere and with no terminal.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from teamsmedic import runfolder
from teamsmedic.lab import cli as labs

ROOT = Path(__file__).resolve().parents[2]
TEAMSMEDIC = Path(sys.executable).with_name("teamsmedic")
SCHEMA = json.loads((Path(labs.__file__).parents[1] / "schemas/result.schema.json").read_text())
CASES = r"""
  stubborn:
    summary: a fix that ends well and leaves all as it was
    role: desktop
    break: null
    facts: &off {<<: *absent, schannel_enabled: {object: *schannel_enabled, value: {kind: DWord, data: 0}}}
    status: drifted
    after: {facts: *off}
  broken:
    summary: a fix that fails
    role: desktop
    break: null
    facts: *off
    status: drifted
    fix: {error: {kind: exception, message: gone, line: 1}}
  held:
    summary: a fix that finds its object in use
    role: desktop
    break: null
    facts: *off
    status: drifted
    fix: {blocked: {reason: in_use, detail: HAND.EXE}}
"""
"""Cases of tls12_usable besides those that ship: what a fix may answer."""
HOSTS = {
    "well": {},
    **{name: {"lab_case": {"tls12_usable": "schannel_off"}} for name in ("off", "off-too", "for-good")},
    "old-copies": {"lab_case": {"client_cache_fresh": "old_copies"}},
    "odd": {"lab_case": {"tls12_usable": "wrong_kind"}},
    "policy": {"lab_case": {"tls12_usable": "policy_unusable"}},
    **{name: {"lab_case": {"tls12_usable": name}} for name in ("stubborn", "broken", "held")},
    "slow": {"lab_delay": 25},
    "slow-off": {"lab_delay": 2, "lab_case": {"tls12_usable": "schannel_off"}},
    "secure": {"lab_transport": "https"},
    "basic": {"lab_transport": "basic"},
    "silent": {"lab_faults": {"tls12_usable": "missing"}},
}
TLS = ("--code", "0xCAA70007")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The lab's inventory and state."""
    folder = tmp_path_factory.mktemp("exit")
    for name in ("catalog", "remediations"):
        shutil.copytree(ROOT / name, folder / "content" / name)
    with (folder / "content/remediations/network/tls12_usable/tests/cases.yaml").open("a") as out:
        out.write(CASES)
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": {"lab_kind": "replay"}, "hosts": HOSTS}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEAMSMEDIC_CONTENT", str(folder / "content"))
        up = labs.up(folder / "hosts.yml", folder / "lab")
    assert up.inventory
    yield up.inventory, folder / "lab"
    labs.down(folder / "lab")


@pytest.fixture
def environment(lab: tuple[Path, Path], tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_"))}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    return {
        **kept,
        **proxies,
        "LC_ALL": "C",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "TEAMSMEDIC_CONTENT": str(lab[1].with_name("content")),
    }


@pytest.fixture
def run(lab: tuple[Path, Path], environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs the command; `faked`: Python to run first, in its process; `shell`: what a shell does to its streams."""

    def run(
        *words: str, inventory: Path | None = lab[0], faked: str = "", shell: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        given = ["-i", str(inventory)] if inventory and words and words[0] in ("check", "fix", "undo") else []
        command = [str(TEAMSMEDIC), *words, *given]
        if faked:
            command = [sys.executable, "-c", f"{faked}\nfrom teamsmedic.cli import main; main()", *command[1:]]
        if shell:
            command = ["bash", "-c", f"set -o pipefail; {shlex.join(command)} {shell}"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, **more},
            input="",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            start_new_session=True,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def runs(tmp_path: Path) -> list[runfolder.RunFolder]:
    return runfolder.every(tmp_path / "state/teamsmedic/runs")


def sentence(done: Any) -> str:
    """The one sentence on stderr."""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return three_parts(done.stderr.strip())


def three_parts(said: str) -> str:
    """A sentence of what was tried, what was found, and what to do."""
    assert re.fullmatch(r"[^;]+?: [^;]+.*; .+[^.]\.", said), said
    return said


def document(done: Any) -> dict[str, Any]:
    """The one document on stdout, in the published form; what it says of a host that was not reached is a sentence."""
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA)
    assert found["exit_code"] == done.returncode
    for one in found["hosts"]:
        assert one["error"] is None or three_parts(one["error"])
    return found


def said(found: dict[str, Any]) -> dict[str, str]:
    """What is said of each host: its error, its only outcome's status, or that it was stopped."""
    return {
        one["host"]: one["error"] or ("stopped" if one["interrupted"] else one["outcomes"][0]["status"])
        for one in found["hosts"]
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check", "well", *TLS], 0),
        (["check", "well,off", *TLS], 1),
        (["fix", "off", *TLS, "--dry-run"], 1),
        (["check", "odd", *TLS], 5),
        (["check", "policy", *TLS], 5),
        (["check", "silent,off", *TLS], 5),
        (["fix", "policy", *TLS, "--yes"], 5),
        (["fix", "held", *TLS, "--yes"], 5),
        (["explain", "AADSTS53003"], 0),
        (["explain", "nothing to see here"], 6),
        (["explain", "-894947609"], 0),
        (["runs"], 0),
    ],
)
def test_answers(run: Run, words: list[str], code: int) -> None:
    assert run(*words).returncode == code


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (["check", "well", *TLS], {"well": "healthy"}),
        (["check", "well,off", *TLS], {"well": "healthy", "off": "drifted"}),
        (["fix", "off", *TLS, "--dry-run"], {"off": "drifted"}),
        (["check", "odd,silent,policy", *TLS], {"odd": "unknown", "silent": "unknown", "policy": "blocked"}),
    ],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, list) else "",
)
def test_json_is_one_document_of_the_published_form(run: Run, words: list[str], statuses: dict[str, str]) -> None:
    done = run(*words, "--json")

    found = document(done)
    assert done.stderr == ""
    assert said(found) == statuses
    assert {one["kind"] for one in found["hosts"]} == {"replayed"}


def broken(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def host(lab: tuple[Path, Path], name: str = "well", **changed: Any) -> dict[str, Any]:
    """One host's variables from the lab's inventory, with changes."""
    data = yaml.safe_load(lab[0].read_text())["all"]
    return {**data["vars"], **data["hosts"][name], **changed}


def inventory(tmp_path: Path, **hosts: dict[str, Any]) -> Path:
    return broken(tmp_path, "hosts.yml", yaml.safe_dump({"all": {"hosts": hosts}}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "well", "--code", "0xNOCODE"], "0xNOCODE"),
        (["check", "well", "--remediation", "tls13_usable"], "tls13_usable"),
        (["check", "well", *TLS, "-p", "tls12_usable.colour=red"], "colour"),
        (["check", "well", *TLS, "-p", "nonsense"], "nonsense"),
        (["check", "well", *TLS, "-p", "client_cache_fresh.keep_days=3"], "the plan is tls12_usable"),
        (["undo", "well", "-p", "client_cache_fresh.no_such=1"], "there is no parameter no_such"),
        (
            ["undo", "well", "--remediation", "tls12_usable", "-p", "client_cache_fresh.keep_days=3"],
            "undo tls12_usable",
        ),
        (["check", "well"], "neither a code nor a remediation"),
        (["check", "well", "--code", "AADSTS53003"], "explain AADSTS53003"),
        (["check", "well", *TLS, "--colour"], "--colour"),
        (["check", "nobody", *TLS], "nobody"),
        (["check"], "HOST"),
        (["undo", "20200101T000000Z-abcdef"], "20200101T000000Z-abcdef"),
        (["check", "", *TLS], "the pattern is empty"),
        (["check", "all", *TLS, "-l", ""], "the pattern is empty"),
        (["check", "well", *TLS, "-l", "off"], "no host is left"),
        (["check", "well", *TLS, "-f", "0"], "--forks"),
        (["check", "well", *TLS, "-k"], "TEAMSMEDIC_PASSWORD_FILE"),
        (["check", "well", *TLS, "-J"], "--vault-password-file"),
        (["check", "well", *TLS, "-e", "@nowhere.yml"], "after -e"),
        (["check", "well", *TLS, "-e", '{"a":'], "after -e"),
        (["check", "well", *TLS, "--run-dir", "~no-such-account/runs"], "--run-dir"),
        (["check", "well", *TLS, "--vault-password-file", "nowhere"], "nowhere"),
        (["lab", "up", "-i", "nowhere.yml"], "nowhere.yml: No such file or directory"),
    ],
)
def test_usage_is_3(run: Run, tmp_path: Path, words: list[str], said: str) -> None:
    done = run(*words)

    assert done.returncode == 3, done.stderr
    assert said in sentence(done)
    assert done.stdout == ""
    assert runs(tmp_path) == []


def test_a_dry_run_says_what_is_not_allowed_and_what_would_change_then(run: Run) -> None:
    since = "client_cache_fresh.symptom_since=2026-01-02T03:04Z"
    done = run("fix", "old-copies", "--remediation", "client_cache_fresh", "--dry-run", "-D", "-p", since)
    said = " ".join(done.stdout.split())

    assert done.returncode == 1, done.stderr
    assert "a fix would be blocked now: needs --allow disruptive: Teams closes without asking" in said
    gone = r"C:\Users\amber\AppData\Local\teamsmedic\Teams-new"
    assert f"needs --allow irreversible: {gone}, " in re.sub(r"\\ ", r"\\", said)
    assert "removes C:" in said
    assert "symptom_since is 2026-01-02T03:04:00+00:00" in said
    assert "--allow disruptive --allow irreversible -p client_cache_fresh.symptom_since" in said


def test_nothing_to_undo_is_3(run: Run) -> None:
    last, named = (
        run("undo", "well", "--yes", "--json"),
        run("undo", "well", "--run", "20200101T000000Z-abcdef", "--json"),
    )

    assert (last.returncode, named.returncode) == (3, 3)
    assert "nothing needs to be undone" in said(document(last))["well"]
    assert "there is no such run, and none in force; see teamsmedic runs" in said(document(named))["well"]


def test_without_a_command_the_help_stands_above_the_sentence(run: Run) -> None:
    done = run()

    assert (done.returncode, done.stdout) == (3, "")
    assert "Exit codes" in done.stderr
    three_parts(done.stderr.strip().splitlines()[-1])


def test_a_question_without_a_terminal_says_yes(run: Run) -> None:
    done = run("fix", "off", *TLS)

    assert done.returncode == 3
    assert "--yes" in three_parts(done.stderr.strip().splitlines()[-1])
    assert run("fix", "off", *TLS, shell="<&-").returncode == 3


def test_inventories_that_cannot_be_used_are_3_before_any_connection(
    run: Run, lab: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("Vault-Plant3d_9")
    (tmp_path / "other-key").write_text("Vault-Plant3d_8")
    (tmp_path / "empty-key").write_text("")
    vaulted = broken(tmp_path, "vault.yml", f"all: {{hosts: {{well: {json.dumps(host(lab, ansible_password=None))}}}}}")
    (tmp_path / "host_vars").mkdir()
    secret = VaultLib([("default", VaultSecret(b"Vault-Plant3d_9"))]).encrypt(
        f"ansible_password: {host(lab)['ansible_password']}"
    )
    (tmp_path / "host_vars/well.yml").write_bytes(secret)
    script = broken(tmp_path, "inventory.sh", "#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    cases: dict[str, tuple[Path, Sequence[str]]] = {
        "it is no YAML": (broken(tmp_path, "a.yml", "all: {hosts: {\n"), ()),
        "it is not there": (tmp_path / "nowhere.yml", ()),
        "a script that fails": (script, ()),
        "a vaulted password, no vault password": (vaulted, ()),
        "a vaulted password, another vault password": (vaulted, ("--vault-password-file", str(tmp_path / "other-key"))),
        "an empty vault password": (vaulted, ("--vault-password-file", str(tmp_path / "empty-key"))),
        "ssh": (inventory(tmp_path, well=host(lab, ansible_connection="ssh")), ()),
        "a port that is no number": (inventory(tmp_path, well=host(lab, ansible_port="http")), ()),
    }
    before = labs.control("well", {}, lab[1])["requests"]
    for name, (file, more) in cases.items():
        done = run("check", "well", *TLS, *more, inventory=file)
        assert (name, done.returncode) == (name, 3), done.stderr
        sentence(done)
    assert labs.control("well", {}, lab[1])["requests"] == before
    assert runs(tmp_path) == []

    opened = run("check", "well", *TLS, "--vault-password-file", str(tmp_path / "key"), inventory=vaulted)
    assert opened.returncode == 0, opened.stderr


@pytest.mark.parametrize(
    "variables",
    [{"ANSIBLE_CONFIG": "broken.cfg"}, {"ANSIBLE_FORKS": "many"}, {"ANSIBLE_HOME": "/proc/nowhere"}],
    ids=str,
)
def test_settings_of_ansible_that_cannot_be_used_are_3(run: Run, tmp_path: Path, variables: dict[str, str]) -> None:
    broken(tmp_path, "broken.cfg", "no section\n= x\n")

    done = run("check", "well", *TLS, **variables)

    assert done.returncode == 3, done.stderr
    assert "Ansible's settings" in sentence(done)


def test_one_host_that_cannot_be_prepared_stops_no_other(run: Run, lab: tuple[Path, Path], tmp_path: Path) -> None:
    hosts = {"well": host(lab), "no-user": host(lab, "off"), "no-password": host(lab, "for-good")}
    del hosts["no-user"]["ansible_user"], hosts["no-password"]["ansible_password"]
    hosts["letters"] = host(lab, "basic", ansible_password="Gehe\u20acim")
    hosts["no-ca"] = host(lab, "secure", ansible_psrp_ca_cert="/nowhere.pem")
    hosts["port"] = host(lab, ansible_port=99999)

    done = run("check", "all", *TLS, "--json", inventory=inventory(tmp_path, **hosts))

    found = said(document(done))
    assert done.returncode == 3
    assert found.pop("well") == "healthy"
    assert "NTLM has no user;" in found.pop("no-user")
    assert "NTLM has no password;" in found.pop("no-password")
    assert "no CA file /nowhere.pem" in found.pop("no-ca")
    assert "99999" in found.pop("port")
    letters = found.pop("letters")
    assert "letters that Basic cannot carry" in letters
    assert "20ac" not in letters


def test_basic_over_plain_http_is_refused_except_to_loopback(run: Run, lab: tuple[Path, Path], tmp_path: Path) -> None:
    basic = {"ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never", "ansible_psrp_protocol": "http"}

    far = run("check", "well", *TLS, inventory=inventory(tmp_path, well=host(lab, ansible_host="192.0.2.1", **basic)))
    near = run("check", "well", *TLS, inventory=inventory(tmp_path, well=host(lab, **basic)))

    assert (far.returncode, near.returncode) == (3, 0), far.stderr + near.stderr
    sentence(far)


@pytest.mark.parametrize("place", ["a file in the way", "read-only"])
def test_run_folders_that_cannot_be_written_are_3(run: Run, lab: tuple[Path, Path], tmp_path: Path, place: str) -> None:
    if place == "read-only" and os.geteuid() == 0:
        there = Path("/proc/nowhere")  # what even root cannot write
    elif place == "read-only":
        there = tmp_path / "folder"
        there.mkdir(mode=0o500)
    else:
        there = broken(tmp_path, "file", "")
    before = labs.control("well", {}, lab[1])["requests"]

    for done in (
        run("check", "well", *TLS, "--run-dir", str(there)),
        run("fix", "well", *TLS, "--yes", "--json", TEAMSMEDIC_RUN_DIR=str(there)),
    ):
        assert (done.returncode, done.stdout) == (3, "")
        assert "--run-dir" in sentence(done)
    assert labs.control("well", {}, lab[1])["requests"] == before


def test_a_password_file_that_is_not_there_is_3(run: Run, tmp_path: Path) -> None:
    done = run("check", "well", *TLS, TEAMSMEDIC_PASSWORD_FILE=str(tmp_path / "none"))

    assert done.returncode == 3
    assert "TEAMSMEDIC_PASSWORD_FILE" in sentence(done)


def test_broken_content_is_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "remediations/a/b_c").mkdir(parents=True)
    (tmp_path / "remediations/a/b_c/remediation.yaml").write_text("title: [")

    for folder, what in ((tmp_path, "remediation.yaml"), (tmp_path / "remediations", "TEAMSMEDIC_CONTENT")):
        done = run("check", "well", "--all", TEAMSMEDIC_CONTENT=str(folder))
        assert done.returncode == 3
        assert what in sentence(done)


def test_standard_output_that_takes_nothing_is_3_and_nothing_is_lost(run: Run, tmp_path: Path) -> None:
    for words in (["check", "off", *TLS], ["check", "off", *TLS, "--json"], ["explain", "4c7"]):
        done = run(*words, shell="> /dev/full")
        assert done.returncode == 3
        assert "No space left on device" in sentence(done)
    assert [one.manifest()["exit_code"] for one in runs(tmp_path)] == [1, 1]


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&-", "| true"])
def test_streams_that_are_closed_change_no_exit_code(run: Run, shell: str) -> None:
    done = run("check", "off", *TLS, shell=shell)

    assert (done.returncode, done.stderr) == (1, "")


def test_hosts_that_are_not_reached_are_4_and_the_others_go_on(
    run: Run, lab: tuple[Path, Path], tmp_path: Path
) -> None:
    hosts = {
        "well": host(lab), "off": host(lab, "off"), "closed": host(lab, ansible_port=1),
        "refused": host(lab, ansible_host="localhost", ansible_password="another"), "untrusted": host(lab, "secure", ansible_psrp_ca_cert=None),
    }  # fmt: skip
    hosts["untrusted"].pop("ansible_psrp_ca_cert")

    done = run("check", "all", *TLS, "--json", inventory=inventory(tmp_path, **hosts))

    found = said(document(done))
    assert done.returncode == 4
    assert (found["well"], found["off"]) == ("healthy", "drifted")
    assert "refused" in found["closed"]
    assert "refused the sign-in by NTLM" in found["refused"]
    assert "not trusted" in found["untrusted"]
    assert {name: one[-1]["type"] for name, one in runs(tmp_path)[-1].hosts().items()} == {
        **dict.fromkeys(("well", "off"), "outcome"), **dict.fromkeys(("closed", "refused", "untrusted"), "unreachable")
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["fix", "undo"])
def test_a_fix_or_an_undo_goes_on_where_one_host_is_not_reached(
    run: Run, lab: tuple[Path, Path], tmp_path: Path, verb: str
) -> None:
    labs.control("for-good", {"renew": True}, lab[1])
    both = inventory(tmp_path, **{"for-good": host(lab, "for-good"), "closed": host(lab, ansible_port=1)})
    if verb == "undo":
        assert run("fix", "for-good", *TLS, "--yes").returncode == 0

    done = run(verb, "all", *(TLS if verb == "fix" else ()), "--yes", "--json", inventory=both)

    found = said(document(done))
    assert done.returncode == 4
    assert found["for-good"] == {"fix": "fixed", "undo": "reverted"}[verb]
    assert "refused" in found["closed"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stubborn", "the fix ran; detected again: drifted"),
        ("broken", "its script failed: gone, and did not come to its end"),
    ],
)
def test_a_fix_that_fails_or_does_not_verify_is_2_and_can_be_undone(
    run: Run, lab: tuple[Path, Path], tmp_path: Path, name: str, reason: str
) -> None:
    labs.control(name, {"renew": True}, lab[1])
    labs.control("for-good", {"renew": True}, lab[1])

    done = run("fix", f"{name},for-good", *TLS, "--waves", "100%", "--yes", "--json")

    found = document(done)
    assert done.returncode == 2, done.stdout
    assert said(found) == {name: "failed", "for-good": "fixed"}
    assert reason in found["hosts"][0]["outcomes"][0]["reasons"][0]
    [folder] = runs(tmp_path)
    assert [one["type"] for one in folder.hosts()[name]] == ["way_back", "outcome"]
    assert folder.hashes(name)
    undone = run("undo", folder.id, "--yes", "--json")
    assert said(document(undone)) == {name: "reverted", "for-good": "reverted"}


FAULT = """
from teamsmedic.hosts.winrm import WinRMHost
real = WinRMHost.run
WinRMHost.run = lambda host, request: 1 / 0 if host.name == "off" else real(host, request)
"""


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
def test_a_fault_of_ours_is_70_with_a_report_and_the_others_go_on(run: Run, tmp_path: Path, form: list[str]) -> None:
    done = run("check", "off,well", *TLS, *form, faked=FAULT)

    assert done.returncode == 70
    [folder] = runs(tmp_path)
    report = folder.path / "internal-error.txt"
    assert "Traceback" in report.read_text()
    assert "ZeroDivisionError" in report.read_text()
    if form:
        found = said(document(done))
        assert found["well"] == "healthy"
        assert str(report) in found["off"]
    assert {name: one[-1]["type"] for name, one in folder.hosts().items()} == {"off": "stopped", "well": "outcome"}


def test_a_fault_before_any_run_folder_has_its_report_among_temporary_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    faked = "from teamsmedic import asked\nasked.plan = lambda *_, **__: 1 / 0"

    done = run("check", "well", *TLS, faked=faked, TMPDIR=str(tmp_path / "temporary"))

    assert done.returncode == 70
    [report] = (tmp_path / "temporary").rglob("internal-error.txt")
    assert str(report) in sentence(done)
    assert "ZeroDivisionError" in report.read_text()


class Stopped:
    """The command, with Ctrl-C once `when` holds."""

    def __init__(self, words: Sequence[str], when: Callable[[], bool], **about: Any) -> None:
        process = subprocess.Popen(
            [str(TEAMSMEDIC), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **about,
            # In a script's background it is ignored. What runs between fork and exec takes no lock.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - see above
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not when():
            assert time.monotonic() < deadline, process.communicate()
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        self.stdout, self.stderr = process.communicate(timeout=60)
        self.seconds = time.monotonic() - begun
        self.returncode = process.returncode
        assert "Traceback" not in self.stdout + self.stderr


@pytest.mark.parametrize("verb", ["check", "fix"])
def test_ctrl_c_is_130_frees_shells_and_keeps_what_is_done(
    verb: str, lab: tuple[Path, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    """One host is done, one at work, and one was not come to."""
    words = [verb, "well,slow,off", *TLS, "-f", "1", "--json", "-i", str(lab[0]), *(["--yes"] if verb == "fix" else [])]
    before = labs.control("off", {}, lab[1])["requests"]

    done = Stopped(
        words,
        lambda: bool(
            runs(tmp_path) and "well" in runs(tmp_path)[0].hosts() and labs.control("slow", {}, lab[1])["shells"]
        ),
        env=environment,
        cwd=tmp_path,
    )

    assert done.returncode == 130
    assert done.seconds < 15
    [folder] = runs(tmp_path)
    assert str(folder.path) in sentence(done)
    assert said(document(done)) == {"well": "healthy", "slow": "stopped", "off": "stopped"}
    assert folder.hosts()["well"][-1]["outcomes"][0]["status"] == "healthy"
    assert folder.hosts()["slow"][-1]["type"] == "stopped"
    assert folder.manifest()["exit_code"] == 130
    assert labs.control("slow", {}, lab[1])["shells"] == 0
    assert labs.control("off", {}, lab[1])["requests"] == before


def test_ctrl_c_in_the_middle_of_a_fix_can_be_undone(
    run: Run, lab: tuple[Path, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    labs.control("slow-off", {"renew": True, "delay": 2}, lab[1])

    def changed() -> bool:
        return bool(labs.control("slow-off", {}, lab[1])["journal"])

    words = ["fix", "slow-off", *TLS, "--yes", "--json", "-i", str(lab[0])]
    done = Stopped(words, changed, env=environment, cwd=tmp_path)

    assert done.returncode == 130
    assert said(document(done)) == {"slow-off": "stopped"}
    [folder] = runs(tmp_path)
    assert f"undo what was begun on slow-off first: teamsmedic undo {folder.id}" in done.stderr
    assert [one["type"] for one in folder.hosts()["slow-off"]] == ["way_back", "stopped"]
    labs.control("slow-off", {"delay": 0}, lab[1])
    assert labs.control("slow-off", {}, lab[1])["shells"] == 0
    # What was changed takes effect after a restart.
    assert said(document(run("check", "slow-off", *TLS, "--json"))) == {"slow-off": "fixed"}
    assert said(document(run("undo", folder.id, "--yes", "--json"))) == {"slow-off": "reverted"}
    assert said(document(run("check", "slow-off", *TLS, "--json"))) == {"slow-off": "drifted"}


def test_ctrl_c_before_the_command_is_loaded_ends_it_without_a_word(
    environment: dict[str, str], tmp_path: Path
) -> None:
    broken(tmp_path, "click.py", "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(30)")

    done = Stopped(
        ["explain", "0xCAA70007"],
        (tmp_path / "begun").exists,
        env={**environment, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )

    assert done.returncode == -signal.SIGINT
    assert done.stdout + done.stderr == ""


def test_ctrl_c_before_any_connection_is_130(
    lab: tuple[Path, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    broken(tmp_path, "slow.sh", "#!/bin/sh\ntouch begun\nexec sleep 30\n").chmod(0o755)

    done = Stopped(["check", "well", *TLS, "-i", "slow.sh"], (tmp_path / "begun").exists, env=environment, cwd=tmp_path)

    assert done.returncode == 130
    sentence(done)
    assert runs(tmp_path) == []
