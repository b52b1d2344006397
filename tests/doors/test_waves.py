"""Waves and resumed runs, through both doors, on replayed devices that are off, slow, lie, restart or have a wrong clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from teamsmedic import content, runfolder
from teamsmedic.lab import cases, replay

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ANSIBLES = [
    BIN / "ansible-playbook",
    *(Path(one) for one in os.environ.get("TEAMSMEDIC_TEST_ANSIBLES", "").split(os.pathsep) if one),
]
"""As in test_ansible_door.py."""
DOORS = ["command", *ANSIBLES]
each_door = pytest.mark.parametrize("door", DOORS, ids=lambda one: one if isinstance(one, str) else one.parents[1].name)
DAY = 86_400


@dataclass
class Done:
    """What a run ended with, and what is in its run folder."""

    code: int
    output: str
    folder: runfolder.RunFolder

    def kinds(self) -> dict[str, str]:
        """By host: its status of lamp_on, or the kind of its last record."""
        last = {host: records[-1] for host, records in self.folder.hosts().items()}
        return {
            host: one["outcomes"][0]["status"] if one["type"] == "outcome" else one["type"]
            for host, one in last.items()
        }

    def recap(self, host: str) -> dict[str, int]:
        """The counts of a host in Ansible's recap."""
        line = next(one for one in self.output.splitlines() if one.startswith(f"{host} ") and "unreachable=" in one)
        return {key: int(value) for key, value in (part.split("=") for part in line.split(":")[1].split())}


