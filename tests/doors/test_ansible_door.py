"""The Ansible door: shipped playbooks and a site's own, run by real ansible-playbook against replay devices."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from teamsmedic import __version__, content, parallel, runfolder, treatment
from teamsmedic.asked import plan
from teamsmedic.hosts.winrm import Connection, WinRMHost
from teamsmedic.lab import cases, replay

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "playbooks/collections/ansible_collections/teamsmedic/teams"
PLAYBOOKS = sorted(one.stem for one in (ROOT / "playbooks").glob("*.yml"))
OWN = str(Path(sys.executable).with_name("ansible-playbook"))
TOOLS = [Path(one) for one in os.environ.get("TEAMSMEDIC_TEST_ANSIBLES", OWN).split(os.pathsep)]
"""The one beside this Python, or (of older and newer ansible-core) those in TEAMSMEDIC_TEST_ANSIBLES."""
each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda one: one.parents[1].name)
USER, PASSWORD = "labadmin", "Pass-word_1"
VAULT_PASSWORD = "Vault-Plant3d_9"
WRONG = "Wr0ng-Plant3d_7"


@dataclass
class Recording(replay.ReplayDevice):
    """A replay device that keeps what its engine would receive."""

    heard: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)
    received: list[str] = field(default_factory=list)

    def respond(self, asked: Any) -> Any:
        self.received.append(repr((asked.commands, asked.inputs)))
        return super().respond(asked)

    def _statements(self, texts: Any, argument: Any) -> Any:
        self.heard.append((list(texts), json.loads(argument)))
        return super()._statements(texts, argument)


@dataclass
class Played:
    """What a playbook's run said, and what is in the run folders."""

    code: int
    output: str
    runs: Path

    def recap(self, host: str) -> dict[str, int]:
        """The counts of a host's recap line."""
        line = next(one for one in self.output.splitlines() if one.startswith(host) and "unreachable=" in one)
        return {key: int(value) for key, value in (part.split("=") for part in line.split(":")[1].split())}

    def folders(self) -> list[runfolder.RunFolder]:
        return runfolder.every(self.runs)

    def statuses(self, host: str) -> dict[str, str]:
        """The last recorded outcomes of a host."""
        last = [one.hosts()[host][-1] for one in self.folders() if one.has(host)][-1]
        return {one["remediation"]: one["status"] for one in last["outcomes"]}


@pytest.fixture
def fleet(lab, lab_content, python_path, tmp_path, monkeypatch):
    """Devices, an inventory of them, and a way to play on them: from another folder, with no configuration file."""
    # A playbook's own time limits are not what is tested here.
    short = tmp_path / "content"
    shutil.copytree(lab_content, short)
    for name in ("lamp_on", "shelf_tidy"):
        with (short / f"remediations/office/{name}/remediation.yaml").open("a") as out:
            out.write("timeout: 2\nfix_timeout: 3\n")
    monkeypatch.setenv("TEAMSMEDIC_CONTENT", str(short))
    content.root.cache_clear()
    return Fleet(lab, tmp_path, python_path)


class Fleet:
    def __init__(self, lab: Any, folder: Path, python_path: str) -> None:
        self.lab, self.folder, self.python_path = lab, folder, python_path
        self.backends: dict[str, Recording] = {}
        self.hosts: dict[str, dict[str, Any]] = {}
        self.vars: dict[str, Any] = {
            "ansible_connection": "psrp",
            "ansible_host": "127.0.0.1",
            "ansible_port": lab.port,
            "ansible_psrp_protocol": "http",
            "ansible_psrp_auth": "ntlm",
            "ansible_psrp_path": "{{ inventory_hostname }}/wsman",
            "ansible_user": USER,
            "ansible_password": PASSWORD,
        }

    def add(self, name: str, *, faults: dict[str, str] | None = None, also: dict[str, Any] | None = None, **cased: str):
        self.backends[name] = Recording(
            name, "desktop", cases.choose(content.root(), "desktop", cased), faults=faults or {}
        )
        self.hosts[name] = also or {}
        return self.lab.add(name, backend=self.backends[name])

    def inventory(self) -> Path:
        file = self.folder / "inventory.yml"
        names = sorted(self.hosts)
        groups = {"devices": {"hosts": {name: self.hosts[name] for name in names}}}
        file.write_text(yaml.safe_dump({"all": {"vars": self.vars, "children": groups}}))
        return file

    def play(
        self, tool: Path, playbook: str | list[Any], *options: str, typed: str | None = None, **variables: str
    ) -> Played:
        if isinstance(playbook, str):
            file = ROOT / "playbooks" / f"{playbook}.yml"
        else:
            file = self.folder / "site.yml"
            file.write_text(json.dumps(playbook))
            variables.setdefault("ANSIBLE_COLLECTIONS_PATH", str(ROOT / "playbooks/collections"))
        keep = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        environment = {
            **keep,
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONPATH": self.python_path,
            "TEAMSMEDIC_RUN_DIR": str(self.folder / "runs"),
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            **variables,
        }
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        command = [str(tool), "-i", str(self.inventory()), *options, str(file)]
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            input=typed,
        )
        return Played(done.returncode, done.stdout + done.stderr, self.folder / "runs")


