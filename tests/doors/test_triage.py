"""A triage through both doors, on replayed devices: one round trip, what earlier runs did, a device that is off."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from teamsmedic import interview, runfolder
from teamsmedic.lab import cli as labs

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SCHEMA = json.loads((Path(interview.__file__).parent / "schemas/triage.schema.json").read_text())
HOSTS = {
    "tls-off": {"lab_case": {"tls12_usable": "all_off"}},
    "well": {},
    "cache": {"lab_case": {"client_cache_fresh": "new", "stale_credentials_absent": "foreign"}},
    "late": {},
    "room": {"lab_role": "room"},
}
OFF = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "psrp", "ansible_psrp_protocol": "http",
       "ansible_psrp_auth": "ntlm", "ansible_user": "nobody", "ansible_password": "n0ne",
       "ansible_psrp_connection_timeout": 3, "ansible_psrp_reconnection_retries": 0}  # fmt: skip
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Inventory options: the lab's devices, and one that is off."""
    folder = tmp_path_factory.mktemp("triage")
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": {"lab_kind": "replay"}, "hosts": HOSTS}}))
    (folder / "off.yml").write_text(yaml.safe_dump({"all": {"hosts": {"off": OFF}}}))
    up = labs.up(folder / "hosts.yml", folder / "lab")
    yield ["-i", str(up.inventory), "-i", str(folder / "off.yml")]
    labs.down(folder / "lab")


