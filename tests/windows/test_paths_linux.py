"""Links lead nowhere: on the way to a folder, and in the folder of somebody's session. Wine has no reparse points, and
lets read what is locked: this runs on an engine for this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from teamsmedic import content, payload
from teamsmedic.hosts.base import Verb

HELPER = content.root() / "remediations/_helpers/paths.ps1"


@pytest.fixture(scope="module")
def powershell() -> str:
    """PowerShell 7 for this machine: a folder or its pwsh in TEAMSMEDIC_POWERSHELL_LINUX, else pwsh in PATH."""
    named = os.environ.get("TEAMSMEDIC_POWERSHELL_LINUX")
    path = Path(named) if named else None
    found = str(path / "pwsh" if path.is_dir() else path) if path else shutil.which("pwsh")
    if not found or not os.access(found, os.X_OK):
        reason = "there is no pwsh for this machine: let TEAMSMEDIC_POWERSHELL_LINUX name its folder"
        if os.environ.get("TEAMSMEDIC_WINDOWS_MUST_RUN"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile folder with brackets in its name, and a folder beside it that nobody may be led to."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/Uploads").mkdir()
    folder = tmp_path / "Zoë O'Brien [x]"
    (folder / "AppData/Local/Cache/Backgrounds/Uploads").mkdir(parents=True)
    return folder


def ask(powershell: str, *pairs: tuple[Path, Path]) -> list[str]:
    """What Get-TMReparsePoint says of each (path, below)."""
    script = (
        "Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; . $env:HELPER; "
        'foreach ($pair in $env:PAIRS | ConvertFrom-Json) { "<$(Get-TMReparsePoint -Path $pair[0] -Below $pair[1])>" }'
    )
    done = subprocess.run(
        [powershell, "-NoProfile", "-NonInteractive", "-Command", script],
        env={
            **os.environ,
            "HELPER": str(HELPER),
            "PAIRS": json.dumps([[str(path), str(below)] for path, below in pairs]),
            "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line[1:-1] for line in done.stdout.splitlines()]


def test_a_way_without_links_is_free_also_where_it_ends_early(powershell: str, profile: Path) -> None:
    way = profile / "AppData/Local/Cache/Backgrounds/Uploads"
    assert ask(powershell, (way, profile), (way / "not/there", profile), (profile, profile)) == ["", "", ""]


@pytest.mark.parametrize(
    "part", ["AppData", "AppData/Local", "AppData/Local/Cache", "AppData/Local/Cache/Backgrounds/Uploads"]
)
def test_the_part_that_is_a_link_is_named(powershell: str, profile: Path, tmp_path: Path, part: str) -> None:
    shutil.rmtree(profile / part)
    (profile / part).symlink_to(tmp_path / "secret")
    assert ask(powershell, (profile / "AppData/Local/Cache/Backgrounds/Uploads", profile)) == [str(profile / part)]


def test_a_link_that_leads_nowhere_is_one(powershell: str, profile: Path, tmp_path: Path) -> None:
    (profile / "AppData/Local/teamsmedic").symlink_to(tmp_path / "nothing")
    path = profile / "AppData/Local/teamsmedic/Teams-new"
    assert ask(powershell, (path, profile)) == [str(profile / "AppData/Local/teamsmedic")]


def test_links_above_the_profile_are_the_devices(powershell: str, profile: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.symlink_to(tmp_path)
    below = moved / profile.name
    assert ask(powershell, (below / "AppData/Local", below)) == [""]


def test_what_somebody_puts_in_place_of_an_answer_is_not_read_and_removing_it_leaves_what_it_leads_to(
    powershell: str, tmp_path: Path
) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "folder"
    folder.mkdir()
    secret.write_text('begin\n{"teamsmedic":1,"statement":"end"}\n')
    functions = payload.desk_scripts(Verb.CHECK)["run.ps1"].decode("utf-8-sig").rpartition("\n")[0]
    (tmp_path / "run.ps1").write_text(functions)
    script = r"""
    Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; . "$env:AT/run.ps1"
    class Locked : System.IO.MemoryStream { [int] Read([byte[]] $a, [int] $b, [int] $c) { throw [System.IO.IOException]::new() } }
    function Read-One($stream) { (Read-TMSession -Most 100 -Session @{ stream = $stream; text = ''; expected = @('begin') }).state }
    [System.IO.File]::WriteAllText("$env:AT/folder/answer", '')
    $ours = [System.IO.FileStream]::new("$env:AT/folder/answer", 'Open', 'Read', 'ReadWrite', 1)
    [System.IO.File]::Delete("$env:AT/folder/answer")
    $null = [System.IO.File]::CreateSymbolicLink("$env:AT/folder/answer", "$env:AT/secret")
    $null = New-Item -ItemType HardLink -Path "$env:AT/folder/more" -Target "$env:AT/secret"
    Read-One $ours
    Read-One ([System.IO.FileStream]::new("$env:AT/folder/answer", 'Open', 'Read', 'ReadWrite', 1))
    Read-One ([Locked]::new())
    Remove-TMSessionFolder -Path "$env:AT/folder"
    """
    done = subprocess.run([powershell, "-NoProfile", "-NonInteractive", "-Command", script],
                          env={**os.environ, "AT": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip

    # The second shows that the link is one which would be believed.
    assert done.stdout.split() == ["waiting", "ended", "not_readable", "True"], done.stderr
    assert secret.read_text().startswith("begin")
    assert not folder.exists()
