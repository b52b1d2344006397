# Copyright: teamsmedic contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback beside the playbooks: completes the run folders on the controller."""

from __future__ import annotations

DOCUMENTATION = """
name: runs
type: aggregate
short_description: Completes the run folders of teamsmedic.teams.remediation
version_added: 0.1.0
description:
  - Each host's record is written by the action plugin. This adds what only the whole run knows, the waves of the play,
    its end and exit code, and the hosts that were not reached.
  - Loaded by itself for the playbooks of a checkout. Elsewhere, name C(teamsmedic.teams.runs) in C(callbacks_enabled).
"""

from typing import TYPE_CHECKING, Any

from ansible.plugins.callback import CallbackBase

if TYPE_CHECKING:
    from teamsmedic.ansible.callback import Runs


class CallbackModule(CallbackBase):
    """Passes on what ansible-playbook tells; what it cannot write never stops a play."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "teamsmedic.teams.runs"

    def __init__(self) -> None:
        """Without the package it is silent: the action plugin says what is missing."""
        super().__init__()
        self._runs: Runs | None = None
        try:
            from teamsmedic.ansible.callback import Runs  # noqa: PLC0415

            self._runs = Runs()
        except ImportError:
            self.disabled = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remembers which playbook it is."""
        if self._runs:
            self._runs.playbook = str(getattr(playbook, "_file_name", ""))

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play, or the next batch of one with `serial`."""
        del play
        if self._runs:
            self._runs.wave()

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that went well on a host."""
        self._told(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed on a host."""
        del ignore_errors
        self._told(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host that was not reached."""
        self._told(result, unreachable=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end of the run."""
        from teamsmedic.errors import TeamsMedicError  # noqa: PLC0415

        del stats
        if self._runs:
            try:
                self._runs.end()
            except TeamsMedicError as error:
                self._display.warning(str(error))

    def _told(self, result: Any, *, failed: bool = False, unreachable: bool = False) -> None:
        if self._runs:
            # ansible-core 2.18 knows only the names with an underscore, which later ones keep as deprecated.
            host = getattr(result, "host", None) or result._host
            data = getattr(result, "result", None)
            task = getattr(result, "task", None) or result._task
            self._runs.told(
                str(host),
                data if data is not None else result._result,
                action=str(task.resolved_action or task.action),
                failed=failed,
                unreachable=unreachable,
            )
