"""The devices themselves: what a test may rely on when it says that something was or was not there."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from teamsmedic.lab import seed
from teamsmedic.lab.device import Device, DeviceError, template

AMBER, BRUNO, CARLA = seed.AMBER, seed.BRUNO, seed.CARLA
TEAMS = rf"{seed.TEAMS_FOLDER}\ms-teams.exe"
LAB_KEY = r"HKLM:\SOFTWARE\WOW6432Node\LabTest"
VAULT = r"""
Add-Type -TypeDefinition @'
using System; using System.Collections.Generic; using System.Runtime.InteropServices;
public static class Vault {
    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)] struct Credential { public int Flags, Type; public string TargetName, Comment; public long LastWritten; public int BlobSize; public IntPtr Blob; public int Persist, Attributes; public IntPtr Attribute; public string Alias, UserName; }
    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)] static extern bool CredWriteW(ref Credential credential, int flags);
    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)] static extern bool CredEnumerateW(string filter, int flags, out int count, out IntPtr list);
    public static int Write(string target) {
        Credential c = new Credential(); c.Type = 1; c.TargetName = target; c.UserName = "x"; c.Comment = c.Alias = ""; c.Persist = 2; c.BlobSize = 2; c.Blob = Marshal.StringToHGlobalUni("x");
        return CredWriteW(ref c, 0) ? 0 : Marshal.GetLastWin32Error(); }
    public static string List() {
        int count; IntPtr list; if (!CredEnumerateW(null, 0, out count, out list)) return "error " + Marshal.GetLastWin32Error();
        List<string> names = new List<string>();
        for (int i = 0; i < count; i++) names.Add(((Credential)Marshal.PtrToStructure(Marshal.ReadIntPtr(list, i * IntPtr.Size), typeof(Credential))).TargetName);
        return string.Join(",", names.ToArray()); } }
'@
"""
WHO = r"""
$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
ConvertTo-Json -Compress -InputObject @{
    sid = $identity.User.Value; name = $identity.Name; home = $HOME; local = $env:LOCALAPPDATA
    folder = [Environment]::GetFolderPath('LocalApplicationData'); temp = [IO.Path]::GetTempPath()
    admin = ([Security.Principal.WindowsPrincipal]$identity).IsInRole('Administrators')
    marker = "$((Get-ItemProperty -LiteralPath HKCU:\Environment).Marker)"
}
"""


@pytest.fixture(scope="module")
def desk(windows_lab: Any) -> Iterator[Any]:
    """One desktop for all tests here that leave it as it was or look at their own change only."""
    one = windows_lab.add("desktop", ("hard_names",))
    one.admin(
        rf"""$null = New-Item '{LAB_KEY}\A' -Force
        $null = New-ItemProperty '{LAB_KEY}\A' -Name D -Value 1 -PropertyType DWord
        $null = New-Item C:\Data\Old -ItemType Directory -Force
        Set-Content C:\Data\Old\x.txt one; Set-Content C:\Data\b.txt bytes"""
    )
    time.sleep(0.1)  # what was hashed just after its change is hashed again
    one.snapshot()
    yield one
    one.remove()


class Change:
    """What changes while the block runs: `seen` without, `all` with what changes by itself."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.seen: dict[str, Any] = {}
        self.all: dict[str, Any] = {}

    def __enter__(self) -> Change:
        self.before = self.device.snapshot()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            from snapshot import difference

            after = self.device.snapshot()
            self.all = difference(self.before, after, ())
            self.seen = difference(self.before, after)


# ---------------------------------------------------------------- who sees what