@pytest.fixture
def run(lab: list[str], python_path: str, tmp_path: Path) -> Run:
    """Runs teamsmedic or ansible-playbook on the lab."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_"))}
    environment = {
        **kept,
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONPATH": python_path,
        "TEAMSMEDIC_RUN_DIR": str(tmp_path / "runs"),
    }

    def run(program: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(BIN / program), *words, *lab],
            cwd=tmp_path, env=environment, input=text, capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def results(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["exit_code"] == done.returncode, done.stderr
    return {one["host"]: one for one in document["results"]}


# ------------------------------------------------------------------------------------------------ the command line


def test_a_device_turns_the_verdict_and_the_text_comes_over_a_pipe(run: Run, tmp_path: Path) -> None:
    done = run("teamsmedic", "triage", "-", "--host", "tls-off:well", "--json", text="Teams says 0xCAA7000A\n")

    found = results(done)
    assert done.returncode == 1
    assert (found["tls-off"]["verdict"], found["tls-off"]["offered"]) == ("device", ["tls12_usable"])
    assert (found["well"]["verdict"], found["well"]["offered"]) == ("network", [])
    assert found["tls-off"]["kind"] == "replayed"
    (folder,) = runfolder.every(tmp_path / "runs")
    assert folder.manifest()["command"] == "triage"
    assert folder.manifest()["exit_code"] == 1
    assert [one["type"] for one in folder.hosts()["tls-off"]] == ["outcome", "triage"], "a triage changes nothing"


def test_a_device_that_is_off_has_a_verdict_by_what_is_known(run: Run) -> None:
    done = run("teamsmedic", "triage", "0xCAA70007", "--web", "yes", "--host", "off:tls-off", "--json")

    found = results(done)
    assert done.returncode == 4
    assert found["off"]["verdict"] == "device"
    assert "connected to off" in found["off"]["error"]
    assert found["off"]["next"]["text"].startswith("Reach the device")
    assert {rung["state"] for rung in found["off"]["ladder"]} == {"look"}
    assert "the device did not answer" in found["off"]["causes"][0]["reasons"][-1]
    assert found["tls-off"]["offered"] == ["tls12_usable"], "one that is off stops none of the others"


def test_a_device_that_is_off_does_not_hold_up_what_others_must_do(run: Run) -> None:
    done = run("teamsmedic", "triage", "AADSTS53003", "--place", "room", "--host", "off", "--no-input")

    assert done.returncode == 4
    assert done.stdout.splitlines()[1] == "Who must act: an administrator of the tenant"
    assert "text for: tenant" in done.stdout


def test_the_ladder_is_climbed_by_what_earlier_runs_did(run: Run) -> None:
    asked = ("triage", "1001", "--web", "yes", "--host", "cache", "--json")
    first = results(run("teamsmedic", *asked))["cache"]
    assert first["verdict"] == "device"
    assert first["offered"][0] == "stale_credentials_absent", "confirmed by drift, before what only may be"
    command = first["next"]["command"].split()
    assert command[:3] == ["teamsmedic", "fix", "cache"]
    options = [one for one in command[3:] if not one.endswith(".yml") and one != "-i"]

    assert run("teamsmedic", "fix", "cache", *options, "--yes").returncode == 0
    after = results(run("teamsmedic", *asked))["cache"]
    on = results(run("teamsmedic", *asked, "--still", "yes"))["cache"]
    gone = results(run("teamsmedic", *asked, "--still", "no"))["cache"]

    assert after["offered"] == []
    assert re.search(r"stale_credentials_absent was repaired in run \S+ and is healthy now", after["stopped"])
    assert "Next would be client_cache_fresh" in after["stopped"]
    assert on["offered"] == ["client_cache_fresh"]
    assert {rung["remediation"]: rung["state"] for rung in on["ladder"]}["stale_credentials_absent"] == "tried"
    assert gone["solved"]


def test_codes_of_calls_need_no_device(run: Run, tmp_path: Path) -> None:
    done = run("teamsmedic", "triage", "sip:403", "--response", "560403", "--host", "well", "--json")

    assert results(done)[None]["verdict"] == "sbc"
    assert "not asked, because nothing on a device tells" in done.stderr
    assert runfolder.every(tmp_path / "runs") == []


def test_the_checklist_is_one_run(run: Run) -> None:
    done = run("teamsmedic", "triage", "--checklist", "--web", "yes", "--host", "cache", "--json")

    found = results(done)["cache"]
    assert [one["number"] for one in found["checklist"]] == list(range(1, 11))
    assert {one["by"] for one in found["checklist"]} == {"evidence", "question", None}
    assert {one["remediation"] for one in found["outcomes"]} == {
        "tls12_usable",
        "client_cache_fresh",
        "stale_credentials_absent",
        "device_rejoin_prepared",
        "room_account_accepted",
    }


# ------------------------------------------------------------------------------------------------ Ansible


def groups(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """The groups by verdict that the playbook names."""
    found = re.search(r'"msg": (\{.*?\n    \})', done.stdout, re.S)
    assert found, done.stdout
    return {key: sorted(hosts) for key, hosts in json.loads(found[1]).items()}


def test_a_playbook_groups_devices_by_verdict(run: Run, tmp_path: Path) -> None:
    done = run(
        "ansible-playbook", str(ROOT / "playbooks/triage.yml"), "-l", "tls-off,well,room", "-e", "codes=0xCAA70007"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert groups(done) == {"verdict_device": ["tls-off"], "verdict_network": ["room", "well"]}
    (folder,) = runfolder.every(tmp_path / "runs")
    assert folder.manifest()["command"] == "triage"
    assert "changed=0" in done.stdout
    assert "Next: Repair tls12_usable (safe)" in done.stdout


def test_a_playbook_gives_a_device_that_is_off_its_verdict_and_fails(run: Run) -> None:
    done = run(
        "ansible-playbook", str(ROOT / "playbooks/triage.yml"), "-l", "off,tls-off",
        "-e", '{"codes": ["0xCAA20003"], "answers": {"federated": true, "again": true, "web": false, "clock": "right"}}',
    )  # fmt: skip

    assert done.returncode == 2, done.stdout + done.stderr
    assert groups(done) == {"verdict_tenant": ["off", "tls-off"]}


def test_answers_that_are_none_fail_before_any_connection(run: Run, tmp_path: Path) -> None:
    done = run(
        "ansible-playbook", str(ROOT / "playbooks/triage.yml"), "-l", "off", "-e", "codes=0xCAA20003",
        "-e", '{"answers": {"web": "perhaps"}}',
    )  # fmt: skip

    assert done.returncode == 2
    assert "perhaps is no answer; use yes or no" in done.stdout
    assert runfolder.every(tmp_path / "runs") == []


def test_both_doors_come_to_the_same(run: Run, tmp_path: Path) -> None:
    play = {
        "hosts": "well",
        "gather_facts": False,
        "tasks": [
            {
                "teamsmedic.teams.remediation": {"state": "triaged", "codes": "1001", "answers": {"web": True}},
                "register": "said",
            },
            {"ansible.builtin.debug": {"msg": "{{ said.triage | to_json | b64encode }}"}},
        ],
    }
    (tmp_path / "site.yml").write_text(json.dumps([play]))
    links = tmp_path / "collections"
    links.symlink_to(ROOT / "playbooks/collections")

    done = run("ansible-playbook", str(tmp_path / "site.yml"))
    found = re.search(r'"msg": "([A-Za-z0-9+/=]+)"', done.stdout)
    assert found, done.stdout + done.stderr
    theirs = json.loads(base64.b64decode(found[1]))
    ours = results(run("teamsmedic", "triage", "1001", "--web", "yes", "--host", "well", "--json"))["well"]

    del ours["outcomes"]
    for one in (ours, theirs):
        one["not_asked"] = [question["question"] for question in one["not_asked"]]
        one["next"] = one["next"]["text"]
    assert theirs == ours


# ------------------------------------------------------------------------------------------------ a person at a terminal


@pytest.mark.usefixtures("terminals")
def test_a_person_is_asked_until_nothing_more_can_change(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1", "TEAMSMEDIC_RUN_DIR": str(tmp_path)}
    command = [str(BIN / "teamsmedic"), "triage", "0xCAA20003", "--json"]
    running = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    said, answered = "", 0
    words = ["perhaps", "no", "", "?", "", "yes", "yes"]
    while answered < 40:
        try:
            said += os.read(ours, 4096).decode()
        except OSError:  # the other end is closed
            break
        if said.endswith("]: "):
            os.write(ours, f"{words[answered] if answered < len(words) else ''}\n".encode())
            answered += 1
            said += "\n"
    output = running.communicate(timeout=60)[0]
    os.close(ours)

    (result,) = json.loads(output)["results"]
    assert said.count("Does Teams on the web work") == 2, "an answer that is none is asked again"
    given = {one["question"]: (one["answer"], one["by"]) for one in result["answers"]}
    assert given["web"] == ("no", "asked")
    assert given["federated"] == ("yes", "asked")
    assert {question["why"] for question in result["not_asked"]} <= {"asked, and not known"}
