"""client_cache_fresh and the programs that run: whose are ended, what if one does not end, and Teams afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from harness import LabDevice
from snapshot import IGNORE, Ignore
from treater import Treater

from teamsmedic.lab.seed import TEAMS_FOLDER

ID = "client_cache_fresh"
WEBVIEW = r"C:\Program Files (x86)\Microsoft\EdgeWebView\Application\131.0.2903.86\msedgewebview2.exe"
PACKAGE = r"Packages\MSTeams_8wekyb3d8bbwe"
CACHE = rf"{PACKAGE}\LocalCache\Microsoft\MSTeams"
JOURNAL = re.compile(r"file C:\\ProgramData\\teamsmedic(\\|$)", re.IGNORECASE)
BUT_JOURNAL: Ignore = (*IGNORE, (JOURNAL, "the device's journal"))


def local(user: str, path: str) -> str:
    return rf"C:\Users\{user}\AppData\Local\{path}"


def webview(device: LabDevice, user: str, folder: str, *more: str) -> int:
    return device.spawn(WEBVIEW, "--embedded-browser-webview=1", f"--user-data-dir={folder}", *more, user=user)


@pytest.fixture
def desk(device: Callable[..., LabDevice]) -> LabDevice:
    return device("desktop")


@pytest.fixture
def treater(desk: LabDevice) -> Iterator[Treater]:
    treater = Treater(desk, ID)
    yield treater
    treater.close()


def test_exactly_the_asked_persons_teams_is_ended(desk: LabDevice, treater: Treater) -> None:
    hers = {
        "Teams": desk.spawn(rf"{TEAMS_FOLDER}\ms-teams.exe", user="amber"),
        "a child with an unknown name": desk.spawn(rf"{TEAMS_FOLDER}\ms-teams_modulehost.exe", user="amber"),
        "its WebView2": webview(desk, "amber", local("amber", rf"{CACHE}\EBWebView"), "--lang=de"),
    }
    others = {
        "Outlook's WebView2": webview(desk, "amber", local("amber", r"Microsoft\Olk\EBWebView")),
        "a WebView2 that names Teams elsewhere": webview(
            desk, "amber", local("amber", r"Other\MSTeams_8wekyb3d8bbwe"), f"--note={local('amber', CACHE)}"
        ),
        "a path that contains the text": desk.spawn(
            r"C:\Users\amber\Downloads\WindowsApps\MSTeams_1.0_x64__8wekyb3d8bbwe\ms-teams.exe", user="amber"
        ),
        "another package": desk.spawn(
            r"C:\Program Files\WindowsApps\MSTeamsExtras_1.0_x64__8wekyb3d8bbwe\ms-teams.exe", user="amber"
        ),
        "the classic one": desk.spawn(local("amber", r"Microsoft\Teams\current\Teams.exe"), user="amber"),
        "Teams of somebody else": desk.spawn(rf"{TEAMS_FOLDER}\ms-teams.exe", user="carla"),
        "somebody else's WebView2 in her folder": webview(desk, "carla", local("amber", rf"{CACHE}\EBWebView")),
        "Teams of SYSTEM": desk.spawn(rf"{TEAMS_FOLDER}\ms-teamsupdate.exe", user="SYSTEM"),
    }
    outcome = treater.fix(users=["amber"])

    assert (str(outcome.status), outcome.reasons[:1]) == ("fixed", [
        "amber has a new Teams cache that was not renewed since the trouble was seen"
    ])  # fmt: skip
    stopped = ["ms-teams.exe (amber)", "ms-teams_modulehost.exe (amber)", "msedgewebview2.exe (amber)"]
    assert [one.object for one in outcome.changes if one.action == "stop"] == stopped
    assert {name for name, process in hers.items() if desk.runs(process)} == set()
    assert {name for name, process in others.items() if not desk.runs(process)} == set()


def test_classic_teams_is_known_by_its_folder_in_the_profile(desk: LabDevice, treater: Treater) -> None:
    teams = desk.spawn(local("amber", r"Microsoft\Teams\current\Teams.exe"), user="amber")
    update = desk.spawn(local("amber", r"Microsoft\Teams\Update.exe"), user="amber")
    beside = desk.spawn(local("amber", r"Microsoft\TeamsMeetingAddin\1.24\Tool.exe"), user="amber")
    desk.device.put(r"C:\Users\amber\AppData\Roaming\Microsoft\Teams\Cache\data_0", b"old")

    outcome = treater.fix(users=["amber"], clients=["classic"])

    assert str(outcome.status) == "fixed"
    assert [desk.runs(one) for one in (teams, update, beside)] == [False, False, True]


# Rights by which everybody may ask the process and wait for it, and nobody may end it.
PROTECT = r"""
Add-Type -TypeDefinition @'
using System;
using System.Runtime.InteropServices;
public static class Protect
{
    [DllImport("kernel32.dll")] static extern IntPtr OpenProcess(int access, bool inherit, int id);
    [DllImport("advapi32.dll")] static extern bool SetKernelObjectSecurity(IntPtr process, int what, byte[] rights);
    public static bool Set(int id, byte[] rights) { return SetKernelObjectSecurity(OpenProcess(0x40000, false, id), 4, rights); }
}
'@
$rights = New-Object System.Security.AccessControl.RawSecurityDescriptor 'D:(A;;0x101000;;;WD)'
$bytes = New-Object byte[] $rights.BinaryLength
$rights.GetBinaryForm($bytes, 0)
[Protect]::Set(ID, $bytes)
"""


def test_teams_that_does_not_end_is_named_and_nothing_is_renamed(desk: LabDevice, treater: Treater) -> None:
    teams = desk.spawn(rf"{TEAMS_FOLDER}\ms-teams.exe", user="amber")
    assert desk.admin(PROTECT.replace("ID", str(teams))) == "True"
    before = desk.snapshot()

    outcome = treater.fix(users=["amber"])

    assert (str(outcome.status), outcome.reasons) == ("blocked", ["in use by ms-teams.exe (amber)"])
    # The journal's folder stays, its entry is withdrawn.
    made = {r"file c:\programdata\teamsmedic", r"file c:\programdata\teamsmedic\journal"}
    assert set(desk.changes(before)) <= made


def test_a_new_cache_after_the_fix_is_fresh_and_undo_brings_the_old_one_back(desk: LabDevice, treater: Treater) -> None:
    before = desk.snapshot()
    assert str(treater.fix(users=["amber"]).status) == "fixed"

    teams = desk.spawn(rf"{TEAMS_FOLDER}\ms-teams.exe", user="amber")
    used = rf"""
        $cache = '{local("amber", CACHE)}'
        foreach ($file in 'app.json', 'EBWebView\Local State', 'Logs\MSTeams.log', 'Backgrounds\Uploads\since.png') {{
            $null = New-Item -Path "$cache\$file" -Value 'new' -Force
        }}
    """
    desk.user("amber", used)
    grown = desk.snapshot()
    assert str(treater.check(users=["amber"]).status) == "healthy"
    assert str(treater.fix(users=["amber"]).status) == "healthy"
    assert desk.changes(grown) == {}
    assert desk.runs(teams)
    # The trouble is still seen after the treatment, and somebody says so.
    assert str(treater.check(users=["amber"], symptom_since="0s").status) == "drifted"

    assert str(treater.undo().status) == "reverted"
    assert not desk.runs(teams)
    uploaded = f"file {local('amber', CACHE)}\\Backgrounds\\Uploads\\since.png".lower()
    assert set(desk.changes(before, BUT_JOURNAL)) == {uploaded}