def task(**options: Any) -> list[Any]:
    """A site's own playbook with one task."""
    return [{"hosts": "all", "gather_facts": False, "tasks": [{"teamsmedic.teams.remediation": options}]}]


LAMP = ("-e", "remediations=lamp_on")


# ------------------------------------------------------------------------------------------------ the whole way


@each_tool
def test_check_dry_run_fix_fix_undo(fleet, tool):
    """Each says what it says, and only fix and undo change the device."""
    fleet.add("desk", lamp_on="dark")

    check = fleet.play(tool, "check", "-l", "devices", *LAMP)
    assert check.code == 0, check.output
    assert (check.recap("desk")["changed"], check.statuses("desk")) == (0, {"lamp_on": "drifted"})
    assert r"lamp_on: drifted (HKLM\\Lamp\\Switch is 0) (replayed device)" in check.output

    dry = fleet.play(tool, "fix", "-l", "devices", *LAMP, "--check", "--diff")
    assert (dry.recap("desk")["changed"], dry.statuses("desk")) == (1, {"lamp_on": "drifted"})
    assert "-DWord 0\n+DWord 1" in dry.output
    assert fleet.backends["desk"].control({})["journal"] == 0

    fix = fleet.play(tool, "fix", "-l", "devices", *LAMP, "--diff")
    assert (fix.recap("desk")["changed"], fix.statuses("desk")) == (1, {"lamp_on": "fixed"})
    assert "-DWord 0\n+DWord 1" in fix.output

    again = fleet.play(tool, "fix", "-l", "devices", *LAMP)
    assert (again.recap("desk")["changed"], again.statuses("desk")) == (0, {"lamp_on": "healthy"})

    look = fleet.play(tool, "undo", "-l", "devices", "--check", "--diff")
    assert look.recap("desk")["changed"] == 1
    assert "-DWord 1\n+DWord 0" in look.output

    undo = fleet.play(tool, "undo", "-l", "devices", "-e", f"run={fix.folders()[2].id}")
    assert (undo.recap("desk")["changed"], undo.statuses("desk")) == (1, {"lamp_on": "reverted"})
    assert fleet.play(tool, "check", "-l", "devices", *LAMP).statuses("desk") == {"lamp_on": "drifted"}

    nothing = fleet.play(tool, "undo", "-l", "devices")
    assert (nothing.code, nothing.recap("desk")["changed"]) == (0, 0)
    assert "nothing there is in force" in nothing.output


@each_tool
def test_the_run_folder_is_complete(fleet, tool):
    for number in range(3):
        fleet.add(f"desk-{number}", lamp_on="dark")
    fleet.add("gone", also={"ansible_port": 9})

    played = fleet.play(tool, "fix", "-l", "devices", "--forks", "1", *LAMP, "-e", '{"waves": [2, "100%"]}')

    (folder,) = played.folders()
    manifest = folder.manifest()
    assert manifest["hosts"] == ["desk-0", "desk-1", "desk-2", "gone"]
    assert (manifest["command"], manifest["door"], manifest["dry_run"]) == ("fix", "ansible", False)
    assert [sorted(one) for one in manifest["waves"]] == [["desk-0", "desk-1"], ["desk-2", "gone"]]
    assert manifest["exit_code"] == 4
    assert manifest["playbook"] == str(ROOT / "playbooks/fix.yml")
    kinds = {host: [one["type"] for one in records] for host, records in folder.hosts().items()}
    assert kinds == {
        **{f"desk-{number}": ["way_back", "outcome"] for number in range(3)},
        "gone": ["unreachable"],
    }
    assert folder.hashes("desk-0")["lamp_on"]


