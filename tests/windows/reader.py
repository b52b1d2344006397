"""testinfra's winrm backend, mended: the road by which tests look at a device, sharing nothing with the product's.

testinfra 10.2 sends `powershell -command \\"Test-Path '...'\\"`. Without a POSIX shell in between the backslashes stay,
PowerShell gets a string and prints it: `host.file(...).exists` is False for every path and `contains` always True. It
also asks for code page 437 and decodes UTF-8. Importing this registers the backend; then
`testinfra.get_host("labwinrm://...", device=NAME)`.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import winrm.protocol
from testinfra import backend
from testinfra.backend.base import CommandResult
from testinfra.backend.winrm import WinRMBackend

UTF_8 = 65001


class LabWinRM(WinRMBackend):
    """A device of the lab over WinRS; `device` names it in the endpoint's path."""

    NAME = "labwinrm"

    def __init__(self, hostspec: str, *args: Any, device: str, **kwargs: Any) -> None:
        super().__init__(hostspec, *args, **kwargs)
        self.conn_args["endpoint"] = self.conn_args["endpoint"].removesuffix("wsman") + f"{device}/wsman"
        # Otherwise pywinrm takes these from variables of the tester's, and warns of it.
        self.conn_args |= {"proxy": None, "ca_trust_path": None}

    @staticmethod
    def quote(command: str, *args: str) -> str:
        return str(WinRMBackend.quote(command.replace('\\"', '"'), *args))

    def run_winrm(self, command: str) -> CommandResult:
        protocol = winrm.protocol.Protocol(**self.conn_args)
        shell = protocol.open_shell(codepage=UTF_8)
        try:
            started = protocol.run_command(shell, command)
            output, errors, code = protocol.get_command_output(shell, started)
            protocol.cleanup_command(shell, started)
        finally:
            protocol.close_shell(shell)
        return self.result(code, self.encode(command), output, errors)


# testinfra imports a backend by its dotted name.
module: Any = sys.modules.setdefault("labwinrm", types.ModuleType("labwinrm"))
module.LabWinRM = LabWinRM
backend.BACKENDS["labwinrm"] = "labwinrm.LabWinRM"