@dataclass
class Fleet:
    """Devices of a lab in this process, and both doors to them."""

    lab: Any
    folder: Path
    python_path: str
    devices: dict[str, replay.ReplayDevice] = field(default_factory=dict)
    remediation: str = "lamp_on"

    def add(
        self, name: str, case: str = "dark", also: dict[str, str] | None = None, **about: Any
    ) -> replay.ReplayDevice:
        """A device that is reached by its name."""
        chosen = cases.choose(content.root(), "desktop", {self.remediation: case, **(also or {})})
        self.devices[name] = replay.ReplayDevice(name, "desktop", chosen, **about)
        self.lab.add(name, backend=self.devices[name], clock_offset=self.devices[name].ahead)
        return self.devices[name]

    def requests(self) -> dict[str, int]:
        """How often each device was asked since this was asked last."""
        seen = {name: self.lab.devices[name].requests for name in self.devices}
        for name in seen:
            self.lab.devices[name].requests = 0
        return seen

    def start(self, door: str | Path, *options: str, **given: Any) -> subprocess.Popen[str]:
        """Starts a fix of all; `given`: options of waves, named alike at both doors."""
        variables = {
            "ansible_connection": "psrp", "ansible_host": "127.0.0.1", "ansible_port": self.lab.port,
            "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm", "ansible_user": "labadmin",
            "ansible_psrp_path": "{{ inventory_hostname }}/wsman", "ansible_password": "Pass-word_1",
        }  # fmt: skip
        source = self.folder / "inventory.yml"
        hosts = dict.fromkeys(self.devices)
        source.write_text(yaml.safe_dump({"all": {"vars": variables, "hosts": hosts}}, sort_keys=False))
        if door == "command":
            words = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given.items()]
            command = [BIN / "teamsmedic", "fix", "all", "--remediation", self.remediation, "--yes", "--json"]
        else:
            words = [("-e", json.dumps({name: value})) for name, value in given.items()]
            playbook = ROOT / "playbooks/fix.yml"
            command = [door, playbook, "-e", "target=all", "-e", f"remediations={self.remediation}"]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
            "HOME": str(self.folder), "ANSIBLE_HOME": str(self.folder / "ansible"), "ANSIBLE_NOCOLOR": "1",
            "PYTHONPATH": self.python_path, "TEAMSMEDIC_RUN_DIR": str(self.folder / "runs"),
        }  # fmt: skip
        return subprocess.Popen(
            [*map(str, command), "-i", str(source), *(word for pair in words for word in pair), *options],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def end(self, process: subprocess.Popen[str]) -> Done:
        """Waits for the end of a run."""
        output = process.communicate(timeout=100)[0]
        folders = runfolder.every(self.folder / "runs")
        assert folders, output
        return Done(process.returncode, output, folders[-1])

    def fix(self, door: str | Path, *options: str, **given: Any) -> Done:
        """A whole run."""
        time.sleep(
            max(0.0, 1.0 - time.time() % 1.0) if (self.folder / "runs").exists() else 0
        )  # a run's id sorts by second
        return self.end(self.start(door, *options, **given))


@pytest.fixture
def fleet(lab, python_path, tmp_path):
    return Fleet(lab, tmp_path, python_path)


def until(so: Callable[[], bool]) -> None:
    """Waits for something that another process is about to do."""
    last = time.monotonic() + 60
    while not so():
        assert time.monotonic() < last, "it did not happen"
        time.sleep(0.02)


@each_door
def test_devices_that_are_off_do_not_end_a_run_and_a_resume_takes_them_first(fleet, door):
    """The first one and 40 % are off, one is slow, two have clocks that are a day off."""
    for number in range(10):
        fleet.add(f"d{number}", off=number in (0, 3, 5, 8))
    fleet.devices["d1"].delay = 0.3
    fleet.devices["d2"].ahead, fleet.devices["d4"].ahead = DAY, -DAY
    for one in fleet.devices.values():
        one.__post_init__()
    off = {name for name, one in fleet.devices.items() if one.off}

    first = fleet.fix(door)

    assert first.code == 4, first.output
    assert first.kinds() == {name: "unreachable" if name in off else "fixed" for name in fleet.devices}
    manifest = first.folder.manifest()
    assert manifest["exit_code"] == 4
    assert len(manifest["waves"]) == 4
    assert sorted(host for wave in manifest["waves"] for host in wave) == sorted(fleet.devices)
    if door != "command":
        assert {name: first.recap(name)["unreachable"] for name in fleet.devices} == {
            name: int(name in off) for name in fleet.devices
        }

    fleet.requests()
    for one in fleet.devices.values():
        one.off = False
    again = fleet.fix(door, resume=first.folder.id)

    assert again.code == 0, again.output
    assert again.kinds() == {name: "fixed" if name in off else "healthy" for name in fleet.devices}
    assert {name for name, count in fleet.requests().items() if count} == off
    assert f"verified in run {first.folder.id}" in again.folder.of("d1")[-1]["outcomes"][0]["reasons"][0]

    old = fleet.fix(door, resume=again.folder.id, evidence_age="0m")
    assert old.code == 0, old.output
    assert all(fleet.requests().values())


@each_door
def test_devices_that_lie_or_restart_hold_back_the_others_until_they_are_verified(fleet, door):
    for name, fault in {"a": None, "b": "lies", "c": "restarts", "d": None, "e": None, "f": None}.items():
        fleet.add(name, faults={"lamp_on": fault} if fault else {})

    first = fleet.fix(door, "--forks", "1", waves="1,3,100%", failure_budget=3)

    assert first.code == 2, first.output
    assert first.kinds() == {"a": "fixed", "b": "failed", "c": "failed", "d": "fixed", "e": "stopped", "f": "stopped"}
    said = first.folder.of("f")[-1]["error"]
    assert "wave 2: 1 of 3 that answered are verified, and 80 % are wanted" in said
    assert first.folder.manifest()["waves"] == [["a"], ["b", "c", "d"]]
    asked = fleet.requests()
    assert (asked["e"], asked["f"]) == (0, 0)
    if door != "command":
        assert [first.recap(name)["skipped"] for name in "abcdef"] == [0, 0, 0, 0, 1, 1]

    fleet.devices["b"].faults.clear()
    fleet.devices["c"].faults.clear()
    until(lambda: not fleet.devices["c"].away)
    again = fleet.fix(door, waves="1,3,100%", resume=first.folder.id)

    assert again.code == 0, again.output
    # What the restart cut off had been done.
    assert again.kinds() == {"a": "healthy", "b": "fixed", "c": "healthy", "d": "healthy", "e": "fixed", "f": "fixed"}
    asked = fleet.requests()
    assert (asked["a"], asked["d"]) == (0, 0)


@each_door
def test_a_run_that_stops_for_devices_in_use_is_no_success(fleet, door):
    """A blocked device is ok to Ansible; all others held back behind it are not."""
    fleet.add("a", "stuck")
    fleet.add("b")
    fleet.add("c")

    done = fleet.fix(door, "--forks", "1")

    assert done.code == (5 if door == "command" else 2), done.output
    assert done.kinds() == {"a": "blocked", "b": "stopped", "c": "stopped"}
    assert "0 of 1 that answered are verified" in done.output
    assert fleet.requests()["b"] == 0


@each_door
def test_nobody_logged_on_counts_as_not_reached(fleet, door, monkeypatch):
    monkeypatch.delenv("TEAMSMEDIC_CONTENT")
    content.root.cache_clear()
    fleet.remediation = "stale_credentials_absent"
    fleet.add("a", "nobody_logged_on")
    fleet.add("b", "own")

    done = fleet.fix(door)

    assert done.code == 4, done.output
    assert done.kinds() == {"a": "unreachable", "b": "healthy"}
    assert done.folder.of("a")[-1]["outcomes"][0]["reasons"] == ["nobody is logged on"]
    if door != "command":
        assert (done.recap("a")["unreachable"], done.recap("a")["failed"]) == (1, 0)


@each_door
def test_a_controller_that_is_killed_leaves_nobody_behind_and_the_run_goes_on(fleet, door):
    for number in range(6):
        fleet.add(f"d{number}", delay=0.5)
    runs = fleet.folder / "runs"

    process = fleet.start(door, "--forks", "4", waves="1,2,100%")

    def done() -> set[str]:
        hosts = [one for folder in runfolder.every(runs) for one in folder.hosts().items()]
        return {host for host, records in hosts if records[-1]["type"] == "outcome"}

    until(lambda: bool(done()))
    process.kill()
    process.communicate(timeout=60)
    if door != "command":  # its workers go on with what they are at; since 2.19 they share its output no longer
        until(lambda: not any(fleet.lab.devices[name].endpoint.open_shells for name in fleet.devices))
    (killed,) = runfolder.every(runs)
    verified, begun = done(), {name for name, count in fleet.requests().items() if count}
    assert verified <= begun
    assert len(begun) <= 3  # two waves

    again = fleet.fix(door, waves="1,2,100%", resume=killed.id)

    assert again.code == 0, again.output
    assert set(again.kinds().values()) <= {"fixed", "healthy"}
    assert {name for name, count in fleet.requests().items() if count} == set(fleet.devices) - verified
    assert all(one._facts["lamp_on"] == cases.choose(content.root(), "desktop", {"lamp_on": "lit"})["lamp_on"].facts
               for one in fleet.devices.values())  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"), [("command", ANSIBLES[0]), (ANSIBLES[0], "command")], ids=["ansible", "cli"]
)
def test_of_two_controllers_at_one_device_the_second_says_who_holds_it(fleet, first, second):
    device = fleet.add("d", also={"shelf_tidy": "messy"}, delay=1.0)
    slow = fleet.start(first)
    until(lambda: device._held() is not None)
    (holder,) = runfolder.every(fleet.folder / "runs")
    device._lock = (device._lock[0], device._lock[1], time.monotonic() + 60)
    device.delay = 0.0
    fleet.remediation = "shelf_tidy"  # what the first one mends is well to the replay device at once

    other = fleet.end(fleet.start(second))

    device._lock = None
    assert fleet.end(slow).code == 0
    assert other.folder.id != holder.id
    (outcome,) = other.folder.of("d")[-1]["outcomes"]
    assert (outcome["status"], other.code) == ("blocked", 5 if second == "command" else 0)
    assert outcome["reasons"][0].startswith(f"held by {holder.id} since 20")


@each_door
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"waves": "1,many"}, "many is no number of devices"),
        ({"threshold": "200"}, "give a whole number from 0 to 100"),
        ({"resume": "20260101T000000Z-abcdef"}, "there is no such folder"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_cannot_be_asked_for_fails_before_any_connection(fleet, door, given, said):
    fleet.add("a")
    fleet.add("b")
    process = fleet.start(door, **given)
    output = process.communicate(timeout=60)[0]

    assert process.returncode == (3 if door == "command" else 2), output
    assert said in " ".join(output.split())
    assert fleet.requests() == {"a": 0, "b": 0}
