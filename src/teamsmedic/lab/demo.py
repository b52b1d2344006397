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
from typing import NamedTuple

from rich.console import Console

from teamsmedic import content, view
from teamsmedic.errors import TeamsMedicError
from teamsmedic.lab import cli as labs

CODE = "0xCAA70007"

NOSHM = Path(__file__).parent / "noshm"
"""What in PYTHONPATH lets ansible-playbook run where `semaphores()` says no."""


class Step(NamedTuple):
    """A command that somebody types, what it is for, and the exit code that it must have."""

    said: str
    command: str
    code: int = 0
    restart: bool = False
    """Restart the devices before it."""


STEPS = (
    Step("A user reads you a code. What does it mean, and who must act?", f"teamsmedic explain {CODE}"),
    Step("One look at every device; nothing is changed.", f"teamsmedic check all --code {CODE}", 1),
    Step("Repair one from the command line.", f"teamsmedic fix desk-broken --code {CODE} --yes"),
    Step(
        "The Rooms from Ansible: first what would change ...",
        f"ansible-playbook playbooks/fix.yml -l rooms -e codes={CODE} --check --diff",
    ),
    Step("... then for real.", f"ansible-playbook playbooks/fix.yml -l rooms -e codes={CODE}"),
    Step(
        "The devices restart overnight; the next morning's check.", f"teamsmedic check all --code {CODE}", restart=True
    ),
    Step("And everything has a way back.", "teamsmedic undo desk-broken --yes"),
)
_KEPT = ("ANSIBLE_FORCE_COLOR", "ANSIBLE_NOCOLOR", "TEAMSMEDIC_CONTENT")


def main() -> int:
    """Runs the steps; 0 when every one ended as it should."""
    screen = view.console()
    folder = Path(tempfile.mkdtemp(prefix="teamsmedic-demo-"))
    state = folder / "lab"
    failed = 0
    try:
        up = labs.up(None, state)
        environment = _environment(folder, screen.width)
        if not semaphores():
            environment["PYTHONPATH"] = str(NOSHM)
            screen.print("[dim]/dev/shm cannot be written here: Ansible's locks are pipes in this demo.[/]")
        _type(screen, "teamsmedic lab up")
        screen.print(view.lab(up))
        screen.print()
        for name, value in (("ANSIBLE_INVENTORY", str(up.inventory)), ("ANSIBLE_CALLBACK_RESULT_FORMAT", "yaml")):
            _type(screen, f"export {name}={value}")
            environment[name] = value
        gap = "\n"
        for step in STEPS:
            if step.restart:
                for device in up.devices:
                    labs.control(device.name, {"restart": True}, state)
            screen.print(f"{gap}[bold cyan]{step.said}[/]")
            _type(screen, step.command)
            # Ansible begins and ends with an empty line of its own.
            gap = "" if step.command.startswith("ansible") else "\n"
            screen.print(end=gap)
            code = subprocess.run(
                shlex.split(step.command), cwd=content.root(), env=environment, stdin=subprocess.DEVNULL, check=False
            ).returncode
            if code != step.code:
                failed += 1
                screen.print(f"[bold red]exit code {code}, expected {step.code}[/]")
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


def _environment(folder: Path, width: int) -> dict[str, str]:
    """The steps' variables: no settings of Ansible or teamsmedic found here change what is shown, or where it goes."""
    settings = folder / "ansible.cfg"
    # Named, so that Ansible looks for no other: it warns of one in a world-writable clone.
    settings.write_text("[defaults]\n", encoding="utf-8")
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(("ANSIBLE_", "TEAMSMEDIC_"))
        },
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "TEAMSMEDIC_RUN_DIR": str(folder / "runs"),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "COLUMNS": str(width),
    }


def _type(screen: Console, command: str) -> None:
    screen.print(f"[dim]$[/] [bold]{command}[/]", soft_wrap=True)


def semaphores() -> bool:
    """Whether this user can make a semaphore, which Ansible needs: they live in /dev/shm."""
    try:
        multiprocessing.get_context("fork").Lock()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
