"""Completes the run folders of an ansible-playbook with what only the whole run knows: waves, end, hosts not reached.

Each host's own file is written by the action plugin, so that a run folder is complete host by host without this.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from teamsmedic import content, gatekeeper
from teamsmedic.errors import ExitCode
from teamsmedic.outcome import Status
from teamsmedic.runfolder import RunFolder


class Runs:
    """The runs of one ansible-playbook. Told of each play (or batch of `serial`) and each result; writes at the end."""

    def __init__(self) -> None:
        """Nothing has begun yet; `playbook` is set when it is known."""
        self.playbook = ""
        self._waves: dict[Path, dict[int, list[str]]] = {}
        self._batches: dict[Path, dict[int, list[str]]] = {}
        self._codes: dict[Path, list[ExitCode]] = {}
        self._lost: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._wave = 0

    def wave(self) -> None:
        """A play, or its next batch, begins."""
        self._wave += 1

    def told(
        self,
        host: str,
        result: Mapping[str, Any],
        *,
        action: str = content.ANSIBLE_MODULE,
        failed: bool = False,
        unreachable: bool = False,
    ) -> None:
        """A task's result on a host; those of a loop are inside. Ansible takes `failed` out of what callbacks get.

        What another module returned is a device's word: no run folder that it names is looked at.
        """
        ours = [result, *(result.get("results") or ())] if action == content.ANSIBLE_MODULE else []
        for one in ours:
            if isinstance(one, Mapping) and failed and "run_folder" not in one:
                self._refused[host] = str(one.get("msg", ""))
            if isinstance(one, Mapping) and isinstance(one.get("run_folder"), str) and "outcomes" in one:
                lost = unreachable or bool(one.get("unreachable"))
                self._ours(Path(one["run_folder"]), host, one, failed=failed, unreachable=lost)
        if unreachable:
            self._lost[host] = str(result.get("msg", ""))

    def _ours(self, folder: Path, host: str, result: Mapping[str, Any], *, failed: bool, unreachable: bool) -> None:
        self._waves.setdefault(folder, {}).setdefault(result.get("wave") or 0, []).append(host)
        self._batches.setdefault(folder, {}).setdefault(self._wave, []).append(host)
        statuses = [Status(one["status"]).exit_code for one in result["outcomes"]]
        without = failed and not statuses
        code = ExitCode.UNREACHABLE if unreachable else ExitCode.FAILED if without else ExitCode.worst(statuses)
        if result.get("without") == "held back":
            code = ExitCode.BLOCKED
        self._codes.setdefault(folder, []).append(code)

    def end(self) -> None:
        """The whole run is over."""
        for path, waves in self._waves.items():
            folder = RunFolder(path)
            manifest = folder.manifest()
            codes = list(self._codes[path])
            for host in manifest.get("hosts", []):
                if not folder.has(host):
                    lost = host in self._lost
                    codes.append(ExitCode.UNREACHABLE if lost else ExitCode.FAILED)
                    said = self._lost.get(host) or self._refused.get(host)
                    error = said or "the play ended before it came to this host"
                    folder.write(host, "unreachable" if lost else "stopped", {"error": error, "outcomes": []})
            # The waves of a fix, in which a host that was held back has none, or the batches of `serial`.
            numbered = {number: one for number, one in waves.items() if number} or self._batches[path]
            decided, _ = gatekeeper.progress(path)
            folder.end(
                int(ExitCode.worst(codes)), playbook=self.playbook, decided=decided,
                waves=[one for _, one in sorted(numbered.items())],
            )  # fmt: skip
