"""The main job on three replayed devices, as an administrator would type it: `python -m teamsmedic.lab.demo`."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from teamsmedic import content, view
from teamsmedic.errors import TeamsMedicError
from teamsmedic.lab import cli as labs

CODE = "0xCAA70007"
STEPS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("A user reads you a code. What does it mean, and who must act?", f"teamsmedic explain {CODE}", (0,)),
    ("One look at every device; nothing is changed.", f"teamsmedic check all -i LAB --code {CODE}", (1,)),
    ("Repair one from the command line.", f"teamsmedic fix desk-broken -i LAB --code {CODE} --yes", (0,)),
    (
        "The Rooms from Ansible: first what would change, then for real.",
        f"ansible-playbook PLAYBOOKS/fix.yml -i LAB -l rooms -e codes={CODE} --check --diff",
        (0,),
    ),
    ("", f"ansible-playbook PLAYBOOKS/fix.yml -i LAB -l rooms -e codes={CODE}", (0,)),
    ("The devices restart overnight; the next morning's check.", "(restart)", ()),
    ("", f"teamsmedic check all -i LAB --code {CODE}", (0,)),
    ("And everything has a way back.", "teamsmedic undo desk-broken -i LAB --yes", (0,)),
)


def main() -> int:
    """Runs the steps; 0 when every one ended as it should."""
    screen = view.console()
    folder = Path(tempfile.mkdtemp(prefix="teamsmedic-demo-"))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "TEAMSMEDIC_RUN_DIR": str(folder / "runs"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "COLUMNS": str(screen.width),
    }
    if not semaphores():
        environment["PYTHONPATH"] = str(Path(__file__).parent / "noshm")
        screen.print("[dim]Nobody but root can write /dev/shm here: Ansible's locks are pipes in this demo.[/]")
    state = folder / "lab"
    failed = 0
    try:
        screen.print(view.lab(labs.up(None, state)))
        names = {"LAB": str(state / "inventory.yml"), "PLAYBOOKS": str(content.root() / "playbooks")}
        for said, command, expected in STEPS:
            if said:
                screen.print(f"\n[bold cyan]{said}[/]")
            if not expected:
                for device in labs.status(state).devices:
                    labs.control(device.name, {"restart": True}, state)
                continue
            screen.print(f"[dim]$[/] [bold]{command}[/]\n")
            words = [_filled(word, names) for word in shlex.split(command)]
            code = subprocess.run(words, env=environment, check=False).returncode
            if code not in expected:
                failed += 1
                screen.print(f"[bold red]exit code {code}, expected {' or '.join(map(str, expected))}[/]")
    except TeamsMedicError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program of its own
        return int(error.exit_code)
    except KeyboardInterrupt:
        return 130
    finally:
        labs.down(state)
        shutil.rmtree(folder, ignore_errors=True)
    screen.print(
        "\nThe lab is down. These devices were replayed: recorded answers, no real machine."
        if not failed
        else "\n[bold red]Not everything went as it should.[/]"
    )
    return 1 if failed else 0


def semaphores() -> bool:
    """Whether this user can make a semaphore, which Ansible needs: they live in /dev/shm."""
    try:
        multiprocessing.get_context("fork").Lock()
    except OSError:
        return False
    return True


def _filled(word: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(name, value) if word.startswith(name) else word
    return word


if __name__ == "__main__":
    sys.exit(main())
