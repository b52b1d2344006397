"""Planted secrets are found in nothing that the command line says, writes or sends. The Ansible door's: test_ansible_door.py."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from teamsmedic import content, runfolder
from teamsmedic.lab import cases, replay

TEAMSMEDIC = Path(sys.executable).with_name("teamsmedic")
USER = "planteduser"
PASSWORD = "Pl4nt&d %/+\"<x>'1"
WRONG = "Wr0ng&d %/+\"<x>'2"
VAULT_PASSWORD = "Vault-Plant3d %/&9"
SECRETS = (PASSWORD, WRONG, VAULT_PASSWORD)
LAMP = ("--remediation", "lamp_on")
FAULT = """
from teamsmedic.hosts.winrm import WinRMHost
WinRMHost.run = lambda host, request: host.connection.nothing
from teamsmedic.cli import main
main()
"""


@dataclass
class Recording(replay.ReplayDevice):
    """A replay device that keeps whatever its engine would receive."""

    heard: list[str] = field(default_factory=list)

    def respond(self, asked: Any) -> Any:
        self.heard.append(repr((asked.commands, asked.inputs)))
        return super().respond(asked)


class Planted:
    """A device, an inventory with a planted secret, and the command line with all its files in one folder."""

    def __init__(self, lab: Any, folder: Path, place: str) -> None:
        self.folder, self.lab = folder, lab
        self.device = Recording("desk", "desktop", cases.choose(content.root(), "desktop", {"lamp_on": "dark"}))
        lab.add("desk", backend=self.device)
        self.given = folder / "given"
        self.given.mkdir()
        self.options: tuple[str, ...] = ("-i", str(self.given / "hosts.yml"))
        self.environment: dict[str, str] = {}
        variables = {
            "ansible_connection": "psrp",
            "ansible_host": "127.0.0.1",
            "ansible_port": lab.port,
            "ansible_psrp_protocol": "http",
            "ansible_psrp_path": "desk/wsman",
            "ansible_user": USER,
        }
        if place == "basic":
            variables |= {"ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"}
        if place in ("inventory", "basic"):
            variables["ansible_password"] = PASSWORD
        elif place == "vault":
            (self.given / "key").write_text(VAULT_PASSWORD)
            vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
            (self.given / "group_vars").mkdir()
            (self.given / "group_vars/all.yml").write_bytes(
                vault.encrypt(yaml.safe_dump({"ansible_password": PASSWORD}))
            )
            self.options += ("--vault-password-file", str(self.given / "key"))
        elif place == "extra variable":
            self.options += ("-e", json.dumps({"ansible_password": PASSWORD}))
        else:
            (self.given / "password").write_text(PASSWORD + "\n")
            self.environment["TEAMSMEDIC_PASSWORD_FILE"] = str(self.given / "password")
        (self.given / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"desk": variables}}}))
        self.said = ""

    def run(self, *words: str, faked: str = "", options: tuple[str, ...] | None = None) -> int:
        given = self.options if options is None else options
        made = self.folder / "made"
        (made / "temporary").mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        places = {"HOME": made, "TMPDIR": made / "temporary", "ANSIBLE_HOME": made / "ansible"}
        places |= {"XDG_STATE_HOME": made / "state", "ANSIBLE_LOG_PATH": made / "ansible.log"}
        command = [sys.executable, "-c", faked] if faked else [str(TEAMSMEDIC)]
        done = subprocess.run(
            [*command, *words, "-vvv", *given],
            cwd=made,
            env={**kept, **{key: str(one) for key, one in places.items()}, **self.environment, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stdout + done.stderr
        self.said += done.stdout + done.stderr
        return done.returncode

    @property
    def runs(self) -> list[runfolder.RunFolder]:
        return runfolder.every(self.folder / "made/state/teamsmedic/runs")

    def places(self) -> dict[str, str | bytes]:
        """Everything that was said, written or sent."""
        files = {str(one): one.read_bytes() for one in (self.folder / "made").rglob("*") if one.is_file()}
        assert len([one for one in files if one.endswith("manifest.json")]) == len(self.runs)
        device = {"device": "\n".join(self.device.heard), "journal": repr(self.device._journal)}
        return {"output": self.said, **files, **device, "names": "\n".join(files)}


@pytest.fixture
def planted(
    lab: Any, tmp_path_factory: pytest.TempPathFactory, unseen: Any, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[str], Planted]]:
    """Looks for the secrets when the test is over, also in the log of the lab."""
    made: list[Planted] = []
    other = type("WithPlanted", (type(lab),), {"USERS": {USER: PASSWORD}})(tmp_path_factory.mktemp("lab"))
    caplog.set_level("DEBUG")

    def make(place: str) -> Planted:
        made.append(Planted(other, tmp_path_factory.mktemp("planted"), place))
        return made[-1]

    yield make
    other.close()
    for one in made:
        unseen(SECRETS, {**one.places(), "log of the lab": caplog.text})


@pytest.mark.parametrize("place", ["inventory", "basic", "vault", "extra variable", "password file"])
def test_check_fix_undo(planted: Callable[[str], Planted], place: str) -> None:
    command = planted(place)

    codes = [
        command.run("check", "desk", *LAMP),
        command.run("check", "desk", *LAMP, "--json", "--diff"),
        command.run("fix", "desk", *LAMP, "--yes", "--diff"),
        command.run("undo", "desk", "--yes", "--diff"),
    ]

    assert codes == [1, 1, 0, 0], command.said
    assert len(command.device.heard) >= 6
    assert [one.state for one in command.device._journal] == ["undone"]


def test_a_refused_password(planted: Callable[[str], Planted]) -> None:
    command = planted("inventory")
    (command.given / "password").write_text(WRONG)
    command.environment["TEAMSMEDIC_PASSWORD_FILE"] = str(command.given / "password")
    wrong = ("-e", json.dumps({"ansible_password": WRONG}))
    basic = ("-e", "ansible_psrp_auth=basic ansible_psrp_message_encryption=never")

    assert command.run("check", "desk", *LAMP, options=(*command.options, *wrong)) == 4
    assert command.run("check", "desk", *LAMP, "--json", options=(*command.options, *wrong, *basic)) == 4
    assert command.device.heard == []


def test_a_wrong_vault_password(planted: Callable[[str], Planted]) -> None:
    command = planted("vault")
    (command.given / "other").write_text(WRONG)

    assert command.run("check", "desk", *LAMP, options=(*command.options[:3], str(command.given / "other"))) == 3
    assert command.device.heard == []


def test_a_fault_of_ours(planted: Callable[[str], Planted]) -> None:
    """Its report holds a traceback, which shows no values."""
    command = planted("inventory")

    assert command.run("check", "desk", *LAMP, faked=FAULT) == 70
    assert "AttributeError" in (command.runs[0].path / "internal-error.txt").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "all: {hosts: {desk: {ansible_password: PLANTED",
        "all:\n  hosts:\n    desk:\n      ansible_password: PLANTED\n   ansible_user: x\n",
        "[all]\ndesk ansible_password=PLANTED ansible_port='\n",
        "all: {hosts: {desk: {ansible_connection: psrp, ansible_password: '{{ PLANTED'}}}\n",
        "all: {hosts: {desk: {ansible_connection: psrp, ansible_host: '{{ nobody }}', ansible_password: PLANTED}}}\n",
        "all: {hosts: {desk: {ansible_connection: ssh, ansible_password: PLANTED}}}\n",
    ],
    ids=["cut", "indented", "ini", "template", "unknown name", "ssh"],
)
def test_an_inventory_that_cannot_be_used(planted: Callable[[str], Planted], text: str) -> None:
    command = planted("inventory")
    (command.given / "hosts.yml").write_text(text.replace("PLANTED", "Pl4nt-d-1"))

    code = command.run("check", "desk", *LAMP)

    assert code == 3
    assert "Pl4nt-d-1" not in command.said


@pytest.mark.parametrize("given", ['{"ansible_password": PLANTED', "[ansible_password=PLANTED", "@PLANTED"])
def test_extra_variables_that_cannot_be_read(planted: Callable[[str], Planted], given: str) -> None:
    command = planted("inventory")

    code = command.run("check", "desk", *LAMP, options=(*command.options, "-e", given.replace("PLANTED", "Pl4nt-d-1")))

    assert code == 3
    assert "Pl4nt-d-1" not in command.said


@pytest.mark.parametrize(
    "written",
    [
        lambda secret: f"password={secret}".encode(),
        lambda secret: f"password={secret}".encode("utf-16-le"),
        lambda secret: base64.b64encode(f"u:{secret}".encode()),
        lambda secret: base64.b64encode(f"us:{secret}\n".encode()),
        lambda secret: base64.b64encode(f"user:{secret}".encode("utf-16-le")),
        lambda secret: f"x{secret}".encode("utf-16-le").hex().encode(),
        lambda secret: secret.encode().hex().upper().encode(),
        lambda secret: f"?p={quote(secret)}".encode(),
        lambda secret: f"?p={quote_plus(secret)}&x".encode(),
        lambda secret: json.dumps({"password": secret}).encode(),
    ],
)
def test_the_search_finds_what_is_there(unseen: Any, written: Callable[[str], bytes]) -> None:
    places: Mapping[str, bytes] = {"here": b"before " + written(PASSWORD) + b" after"}

    with pytest.raises(AssertionError, match="is in here"):
        unseen([PASSWORD], places)
    unseen([VAULT_PASSWORD], places)
