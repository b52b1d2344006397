"""What a wheel brings works from anywhere: content, collection, playbooks; and the checkout's playbooks without a configuration file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from teamsmedic import __version__
from teamsmedic.lab.demo import semaphores

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "playbooks/collections/ansible_collections/teamsmedic/teams"
PYTHONS = [
    Path(one).with_name("python")
    for one in os.environ.get("TEAMSMEDIC_TEST_ANSIBLES", sys.executable).split(os.pathsep)
]
"""Where TEAMSMEDIC_TEST_ANSIBLES names others' ansible-playbook, those beside them: editable installations of the checkout."""
SITE = """---
- name: Read devices
  hosts: all
  gather_facts: false
  tasks:
    - name: Read what a code points at
      teamsmedic.teams.remediation:
        codes: ["0xCAA70007"]
"""
NOSHM = ROOT / "src/teamsmedic/lab/noshm"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def runner(binaries: Path, folder: Path) -> Run:
    """Runs a program of an installation from another folder, with neither a configuration file nor Ansible's own home."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TEAMSMEDIC_", "PYTHON"))
    }
    environment |= {
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder),
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
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


@dataclass(frozen=True)
class Installed:
    """One installation. `playbook` names a playbook of it; `packages` are its own, where it has some."""

    run: Run
    folder: Path
    playbook: Callable[[str], str]
    packages: Path | None = None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("built")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's archive, built from the checkout by Ansible's own tool."""
    folder = tmp_path_factory.mktemp("archive")
    done = runner(Path(sys.executable).parent, folder)("ansible-galaxy", "collection", "build", str(COLLECTION))
    assert done.returncode == 0, done.stderr
    assert "Skipping" not in done.stderr, "a link that leads out of the collection is left out"
    [file] = folder.glob("*.tar.gz")
    return file


def unpacked(python: Path, wheel: Path, folder: Path) -> tuple[Path, Path]:
    """The wheel in an environment of its own, over the dependencies of that Python's: its programs and packages."""
    home = folder / "venv"
    subprocess.run([str(python), "-m", "venv", "--without-pip", str(home)], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages, dependencies = (
        Path(subprocess.run([str(one), "-c", where], check=True, capture_output=True, text=True).stdout.strip())
        for one in (home / "bin/python", python)
    )
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(packages)], check=True)
    # As a plain path: what an editable teamsmedic there adds to the path is not read.
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    mains = {name: f"ansible.cli.{name.split('-')[1]} import main" for name in ("ansible-playbook", "ansible-doc", "ansible-config", "ansible-galaxy")}  # fmt: skip
    for name, source in {**mains, "ansible": "ansible.cli.adhoc import main", "ansible-lint": "ansiblelint.__main__ import _run_cli_entrypoint as main"}.items():  # fmt: skip
        program = home / "bin" / name
        program.write_text(f"#!{home / 'bin/python'}\nfrom {source}\nmain()\n")
        program.chmod(0o755)
    return home / "bin", packages


@pytest.fixture(scope="module", params=[(python, kind) for python in PYTHONS for kind in ("wheel", "checkout", "editable", "archive")],
                ids=lambda one: f"{one[0].parents[1].name}-{one[1]}")  # fmt: skip
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    python, kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    if kind == "checkout":
        return Installed(runner(python.parent, folder), folder, lambda name: str(ROOT / f"playbooks/{name}.yml"))
    if kind == "editable":
        return Installed(runner(python.parent, folder), folder, "teamsmedic.teams.{}".format)
    binaries, packages = unpacked(python, request.getfixturevalue("wheel"), folder)
    run = runner(binaries, folder)
    if kind == "archive":
        # The package alone, and the collection where ansible-galaxy puts it.
        shutil.rmtree(packages / "ansible_collections")
        done = run("ansible-galaxy", "collection", "install", "--offline", str(request.getfixturevalue("archive")))
        assert done.returncode == 0, done.stderr
        assert (
            folder / ".ansible/collections/ansible_collections/teamsmedic/teams/plugins/modules/remediation.ps1"
        ).is_file()
    return Installed(run, folder, "teamsmedic.teams.{}".format, packages)


def test_triage_finds_its_texts(installed: Installed) -> None:
    done = installed.run("teamsmedic", "triage", "--json", "--no-input", "0xCAA20004")

    (result,) = json.loads(done.stdout)["results"]
    assert result["texts"][0]["for"] == "tenant", done.stderr


def test_explain_finds_the_catalogue(installed: Installed) -> None:
    done = installed.run("teamsmedic", "explain", "--json", "0xCAA70007")

    assert json.loads(done.stdout)["sources"][0]["codes"][0]["code"] == "0xCAA70007", done.stderr


def test_ansible_doc_knows_the_module(installed: Installed) -> None:
    where = installed.playbook("check")
    beside = ["--playbook-dir", str(Path(where).parent)] if os.sep in where else []
    done = installed.run("ansible-doc", *beside, "-t", "module", "teamsmedic.teams.remediation")

    assert done.returncode == 0, done.stderr
    assert "codes" in done.stdout