@each_tool
def test_hosts_that_the_play_did_not_come_to_are_in_the_manifest(fleet, tool):
    fleet.add("a", faults={"lamp_on": "failed"})
    fleet.add("b", lamp_on="dark")
    site = task(remediations="lamp_on", fail_on=["unknown"])
    site[0] |= {"serial": 1}

    played = fleet.play(
        tool,
        site,
        ANSIBLE_CALLBACKS_ENABLED="teamsmedic.teams.runs",
    )

    assert played.code == 2, played.output
    (folder,) = played.folders()
    assert folder.hosts()["b"][-1]["type"] == "stopped"
    assert folder.manifest()["waves"] == [["a"]]


@each_tool
def test_a_host_gets_another_run_for_each_further_task(fleet, tool):
    """The journal on the device holds one entry for a run and a remediation; a second fix must not meet it. The last of
    them is the one that is undone."""
    fleet.add("a", lamp_on="dark", shelf_tidy="messy")
    fleet.add("b", lamp_on="dark", shelf_tidy="messy")
    one = {"teamsmedic.teams.remediation": {"remediations": "{{ item }}", "state": "fixed"}}
    undo = {"teamsmedic.teams.remediation": {"state": "reverted"}}
    site = [{"hosts": "all", "gather_facts": False, "tasks": [
        {**one, "loop": ["lamp_on", "shelf_tidy"]}, undo, {**one, "loop": ["lamp_on"]}, undo,
    ]}]  # fmt: skip

    played = fleet.play(tool, site)

    assert played.code == 0, played.output
    assert [sorted(folder.hosts()) for folder in played.folders()] == [["a", "b"]] * 5
    told = [folder.hosts()["a"][-1]["outcomes"][0] for folder in played.folders()]
    assert [(one["remediation"], one["status"]) for one in told] == [
        ("lamp_on", "fixed"),
        ("shelf_tidy", "fixed"),
        ("shelf_tidy", "reverted"),
        ("lamp_on", "healthy"),
        ("lamp_on", "reverted"),
    ]


# ------------------------------------------------------------------------------------------------ which devices


def shipped(monkeypatch):
    """The content that ships, instead of the small one."""
    monkeypatch.delenv("TEAMSMEDIC_CONTENT")
    content.root.cache_clear()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_the_devices_of_each_playbook(fleet, playbook, monkeypatch):
    """-l alone and -e target= alone are enough; neither, or one that no device has, is no success."""
    shipped(monkeypatch)
    for name in ("desk", "other"):
        fleet.add(name)
    fleet.folder.joinpath("retry").write_text("desk\n")
    heard = [0]

    def play(*options):
        played = fleet.play(TOOLS[0], playbook, "-e", "codes=0xCAA70007", *options)
        heard.append(len(fleet.backends["desk"].heard))
        return played, heard[-1] - heard[-2]

    once = playbook == "check"  # these are of the one expression that all have
    for options in (("-l", "desk"), ("-e", "target=desk"), *([("-l", f"@{fleet.folder / 'retry'}")] if once else [])):
        played, asked = play(*options)
        assert (played.code, asked > 0) == (0, True), played.output
    both = [("-l", "other", "-e", "target=desk")] if once else []
    for options in ((), ("-e", "target=dekstops"), ("-l", "dekstops"), *both):
        played, asked = play(*options)
        assert (played.code != 0, asked) == (True, 0), played.output
        if options != ("-l", "dekstops"):  # Ansible's own sentence
            assert "name the devices: -l GROUP or -e target=GROUP" in played.output
    assert fleet.backends["other"].heard == []