@pytest.mark.parametrize("person", [AMBER, CARLA, seed.ZOE], ids=lambda person: person.folder)
def test_a_desk_user_has_an_identity_folders_and_a_hive_of_his_own(desk: Any, person: seed.Person) -> None:
    marker = uuid.uuid4().hex
    desk.user(person.folder, f"Set-ItemProperty HKCU:\\Environment -Name Marker -Value {marker}")
    mine = json.loads(desk.user(person.folder, WHO))
    local = rf"{person.profile}\AppData\Local"
    assert mine == {
        "sid": person.sid,
        "name": rf"{person.domain}\{person.account}",
        "home": person.profile,
        "local": local,
        "folder": local,
        "temp": rf"{local}\Temp" + "\\",
        "admin": False,
        "marker": marker,
    }
    theirs = json.loads(desk.admin(WHO))
    assert theirs["admin"]
    assert theirs["sid"] == seed.ADMIN_SID
    assert theirs["marker"] == ""
    assert theirs["local"] == rf"C:\Users\{seed.ADMIN}\AppData\Local"
    below = desk.admin(f"(Get-ItemProperty 'Registry::HKEY_USERS\\{person.sid}\\Environment').Marker")
    assert below == marker


def test_only_those_who_are_logged_on_have_a_session(desk: Any) -> None:
    found = desk.admin(
        "(Get-ChildItem Registry::HKEY_USERS | Where-Object { (Get-ItemProperty "
        '"Registry::$($_.Name)\\Volatile Environment" -ErrorAction Ignore).USERNAME }).PSChildName -join " "'
    )
    assert set(found.split()) == {AMBER.sid, CARLA.sid, seed.ZOE.sid}
    with pytest.raises(DeviceError, match="is the user logged on"):
        desk.user(BRUNO.folder, "1")


def test_the_administrators_vault_answers_1312_and_a_users_works(desk: Any) -> None:
    assert desk.admin(VAULT + '"$([Vault]::List()) $([Vault]::Write("lab:x"))"') == "error 1312 1312"
    assert desk.user("carla", VAULT + '"$([Vault]::Write("lab:y")) $([Vault]::List())"') == "0 lab:y"


def test_a_secret_that_a_user_sealed_stays_closed_to_the_administrator(desk: Any) -> None:
    seal = (
        "[Convert]::ToBase64String([Security.Cryptography.ProtectedData]::Protect([byte[]](1,2), $null, 'CurrentUser'))"
    )
    sealed = desk.user("amber", seal)
    opened = desk.admin(
        f"try {{ [Security.Cryptography.ProtectedData]::Unprotect([Convert]::FromBase64String('{sealed}'), $null,"
        " 'CurrentUser') } catch { 'closed' }"
    )
    assert opened == "closed"


def test_system_has_its_own_profile(desk: Any) -> None:
    mine = json.loads(desk.user("SYSTEM", WHO))
    assert (mine["sid"], mine["admin"]) == ("S-1-5-18", True)
    assert mine["local"] == r"C:\windows\system32\config\systemprofile\AppData\Local"


def test_a_task_really_runs_in_the_users_session(desk: Any) -> None:
    script = rf"""
    [IO.File]::WriteAllText('C:\Data\who.ps1', @'
{WHO.replace("ConvertTo-Json", "$answer = ConvertTo-Json")}
[IO.File]::WriteAllText("C:\Data\who.json", $answer)
exit 5
'@)
    $action = New-ScheduledTaskAction -Execute powershell.exe -Argument '-NoProfile -File C:\Data\who.ps1'
    $principal = New-ScheduledTaskPrincipal -UserId {AMBER.sid} -LogonType Interactive -RunLevel Limited
    $null = Register-ScheduledTask -TaskPath \lab\ -TaskName who -Action $action -Principal $principal
    Start-ScheduledTask -TaskPath \lab\ -TaskName who
    do {{
        Start-Sleep -Milliseconds 50
        $r = (Get-ScheduledTaskInfo -TaskPath \lab\ -TaskName who).LastTaskResult
    }} while ($r -in 267009, 267011)
    Unregister-ScheduledTask -TaskPath \lab\ -TaskName who -Confirm:$false
    "$r $([IO.File]::ReadAllText('C:\Data\who.json'))"
    """
    code, _, answer = desk.admin(script).partition(" ")
    assert code == "5"
    assert json.loads(answer)["sid"] == AMBER.sid
    assert not json.loads(answer)["admin"]


