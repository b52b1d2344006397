"""Both doors to one Windows device, as raw as they are: a host of pypsrp's, and a run of ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import LabDevice

from teamsmedic import content, runfolder
from teamsmedic.hosts.winrm import Connection, WinRMHost
from teamsmedic.lab import http
from teamsmedic.lab.seed import ADMIN

ROOT = Path(__file__).resolve().parents[2]
MODULE = "teamsmedic.teams.remediation"
BY = "somebody@here"


def pypsrp(device: LabDevice, **more: Any) -> WinRMHost:
    """The device behind the command line's door; `more` are fields of its Connection."""
    about: dict[str, Any] = {
        "path": f"{device.name}/wsman", "auth": "ntlm", "username": ADMIN, "password": device.lab.password,
        "no_proxy": True, **more,
    }  # fmt: skip
    return WinRMHost(device.name, Connection(http.LOOPBACK, device.lab.http, False, **about))


@dataclass
class Played:
    """What a playbook's run said, and its run folders."""

    code: int
    output: str
    runs: Path

    def records(self, host: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Run, command and last record of a host from each run folder; several of one second are in no order."""
        folders = [one for one in runfolder.every(self.runs) if one.has(host)]
        assert folders, self.output
        return [(one.id, str(one.manifest()["command"]), one.hosts()[host][-1]) for one in folders]


def play(device: LabDevice, folder: Path, tasks: list[dict[str, Any]], *options: str, **variables: str) -> Played:
    """A site's own playbook with these tasks on the device; `variables` go to the environment."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "site.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    keep = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment = {
        **keep,
        "HOME": str(folder),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"),
        "TEAMSMEDIC_CONTENT": str(content.root()),
        "TEAMSMEDIC_RUN_DIR": str(folder / "runs"),
        "PYTHONPATH": str(ROOT / "src"),
        "LC_ALL": "C.UTF-8",
        **variables,
    }
    tool = Path(sys.executable).with_name("ansible-playbook")
    command = [str(tool), "-i", str(device.inventory(folder / "hosts.yml")), *options, str(file)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    return Played(done.returncode, done.stdout + done.stderr, folder / "runs")


def task(**options: Any) -> dict[str, Any]:
    """One task of the collection's module."""
    return {MODULE: {"by": BY, **options}}


def plain(outcomes: Any) -> list[Mapping[str, Any]]:
    """Outcomes as a run folder keeps them."""
    kept: list[Mapping[str, Any]] = json.loads(json.dumps([one.to_json() for one in outcomes]))
    return kept
