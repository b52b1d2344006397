"""In the sessions of people at the desk: hostile answers, leftovers, a device that comes and goes, secrets, wrong contexts."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness import LabDevice
from snapshot import report
from treater import Treater

from teamsmedic import content, payload, remediation
from teamsmedic.errors import Unreachable
from teamsmedic.hosts.base import End, Reply, Send, Statement, Verb
from teamsmedic.lab import cases
from teamsmedic.outcome import Outcome

ID = "stale_credentials_absent"
CASES = cases.load(content.root())
AMBER, CARLA = "S-1-12-1-1111111111-1222222222-1333333333-1444444444", "S-1-5-21-1004336348-1177238915-682003330-1107"
ROOT = r"C:\Program Files\teamsmedic"
QUICK = "Set-ItemProperty -LiteralPath 'Registry::HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab' -Name TaskDelay -Value ([string[]]('10', '20')) -Type MultiString"  # fmt: skip
"""Tasks of the lab start late by a random time; where nothing depends on it, it is waited out elsewhere."""


class Hand(Treater):
    """A treater whose `between` also reaches what only looks."""

    def run(self, request: Send) -> Reply:
        first, *others = request.statements
        changed = dataclasses.replace(first, text=first.text + self.between)
        return self._host.run(dataclasses.replace(request, statements=(changed, *others)))


def saved(sid: str, target: str, name: str) -> str:
    """A script that puts a credential into somebody's vault, as Wine keeps it."""
    key = rf"HKEY_USERS\{sid}\Software\Wine\Credential Manager\Generic: {target}"
    values = {"": f"'{target}'", "UserName": f"'{name}'", "Password": "[byte[]](1, 2, 3, 4), 'Binary'"}
    values |= {"Type": "1, 'DWord'", "Flags": "0, 'DWord'", "Persist": "2, 'DWord'"}
    values["LastWritten"] = "[byte[]](0, 64, 109, 203, 44, 92, 220, 1), 'Binary'"
    return "".join(
        f"[Microsoft.Win32.Registry]::SetValue('{key}', '{value}', {data})\n" for value, data in values.items()
    )


FOREIGN = saved(AMBER, "MicrosoftOffice16_Data:SSPI:amber@fabrikam.example", "amber@fabrikam.example")
BOTH = FOREIGN + saved(CARLA, "MicrosoftOffice15_Data:SSPI:c@fabrikam.example", "c@fabrikam.example")


@pytest.fixture
def desk(device: Any) -> LabDevice:
    """Amber and Carla logged on, both with a foreign account saved."""
    made: LabDevice = device("desktop", (), BOTH)
    made.admin(QUICK)
    return made


@pytest.fixture
def hand(desk: LabDevice) -> Iterator[Hand]:
    one = Hand(desk, ID)
    yield one
    one.close()


def part(body: str, sid: str = AMBER) -> str:
    """What runs in the session of one person in place of ours; `$Folder` is what that person sees."""
    return (
        f"$TM.Ours = ${{function:Invoke-TMSessionPart}}\nfunction Invoke-TMSessionPart {{ param([string] $Folder)\n"
        f"$sid = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value\n"
        f"if ($sid -cne '{sid}') {{ Invoke-TMSessionHonest -Folder $Folder; return }}\n"
        f'$argument = ConvertFrom-TMJson -Text (Get-Content -LiteralPath "$Folder\\argument.json" -Raw)\n'
        f"$begin = Get-TMSessionBegin -Nonce $argument.nonce -Sid $sid\n{body}\n}}\n"
        "New-Item -Path Function:\\ -Name 'Invoke-TMSessionHonest' -Value $TM.Ours | Out-Null\n"
        "$TM.Parts['run'] += 'Invoke-TMSessionHonest'\n"
    )


