"""Stock Ansible modules work on a Windows device of the lab: it is a WSMan server, and no mock of ours."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

TOOL = os.environ.get("TEAMSMEDIC_STOCK_ANSIBLE")
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.windows.win_ping:
        data: here
      register: ping
    - ansible.windows.win_reg_stat:
        path: HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion
        name: CurrentBuildNumber
      register: build
    - ansible.windows.win_powershell:
        script: "[ordered]@{ computer = $env:COMPUTERNAME; sum = 40 + 2 }"
      register: script
    - ansible.builtin.copy:
        dest: "{{ out }}"
        content: "{{ {'ping': ping.ping, 'build': build.value, 'script': script.output} | to_json }}"
        mode: "0600"
      delegate_to: localhost
      connection: local
      vars:
        ansible_connection: local
        ansible_shell_type: sh
"""


@pytest.mark.skipif(
    not TOOL, reason="TEAMSMEDIC_STOCK_ANSIBLE names no ansible-playbook with the collection ansible.windows"
)
@pytest.mark.parametrize("transport", ["ntlm", "https_ntlm"])
def test_stock_modules_work(device: Any, tmp_path: Path, transport: str) -> None:
    assert TOOL
    desk = device("desktop")
    (tmp_path / "play.yml").write_text(PLAY)
    out = tmp_path / "out.json"

    inventory = desk.inventory(tmp_path / "hosts.yml", transport)
    done = subprocess.run(
        [TOOL, str(tmp_path / "play.yml"), "-i", str(inventory), "-e", f"out={out}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path / "home")},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(out.read_text())
    assert (said["ping"], said["build"]) == ("here", "22631")
    assert said["script"][0]["sum"] == 42
