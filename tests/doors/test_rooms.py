"""Teams Rooms through both doors, on replayed devices: the night window, the in-use guard, the reason, the evidence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from teamsmedic import asked, runfolder
from teamsmedic.ansible import action, inventory
from teamsmedic.errors import RequestError
from teamsmedic.lab import cli as labs
from teamsmedic.lab import replay

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PLAYBOOK = str(ROOT / "playbooks/rooms.yml")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def offset(hour: int) -> int:
    """The minutes ahead of UTC at which it is that hour of the day now."""
    minutes = (hour * 60 - int(time.time()) // 60) % 1440
    return minutes if minutes <= 720 else minutes - 1440


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The inventory of five Rooms (at night, by day, in use, refused in the tenant, with a spoilt cache) and one that is
    off."""
    folder = tmp_path_factory.mktemp("rooms")
    off = {"lab_case": {"tls12_usable": "room_off"}}
    hosts = {
        "night": {**off, "lab_utc_offset": offset(2)},
        "day": {**off, "lab_utc_offset": offset(12)},
        "used": {**off, "lab_utc_offset": offset(2), "lab_use": "in_use"},
        "refused": {"lab_case": {"room_account_accepted": "refused"}, "lab_utc_offset": offset(2)},
        "cache": {"lab_case": {"client_cache_fresh": "room"}, "lab_utc_offset": offset(2)},
    }
    group = {"vars": {"lab_role": "room", "teamsmedic_night_window": "22:00-05:00"}, "hosts": hosts}
    silent = {"off": {"lab_off": True, "lab_role": "room"}}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": silent, "children": {"rooms": group}}}))
    up = labs.up(folder / "hosts.yml", folder / "lab")
    yield str(up.inventory)
    labs.down(folder / "lab")


@pytest.fixture
def run(rooms: str, python_path: str, tmp_path: Path) -> Run:
    """Runs teamsmedic or ansible-playbook on the Rooms."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_"))}
    environment = {**kept, "LC_ALL": "C.UTF-8", "HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "ansible"),
                   "ANSIBLE_NOCOLOR": "1", "PYTHONPATH": python_path, "TEAMSMEDIC_RUN_DIR": str(tmp_path / "runs")}  # fmt: skip

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(BIN / program), *words, "-i", rooms],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Host to status and first reason of its only outcome."""
    assert done.stdout.startswith("{"), done.stderr
    found: dict[str, tuple[str, str]] = {}
    for host in json.loads(done.stdout)["hosts"]:
        (one,) = host["outcomes"]
        found[host["host"]] = one["status"], (one["reasons"] or [""])[0]
    return found


def test_a_room_is_repaired_at_night_while_nobody_uses_it(run: Run, tmp_path: Path) -> None:
    """The two doors in one run after the other: what the first did at night the second finds done."""
    done = run(
        "teamsmedic", "fix", "night,day,used", "--remediation", "tls12_usable", "--waves", "100%", "--yes", "--json"
    )

    found = outcomes(done)
    assert done.returncode == 5
    assert found["night"][0] == "fixed"
    assert re.fullmatch(
        r"outside its night window, 1[12]:\d\d local time: to be tried again in the next night window \(22:00-05:00\)",
        found["day"][1],
    )
    assert found["used"] == (
        "blocked",
        f"the Room is in use ({replay.HOLDER}): to be tried again in the next night window (22:00-05:00)",
    )
    rehearsed = outcomes(run("teamsmedic", "fix", "day", "--remediation", "tls12_usable", "--dry-run", "--json"))
    assert rehearsed["day"][0] == "drifted"
    folder, _ = runfolder.every(tmp_path / "runs")
    assert [host for host in folder.hosts() if folder.hashes(host)] == ["night"], "nothing else was begun"
    assert folder.of("night")[0]["night_window"] == "22:00-05:00"

    play = run("ansible-playbook", PLAYBOOK, "-l", "rooms", "-e", "codes=0xCAA70007", "-e", "because=nightly")

    assert play.returncode == 0, play.stdout + play.stderr
    recap = {
        host: dict(re.findall(r"(\w+)=(\d+)", rest)) for host, rest in re.findall(r"^(\w+) +: (.*)$", play.stdout, re.M)
    }
    assert {host: one["changed"] for host, one in recap.items()} == dict.fromkeys(recap, "0")
    assert len(recap) == 5
    assert play.stdout.count("tls12_usable: blocked (outside its night window") == 1
    assert play.stdout.count("tls12_usable: blocked (the Room is in use") == 1
    assert "tenant: Confirmed: The room's account is asked for a second factor" in play.stdout
    assert "skipping: [refused]" in play.stdout, "nothing is offered on the device"
    told = {(one.manifest()["command"], one.manifest()["because"]) for one in runfolder.every(tmp_path / "runs")}
    assert told == {("fix", ""), ("check", ""), ("triage", ""), ("fix", "nightly")}