LINE = '{"teamsmedic":1,"statement":"' + ID + '","facts":{"credentials":[],"in_use":[],"sources":[],"accounts":[]}}'
END = '{"teamsmedic":1,"statement":"end"}'
HOSTILE = {
    "50 MB": ("foreach ($n in 1..50) { [IO.File]::AppendAllText(\"$Folder\\answer\", ('x' * 1MB)) }", "too_large"),
    "another nonce": (
        f"Set-Content -LiteralPath \"$Folder\\answer\" -Value ($begin -replace 'teamsmedic-', 'teamsmedic-9'), '{LINE}', '{END}'",
        "not_believed",
    ),
    "somebody else's SID": (
        f"Set-Content -LiteralPath \"$Folder\\answer\" -Value ($begin -replace [regex]::Escape($sid), '{CARLA}'), '{LINE}', '{END}'",
        "not_believed",
    ),
    "deep JSON": (
        f"Out-File -LiteralPath \"$Folder\\answer\" -Append -Encoding ascii -Width 1000000 -InputObject ($begin + \"`n\" + '{LINE[:-1]},\"x\":' + ('[' * 20000) + (']' * 20000) + \"}}`n\" + '{END}')",
        "not_readable",
    ),
    "no JSON": (
        f"Out-File -LiteralPath \"$Folder\\answer\" -Append -Encoding ascii -Width 1000000 -InputObject ($begin + \"`n\" + '{LINE[:60]}' + \"`n\" + '{END}')",
        "not_readable",
    ),
    "another's answer": (
        f"Out-File -LiteralPath \"$Folder\\answer\" -Append -Encoding ascii -Width 1000000 -InputObject ($begin + \"`n\" + '{LINE.replace(ID, 'tls12_usable')}' + \"`n\" + '{END}')",
        "not_readable",
    ),
    # Behind conhost every end looks alike, so who wrote nothing was not let.
    "nothing": ("exit 0", "blocked_script"),
    "a refusal": ("exit 1", "blocked_script"),
    "no file any more": (
        "try { Remove-Item -LiteralPath \"$Folder\\answer\" -Force; New-Item -ItemType Directory -Path \"$Folder\\answer\" } catch { $null = $_ }; exit 0",
        "blocked_script",
    ),
    "a file that may not be deleted": (
        "Set-ItemProperty -LiteralPath \"$Folder\\answer\" -Name 'IsReadOnly' -Value $true; exit 0",
        "blocked_script",
    ),
    # The names that a person may make go; what they lead to stays, and is never read.
    "a hard link": (
        "try { Remove-Item -LiteralPath \"$Folder\\answer\" -Force } catch { $null = $_ }; foreach ($name in 'answer', 'more') { try { New-Item -ItemType HardLink -Path \"$Folder\\$name\" -Target 'C:\\windows\\win.ini' } catch { $null = $_ } }; exit 0",
        "blocked_script",
    ),
    "a script that antimalware refused": (
        (
            "$why = New-Object -TypeName 'System.Management.Automation.ErrorRecord' -ArgumentList (New-Object -TypeName 'System.Exception'), 'ScriptContainedMaliciousContent', 'ParserError', $null\n"
            f"try {{ throw $why }} catch {{ $line = Write-TMError -Statement '{ID}' -ErrorRecord $_ }}\n"
            f"Out-File -LiteralPath \"$Folder\\answer\" -Append -Encoding ascii -Width 1000000 -InputObject ($begin + \"`n\" + $line + \"`n\" + '{END}')"
        ),
        "antimalware",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_session_answers_costs_only_its_own_answer(desk: LabDevice, hand: Hand, name: str) -> None:
    body, state = HOSTILE[name]
    before = desk.snapshot()
    hand.between = part(body)

    outcome = hand.check()

    people = {one["name"]: one["state"] for one in outcome.facts["sessions"]}
    assert people == {"amber": state, "bruno": "logged_off", "carla": "answered"}
    assert str(outcome.status) == "unknown"
    assert outcome.reasons[0].startswith("no answer from the session of amber: ")
    assert {one["user"] for one in outcome.facts["credentials"]} == {"carla"}
    assert report(desk.changes(before)) == "no change"


def test_names_with_controls_are_shown_harmless(desk: LabDevice, hand: Hand) -> None:
    evil = "\\u001b[2J\\u202eamber@fabrikam.example"
    item = '{"object":"MicrosoftOffice16_Data:x","name":"' + evil + '","written":1,"owner":"foreign"}'
    line = LINE.replace('"credentials":[]', f'"credentials":[{item}]')
    told = f"($begin + \"`n\" + '{line}' + \"`n\" + '{END}')"
    hand.between = part(
        f'Out-File -LiteralPath "$Folder\\answer" -Append -Encoding ascii -Width 1000000 -InputObject {told}'
    )

    said = " ".join(hand.check().reasons)

    assert r"\x1b[2J\u202eamber@fabrikam.example" in said
    assert said.isprintable()


def test_who_leaves_before_the_task_starts_is_unknown(desk: LabDevice, hand: Hand) -> None:
    before = desk.snapshot()
    gone = f"[Microsoft.Win32.Registry]::Users.DeleteSubKeyTree('{AMBER}\\Volatile Environment', $false)"
    # Loaded first: a module that comes later would put its own function over this one.
    hand.between = (
        "Import-Module -Name ScheduledTasks\nfunction Start-ScheduledTask { param($TaskName, $TaskPath, $ErrorAction)\n"
        f"{gone}; ScheduledTasks\\Start-ScheduledTask -TaskName $TaskName -TaskPath $TaskPath }}\n"
    )

    outcome = hand.check()

    assert "sessions" in outcome.facts, outcome
    states = {one["name"]: one["state"] for one in outcome.facts["sessions"]}
    assert (str(outcome.status), states["amber"], states["carla"]) == ("unknown", "not_started", "answered")
    assert {item for item in desk.changes(before) if "volatile environment" not in item.lower()} == set()
    hand.between = ""
    later = hand.check()
    assert {one["name"]: one["state"] for one in later.facts["sessions"]}["amber"] == "logged_off"
    assert str(later.status) == "drifted"  # of Carla, who is still there


def test_who_signs_in_during_a_check_is_named_and_counts_in_the_next(desk: LabDevice, hand: Hand) -> None:
    session = f"{CARLA}\\Volatile Environment"
    desk.admin(f"Rename-Item -LiteralPath 'Registry::HKEY_USERS\\{session}' -NewName 'Later'")
    before = desk.snapshot()
    back = f"Rename-Item -LiteralPath 'Registry::HKEY_USERS\\{CARLA}\\Later' -NewName 'Volatile Environment'"
    hand.between = (
        f"$TM.Real = ${{function:Invoke-TMSession}}\nfunction Invoke-TMSession {{ {back}; & $TM.Real @args }}\n"
    )

    outcome = hand.check()

    assert [one["state"] for one in outcome.facts["sessions"]] == ["answered", "logged_off", "logged_off"]
    assert "not looked at: carla, not logged on" in outcome.reasons
    hand.between = ""
    assert [one["state"] for one in hand.check().facts["sessions"]] == ["answered", "logged_off", "answered"]
    assert {item for item in desk.changes(before) if not re.search("later|volatile environment", item, re.I)} == set()


def test_constrained_language_in_a_session_is_told_by_its_name(desk: LabDevice, hand: Hand) -> None:
    """As under an application control that binds people, but not administrators."""
    first = "$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'"
    hand.between = (
        "$TM.Text = ${function:Get-TMSessionText}\nfunction Get-TMSessionText { param([string[]] $Name)\n"
        f"$texts = & $TM.Text -Name $Name; $texts['run'] = \"`{first}`n$($texts['run'])\"; $texts }}\n"
    )

    outcome = hand.check()

    assert [one["state"] for one in outcome.facts["sessions"]] == ["constrained", "logged_off", "constrained"]
    assert outcome.reasons[0] == "no answer from the session of amber: constrained language"


OTHER = {
    "on battery the task starts all the same": (
        FOREIGN + "[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab', 'OnBattery', 1, 'DWord')",
        "drifted",
        "amber: MicrosoftOffice16_Data:SSPI:amber@fabrikam.example is saved for 'amber@fabrikam.example' (foreign)",
    ),
    "no name tells no account": (
        saved(AMBER, "msteams_adalsso/adal_context_0", ""),
        "unknown",
        "amber: msteams_adalsso/adal_context_0 is saved for '' (unnamed)",
    ),
    "a place that cannot be read could name it": (
        FOREIGN
        + r"""[System.IO.File]::WriteAllText('C:\Users\amber\AppData\Local\Microsoft\OneAuth\accounts\broken', '{"account_hints":[')""",
        "unknown",
        "amber: MicrosoftOffice16_Data:SSPI:amber@fabrikam.example is saved for 'amber@fabrikam.example' (accounts_unknown)",
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_a_check_says_of_a_vault(device: Any, name: str) -> None:
    script, status, reason = OTHER[name]
    desk = device("desktop", (), script)
    desk.admin(QUICK)
    hand = Hand(desk, ID)
    try:
        outcome = hand.check(users=["amber"])
    finally:
        hand.close()

    assert (str(outcome.status), outcome.reasons[0]) == (status, reason)


def left(desk: LabDevice) -> list[str]:
    """Tasks and folders of ours on the device."""
    tasks = desk.admin(
        "Get-ScheduledTask -TaskName 'teamsmedic-*' -ErrorAction SilentlyContinue | ForEach-Object { $_.TaskName }"
    )
    folder = desk.device.file(ROOT)
    return sorted(
        {*tasks.split(), *(one.name for one in folder.iterdir() if folder.is_dir())}
        if folder.is_dir()
        else tasks.split()
    )


# No function of ours: they are what runs in a session.
KILL = "function Start-Sleep { [System.Diagnostics.Process]::GetCurrentProcess().Kill() }\n"


def test_what_a_killed_engine_leaves_goes_with_the_next_run(desk: LabDevice, hand: Hand) -> None:
    before = desk.snapshot()
    hand.between = KILL
    cut = hand.check()
    assert str(cut.status) == "unknown"
    assert left(desk)
    hand.close()
    folder = next(one for one in desk.device.file(ROOT).iterdir() if one.is_dir())
    scripts = payload.desk_scripts(Verb.CHECK)
    assert {one.name for one in folder.iterdir()} == {"answer", "argument.json", "run.ps1", f"{ID}.ps1"}
    for one in folder.glob("*.ps1"):  # what `teamsmedic hashes` prints is what lies there
        assert one.read_bytes() == scripts[one.name], one.name

    another = Hand(desk, ID)
    try:
        assert str(another.check().status) == "drifted"
    finally:
        another.close()
    assert left(desk) == []
    assert report(desk.changes(before)) == "no change"


def test_what_a_killed_engine_leaves_goes_also_when_everybody_has_gone_home(desk: LabDevice, hand: Hand) -> None:
    hand.between = KILL
    hand.check()
    assert left(desk)
    hand.close()
    for sid in (AMBER, CARLA):
        desk.admin(f"[Microsoft.Win32.Registry]::Users.DeleteSubKeyTree('{sid}\\Volatile Environment')")

    another = Hand(desk, ID)
    try:
        outcome = another.check()
    finally:
        another.close()
    assert (str(outcome.status), outcome.reasons[0]) == ("unknown", "nobody is logged on")
    assert left(desk) == []


def test_the_administrator_who_comes_in_counts_where_he_is_asked_for(desk: LabDevice, hand: Hand) -> None:
    outcome = hand.check(users=["labadmin", "carla"])

    assert str(outcome.status) == "unknown"
    assert outcome.reasons[0] == "no answer from the session of labadmin: asked for, and not logged on"


def test_two_runs_at_once_leave_each_other_alone(desk: LabDevice, hand: Hand) -> None:
    before = desk.snapshot()
    other = Hand(desk, ID)
    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(lambda one: one.check(), (hand, other)))
    other.close()

    assert [str(one.status) for one in outcomes] == ["drifted", "drifted"]
    assert outcomes[0].facts == outcomes[1].facts
    assert left(desk) == []
    assert report(desk.changes(before)) == "no change"


def test_ten_thousand_leftovers_keep_no_check_waiting(desk: LabDevice, hand: Hand) -> None:
    """Half of them cannot be removed, as where somebody holds a file open."""
    root = desk.device.file(ROOT)
    for number in range(10_000):
        folder = root / f"teamsmedic-{1_700_000_000 + number}-{number:032x}"
        (folder / "open" if number % 2 else folder).mkdir(parents=True)

    assert str(hand.check().status) == "drifted"
    assert str(hand.check().status) == "drifted"

    names = {one.name for one in root.iterdir()}
    assert 5_000 <= len(names) < 10_000
    assert "teamsmedic-1700000000-" + "0" * 32 not in names  # the oldest first


def test_a_lock_that_a_power_cut_left_holds_nothing(desk: LabDevice, hand: Hand) -> None:
    before = desk.snapshot()
    name = f"teamsmedic-{int(time.time())}-{1:032x}"
    folder = desk.device.file(rf"{ROOT}\{name}")
    folder.mkdir(parents=True)
    folder.with_name(f"{name}.lock").touch()

    assert str(hand.check().status) == "drifted"
    assert report(desk.changes(before)) == "no change"


def test_another_run_may_remove_the_folder_of_all_at_any_moment(desk: LabDevice, hand: Hand) -> None:
    hand.between = (
        "$TM.Real = ${function:Assert-TMSessionFolder}\nfunction Assert-TMSessionFolder { param([string] $Path)\n"
        "& $TM.Real -Path $Path; if (-not $TM.Gone) { $TM.Gone = $true; [System.IO.Directory]::Delete($Path) } }\n"
        "$TM.Gone = $false\n"
    )

    assert str(hand.check().status) == "drifted"
    assert left(desk) == []


def test_a_program_that_writes_credentials_is_named_before_any_goes(desk: LabDevice, hand: Hand) -> None:
    outlook = r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE"
    before = desk.snapshot()
    runs = desk.spawn(outlook, user="carla")

    outcome = hand.check(users=["amber"])
    assert str(outcome.status) == "drifted"  # another person's program keeps nobody waiting
    outcome = hand.check()

    assert (str(outcome.status), outcome.reasons) == ("blocked", [
        "in use by OUTLOOK.EXE (carla): close it first, because a program of Office that runs writes its sign-in again"
    ])  # fmt: skip
    assert desk.runs(runs)
    assert [item for item in desk.changes(before) if "Credential Manager" in item] == []


def test_a_task_of_ours_deletes_itself(desk: LabDevice, hand: Hand) -> None:
    hand.between = KILL
    hand.check()
    task = desk.admin("Get-ScheduledTask -TaskName 'teamsmedic-*' | Select-Object -First 1 | ForEach-Object { ConvertTo-Json @($_.Triggers[0].EndBoundary, $_.Settings.DeleteExpiredTaskAfter) }")  # fmt: skip
    end, after = json.loads(task)

    assert after == "PT0S"
    assert 0 < time.mktime(time.strptime(end, "%Y-%m-%dT%H:%M:%S")) - time.time() <= 600


def test_a_connection_that_is_lost_while_a_task_runs_leaves_nothing(desk: LabDevice, hand: Hand) -> None:
    before = desk.snapshot()
    begun = desk.device.file(r"C:\Users\amber\begun")
    hand.between = part("Set-Content -LiteralPath 'C:\\Users\\amber\\begun' -Value '1'; Start-Sleep -Seconds 120")
    with ThreadPoolExecutor(1) as one:
        checking = one.submit(hand.check)
        while not begun.exists() and not checking.done():
            time.sleep(0.1)
        desk.front.cut_after = 0
        there = left(desk)
        desk.lab.call(desk.front.endpoint.close())  # as Windows ends a shell that nobody asks for any more
        with contextlib.suppress(Unreachable):  # the second try, over a new connection, is cut as well
            assert str(checking.result().status) == "unknown"
    desk.front.cut_after = None
    hand.close()
    begun.unlink()
    assert there, "the connection was cut before there was a task"

    later = Hand(desk, ID)
    try:
        assert str(later.check().status) == "drifted"
    finally:
        later.close()
    assert left(desk) == []
    assert report(desk.changes(before)) == "no change"


# ------------------------------------------------------------------------------------------------ secrets

WRITE = r"""
Add-Type -TypeDefinition @'
using System; using System.Runtime.InteropServices; using System.Text;
public static class Vault {
    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
    struct One { public int Flags, Type; public string Target, Comment; public long Written; public int Size; public IntPtr Secret; public int Persist, Count; public IntPtr Attributes; public string Alias, User; }
    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)] static extern bool CredWriteW(ref One one, int flags);
    public static void Write(string target, string user, string secret) {
        byte[] bytes = Encoding.Unicode.GetBytes(secret);
        One one = new One(); one.Type = 1; one.Target = target; one.User = user; one.Persist = 2; one.Size = bytes.Length;
        one.Secret = Marshal.AllocHGlobal(bytes.Length); Marshal.Copy(bytes, 0, one.Secret, bytes.Length);
        if (!CredWriteW(ref one, 0)) throw new Exception("" + Marshal.GetLastWin32Error());
    }
}
'@
[Vault]::Write('MicrosoftOffice16_Data:SSPI:amber@fabrikam.example', 'amber@fabrikam.example', 'SECRET')
"""
SECRET = "Pl4nted-in-the-vault"


def test_a_secret_of_the_vault_is_found_nowhere(desk: LabDevice, tmp_path: Path) -> None:
    desk.user("amber", WRITE.replace("SECRET", SECRET))
    runs = tmp_path / "runs"
    said = []
    for words in (["check"], ["fix", "--yes", "--allow", "disruptive", "--allow", "irreversible"], ["undo", "--yes"]):
        inventory = str(desk.inventory(tmp_path / "hosts.yml"))
        command = [str(Path(sys.executable).parent / "teamsmedic"), *words, desk.name, "-i", inventory, "--run-dir", str(runs), "--json", "-vvv"]  # fmt: skip
        command += ["--remediation", ID] if words != ["undo", "--yes"] else []
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        said.append(done.stdout + done.stderr)
    assert '"status": "fixed"' in said[1], said[1]
    assert "not reversible" in said[2], said[2]

    forms = [SECRET.encode(), SECRET.encode("utf-16-le"), base64.b64encode(SECRET.encode())[:-3], SECRET.encode().hex().encode()]  # fmt: skip
    places = [*runs.rglob("*"), *desk.device.file(r"C:\ProgramData\teamsmedic").rglob("*")]
    everything = [text.encode() for text in said] + [one.read_bytes() for one in places if one.is_file()]
    assert len(everything) > 6
    assert not [form for form in forms for text in everything if form in text]


# ------------------------------------------------------------------------------------------------ the wrong context


def test_a_detect_that_reads_the_administrators_own_vault_is_seen(desk: LabDevice, hand: Hand) -> None:
    """The mutation that this lab exists for: what belongs to a session, read over WinRM."""
    first, brought, _, _, end = payload.build([ID], Verb.CHECK)
    script = re.sub(r"^Add-TMSession -Id '\w+' -Script \{\n(.*)\n\}\n$", r"\1\n", brought.text, flags=re.DOTALL)
    mutant = (
        dataclasses.replace(first, text=re.sub(r"\$TM\.Desk = .*\n", "", first.text)),
        Statement(ID, script, 30.0),
        end,
    )
    argument = {"protocol": 1, "run": "x", "verb": "check", "by": "", "remediations": {ID: {"parameters": {}}}}

    reply = hand._host.run(Send(Verb.CHECK, mutant, json.dumps(argument)))

    assert reply.end is End.COMPLETED
    answer = {one["statement"]: one for one in map(json.loads, reply.lines)}[ID]
    assert "facts" not in answer  # error 1312: a network logon has no vault
    assert "error" in answer


MUTATIONS = {
    "the administrator's HKCU": (
        r'"Registry::HKEY_USERS\$Sid\$Key"',
        r'"Registry::HKEY_CURRENT_USER\$Key"',
        "redirected",
    ),
    "the administrator's folders": (
        "$entry.local = Get-TMShellFolder -Sid $key.sid -ProfilePath $path -Name 'Local AppData' -Default 'AppData\\Local'",
        "$entry.local = [System.Environment]::GetFolderPath('LocalApplicationData')",
        "new",
    ),
    "a microphone of the administrator's": (r"Registry::HKEY_USERS\$Sid", "Registry::HKEY_CURRENT_USER", "in_a_call"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_script_that_reads_the_administrators_own_state_is_caught_by_its_case(device: Any, name: str) -> None:
    """The sweep over cases (six beats) would fail: the facts are not those of the case."""
    right, wrong, which = MUTATIONS[name]
    case = CASES["client_cache_fresh"][which]
    folder = remediation.load(content.root())["client_cache_fresh"].folder
    desk = device(case.role, case.seeds, case.script(folder))
    hand = Hand(desk, "client_cache_fresh")

    class Mutant(Hand):
        def run(self, request: Send) -> Reply:
            texts = [one.text.replace(right, wrong) for one in request.statements]
            assert texts != [one.text for one in request.statements]
            changed = tuple(
                dataclasses.replace(one, text=text) for one, text in zip(request.statements, texts, strict=True)
            )
            return self._host.run(dataclasses.replace(request, statements=changed))

    mutant = Mutant(desk, "client_cache_fresh")

    def caught(outcome: Outcome) -> bool:
        return outcome.facts != dict(case.facts)

    try:
        assert not caught(hand.check(**case.parameters))
        assert caught(mutant.check(**case.parameters))
    finally:
        hand.close()
        mutant.close()