def test_a_task_for_somebody_who_is_logged_off_waits(desk: Any) -> None:
    script = f"""
    $principal = New-ScheduledTaskPrincipal -UserId {BRUNO.sid} -LogonType Interactive
    $action = New-ScheduledTaskAction -Execute powershell.exe -Argument '-Command exit'
    $null = Register-ScheduledTask -TaskName off -Action $action -Principal $principal
    Start-ScheduledTask -TaskName off
    "$((Get-ScheduledTaskInfo -TaskName off).LastTaskResult) $((Get-ScheduledTask -TaskName off).State)"
    Unregister-ScheduledTask -TaskName off -Confirm:$false
    """
    assert desk.admin(script) == "267011 Queued"


def test_the_hive_of_somebody_who_is_logged_off_can_be_loaded_and_keeps_a_change(desk: Any) -> None:
    reg = r"$reg = 'C:\windows\system32\reg.exe'; "
    busy = reg + r"$null = & $reg load HKU\lab-busy C:\Users\amber\NTUSER.DAT 2>$null; $LASTEXITCODE"
    assert desk.admin(busy) == "1"
    change = (
        reg
        + r"""
    $null = & $reg load HKU\lab-off C:\Users\bruno\NTUSER.DAT
    $null = & $reg add HKU\lab-off\Environment /v M /d offline /f
    $null = & $reg unload HKU\lab-off
    Test-Path Registry::HKEY_USERS\lab-off"""
    )
    assert desk.admin(change) == "False"
    assert '"M"="offline"' in desk.device.file(r"C:\Users\bruno\NTUSER.DAT").read_text()


# ---------------------------------------------------------------- what it looks like


def test_a_desktop_looks_like_windows_11_with_teams(desk: Any) -> None:
    key = r"HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    assert desk.admin(f"$v = Get-ItemProperty '{key}'; \"$($v.ProductName) $($v.CurrentBuildNumber)\"") == (
        "Windows 10 Enterprise 22631"
    )
    assert desk.admin("[Environment]::OSVersion.Version.ToString(); $env:COMPUTERNAME").split() == [
        "10.0.22631.0",
        desk.name.upper(),
    ]
    for person in desk.device.people:
        cache = desk.device.file(
            rf"{person.profile}\AppData\Local\Packages\{seed.TEAMS_FAMILY}\LocalCache\Microsoft\MSTeams"
        )
        assert {entry.name for entry in cache.iterdir()} >= {"Logs", "EBWebView", "Backgrounds"}
        assert len(list(cache.glob("Backgrounds/Uploads/*.png"))) == 2


def test_a_room_looks_like_a_teams_room(device: Callable[..., Any]) -> None:
    room = device("room")
    found = room.admin(
        r"""$w = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'
        "$($w.AutoAdminLogon) $($w.DefaultUserName) $(Test-Path C:\Rigel)"
        Test-Path 'HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Skype Room System'"""
    )
    assert found.split() == ["1", "Skype", "True", "True"]
    who = json.loads(room.user("Skype", WHO))
    assert (who["sid"], who["name"], who["admin"]) == (seed.SKYPE.sid, rf"{room.name.upper()}\Skype", False)