def test_that_a_night_window_was_lifted_is_on_record(run: Run, tmp_path: Path) -> None:
    """Fixed by one door, undone by the other."""
    lifted = ("-e", "teamsmedic_night_window=")
    run("teamsmedic", "fix", "day", "--remediation", "tls12_usable", "--yes", *lifted)
    run("ansible-playbook", str(ROOT / "playbooks/undo.yml"), "-l", "day", *lifted)

    records = [one.of("day")[0] for one in runfolder.every(tmp_path / "runs")]
    assert {(one["verb"], one["night_window"]) for one in records} == {("fix", None), ("undo", None)}


def test_a_room_that_is_off_has_a_verdict_and_is_no_success(run: Run) -> None:
    play = run("ansible-playbook", PLAYBOOK, "-l", "off", "-e", "codes=AADSTS53003")
    fix = run("ansible-playbook", PLAYBOOK, "-l", "off", "-e", "codes=AADSTS53003", "--tags", "fix")

    assert (play.returncode, fix.returncode) == (4, 2)
    for one in (play, fix):
        assert '"tenant: The likeliest cause left: A Conditional Access policy blocks the room' in one.stdout
        assert '"- AADSTS53003 (once): Conditional Access does not let the token be issued.",' in one.stdout


def test_people_in_a_room_are_disturbed_for_a_reason_only(run: Run, tmp_path: Path) -> None:
    asked = ("fix", "cache", "--remediation", "client_cache_fresh", "--allow", "disruptive", "--yes", "--json")

    silent = outcomes(run("teamsmedic", *asked))["cache"]
    told = outcomes(run("teamsmedic", *asked, "--because", "TICKET 7: sign-in hangs"))["cache"]

    assert silent[0] == "blocked"
    assert "give a reason (--because)" in silent[1]
    assert told[0] == "fixed"
    folder = runfolder.every(tmp_path / "runs")[-1]
    assert folder.manifest()["because"] == "TICKET 7: sign-in hangs"
    (way_back,) = [one for one in folder.of("cache") if one["type"] == "way_back"]
    journal = json.loads(way_back["remediations"]["client_cache_fresh"]["journal"])
    assert (journal["by"], journal["because"]) == (folder.manifest()["by"], "TICKET 7: sign-in hangs")


def test_a_window_that_is_none_stops_before_any_connection(run: Run, tmp_path: Path) -> None:
    said = "read teamsmedic_night_window of night: '22-5' is no part of a day; write it as 22:00-05:00."
    options = {"remediations": ["tls12_usable"], "state": "fixed", "run_dir": str(tmp_path / "runs")}
    task = action.Task("night", options, night_window="22-5")

    done = run(
        "teamsmedic", "fix", "night", "--remediation", "tls12_usable", "--yes", "-e", "teamsmedic_night_window=22-5"
    )
    result = action.carry_out(task, lambda: pytest.fail("a connection was opened"))

    assert (done.returncode, done.stderr.strip()) == (3, said)
    assert (result["failed"], result["msg"]) == (True, said)
    assert runfolder.every(tmp_path / "runs") == []


def test_a_room_tells_its_code_without_anybody_giving_one(run: Run) -> None:
    done = run("teamsmedic", "triage", "--host", "refused:night", "--no-input", "--json")

    found = {one["host"]: one for one in json.loads(done.stdout)["results"]}
    assert done.returncode == 5, "of the other Room nothing is known"
    refused = found["refused"]
    assert (refused["verdict"], refused["offered"]) == ("tenant", [])
    assert [one["code"] for one in refused["codes"]] == ["AADSTS50076"]
    (text,) = refused["texts"]
    assert text["for"] == "tenant"
    assert "events 1098 and 2001: 3 in all" in text["body"]
    assert not re.search("oslo|contoso|refused\\b|127.0.0.1", text["body"], re.I), "no name of account or device"
    assert "The account of this Room is let in: healthy." in found["night"]["reasons"]


@pytest.mark.parametrize("code", ["AADSTS53003", "AADSTS50076", "AADSTS50079", "AADSTS50055", "AADSTS50126"])
def test_no_fix_is_offered_for_what_the_tenant_refuses(code: str) -> None:
    with pytest.raises(RequestError, match="no remediation on a device cures its causes; see who must act"):
        asked.plan(code, now=0)


def test_the_example_inventory_gives_rooms_their_night() -> None:
    read = inventory.resolve("windows", sources=[str(ROOT / "inventories/example")], user="u", password="p")

    windows = {one.name: str(one.night_window) for one in read if one.night_window}
    assert windows == {"room-madrid.example.com": "22:00-05:00", "room-oslo.example.com": "22:00-05:00"}
