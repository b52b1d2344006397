"""What docs/ci says: the jobs' own lines, run in order in a site's folder with recorded devices; and what recording is for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from teamsmedic import runfolder, runreader
from teamsmedic.lab import cli as labs
from teamsmedic.lab.demo import NOSHM, semaphores

ROOT = Path(__file__).resolve().parents[2]
GITHUB, GITLAB = (
    yaml.safe_load((ROOT / f"docs/ci/{name}.yml").read_text(encoding="utf-8")) for name in ("github", "gitlab")
)
JOB = GITHUB["jobs"]["dry-run"]
STEPS = [step for step in JOB["steps"] if "run" in step]
LINES = [line for step in STEPS for line in step["run"].splitlines()]

PLAY = """\
- name: What the morning's run would repair
  hosts: windows
  gather_facts: false
  tasks:
    - name: Repair what the code points at
      teamsmedic.teams.remediation:
        codes: ["0xCAA70007"]
        state: fixed
"""
HOSTS = """\
windows:
  children:
    berlin:
      hosts: {pc-17.example.com: {}, pc-18.example.com: {}}
"""
LAB = """\
windows:
  children:
    berlin:
      hosts:
        pc-17: {lab_case: desk-17}
        pc-18: {lab_case: ./cases/desk-18.yaml}
        pc-19: {lab_role: desktop}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Devices of a lab that were recorded by the command line: their folder, what `record` and a check of them said."""
    folder = tmp_path_factory.mktemp("recorded")
    state = folder / "lab"
    (folder / "lab.yml").write_text(
        "all: {hosts: {desk-17: {lab_case: {tls12_usable: all_off, client_cache_fresh: both}}, desk-18: {},"
        " desk-19: {lab_faults: {tls12_usable: error}}}}"
    )
    lab = labs.up(folder / "lab.yml", state)
    where = ["-i", str(lab.inventory), "--run-dir", str(folder / "runs"), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        try:
            said = [
                _json(["record", host, *where, "--to", str(folder / "cases"), "--name", host])
                for host in ("desk-17", "desk-18", "desk-19")
            ]
            checked = _json(
                ["check", "all", *where, "--remediation", "tls12_usable", "--remediation", "client_cache_fresh"]
            )
        finally:
            labs.down(state)
    return folder, {one["hosts"][0]["host"]: one for one in said}, checked


def _json(words: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "teamsmedic", *words], capture_output=True, text=True, check=False, timeout=120
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _said(document: dict[str, Any]) -> dict[tuple[str, str], tuple[str, int, int]]:
    return {
        (host["host"], one["remediation"]): (one["status"], len(one["reasons"]), len(one["changes"]))
        for host in document["hosts"]
        for one in host["outcomes"]
    }


def test_a_recorded_device_says_through_the_command_line_what_the_device_said(recorded, tmp_path: Path) -> None:
    folder, said, before = recorded
    schema = json.loads((ROOT / "src/teamsmedic/schemas/record.schema.json").read_text(encoding="utf-8"))
    for document in said.values():
        jsonschema.validate(document, schema)
    assert [said[name]["exit_code"] for name in ("desk-17", "desk-18", "desk-19")] == [0, 0, 5]
    assert list(said["desk-19"]["hosts"][0]["missing"]) == ["tls12_usable"]
    text = (folder / "cases/desk-17.yaml").read_text(encoding="utf-8")
    assert [one for one in ("amber", "carla", "contoso", "desk-17:") if one in text.lower()] == []
    (folder / "again.yml").write_text(
        "all: {hosts: {desk-17: {lab_case: desk-17}, desk-18: {lab_case: desk-18}, desk-19: {lab_case: desk-19}}}"
    )
    lab = labs.up(folder / "again.yml", tmp_path / "lab")
    try:
        after = _json(
            [
                "check",
                "all",
                "-i",
                str(lab.inventory),
                "--run-dir",
                str(tmp_path),
                "--json",
                "--remediation",
                "tls12_usable",
                "--remediation",
                "client_cache_fresh",
            ]
        )
    finally:
        labs.down(tmp_path / "lab")

    assert str(lab.devices[0].recorded).startswith("desk-17.yaml, ")
    assert _said(after) == _said(before)
    assert _said(after)["desk-17", "tls12_usable"][0] == "drifted"
    reasons = {
        (host["host"], one["remediation"]): one["reasons"] for host in after["hosts"] for one in host["outcomes"]
    }
    assert reasons["desk-19", "tls12_usable"][0].startswith("recorded ")


def test_both_jobs_are_the_same_lines() -> None:
    job = GITLAB["teamsmedic"]

    assert [*job["before_script"], *job["script"], *job["after_script"]] == LINES
    assert JOB["env"] == job["variables"]
    assert [step["if"] for step in JOB["steps"][-2:]] == ["always()", "always()"]
    assert job["artifacts"]["reports"]["junit"] == JOB["steps"][-1]["with"]["path"]


def test_the_lines_of_the_jobs_end_well_in_a_site(recorded, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    site = tmp_path / "site"
    for name, text in (("playbooks/morning.yml", PLAY), ("inventories/production/hosts.yml", HOSTS), ("lab.yml", LAB)):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "cases").symlink_to(recorded[0] / "cases")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(site / "vendor"), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    [wheel] = (site / "vendor").glob("*.whl")
    # What is downloaded otherwise is there already: the packages of this environment, but for the one that is installed.
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(site / ".venv"), "platbase": str(site / ".venv")}))
    (site / "others").mkdir()
    packages.mkdir(parents=True)
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if "teamsmedic" not in one.name and not one.name.startswith(("pip", "_distutils")):
            (site / "others" / one.name).symlink_to(one)
    (packages / "others.pth").write_text(str(site / "others") + "\n")
    (site / ".venv/bin").mkdir()
    program = site / ".venv/bin/ansible-playbook"
    program.write_text(f"#!{site}/.venv/bin/python\nfrom ansible.cli.playbook import main\nmain()\n")
    program.chmod(0o755)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_", "PYTHON"))
    }
    environment |= {
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        **JOB["env"],
        "TEAMSMEDIC": str(wheel.relative_to(site)),
    }
    if not semaphores():
        environment["PYTHONPATH"] = str(NOSHM)

    for line in LINES:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", line],
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    [run] = [runreader.read(one.path) for one in runfolder.every(site / "runs")]
    assert (run.state, run.door) == (runreader.State.ENDED, "ansible")
    for name, device in (("pc-17", "desk-17"), ("pc-18", "desk-18")):
        said = {one.remediation: str(one.status) for one in run.hosts[name].outcomes}
        assert said["tls12_usable"] == {"desk-17": "drifted", "desk-18": "healthy"}[device]
        assert said.items() <= recorded[1][device]["hosts"][0]["recorded"].items()
    suites = ET.parse(site / "teamsmedic.xml").getroot()
    found = {(case.get("classname", "").rpartition(".")[2], case.get("name")) for case in suites.iter("testcase")}
    hosts = {name for pair in found for name in pair if name}
    assert {"pc-17", "pc-18", "pc-19"} <= {part for one in hosts for part in one.split()}, found
    assert not (site / ".lab/inventory.yml").exists()
