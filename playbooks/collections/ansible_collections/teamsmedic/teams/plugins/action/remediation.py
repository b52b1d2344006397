# Copyright: teamsmedic contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action plugin of teamsmedic.teams.remediation: gives Ansible's side of a task to the package teamsmedic."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

VERSION = "0.1.0"
"""The version of the package that this collection belongs to."""


def _numbers(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]


MISSING = ""
"""Why that package is not here; empty where it is. Imported before Ansible forks, so that its workers share it."""
PACKAGE: Path | None = None
"""Where the package lies, of whatever version."""
MODULE = Path(__file__).parents[1] / "modules/remediation.ps1"
"""What runs on the device."""
OLDER = False
"""Whether this collection is older than the package."""
try:
    import teamsmedic

    PACKAGE = Path(teamsmedic.__file__).resolve().parent
    if teamsmedic.__version__ == VERSION:
        from teamsmedic.ansible import action

        action.load()
    else:
        MISSING = f"{PACKAGE} is version {teamsmedic.__version__}"
        OLDER = _numbers(VERSION) < _numbers(teamsmedic.__version__)
except ImportError as error:
    MISSING = f"{sys.executable} cannot import it ({error})"


class ActionModule(ActionBase):
    """Reads a device, and repairs and undoes there, in one task over one connection."""

    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The task's result; what cannot be asked for fails before the first connection."""
        super().run(tmp, task_vars)
        if MISSING:
            return {"failed": True, "msg": _mismatch(MISSING)}
        if not MODULE.is_file():
            return {"failed": True, "msg": _INCOMPLETE}
        variables = task_vars or {}

        def variable(name: str) -> str | None:
            value = variables.get(name)
            return None if value is None else str(self._templar.template(value))

        asked = action.Task(
            host=str(variables["inventory_hostname"]),
            options=self._task.args,
            dry_run=bool(self._task.check_mode),
            diff=bool(self._task.diff),
            play=[str(one) for one in variables.get("ansible_play_hosts_all") or ()],
            run_dir=variable("teamsmedic_run_dir"),
            inventory=[str(one) for one in variables.get("ansible_inventory_sources") or ()],
            groups=[str(one) for one in variables.get("group_names") or ()],
            night_window=variable("teamsmedic_night_window"),
        )
        return action.carry_out(asked, lambda: self._open(asked.host, variables))

    def _open(self, name: str, variables: dict[str, Any]) -> Any:
        """The host through the connection that the site has configured, which is still closed."""
        connection = self._connection
        endpoint = action.refuse(
            name,
            connection.transport,
            connection.get_option,
            become=bool(self._play_context.become),
            environment=any(self._task.environment or ()),
            delegate_to=bool(self._task.delegate_to),
        )
        action.go_direct(endpoint.address, connection.transport, connection.set_option)

        def execute(options: dict[str, Any]) -> dict[str, Any]:
            try:
                module = action.content.ANSIBLE_MODULE
                return dict(self._execute_module(module_name=module, module_args=options, task_vars=variables))
            except Exception as error:
                if isinstance(error, AnsibleConnectionFailure) or action.is_loss(error):
                    raise action.unreached(name, endpoint, error) from error
                raise

        def reset() -> None:
            try:
                connection.reset()
            except AnsibleConnectionFailure as error:
                raise action.unreached(name, endpoint, error) from error

        reached = f"{endpoint.address.lower()}:{connection.get_option('port')}/{connection.get_option('path')}"
        return action.AnsibleHost(name, execute, reset, reached)


_INCOMPLETE = (
    f"looked for what runs on a device: {MODULE} is not there, or a checkout's link that leads nowhere in a copy of a "
    "part of it; use the whole checkout, the wheel, or the archive that ansible-galaxy collection build makes."
)


def _mismatch(found: str) -> str:
    """One sentence; the line to type removes a stale copy of the collection, or installs the package.

    A copy in ~/.ansible/collections comes before the one that the package brings, and nothing says so.
    """
    here = Path(__file__).resolve()
    collection = here.parents[2]
    checkout = str(here).rpartition(f"{os.sep}playbooks{os.sep}collections{os.sep}")[0]
    brought = [one for one in _brought() if one.is_dir() and one != collection]
    if OLDER and brought and not checkout:
        line = f"rm -r {shlex.quote(str(collection))} (the package brings its own, {brought[0]})"
    else:
        # It is on no package index: what has that name there would be somebody else's.
        wheel = f"teamsmedic-{VERSION}-py3-none-any.whl (from where the collection came)"
        line = f"{sys.executable} -m pip install {f'-e {shlex.quote(checkout)}' if checkout else wheel}"
    return (
        f"looked for the Python package teamsmedic {VERSION}, to which the collection at {here} belongs: {found}; "
        f"type: {line}."
    )


def _brought() -> list[Path]:
    """Where the package's own collection would be: beside it (a wheel), or in the checkout around it."""
    if PACKAGE is None:
        return []
    name = Path("ansible_collections/teamsmedic/teams")
    return [PACKAGE.parent / name, PACKAGE.parents[1] / "playbooks/collections" / name]