def test_ansible_lint_knows_the_module(installed: Installed) -> None:
    if installed.run("python", "-c", "import ansiblelint").returncode:
        pytest.skip("ansible-lint comes with the extra lint")
    site = installed.folder / "site.yml"
    site.write_text(SITE)
    where = installed.playbook("check")
    options = ["--offline", "--profile", "production"]
    if os.sep in where:  # a checkout's collection is found beside its playbooks; which devices, its settings say
        site, options = Path(where), ["-c", str(ROOT / ".ansible-lint")]
    done = installed.run("ansible-lint", *options, str(site))
    wrong = installed.folder / "wrong.yml"
    wrong.write_text(SITE.replace("remediation:", "remedy:"))
    unknown = installed.run("ansible-lint", "--offline", str(wrong))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "unknown-module" in unknown.stdout, "it would not tell a module that is not there"


def test_lab_command_line_and_playbook(installed: Installed, tmp_path: Path) -> None:
    up = installed.run("teamsmedic", "lab", "up", "--json", "--state", str(tmp_path / "lab"))
    assert up.returncode == 0, up.stderr
    try:
        inventory = json.loads(up.stdout)["inventory"]
        checked = installed.run("teamsmedic", "check", "all", "-i", inventory, "--code", "0xCAA70007", "--json")
        assert checked.returncode == 1, checked.stderr
        reach = ("-i", inventory, "-l", "rooms", "-e", "codes=0xCAA70007")
        played = installed.run("ansible-playbook", installed.playbook("check"), *reach)
        assert played.returncode == 0, played.stdout + played.stderr
        assert "tls12_usable: drifted" in played.stdout
        if installed.packages:
            stale_copy_is_named(installed, reach)
    finally:
        assert installed.run("teamsmedic", "lab", "down", "--state", str(tmp_path / "lab")).returncode == 0


def stale_copy_is_named(installed: Installed, reach: tuple[str, ...]) -> None:
    """An older copy in Ansible's own folder comes before what the wheel brings; what the sentence says mends it."""
    assert installed.packages
    stale = installed.folder / ".ansible/collections/ansible_collections/teamsmedic/teams"
    brought = installed.packages / "ansible_collections/teamsmedic/teams"
    if not brought.is_dir():
        return
    shutil.copytree(brought, stale)
    plugin = stale / "plugins/action/remediation.py"
    plugin.write_text(plugin.read_text().replace(f'VERSION = "{__version__}"', 'VERSION = "0.0.1"'))

    refused = installed.run("ansible-playbook", installed.playbook("check"), *reach)
    said = " ".join(refused.stdout.split())
    assert refused.returncode == 2, said
    assert f"the collection at {plugin} belongs" in said
    assert f"{installed.packages / 'teamsmedic'} is version {__version__}" in said
    assert f"type: rm -r {stale} (the package brings its own, {brought})" in said
    shutil.rmtree(stale)
    assert installed.run("ansible-playbook", installed.playbook("check"), *reach).returncode == 0


def test_the_archive_holds_what_the_wheel_holds(wheel: Path, archive: Path) -> None:
    inside = "ansible_collections/teamsmedic/teams/"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        brought = {name.removeprefix(inside): file.read(name) for name in names if name.startswith(inside)}
    with tarfile.open(archive) as file:
        built = {one.name: file.extractfile(one).read() for one in file if one.isfile()}  # type: ignore[union-attr]

    # In an archive, MANIFEST.json says what galaxy.yml says.
    del built["MANIFEST.json"], built["FILES.json"], brought["galaxy.yml"]
    assert built == brought
    for name in (one.name for one in (ROOT / "playbooks").glob("*.yml")):
        assert f"playbooks/{name}" in built, "link it in the collection's playbooks"
        assert f"teamsmedic/_content/playbooks/{name}" in names, "name it in pyproject.toml"
    assert not [one for one in built if one.endswith((".pyc", ".plugin-cache.yaml"))]


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


def test_the_execution_environment_is_made_of_the_wheel(wheel: Path, archive: Path, tmp_path: Path) -> None:
    run = runner(Path(sys.executable).parent, tmp_path)
    (tmp_path / "dist").mkdir()
    shutil.copy(wheel, tmp_path / "dist")
    shutil.copy(ROOT / "execution-environment.yml", tmp_path)
    collection = tmp_path / "all/ansible_collections/teamsmedic/teams"
    collection.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(collection)], check=True)

    made = run("ansible-builder", "create", "--output-filename", "Containerfile")
    assert made.returncode == 0, made.stdout + made.stderr
    lines = (tmp_path / "context/Containerfile").read_text().splitlines()
    install = next(number for number, line in enumerate(lines) if "install" in line and "/opt/teamsmedic/teamsmedic-*.whl" in line)  # fmt: skip
    assert lines.index("COPY _build/wheels/ /opt/teamsmedic/") == install - 1
    assert lines[install:][-1] == 'CMD ["bash"]', "the wheel is in the final image"
    assert (tmp_path / "context/_build/wheels" / wheel.name).read_bytes() == wheel.read_bytes()

    needs = run("ansible-builder", "introspect", str(tmp_path / "all"))
    assert needs.returncode == 0, needs.stdout + needs.stderr
    assert "pypsrp" in needs.stdout
    assert "teamsmedic==" not in needs.stdout