@each_tool
def test_tags_steps_and_module_defaults_are_ansibles(fleet, tool):
    fleet.add("desk", lamp_on="dark")
    site = [{"import_playbook": str(ROOT / f"playbooks/{name}.yml")} for name in ("fix", "check")]

    tagged = fleet.play(tool, site, "-l", "desk", *LAMP, "--tags", "check")
    assert (tagged.code, tagged.statuses("desk"), len(tagged.folders())) == (0, {"lamp_on": "drifted"}, 1)

    refused = fleet.play(tool, "fix", "-l", "desk", *LAMP, "--step", typed="n\nn\n")
    assert (refused.code, len(refused.folders())) == (0, 1), refused.output
    done = fleet.play(tool, "fix", "-l", "desk", *LAMP, "--step", typed="y\nn\n")
    assert (done.code, done.statuses("desk")) == (0, {"lamp_on": "fixed"}), done.output

    own = task(state="checked")
    own[0]["module_defaults"] = {"group/teamsmedic.teams.all": {"remediations": ["shelf_tidy"]}}
    assert fleet.play(tool, own).statuses("desk") == {"shelf_tidy": "healthy"}


@each_tool
def test_one_device_of_two_names_is_treated_once(fleet, tool):
    fleet.add("desk", lamp_on="dark")
    fleet.hosts["twin"] = {"ansible_psrp_path": "desk/wsman"}

    played = fleet.play(tool, "fix", "-l", "devices", *LAMP)

    assert played.code == 2, played.output
    assert sorted((played.recap(host)["changed"], played.recap(host)["failed"]) for host in ("desk", "twin")) == [
        (0, 1),
        (1, 0),
    ]
    assert "it leads to the same device as" in " ".join(played.output.split())
    (folder,) = played.folders()
    assert sorted(records[-1]["type"] for records in folder.hosts().values()) == ["outcome", "stopped"]
    assert folder.manifest()["exit_code"] == 2


@each_tool
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ansible_port": "abc"}, "abc"),
        ({"ansible_psrp_auth": "nltm"}, "nltm"),
        ({"ansible_host": "{{ nowhere }}"}, "'nowhere' is undefined"),
        ({"ansible_connection": "ssh"}, "its ansible_connection is ssh"),
        ({"ansible_password": "{{ sealed }}"}, "ttempting to decrypt"),
    ],
    ids=["number", "word", "template", "not Windows", "vault"],
)
def test_a_wrong_variable_costs_only_its_own_host(fleet, tool, variables, said):
    """Before any connection; the run folder says why."""
    device = fleet.add("bad", also=variables)
    fleet.add("fine", lamp_on="dark")
    (fleet.folder / "group_vars").mkdir()
    sealed = "".join(f"  {line}\n" for line in vaulted("x").splitlines())
    (fleet.folder / "group_vars/all.yml").write_text(f"sealed: !vault |\n{sealed}")

    played = fleet.play(tool, "fix", "-l", "devices", *LAMP)

    assert (played.code, played.recap("bad")["failed"], played.statuses("fine")) == (2, 1, {"lamp_on": "fixed"})
    assert device.requests == 0
    assert said in played.output
    assert "Traceback" not in played.output
    (folder,) = played.folders()
    assert said in folder.hosts()["bad"][-1]["error"]


# ------------------------------------------------------------------------------------------------ statuses


@each_tool
def test_statuses_to_ansible(fleet, tool):
    fleet.add("stuck", lamp_on="stuck")
    fleet.add("silent", faults={"lamp_on": "error"})
    fleet.add("fine")
    fleet.add("gone", also={"ansible_port": 9})
    fleet.add("refused", also={"ansible_password": "no"})

    played = fleet.play(tool, "fix", "-l", "devices", *LAMP, "-e", "waves=100%")

    assert played.code == 4
    for host in ("stuck", "silent", "fine"):
        assert {key: played.recap(host)[key] for key in ("changed", "failed", "unreachable")} == {
            "changed": 0, "failed": 0, "unreachable": 0,
        }  # fmt: skip
    assert played.statuses("stuck") == {"lamp_on": "blocked"}
    assert played.statuses("silent") == {"lamp_on": "unknown"}
    assert "lamp_on: blocked (in use by HAND.EXE)" in played.output
    for host in ("gone", "refused"):
        assert (played.recap(host)["unreachable"], played.recap(host)["failed"]) == (1, 0)

    strict = fleet.play(
        tool, "fix", "-l", "stuck,silent,fine", *LAMP, "-e", "waves=100%", "-e", "fail_on=blocked,unknown"
    )
    assert strict.code == 2
    assert [strict.recap(host)["failed"] for host in ("stuck", "silent", "fine")] == [1, 1, 0]


