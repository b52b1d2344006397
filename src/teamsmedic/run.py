"""Drives a treatment through a door, and writes what must be on disk before each change. The one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from teamsmedic.errors import HostError
from teamsmedic.hosts.base import End, Host, Reply, Send
from teamsmedic.outcome import Json
from teamsmedic.treatment import Pause, Record, Report, Walk

Write = Callable[[str, Mapping[str, Json]], None]
"""Writes one record (kind, data) of the host into the run folder and flushes it to disk."""


def drive(walk: Walk, host: Host, write: Write, *, sleep: Callable[[float], None] = time.sleep) -> Report:
    """Carries out the steps of a treatment on a host until its report."""
    reply: Reply | None = None
    answered = False
    while True:
        try:
            step = walk.send(reply)
        except StopIteration as end:
            report: Report = end.value
            return report
        reply = None
        if isinstance(step, Send):
            try:
                reply = host.run(step)
            except HostError as error:
                if not answered:
                    raise
                # Once a host has answered, the treatment must hear of the loss: it may have changed something there.
                reply = Reply((), End.LOST, str(error))
            answered = True
        elif isinstance(step, Record):
            write(step.kind, step.data)
        elif isinstance(step, Pause):
            sleep(step.seconds)
