"""The lab's process: up, down, status, and Ansible's own psrp against what it serves."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from teamsmedic.errors import InventoryError
from teamsmedic.lab import cli

INVENTORY = """
all:
  vars: {lab_kind: replay}
  children:
    desktops:
      hosts:
        desk-a: {lab_case: {lamp_on: dark}}
        desk-b: {lab_transport: basic}
        desk-c: {lab_transport: https_ntlm}
    rooms:
      vars: {lab_role: room}
      hosts:
        room-1: {lab_transport: https}
"""


@pytest.fixture
def hosts(tmp_path, lab_content):
    file = tmp_path / "hosts.yml"
    file.write_text(INVENTORY)
    return file


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    yield folder
    cli.down(folder)


def test_up_status_up_down_down(hosts, state):
    assert cli.status(state).up is False
    lab = cli.up(hosts, state)
    assert (lab.up, lab.changed) == (True, True)
    assert [(one.name, one.kind, one.role) for one in lab.devices] == [
        ("desk-a", "replay", "desktop"),
        ("desk-b", "replay", "desktop"),
        ("desk-c", "replay", "desktop"),
        ("room-1", "replay", "room"),
    ]
    again = cli.up(hosts, state)
    assert (again.pid, again.changed, again.devices) == (lab.pid, False, lab.devices)
    assert cli.status(state) == again
    json.dumps(again.to_json())
    assert lab.inventory is not None
    assert stat.S_IMODE(lab.inventory.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    down = cli.down(state)
    assert (down.up, down.changed) == (False, True)
    assert sorted(path.name for path in state.iterdir()) == ["lab.lock", "lab.log"]
    assert cli.down(state).changed is False
    with pytest.raises(ProcessLookupError):
        os.kill(lab.pid or 0, 0)


def test_a_killed_lab_is_down_and_can_be_started_again(hosts, state):
    lab = cli.up(hosts, state)
    os.kill(lab.pid or 0, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while cli.status(state).up and time.monotonic() < deadline:
        time.sleep(0.02)
    assert cli.status(state).up is False
    new = cli.up(hosts, state)
    assert new.changed
    assert new.pid != lab.pid


def test_two_labs_live_side_by_side_and_have_different_passwords(hosts, state, tmp_path):
    one, two = cli.up(hosts, state), cli.up(hosts, tmp_path / "second")
    try:
        assert one.http != two.http
        cli.control("desk-a", {"delay": 0.5}, state)
        assert cli.control("desk-a", {}, tmp_path / "second")["requests"] == 0
        passwords = {
            json.loads((folder / "lab.json").read_text())["password"] for folder in (state, tmp_path / "second")
        }
        assert len(passwords) == 2
    finally:
        cli.down(tmp_path / "second")
    assert cli.status(state).up


def test_two_that_start_at_once_end_with_one_lab(hosts, state):
    places = f"Path({str(hosts)!r}), Path({str(state)!r})"
    script = f"from pathlib import Path\nfrom teamsmedic.lab import cli\nprint(cli.up({places}).up)"
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60) for one in both]
    assert sum(out == b"True\n" for out, _ in said) >= 1
    assert all(out == b"True\n" or b"another one is up" in error for out, error in said)
    assert cli.control("desk-a", {}, state)["kind"] == "replay"


def test_an_unknown_case_is_one_sentence_and_leaves_nothing(hosts, state):
    hosts.write_text("all: {hosts: {a: {lab_case: {lamp_on: purple}}}}")
    with pytest.raises(cli.LabError, match="lamp_on has no case purple"):
        cli.up(hosts, state)
    assert cli.status(state).up is False


def test_a_broken_inventory_is_found_before_anything_starts(hosts, state):
    hosts.write_text("all: {hosts: {a: {lab_kind: magic}}}")
    with pytest.raises(InventoryError, match="lab_kind"):
        cli.up(hosts, state)


def test_a_port_that_is_taken_is_one_sentence(hosts, state, tmp_path):
    lab = cli.up(hosts, state)
    with pytest.raises(cli.LabError, match="ddress already in use"):
        cli.up(hosts, tmp_path / "second", ports=(lab.http or 0, 0))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(hosts, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(cli.LabError, match="Permission denied"):
        cli.up(hosts, tmp_path / "closed" / "state")


def test_a_file_in_the_way_is_one_sentence(hosts, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(cli.LabError, match="name a folder"):
        cli.up(hosts, tmp_path / "file" / "state")


def test_a_process_that_cannot_start_is_one_sentence_and_its_words_are_in_the_log(hosts, state, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(cli.LabError, match=r"its process ended at once; see .*lab\.log"):
        cli.up(hosts, state)
    assert "encodings" in (state / "lab.log").read_text()
    monkeypatch.delenv("PYTHONHOME")
    assert cli.up(hosts, state).changed


def test_what_a_killed_lab_left_is_removed(hosts, state):
    (state / "devices" / "old").mkdir(parents=True)
    (state / "users-old").write_text("x")
    cli.down(state)
    assert not list(state.glob("devices/*")) + list(state.glob("users-*"))


def test_a_control_that_nobody_knows_is_refused(hosts, state):
    with pytest.raises(cli.LabError, match="no lab is up"):
        cli.control("desk-a", {}, state)
    cli.up(hosts, state)
    with pytest.raises(cli.LabError, match="knows no colour"):
        cli.control("desk-a", {"colour": 1}, state)
    with pytest.raises(cli.LabError, match="404"):
        cli.control("nobody", {}, state)


def test_no_secret_is_in_the_log_the_process_list_or_its_environment(hosts, state, payloads):
    lab = cli.up(hosts, state)
    password = json.loads((state / "lab.json").read_text())["password"]
    for auth in ("ntlm", "basic"):
        encryption = "never" if auth == "basic" else "auto"
        with (
            WSMan(
                "127.0.0.1",
                port=lab.http or 0,
                ssl=False,
                path="desk-a/wsman",
                auth=auth,
                encryption=encryption,
                username="labadmin",
                password=password,
                no_proxy=True,
            ) as one,
            RunspacePool(one) as pool,
        ):
            PowerShell(pool).add_script("x").invoke()
    places = [(state / "lab.log").read_text()]
    if Path("/proc/self").exists():
        places += [Path(f"/proc/{lab.pid}/{name}").read_text(errors="replace") for name in ("cmdline", "environ")]
    assert len(places[0]) > 0
    for text in places:
        assert password not in text


def test_the_process_outlives_its_starter_and_says_nothing_on_the_terminal(hosts, state):
    script = (
        f"from pathlib import Path\nfrom teamsmedic.lab import cli\ncli.up(Path({str(hosts)!r}), Path({str(state)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert cli.control("desk-a", {}, state)["kind"] == "replay"


# ------------------------------------------------------------------------------------------------ Ansible

ANSIBLES = [
    str(Path(sys.executable).with_name("ansible-playbook")),
    *filter(None, os.environ.get("TEAMSMEDIC_TEST_ANSIBLES", "").split(os.pathsep)),
]
"""The one beside this Python; others (of older and newer ansible-core) by their paths in TEAMSMEDIC_TEST_ANSIBLES."""


@pytest.fixture
def play(tmp_path, hosts, state, python_path):
    """Runs tasks on the lab's devices; gives the result of each host's last task, and the run."""
    (tmp_path / "library").mkdir()
    for name in ("remediation", "other"):
        (tmp_path / "library" / f"{name}.ps1").write_text("#!powershell\n#AnsibleRequires -CSharpUtil Ansible.Basic\n")
    cli.up(hosts, state)

    def go(
        tool: str, *tasks: dict[str, Any], options: tuple[str, ...] = (), **variables: str
    ) -> tuple[dict[str, Any], Any]:
        register = [{**task, "register": "said", "ignore_errors": True, "ignore_unreachable": True} for task in tasks]
        keep = {
            "copy": {"content": "{{ said | to_json }}", "dest": f"{tmp_path}/said-{{{{ inventory_hostname }}}}"},
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local"},
        }
        (tmp_path / "play.yml").write_text(
            json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [*register, keep]}])
        )
        environment = {
            **os.environ,
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "t"),
            "ANSIBLE_HOME": str(tmp_path / "h"),
            "PYTHONPATH": python_path,
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            **variables,
        }
        command = [tool, "-i", str(state / "inventory.yml"), *options, str(tmp_path / "play.yml")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        found = {file.name.removeprefix("said-"): json.loads(file.read_text()) for file in tmp_path.glob("said-*")}
        return found, done

    return go


@pytest.mark.parametrize("tool", ANSIBLES)
def test_ansible_runs_the_module_over_every_transport(play, payloads, tool):
    sent = payloads()
    found, done = play(tool, {"remediation": {"statements": sent.statements, "argument": sent.argument}})
    assert set(found) == {"desk-a", "desk-b", "desk-c", "room-1"}, done.stdout + done.stderr
    for name, said in found.items():
        assert (said["end"], said["changed"]) == ("completed", False), said
        prelude, lamp, _, end = (json.loads(line) for line in said["lines"])
        assert prelude["host"]["computer"] == name.upper()
        assert prelude["host"]["replayed"] is True
        assert lamp["facts"]["switch"]["value"]["data"] == (0 if name == "desk-a" else 1)
        assert end == {"teamsmedic": 1, "statement": "end"}


@pytest.mark.parametrize("tool", ANSIBLES)
@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"other": {}}, "no answer for the module other"),
        ({"remediation": {"statements": [], "argument": "{}", "colour": 1}}, "Unsupported parameters"),
        ({"remediation": {"argument": "{}"}}, "missing required arguments"),
        ({"remediation": {"statements": [{"name": "x"}], "argument": "{}"}}, "needs name, text and limit"),
        ({"raw": "hostname"}, "no script but teamsmedic"),
        ({"script": "/dev/null"}, "no script but teamsmedic"),
    ],
)
def test_what_a_replay_device_cannot_do_fails_in_words(play, tool, task, message):
    found, done = play(tool, task, options=("-l", "desk-a"))
    said = json.dumps(found.get("desk-a")) + done.stdout
    assert message in said
    assert '"failed": true' in json.dumps(found["desk-a"]) or '"unreachable": true' in json.dumps(found["desk-a"])


@pytest.mark.parametrize("tool", ANSIBLES)
def test_a_wrong_password_makes_the_host_unreachable(play, payloads, tool):
    found, _ = play(tool, {"remediation": {}}, options=("-l", "desk-a", "-e", "ansible_password=wrong"))
    assert found["desk-a"]["unreachable"] is True
    assert "Failed to authenticate" in found["desk-a"]["msg"]


def test_faults_and_slow_answers_reach_ansible_as_the_module_would_tell_them(play, payloads, state):
    sent = payloads()
    statements = [{**one, "limit": 1} for one in sent.statements]
    cli.control("desk-a", {"faults": {"shelf_tidy": "silent"}, "delay": 0.5}, state)
    cli.control("desk-b", {"faults": {"shelf_tidy": "flood"}}, state)
    cli.control("desk-c", {"faults": {"lamp_on": "failed"}}, state)
    found, _ = play(ANSIBLES[0], {"remediation": {"statements": statements, "argument": sent.argument}})
    assert {name: (said["end"], len(said["lines"])) for name, said in found.items()} == {
        "desk-a": ("timeout", 2),
        "desk-b": ("flooded", 9),
        "desk-c": ("failed", 1),
        "room-1": ("completed", 4),
    }