@each_tool
def test_a_sites_parameters_for_what_is_not_planned_are_no_error(fleet, tool):
    """They stand in group variables, for all runs."""
    fleet.add("desk", lamp_on="dark")
    site = {"parameters": {"lamp_on": {}, "shelf_tidy": {}}}

    for state in ("checked", "fixed", "reverted"):
        played = fleet.play(tool, task(remediations="lamp_on", state=state, **site))
        assert played.code == 0, played.output


@each_tool
def test_a_fix_that_does_not_verify_fails(fleet, tool, lab_content):
    device = fleet.add("desk", lamp_on="dark")
    device.backend.faults = {}
    backend = fleet.backends["desk"]
    backend._fix = lambda *_: {"done": {}}

    played = fleet.play(tool, "fix", "-l", "devices", *LAMP)

    assert (played.code, played.recap("desk")["failed"]) == (2, 1)
    assert played.statuses("desk") == {"lamp_on": "failed"}
    assert "detected again: drifted" in played.output


# ------------------------------------------------------------------------------------------------ before any connection


WRONG_OPTIONS = [
    ({"remediations": "lamp_onn"}, "there is no lamp_onn"),
    ({"remediations": "lamp_on", "parameters": {"lamp_on": {"colour": 1}}}, "colour"),
    ({"remediations": "lamp_on", "parameters": {"shelf": {}}}, "there is no shelf"),
    ({"remediations": "lamp_on", "parameters": {"shelf_tidy": {"colour": 1}}}, "colour"),
    ({"remediations": "lamp_on", "parameters": [1]}, "no dictionary"),
    ({"state": "reverted", "parameters": {"shelf": {}}}, "there is no shelf"),
    ({"state": "forgotten", "parameters": {"lamp_on": {"colour": 1}}}, "colour"),
    ({"state": "reverted", "remediations": "lamp_on", "parameters": {"shelf_tidy": {"colour": 1}}}, "colour"),
    ({"remediation": "lamp_on"}, "there is no option remediation"),
    ({"remediations": "lamp_on", "state": "repaired"}, "use one of checked, fixed, reverted"),
    ({"remediations": "lamp_on", "allow": "anything"}, "use disruptive and irreversible"),
    ({"remediations": "lamp_on", "fail_on": ["drifted"]}, "use blocked and unknown"),
    ({"state": "reverted", "run": "yesterday"}, "give a run's id, or last"),
    ({"all": "perhaps"}, "give true or false"),
    ({}, "neither a code nor a remediation is named"),
    ({"remediations": "lamp_on", "run_dir": "/proc/nowhere"}, "/proc/nowhere"),
]


@each_tool
def test_what_cannot_be_asked_for_fails_before_any_connection(fleet, tool):
    device = fleet.add("desk", lamp_on="dark")

    played = fleet.play(tool, [task(**options)[0] | {"ignore_errors": True} for options, _ in WRONG_OPTIONS])

    assert (played.code, played.recap("desk")["ignored"]) == (0, len(WRONG_OPTIONS)), played.output
    told = played.output.split("\nTASK [")[1:]
    for text, (options, said) in zip(told, WRONG_OPTIONS, strict=True):
        assert said in text, (options, text)
    assert "Traceback" not in played.output
    assert device.requests == 0


@each_tool
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"ansible_host": "192.0.2.1", "ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"},
            "in the clear",
        ),
        ({"ansible_psrp_auth": "kerberos"}, "teamsmedic[kerberos]"),
        ({"ansible_connection": "local"}, "its ansible_connection is local"),
        ({"ansible_become": True, "ansible_become_method": "runas", "ansible_become_user": "x"}, "the task has become"),
    ],
    ids=["basic", "kerberos", "local", "become"],
)
def test_a_connection_that_is_refused_is_one_sentence(fleet, tool, variables, said):
    if "kerberos" in variables.values():
        with contextlib.suppress(ImportError):
            import gssapi  # noqa: F401

            pytest.skip("Kerberos can be used here")
    device = fleet.add("desk", also=variables)

    played = fleet.play(tool, "check", "-l", "devices", *LAMP)

    assert (played.code, played.recap("desk")["failed"]) == (2, 1), played.output
    assert said in played.output, played.output
    assert device.requests == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ansible_psrp_protocol": "https"}, "speaks plain HTTP on that port, and HTTPS was tried"),
        ({"ansible_psrp_configuration_name": "no.such"}, "no session configuration of the name"),
    ],
    ids=["https", "configuration"],
)
def test_an_endpoint_that_is_not_as_asked_for_is_named(fleet, variables, said):
    fleet.add("desk", also=variables)

    played = fleet.play(TOOLS[0], "check", "-l", "devices", *LAMP)

    assert played.recap("desk")["unreachable"] == 1, played.output
    assert said in played.output, played.output


