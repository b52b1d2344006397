"""What a wheel brings works from anywhere: content, collection, playbooks; and the checkout's playbooks without a configuration file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from teamsmedic.lab.demo import semaphores

ROOT = Path(__file__).resolve().parents[2]
NOSHM = ROOT / "src/teamsmedic/lab/noshm"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def runner(binaries: Path, folder: Path) -> Run:
    """Runs a program of an installation from another folder, with neither a configuration file nor Ansible's own home."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_", "PYTHON"))
    }
    environment |= {
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    if not semaphores():
        environment["PYTHONPATH"] = str(NOSHM)

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = (
            [str(binaries / "python"), "-m", "teamsmedic"] if program == "teamsmedic" else [str(binaries / program)]
        )
        return subprocess.run(
            [*command, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
        )

    return run


@pytest.fixture(scope="module", params=["wheel", "checkout"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Path]]:
    """An installation: how to run its programs, and where its playbooks are."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "checkout":
        yield runner(Path(sys.executable).parent, folder), ROOT / "playbooks"
        return
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    home = folder / "venv"
    venv.create(home, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(packages)], check=True)
    # The dependencies are those of this environment, whose own editable teamsmedic comes later on the path.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in ("ansible-playbook", "ansible-doc"):
        program = home / "bin" / name
        program.write_text(f"#!{home / 'bin/python'}\nfrom ansible.cli.{name.split('-')[1]} import main\nmain()\n")
        program.chmod(0o755)
    yield runner(home / "bin", folder), packages / "teamsmedic/_content/playbooks"


def test_triage_finds_its_texts(installed: tuple[Run, Path]) -> None:
    done = installed[0]("teamsmedic", "triage", "--json", "--no-input", "0xCAA20004")

    (result,) = json.loads(done.stdout)["results"]
    assert result["texts"][0]["for"] == "tenant", done.stderr
    assert (installed[1] / "triage.yml").is_file()


def test_explain_finds_the_catalogue(installed: tuple[Run, Path]) -> None:
    done = installed[0]("teamsmedic", "explain", "--json", "0xCAA70007")

    assert json.loads(done.stdout)["sources"][0]["codes"][0]["code"] == "0xCAA70007", done.stderr


def test_ansible_doc_knows_the_module(installed: tuple[Run, Path]) -> None:
    run, playbooks = installed
    where = ["--playbook-dir", str(playbooks)] if playbooks == ROOT / "playbooks" else []
    done = run("ansible-doc", *where, "-t", "module", "teamsmedic.teams.remediation")

    assert done.returncode == 0, done.stderr
    assert "codes" in done.stdout


def test_lab_command_line_and_playbook(installed: tuple[Run, Path], tmp_path: Path) -> None:
    run, playbooks = installed
    up = run("teamsmedic", "lab", "up", "--json", "--state", str(tmp_path / "lab"))
    assert up.returncode == 0, up.stderr
    try:
        inventory = json.loads(up.stdout)["inventory"]
        checked = run("teamsmedic", "check", "all", "-i", inventory, "--code", "0xCAA70007", "--json")
        assert checked.returncode == 1, checked.stderr
        played = run(
            "ansible-playbook", str(playbooks / "check.yml"), "-i", inventory, "-l", "rooms", "-e", "codes=0xCAA70007"
        )
        assert played.returncode == 0, played.stdout + played.stderr
        assert "tls12_usable: drifted" in played.stdout
    finally:
        assert run("teamsmedic", "lab", "down", "--state", str(tmp_path / "lab")).returncode == 0


def test_a_wheel_from_the_source_archive_holds_what_one_from_the_checkout_holds(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds archive and wheel")

    def build(where: Path, out: Path) -> list[str]:
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(out)], cwd=where, check=True, capture_output=True)  # fmt: skip
        [wheel] = out.glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            return sorted(file.namelist())

    here = build(ROOT, tmp_path / "here")
    [archive] = (tmp_path / "here").glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(tmp_path)], check=True)
    there = build(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "there")

    assert there == here
    assert "ansible_collections/teamsmedic/teams/plugins/modules/remediation.ps1" in here
    assert not [name for name in here if name.startswith("teamsmedic/_content/playbooks/collections")]
