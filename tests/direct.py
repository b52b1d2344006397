"""A replayed device asked without a wire."""

from __future__ import annotations

from teamsmedic.hosts.base import End, Reply, Send
from teamsmedic.lab.psrp import Asked
from teamsmedic.lab.replay import ReplayDevice


class Direct:
    """A door without a wire."""

    def __init__(self, device: ReplayDevice) -> None:
        self.name, self.device = device.name, device

    def run(self, request: Send) -> Reply:
        texts = [one.text for one in request.statements]
        said = self.device.respond(
            Asked(tuple((text, None if at else request.argument) for at, text in enumerate(texts)), ())
        )
        return Reply(tuple(said.lines), End.FAILED if said.failed else End.COMPLETED, said.failed or "")

    def close(self) -> None:
        pass