@each_tool
@pytest.mark.parametrize(
    "more", [{"environment": {"X": "1"}}, {"delegate_to": "other"}, {"become": True}, {"async": 5, "poll": 1}], ids=str
)
def test_what_would_change_who_reads_is_refused_by_name(fleet, tool, more):
    device = fleet.add("desk")
    fleet.add("other")
    site = task(remediations="lamp_on")
    site[0]["tasks"][0] |= more

    played = fleet.play(tool, site, "-l", "desk")

    assert played.code == 2
    assert f"task has {next(iter(more))}" in played.output or "does not support async" in played.output
    assert device.requests == 0


@each_tool
@pytest.mark.parametrize("what", ["missing", "another version"])
def test_without_the_package_both_paths_and_the_line_to_type_are_named(fleet, tool, what):
    fleet.add("desk")
    other = fleet.folder / "other"
    (other / "teamsmedic").mkdir(parents=True)
    text = "raise ImportError('not here')" if what == "missing" else "__version__ = '9.9.9'"
    (other / "teamsmedic/__init__.py").write_text(text)
    if what == "another version":
        (other / "teamsmedic/errors.py").touch()
        (other / "teamsmedic/ansible").mkdir()
        (other / "teamsmedic/ansible/__init__.py").write_text("action = None")

    played = fleet.play(tool, "check", "-l", "devices", *LAMP, PYTHONPATH=f"{other}{os.pathsep}{fleet.python_path}")

    assert played.code == 2
    said = " ".join(played.output.split())
    assert str(COLLECTION / "plugins/action/remediation.py") in said
    assert f"-m pip install -e {ROOT}" in said
    assert ("is version 9.9.9" if what == "another version" else "cannot import it") in said
    assert (str(other / "teamsmedic") if what == "another version" else "bin/python") in said


def test_a_copy_of_the_playbooks_alone_says_what_it_lacks(fleet, tmp_path):
    """Its links lead nowhere, as in a collection that Ansible's installer has taken from a repository."""
    fleet.add("desk")
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "playbooks", copy, symlinks=True)

    played = fleet.play(TOOLS[0], str(copy / "check"), "-l", "desk", *LAMP)

    assert played.code == 2
    assert "plugins/modules/remediation.ps1 is not there, or a checkout's link that leads nowhere" in played.output


def test_the_versions_agree():
    galaxy = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())

    assert galaxy["version"] == __version__
    assert f'VERSION = "{__version__}"' in (COLLECTION / "plugins/action/remediation.py").read_text()


# ------------------------------------------------------------------------------------------------ secrets and proxies


def vaulted(text: str) -> str:
    from ansible.parsing.vault import VaultLib, VaultSecret

    return str(VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(text).decode())


