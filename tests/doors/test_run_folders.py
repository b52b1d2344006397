"""Run folders of both doors hold the same files, and what an ansible-runner keeps of a run tells the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from teamsmedic import catalog, cli, content, remediation, runfolder, runreader
from teamsmedic.report import model
from teamsmedic.runreader import State

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
SCHEMAS = resources.files("teamsmedic") / "schemas"


def fits(data: Any, name: str) -> None:
    result, wanted = (
        json.loads((SCHEMAS / f"{one}.schema.json").read_text(encoding="utf-8")) for one in ("result", name)
    )
    known = Registry().with_resource(result["$id"], Resource.from_contents(result))
    jsonschema.Draft202012Validator(wanted, registry=known).validate(data)


@pytest.fixture
def site(lab, lab_content, python_path, tmp_path, monkeypatch):
    """Three devices, one of them off, and their inventory; what follows runs as at a site."""
    lab.add("desk", lamp_on="dark")
    lab.add("lit")
    variables = {
        "ansible_connection": "psrp", "ansible_host": "127.0.0.1", "ansible_port": lab.port, "ansible_psrp_auth": "ntlm",
        "ansible_psrp_protocol": "http", "ansible_psrp_path": "{{ inventory_hostname }}/wsman",
        "ansible_user": "labadmin", "ansible_password": lab.USERS["labadmin"],
    }  # fmt: skip
    hosts: dict[str, Any] = {"desk": {}, "lit": {}, "off": {"ansible_port": 9, "ansible_psrp_connection_timeout": 2}}
    file = tmp_path / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"vars": variables, "children": {"berlin": {"hosts": hosts}}}}))
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    for name, value in (
        ("HOME", tmp_path),
        ("ANSIBLE_HOME", tmp_path / "ansible"),
        ("ANSIBLE_NOCOLOR", "1"),
        ("PYTHONPATH", python_path),
        ("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}"),
    ):
        monkeypatch.setenv(name, str(value))
    return file


@pytest.mark.usefixtures("terminals")
def test_both_doors_write_the_same_files_and_a_runner_tells_the_same(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TEAMSMEDIC_RUN_DIR", str(tmp_path / "ansible-runs"))
    command = [str(TOOLS / "ansible-runner"), "run", str(tmp_path / "private"), "-p", "fix.yml", "-i", "job-7",
               "--project-dir", str(ROOT / "playbooks"), "--inventory", str(site), "--limit", "berlin",
               "--cmdline", "-e remediations=lamp_on,shelf_tidy"]  # fmt: skip
    (tmp_path / "private").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "off" in done.stdout, done.stdout + done.stderr
    by_ansible = runfolder.every(tmp_path / "ansible-runs")[0]
    # The devices were mended by Ansible: the command line finds them well.
    code = cli._main(["fix", "berlin", "-i", str(site), "--remediation", "lamp_on", "--remediation", "shelf_tidy", "--yes",
                      "--run-dir", str(tmp_path / "pypsrp-runs")])  # fmt: skip
    assert (code, capsys.readouterr().err) == (4, "")
    (by_pypsrp,) = runfolder.every(tmp_path / "pypsrp-runs")

    keys: dict[str, list[Any]] = {}
    for door, folder in (("ansible", by_ansible), ("pypsrp", by_pypsrp)):
        fits(folder.manifest(), "run-manifest")
        assert folder.manifest()["door"] == door
        assert folder.manifest()["inventory"] == [str(site)]
        assert sorted(one.name for one in (folder.path / "hosts").iterdir()) == ["desk.jsonl", "lit.jsonl", "off.jsonl"]
        keys[door] = [sorted(folder.of(host)[-1]) for host in ("desk", "lit", "off")]
        for host in ("desk", "lit", "off"):
            assert folder.of(host)[-1]["groups"] == ["berlin"]
            for record in folder.of(host):
                fits(record, "run-record")
        assert runreader.verify(folder.path).result == "intact"
    assert keys["ansible"] == keys["pypsrp"]

    contents = catalog.load(ROOT), remediation.load(content.root())
    for given in (tmp_path / "private/artifacts/job-7", tmp_path / "private"):
        events, folder = runreader.read(given), runreader.read(by_ansible.path)
        assert (events.source, events.state, events.id, events.command) == (
            "ansible_runner",
            State.ENDED,
            by_ansible.id,
            "fix",
        )
        told = [{one.host: one.standing for one in model.make([run], *contents).hosts} for run in (events, folder)]
        assert told[0] == told[1] == {"off": "not reached", "desk": "fixed", "lit": "well"}
    assert runreader.verify(tmp_path / "private").result == "unknown"
    (tmp_path / "private/artifacts/job-7/status").write_text("canceled")
    for event in (tmp_path / "private/artifacts/job-7/job_events").glob("*.json"):
        if "playbook_on_stats" in event.read_text():
            event.unlink()
    assert runreader.read(tmp_path / "private").state is State.CUT


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_a_command_prints_can_go_without_names(site, tmp_path, monkeypatch, capsys, form):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    where = ["-i", str(site), "--remediation", "lamp_on", "--run-dir", str(tmp_path / "runs"), *form]

    assert cli._main(["check", "berlin", "-v", "--redact", *where]) == 4
    said = capsys.readouterr()
    assert cli._main(["check", "berlin", *where]) == 4
    named = capsys.readouterr().out

    for name in ("desk", "lit", "off", "127.0.0.1", "labadmin", os.uname().nodename):
        assert not re.search(rf"(?<![\\w-]){re.escape(name)}(?![\\w-])", said.out + said.err), name
    assert re.search(r"\bdesk\b", named)
    assert said.out.count("drifted") == named.count("drifted") > 0
