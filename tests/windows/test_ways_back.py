"""Undo and forget whatever came since the fix, through both doors: a policy, a call that nobody can tell of, Teams that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import play, task
from harness import LabDevice
from treater import Treater

from teamsmedic import content

CACHE = "client_cache_fresh"
COPY = r"C:\Users\amber\AppData\Local\teamsmedic\Teams-new"
BREAKS = content.root() / "remediations"
UNREADABLE = (BREAKS / "client/client_cache_fresh/tests/break/microphone_unreadable.ps1").read_text().splitlines()[-1]
HELPERS = content.root() / "remediations/_helpers"
# Keys that Get-Item and Get-ChildItem hand out are kept, so that none is closed by being forgotten.
KEYS = r"""
$TM = @{ Full = $true }
$global:keys = @()
foreach ($name in 'Get-Item', 'Get-ChildItem') {
    $real = Get-Command -Name $name -CommandType Cmdlet
    Set-Item -LiteralPath "function:global:$name" -Value {
        $found = @(& $real @args)
        foreach ($key in $found) { $global:keys += [pscustomobject]@{ name = "$key"; key = $key } }
        $found
    }.GetNewClosure()
}
foreach ($person in Get-TMProfile) { $null = Get-TMMicrophone -Sid $person.sid -LoggedOn $person.logged_on }
$theirs = @($global:keys | Where-Object -FilterScript { $_.name -like 'HKEY_USERS*' })
"$($theirs.Count -gt 5)"
foreach ($key in $theirs) { try { $null = $key.key.GetValueNames(); "open: $($key.name)" } catch [System.ObjectDisposedException] { $null = $_ } }
"""


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    return device("desktop")


@pytest.fixture
def treater(desk: LabDevice) -> Iterator[Treater]:
    treater = Treater(desk, CACHE)
    yield treater
    treater.close()


def played(desk: LabDevice, folder: Path, **options: Any) -> dict[str, Any]:
    """The record of one task on the device."""
    done = play(desk, folder, [task(**options)])
    record = done.records(desk.name)[0][2]
    assert record["outcomes"], done.output
    out: dict[str, Any] = record["outcomes"][0]
    return out


@pytest.mark.parametrize("policy", ["policy_unusable", "policy_wrong_kind"])
def test_a_policy_that_came_since_keeps_no_undo_of_our_own_values(
    device: Callable[..., LabDevice], policy: str
) -> None:
    folder = BREAKS / "network/tls12_usable/tests/break"
    desk = device("desktop", breaks=(folder / "dotnet_off.ps1").read_text())
    treater = Treater(desk, "tls12_usable")
    before = treater.check(probe="").facts
    assert str(treater.fix(probe="").status) == "fixed"
    desk.admin((folder / f"{policy}.ps1").read_text())

    outcome = treater.undo()

    assert str(outcome.status) == "reverted", outcome.reasons
    assert {**(outcome.facts_after or {}), "cipher_policy": "absent"} == before
    treater.close()


@pytest.mark.parametrize("door", ["command line", "playbook"])
def test_an_undo_goes_on_without_knowing_of_a_call_where_it_is_told_to(
    desk: LabDevice, treater: Treater, tmp_path: Path, door: str
) -> None:
    treater.fix(users=["amber"])
    desk.admin(UNREADABLE)
    given = {"allow_unknown_call": True}
    if door == "command line":
        refused, done = treater.undo().to_json(), treater.undo(**given).to_json()
    else:
        refused = played(desk, tmp_path / "no", state="reverted")
        done = played(desk, tmp_path / "yes", state="reverted", parameters={CACHE: given})

    said = "cannot tell: whether amber is in a call; allow_unknown_call goes on without knowing"
    assert (refused["status"], refused["reasons"]) == ("blocked", [said])
    assert done["status"] == "reverted", done["reasons"]


def test_an_undo_tells_whose_teams_it_ended(desk: LabDevice, treater: Treater, tmp_path: Path) -> None:
    treater.fix(users=["amber"])
    teams = r"C:\Program Files\WindowsApps\MSTeams_25290.205.4069.4894_x64__8wekyb3d8bbwe\ms-teams.exe"
    process = desk.spawn(teams, user="amber")

    outcome = played(desk, tmp_path, state="reverted")

    assert not desk.runs(process)
    assert [one["object"] for one in outcome["changes"] if one["action"] == "stop"] == ["ms-teams.exe (amber)"]


def test_a_playbook_forgets_as_the_command_line_does(desk: LabDevice, treater: Treater, tmp_path: Path) -> None:
    treater.fix(users=["amber"])

    outcome = played(desk, tmp_path, state="forgotten")

    assert outcome["reasons"] == [f"the copy is gone: run {treater.runs[0]} can no longer be undone"]
    assert [one["object"] for one in outcome["changes"]] == [COPY]
    assert not desk.device.file(COPY).exists()


def test_no_key_of_a_persons_hive_stays_open(desk: LabDevice) -> None:
    helpers = "\n".join((HELPERS / f"{name}.ps1").read_text() for name in ("profiles", "microphone"))

    assert desk.admin(helpers + KEYS).split("\n") == ["True"]


def test_the_module_gives_the_console_back_whatever_happens(desk: LabDevice) -> None:
    module = (content.root() / "library/remediation.ps1").read_text()
    asked = "@{ argument = ''; statements = @(@{ name = 'a'; text = 'Start-Sleep -Seconds 2'; limit = 'no number' }) }"
    script = f"$complex_args = {asked}\ntry {{\n{module}\n}} catch {{ $null = $_ }}\n[System.Console]::Out.WriteLine('heard')\n[System.Environment]::Exit(0)"

    assert "heard" in desk.admin(script)