@each_tool
@pytest.mark.parametrize("place", ["inventory", "vault"])
def test_a_planted_password_is_found_nowhere(fleet, tool, place, unseen, caplog, request):
    """Not in the output with -vvvvv, a log, a file, nor in what the device receives; nor is the payload."""
    caplog.set_level("DEBUG")
    fleet.add("desk", lamp_on="dark")
    key = fleet.folder / "key"
    key.write_text(VAULT_PASSWORD)
    options = ["-l", "devices", "-vvvvv", "--diff"]
    if place == "vault":
        del fleet.vars["ansible_password"]
        (fleet.folder / "group_vars").mkdir()
        (fleet.folder / "group_vars/all.yml").write_text(vaulted(f"ansible_password: {PASSWORD}\n"))
        options += ["--vault-password-file", str(key)]
    # A short path: ansible-core from 2.21 on has a socket there.
    temporary = tempfile.TemporaryDirectory(prefix="tm")
    request.addfinalizer(temporary.cleanup)
    log = {"ANSIBLE_LOG_PATH": str(fleet.folder / "log"), "TMPDIR": temporary.name}

    played = [
        fleet.play(tool, "check", *LAMP, *options, **log),
        fleet.play(tool, "fix", *LAMP, *options, **log),
        fleet.play(tool, "undo", *options, **log),
    ]
    fleet.hosts["desk"] = {"ansible_password": WRONG}
    refused = fleet.play(tool, "check", *LAMP, *options, **log)

    assert [one.code for one in played] == [0, 0, 0], "".join(one.output for one in played)
    assert (refused.code, refused.recap("desk")["unreachable"]) == (4, 1)
    said = "".join(one.output for one in (*played, refused))
    device = fleet.backends["desk"]
    places = {"output": said, "log of the lab": caplog.text, "journal": repr(device._journal)}
    given = {"inventory.yml", "key", "group_vars/all.yml", *(one.name for one in fleet.folder.glob("users-*"))}
    for file in (*fleet.folder.rglob("*"), *Path(temporary.name).rglob("*")):
        if file.is_file() and os.path.relpath(file, fleet.folder) not in given:
            places[str(file)] = file.read_bytes()
    assert {"log", "manifest.json"} <= {Path(one).name for one in places}
    unseen([PASSWORD, WRONG, VAULT_PASSWORD], {**places, "device": "\n".join(device.received)})
    assert "Write-Stub" not in said
    assert "Write-Change" not in said


def test_a_proxy_is_not_asked_for_this_machine(fleet):
    """`play` sets proxy variables that lead nowhere."""
    fleet.add("desk", also={"ansible_psrp_ignore_proxy": False})

    assert fleet.play(TOOLS[0], "check", "-l", "devices", *LAMP).statuses("desk") == {"lamp_on": "healthy"}


# ------------------------------------------------------------------------------------------------ both doors


def by_pypsrp(fleet: Fleet, host: str, names: list[str], *, fix: bool) -> treatment.Report:
    """The same request through the door of the command line."""
    about = Connection("127.0.0.1", fleet.lab.port, False, f"{host}/wsman", "ntlm", USER, PASSWORD, no_proxy=True)
    wanted = plan(None, names=names, now=0)
    context = treatment.Context(runfolder.new_id(), "somebody@here")
    walk = treatment.fix(wanted, context) if fix else treatment.check(wanted, context)
    folder = runfolder.RunFolder.create(fleet.folder / "cli-runs", context.run, {})
    job = parallel.Task(host, lambda: WinRMHost(host, about), lambda: walk)
    (result,) = parallel.treat([job], folder, forks=1, stop=threading.Event())
    assert result.report, result.error
    return result.report


def without_run(heard: list[tuple[list[str], dict[str, Any]]]) -> str:
    """What a device received, with the run's id (which differs by its nature) replaced."""
    return json.dumps(heard).replace(heard[0][1]["run"], "RUN") if heard else ""


FAULTS = ["error", "failed", "garbage", "deep", "flood", "missing", "silent"]


@each_tool
@pytest.mark.parametrize("fix", [False, True], ids=["check", "fix"])
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_both_doors_send_the_same_and_come_to_the_same(fleet, tool, fault, fix):
    """Texts, argument and outcomes are equal; a broken answer costs only itself, through each."""
    names = ["lamp_on", "shelf_tidy"]
    for host in ("one", "two"):
        fleet.add(host, faults={"lamp_on": fault} if fault else {}, lamp_on="dark", shelf_tidy="messy")
    report = by_pypsrp(fleet, "one", names, fix=fix)
    site = task(remediations=names, state="fixed" if fix else "checked", by="somebody@here")

    played = fleet.play(tool, site, "-l", "two")

    assert played.code == 0, played.output
    mine, theirs = (fleet.backends[host].heard for host in ("one", "two"))
    assert without_run(mine).replace("ONE", "TWO") == without_run(theirs)
    (folder,) = played.folders()
    recorded = folder.hosts()["two"][-1]["outcomes"]
    assert recorded == json.loads(json.dumps([one.to_json() for one in report.outcomes]))
    if fault in (None, "missing"):
        return
    lamp, shelf = (one["status"] for one in recorded)
    assert (lamp, shelf) == ("unknown", "fixed" if fix else "drifted")