def test_spawned_programs_are_real_processes_of_their_user(desk: Any) -> None:
    webview = r"C:\Program Files (x86)\Microsoft\EdgeWebView\Application\141.0.3537.57\msedgewebview2.exe"
    data = r"C:\Users\amber\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams\EBWebView"
    started = {
        desk.spawn(TEAMS, user="amber"): (TEAMS, AMBER.sid, f'"{TEAMS}"'),
        desk.spawn(TEAMS, "msteams:system-initiated", user="carla"): (
            TEAMS,
            CARLA.sid,
            f'"{TEAMS}" msteams:system-initiated',
        ),
        desk.spawn(webview, f"--user-data-dir={data}", user="amber"): (
            webview,
            AMBER.sid,
            f'"{webview}" --user-data-dir={data}',
        ),
    }
    script = r"""
    $filter = "Name = 'ms-teams.exe' OR Name = 'msedgewebview2.exe'"
    Get-CimInstance -ClassName Win32_Process -Filter $filter | ForEach-Object {
        $owner = Get-Process -Id $_.ProcessId -IncludeUserName
        ConvertTo-Json -Compress @($_.ProcessId, $_.ExecutablePath, $owner.UserName, $_.CommandLine) }
    """
    names = {AMBER.sid: r"AzureAD\AmberAdams", CARLA.sid: r"CONTOSO\carla"}
    seen = {row[0]: tuple(row[1:]) for row in map(json.loads, desk.admin(script).splitlines())}
    assert seen == {number: (path, names[sid], line) for number, (path, sid, line) in started.items()}
    first, *others = started
    desk.admin(f"Stop-Process -Id {first} -Force")
    deadline = time.monotonic() + 10
    while desk.runs(first) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not desk.runs(first)
    assert all(desk.runs(one) for one in others)
    desk.admin(f"Stop-Process -Force -Id {','.join(map(str, others))}")


def test_a_device_shares_no_file_that_a_script_could_edit(desk: Any) -> None:
    shared = {
        path for path in (desk.device.prefix / "drive_c").rglob("*") if path.is_file() and path.stat().st_nlink > 1
    }
    assert shared
    editable = {path.suffix.lower() for path in shared} & {
        "",
        ".ini",
        ".txt",
        ".reg",
        ".json",
        ".xml",
        ".log",
        ".ps1",
        ".dat",
    }
    assert not editable


def test_no_program_lies_where_windows_shared_data_has_to_be(desk: Any) -> None:
    """By chance it would, in one of some 4,000 starts, and end at once; this holds those that programs start, too."""
    if subprocess.run(["setarch", "-R", "true"], check=False).returncode:
        pytest.skip("this machine starts no program without random addresses")
    heaps = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            mine = f"WINEPREFIX={desk.device.prefix}".encode() in (process / "environ").read_bytes().split(b"\0")
            if mine and (process / "exe").readlink().name == "wine64":
                heaps += re.findall(r"(?m)^(\w+)-(\w+) .*\[heap\]$", (process / "maps").read_text())
    assert len(heaps) > 5  # services among them, which no one here started
    assert {(start, int(end, 16) < 0x7FFE0000) for start, end in heaps} == {("7d005000", True)}