def test_the_account_that_asked_is_in_the_manifest(fleet):
    fleet.add("desk")

    (folder,) = fleet.play(TOOLS[0], "check", "-l", "devices", *LAMP).folders()

    assert folder.manifest()["by"] == f"{getpass.getuser()}@{os.uname().nodename}"


@each_tool
@pytest.mark.parametrize(
    "spelled",
    ["codes=0xCAA70007", '{"codes": [3399942151]}', '{"codes": "sip:403\\n-895025145"}'],
    ids=["hex", "int", "list"],
)
def test_codes_lead_to_the_remediations_of_their_causes(fleet, tool, spelled, monkeypatch):
    """With the content that ships."""
    monkeypatch.delenv("TEAMSMEDIC_CONTENT")
    content.root.cache_clear()
    fleet.add("desk", tls12_usable="all_off")

    played = fleet.play(tool, "check", "-l", "devices", "-e", spelled)

    assert played.statuses("desk")["tls12_usable"] == "drifted", played.output
    (folder,) = played.folders()
    assert "0xCAA70007" in folder.manifest()["codes"]

    wrong = fleet.play(tool, "check", "-l", "devices", "-e", "codes=hello-world")
    assert (wrong.code, "read the code 'hello-world'" in wrong.output) == (2, True)


# ------------------------------------------------------------------------------------------------ runner and AWX


@pytest.mark.usefixtures("terminals")
def test_through_ansible_runner_the_run_is_an_artifact_and_can_be_undone_without_its_folder(fleet, python_path):
    """As AWX runs a job: what it keeps of it is the artifacts; the disk of the execution environment is gone."""
    fleet.add("desk", lamp_on="dark")
    fleet.add("silent", faults={"lamp_on": "error"})
    fleet.add("gone", also={"ansible_port": 9})
    private = fleet.folder / "private"
    (private / "inventory").mkdir(parents=True)
    shutil.copy(fleet.inventory(), private / "inventory/hosts.yml")

    def run(playbook, **variables):
        (private / "env").mkdir(exist_ok=True)
        (private / "env/extravars").write_text(json.dumps(variables))
        runs = fleet.folder / f"disk-{playbook}"
        beside = os.pathsep.join([str(TOOLS[0].parent), os.environ["PATH"]])
        environment = {
            **os.environ,
            "HOME": str(fleet.folder),
            "PATH": beside,
            "PYTHONPATH": python_path,
            "TEAMSMEDIC_RUN_DIR": str(runs),
        }
        command = [Path(sys.executable).with_name("ansible-runner"), "run", private, "-i", playbook, "-p", ROOT / f"playbooks/{playbook}.yml", "--limit", "devices"]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        events = [json.loads(one.read_text()) for one in (private / f"artifacts/{playbook}/job_events").glob("*.json")]
        (stats,) = [one["event_data"] for one in events if one["event"] == "playbook_on_stats"]
        shutil.rmtree(runs)
        return done, stats

    done, stats = run("fix", remediations="lamp_on", waves=["100%"])
    assert done.returncode == 4, done.stdout
    ((number, about),) = stats["artifact_data"]["teamsmedic_runs"].items()
    hosts = {"desk": {"lamp_on": "fixed"}, "silent": {"lamp_on": "unknown"}}
    assert about == {"command": "fix", "dry_run": False, "devices": 3, "hosts": hosts}
    assert list(stats["dark"]) == ["gone"]

    undone, stats = run("undo", run=number, target="desk")
    assert undone.returncode == 0, undone.stdout
    (about,) = stats["artifact_data"]["teamsmedic_runs"].values()
    assert about["hosts"] == {"desk": {"lamp_on": "reverted"}}


# ------------------------------------------------------------------------------------------------ documentation


@each_tool
def test_ansible_doc_shows_the_module(tool, tmp_path):
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"), "HOME": str(tmp_path)}
    command = [tool.with_name("ansible-doc"), "--json", "-t", "module", "teamsmedic.teams.remediation"]

    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)

    from teamsmedic.ansible.action import Options

    shown = json.loads(done.stdout)["teamsmedic.teams.remediation"]
    assert set(shown["doc"]["options"]) == set(Options.names())
    assert shown["return"]["outcomes"]
    assert "state: reverted" in shown["examples"]