def test_nothing_of_the_callers_variables_reaches_a_device(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMSMEDIC_LAB_SECRET", "hidden-41")
    assert "hidden-41" not in desk.admin("Get-ChildItem env: | Out-String -Width 500")


def test_a_device_without_such_a_role_is_refused_in_one_sentence(tmp_path: Path, engine: Path) -> None:
    with pytest.raises(DeviceError, match=r"there is no role phone .*; use a role of \['desktop', 'room'\]"):
        Device.create(tmp_path / "x", "phone")  # type: ignore[arg-type]


def test_two_processes_that_need_a_template_at_once_build_it_once(engine: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from teamsmedic.lab.device import Device\n"
        "device = Device.create(Path(sys.argv[1])); device.boot(); print(device.run('1 + 1')); device.destroy()"
    )
    variables = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    both = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path / name], env=variables, stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    assert [process.communicate(timeout=200)[0] for process in both] == [b"2\n", b"2\n"]
    assert len([path for path in (tmp_path / "cache/teamsmedic/lab").iterdir() if path.is_dir()]) == 1
    shutil.rmtree(tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_one_sentence(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    with pytest.raises(DeviceError, match=r"^made the template of Windows devices: .*; let XDG_CACHE_HOME name "):
        template(engine)


# ---------------------------------------------------------------- a restart


def test_a_restart_moves_the_boot_time_ends_shells_and_keeps_what_is_there(device: Callable[..., Any]) -> None:
    from pypsrp.exceptions import WinRMError
    from pypsrp.powershell import PowerShell
    from snapshot import IGNORE, RESTARTED, report

    desk = device()
    booted = (
        "([DateTimeOffset](Get-CimInstance Win32_OperatingSystem -OperationTimeoutSec 10).LastBootUpTime)"
        ".ToUnixTimeMilliseconds()"
    )
    desk.user("amber", "Set-ItemProperty HKCU:\\Environment -Name Kept -Value 1")
    first = int(desk.admin(booted))
    before = desk.snapshot()
    with contextlib.suppress(WinRMError), desk.pool() as pool:  # closing what is gone
        desk.restart()
        with pytest.raises(WinRMError):
            PowerShell(pool).add_script("1").invoke()
    changes = desk.changes(before, (*IGNORE, *RESTARTED))
    assert not changes, report(changes)
    assert int(desk.admin(booted)) > first + 500
    assert desk.user("amber", "(Get-ItemProperty HKCU:\\Environment).Kept") == "1"


# ---------------------------------------------------------------- over the network


@pytest.mark.parametrize(("secure", "auth"), [(False, "ntlm"), (True, "ntlm"), (True, "basic")])
def test_pypsrp_runs_pipelines_with_large_arguments_and_results(desk: Any, secure: bool, auth: str) -> None:
    from harness import invoke

    with desk.pool(secure=secure, auth=auth) as pool:
        assert invoke(pool, "param($a) $a.Length; (Get-Location).Path", "x" * 1_000_000) == [
            1_000_000,
            rf"C:\Users\{seed.ADMIN}\Documents",
        ]
        assert invoke(pool, "'y' * 2000000") == ["y" * 2_000_000]


def test_a_pipeline_can_be_stopped_and_the_pool_goes_on(desk: Any) -> None:
    from harness import invoke
    from pypsrp.powershell import PowerShell

    with desk.pool() as pool:
        shell = PowerShell(pool).add_script("Start-Sleep -Seconds 60")
        shell.begin_invoke()
        time.sleep(0.3)
        shell.stop()
        assert invoke(pool, "1 + 1") == [2]


def test_a_deleted_shell_ends_its_engine_whatever_runs_there(desk: Any) -> None:
    from pypsrp.powershell import PowerShell

    count = "@(Get-Process pwsh).Count"
    before = desk.admin(count)
    with desk.pool() as pool:
        PowerShell(pool).add_script("while ($true) { Start-Sleep -Milliseconds 10 }").begin_invoke()
        time.sleep(0.3)
    deadline = time.monotonic() + 15
    while (now := desk.admin(count)) != before and time.monotonic() < deadline:
        pass
    assert now == before


def test_an_engine_that_ends_at_its_start_is_started_once_more(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness import invoke

    made, lost = desk.device.command, iter([["false"]])
    monkeypatch.setattr(desk.device, "command", lambda *words: next(lost, None) or made(*words))

    with desk.pool() as pool:
        assert invoke(pool, "1 + 1") == [2]
    assert next(lost, None) is None


def test_an_engine_that_dies_is_told_to_its_client_at_once(desk: Any) -> None:
    from pypsrp.exceptions import WSManFaultError
    from pypsrp.powershell import PowerShell

    started = time.monotonic()
    with pytest.raises(WSManFaultError), desk.pool() as pool:
        PowerShell(pool).add_script("[Environment]::FailFast('x')").invoke()
    assert time.monotonic() - started < 15


def test_a_pipeline_runs_on_without_its_client(desk: Any) -> None:
    from pypsrp.exceptions import WinRMError
    from pypsrp.powershell import PowerShell
    from requests.exceptions import RequestException

    file = desk.device.file(r"C:\Data\went-on.txt")
    script = r"Start-Sleep -Seconds 1; [IO.File]::WriteAllText('C:\Data\went-on.txt', 'x'); Start-Sleep -Seconds 1"
    fronted = desk.front
    with contextlib.suppress(WinRMError, RequestException), desk.pool() as pool:
        fronted.cut_after = fronted.requests + 1
        with pytest.raises((WinRMError, RequestException)):
            PowerShell(pool).add_script(script).invoke()
    fronted.cut_after = None
    deadline = time.monotonic() + 10
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert file.exists()
    file.unlink()


def test_testinfra_reads_the_device_by_a_road_of_its_own(desk: Any) -> None:
    host = desk.reader()
    assert host.run("ver").stdout.strip() == "Microsoft Windows 10.0.22631"
    assert host.system_info.type == "windows"
    assert host.file(r"C:\Data\b.txt").exists
    assert host.file(r"C:\Data\b.txt").contains("bytes")
    assert not host.file(r"C:\Data\b.txt").contains("nowhere")
    assert not host.file(r"C:\Data\nowhere.txt").exists
    assert host.file(seed.TEAMS_FOLDER).is_directory
    found = host.run(r'reg query "HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion" /v CurrentBuildNumber')
    assert re.search(r"CurrentBuildNumber\s+REG_SZ\s+22631", found.stdout)


@pytest.mark.parametrize(
    ("line", "code", "output"),
    [
        ('echo "a&b" ^& c 100%', 0, '"a&b" & c 100%'),
        ("exit /b 7", 7, ""),
        ("cmd /c exit 123456", 123456, ""),
        ('powershell -NoProfile -Command "exit -5"', -5, ""),
        ("nosuchprogram", 1, ""),
        ("echo %USERNAME%| findstr /X labadmin", 0, "labadmin"),
        ("echo Zoë", 0, "Zoë"),
    ],
)
def test_command_shells_keep_quotes_codes_and_letters(desk: Any, line: str, code: int, output: str) -> None:
    done = desk.reader().run(line)
    assert (done.rc, done.stdout.strip()) == (code, output)


def test_a_command_that_is_terminated_leaves_nothing(desk: Any) -> None:
    import winrm.protocol

    protocol = winrm.protocol.Protocol(
        endpoint=f"http://127.0.0.1:{desk.lab.http}/{desk.name}/wsman",
        transport="ntlm",
        username=seed.ADMIN,
        password=desk.lab.password,
        proxy=None,
        ca_trust_path=None,
    )
    folder = desk.device.file(r"C:\windows\temp")
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "ping -n 60 127.0.0.1")
    time.sleep(0.5)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    deadline = time.monotonic() + 5
    while list(folder.glob("winrs-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(folder.glob("winrs-*"))
    assert desk.admin("@(Get-Process ping -ErrorAction Ignore).Count") == "0"


# ---------------------------------------------------------------- the whole-device read sees what it must


def test_an_idle_device_does_not_change(device: Callable[..., Any]) -> None:
    """A new one: an engine that lives on after another test writes its cache of modules late."""
    desk = device("desktop")
    time.sleep(3)  # Windows' own services settle
    with Change(desk) as change:
        time.sleep(1)
    assert change.all == {}


def test_sessions_change_nothing_but_what_is_listed(desk: Any) -> None:
    from harness import invoke
    from snapshot import report

    with Change(desk) as change:
        with desk.pool() as pool:
            invoke(
                pool, "$null = Get-CimInstance Win32_OperatingSystem; Add-Type 'public class C {}'; (Get-Service).Count"
            )
        desk.user("amber", "[Environment]::GetFolderPath('Desktop'); $null = Get-ChildItem HKCU:")
        desk.reader().run("ver")
    assert change.seen == {}, report(change.seen)


A_KEY = r"hklm\software\wow6432node\labtest\a"


def test_the_read_sees_a_value_of_the_32_bit_view(desk: Any) -> None:
    with Change(desk) as change:
        desk.admin(rf"Set-ItemProperty {LAB_KEY}\A -Name D -Value 2")
    assert change.seen == {rf"value {A_KEY}\d": (("D", "dword:00000001"), ("D", "dword:00000002"))}


def test_the_read_sees_the_kind_of_a_value(desk: Any) -> None:
    with Change(desk) as change:
        desk.admin(rf"$null = New-ItemProperty {LAB_KEY}\A -Name D -Value 2 -PropertyType QWord -Force")
    assert list(change.seen) == [rf"value {A_KEY}\d"]


def test_the_read_sees_a_value_in_a_desk_users_hive(desk: Any) -> None:
    with Change(desk) as change:
        desk.user("amber", "$null = New-ItemProperty HKCU:\\Environment -Name Grüße -Value ä")
    assert list(change.seen) == [rf"value hku\{AMBER.sid.lower()}\environment\grüße"]


def test_the_read_sees_a_volatile_key(desk: Any) -> None:
    make = "[Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('SOFTWARE\\Vol', $true, 'Volatile')"
    with Change(desk) as change:
        desk.admin(f"{make}.SetValue('a', 1)")
    assert list(change.seen) == [r"key hklm\software\vol", r"value hklm\software\vol\a"]


def test_the_read_sees_a_renamed_folder(desk: Any) -> None:
    with Change(desk) as change:
        desk.admin(r"Rename-Item C:\Data\Old New")
    assert list(change.seen) == [
        r"file c:\data\new",
        r"file c:\data\new\x.txt",
        r"file c:\data\old",
        r"file c:\data\old\x.txt",
    ]
    with Change(desk) as change:
        desk.device.file(r"C:\Data\New").rename(desk.device.file(r"C:\Data") / "NEW")
    assert list(change.seen) == [r"file c:\data\new"]


def test_the_read_sees_a_byte_under_the_old_size_and_time(desk: Any) -> None:
    file = desk.device.file(r"C:\Data\b.txt")
    old = file.stat()
    with Change(desk) as change:
        text = file.read_bytes()
        file.write_bytes(b"B" + text[1:])
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (old.st_size, old.st_mtime_ns)
    assert list(change.seen) == [r"file c:\data\b.txt"]


def test_the_read_sees_a_write_through_a_mapping(desk: Any) -> None:
    file = desk.device.put(r"C:\Data\mapped.bin", b"a" * 4096)
    time.sleep(0.2)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 4096) as mapping:
        mapping[0:1] = b"b"
        time.sleep(0.1)
        with Change(desk) as change:
            mapping[0:1] = b"c"
    assert list(change.seen) == [r"file c:\data\mapped.bin"]


def test_the_read_sees_attributes_and_permissions_of_files(desk: Any) -> None:
    with Change(desk) as change:
        desk.admin(r"(Get-Item C:\Data\b.txt).Attributes = 'Hidden'")
    assert list(change.seen) == [r"file c:\data\b.txt"]
    with Change(desk) as change:
        desk.admin(
            r"""$acl = Get-Acl C:\Data\b.txt; $everyone = [Security.Principal.SecurityIdentifier]'S-1-1-0'
            $acl.AddAccessRule([Security.AccessControl.FileSystemAccessRule]::new($everyone, 'FullControl', 'Allow'))
            Set-Acl C:\Data\b.txt $acl"""
        )
    assert list(change.seen) == [r"file c:\data\b.txt"]


def test_the_read_sees_a_task_that_is_left_and_a_new_service(desk: Any) -> None:
    with Change(desk) as change:
        desk.admin(
            "$null = Register-ScheduledTask -TaskName left -Action (New-ScheduledTaskAction -Execute powershell.exe)"
        )
        desk.admin(
            r"$null = New-Service -Name LabSvc -BinaryPathName 'C:\windows\system32\winver.exe' -StartupType Manual"
        )
    assert {r"key hklm\software\lab\tasks\left", r"key hklm\system\currentcontrolset\services\labsvc"} <= set(
        change.seen
    )
    desk.admin("Unregister-ScheduledTask -TaskName left -Confirm:$false")


def test_the_read_sees_permissions_of_a_key_on_request(desk: Any) -> None:
    from snapshot import difference

    before = desk.snapshot(files=False, acl=True)
    desk.admin(
        r"""Add-Type -Namespace N -Name R -MemberDefinition '[DllImport("advapi32.dll")] public static extern int RegSetKeySecurity(System.IntPtr k, int i, byte[] d); [DllImport("advapi32.dll", CharSet = CharSet.Unicode)] public static extern int RegOpenKeyExW(System.IntPtr k, string s, int o, int a, out System.IntPtr r);'
        $h = [IntPtr]::Zero; $null = [N.R]::RegOpenKeyExW([IntPtr]-2147483646, 'SOFTWARE\WOW6432Node\LabTest\A', 0, 0x60019, [ref]$h)
        $sd = [Security.AccessControl.RawSecurityDescriptor]::new('O:BAG:BAD:(A;;KA;;;WD)'); $b = [byte[]]::new($sd.BinaryLength); $sd.GetBinaryForm($b, 0)
        exit [N.R]::RegSetKeySecurity($h, 4, $b)"""
    )
    assert list(difference(before, desk.snapshot(files=False, acl=True))) == [f"acl {A_KEY}"]


def test_the_read_holds_the_same_keys_values_types_and_bytes_as_wines_own_export(desk: Any) -> None:
    """regedit follows links, which the read keeps as links: what lies below one is left out on both sides."""
    from snapshot import value

    mine = desk.snapshot(files=False)
    suffix = r"\symboliclinkvalue"
    links = [item[6 : -len(suffix)] for item in mine if item.startswith("value ") and item.endswith(suffix)]
    exported: dict[str, str | None] = {}
    for top, short in (("HKEY_LOCAL_MACHINE", "hklm"), ("HKEY_USERS", "hku")):
        desk.reader().run(rf"regedit /E C:\windows\temp\export.reg {top}")
        file = desk.device.file(r"C:\windows\temp\export.reg")
        text = file.read_text("utf-16", "surrogatepass").replace("\\\n  ", "").replace("\r", "")
        file.unlink()
        for part in re.split(r"\n\n(?=\[)", text)[1:]:
            head, _, body = part.partition("]\n") if "]\n" in part else (part.rstrip("]\n"), "", "")
            path = (short + head[1 + len(top) :]).lower()
            exported[f"key {path}"] = None
            for name, data in re.findall(r'(?:^|\n)(?:"((?:[^"\\]|\\.)*)"|@)=((?:"(?:[^"\\]|\\.)*")|[^\n]*)', body):
                exported[f"value {path}\\" + re.sub(r"\\(.)", r"\1", name).lower()] = data

    def below_a_link(item: str) -> bool:
        path = item.partition(" ")[2]
        return any(path == link or path.startswith(link + "\\") for link in links)

    def whole(item: str) -> str:
        return item.encode("utf-16", "surrogatepass").decode("utf-16")

    ours = {whole(item): entry for item, entry in mine.items() if not below_a_link(item)}
    theirs = {whole(item): data for item, data in exported.items() if not below_a_link(item)}
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20_000
    different = [
        item
        for item, entry in ours.items()
        if item.startswith("value ") and value(entry[1]) != _exported(theirs[item] or "")
    ]
    assert not different


def _exported(text: str) -> tuple[int, bytes]:
    """regedit escapes backslashes and quotes only, and knows no other kind of string than REG_SZ."""
    from snapshot import value

    if not text.startswith('"'):
        return value(text)
    return 1, (re.sub(r"\\(.)", r"\1", text[1:-1]) + "\0").encode("utf-16-le", "surrogatepass")
