"""The device's side of a PowerShell runspace pool in pure Python: pipelines in, recorded words out.

What a pipeline asks is handed to a function, and what that says is played back. psrpcore does the protocol
([MS-PSRP]); what clients insist on beside it was measured with pypsrp and with Ansible's psrp.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psrpcore
from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    HostMethodIdentifier,
    NETException,
    PSInvocationState,
)

from teamsmedic.lab import wsman

log = logging.getLogger(__name__)

CHUNK = 96 << 10
"""Bytes of output handed to the client at once: as base64 they fit into pypsrp's default envelope of 150 KB."""
MAX_INPUT = 64 << 20
"""Bytes that one shell takes in; Windows ends a session at 50 MB of received objects (MaximumReceivedDataSizeMB)."""


@dataclass(frozen=True)
class Asked:
    """One pipeline: its commands as (text, first argument or None), and the objects of its input."""

    commands: tuple[tuple[str, Any], ...]
    inputs: tuple[Any, ...]


@dataclass
class Said:
    """What a pipeline says: output strings, then its end.

    `failed` ends it in state Failed with that message; `exit_code` is what a script's `exit` sets; `hangs` leaves it
    running until it is stopped; `delay` seconds pass before the first output.
    """

    lines: Iterable[str] = ()
    failed: str | None = None
    exit_code: int = 0
    hangs: bool = False
    delay: float = 0.0


Respond = Callable[[Asked], Said]


@dataclass
class _Pipeline:
    core: Any
    inputs: list[Any] = field(default_factory=list)
    out: deque[bytes] = field(default_factory=deque)
    done: bool = False
    task: asyncio.Task[None] | None = None


class PsrpShell:
    """One runspace pool; every pipeline is answered by `respond`."""

    def __init__(self, respond: Respond, creation: bytes) -> None:
        """`creation`: the fragments that came with Create; a pool that does not open makes this raise."""
        self._respond = respond
        self._pool = psrpcore.ServerRunspacePool()
        self._out: deque[bytes] = deque()
        self._pipelines: dict[uuid.UUID, _Pipeline] = {}
        self._changed = asyncio.Event()
        self._taken = 0
        self._feed(creation, None)

    async def command(self, command_id: str, line: wsman.CommandLine) -> None:
        """Create a pipeline."""
        key = uuid.UUID(command_id)
        if key in self._pipelines:
            raise wsman.malformed(f"The command {command_id} exists already.")
        self._pipelines[key] = _Pipeline(psrpcore.ServerPipeline(self._pool, key))
        self._feed(line.payload, key)

    async def send(self, command_id: str | None, stream: str, data: bytes, end: bool) -> None:  # noqa: ARG002 - the protocol's
        """More fragments; answers to host calls (stream `pr`) are not awaited by anything here."""
        if stream == "stdin":
            self._feed(data, self._key(command_id) if command_id else None)

    async def receive(self, command_id: str | None, timeout: float, size: int) -> wsman.Received:
        """Output of a pipeline, or of the pool."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            pipeline = self._pipelines[self._key(command_id)] if command_id else None
            queue = pipeline.out if pipeline else self._out
            chunks: list[tuple[str, bytes]] = []
            taken = 0
            while queue and (not chunks or taken + len(queue[0]) <= size):
                chunks.append(("stdout", queue.popleft()))
                taken += len(chunks[-1][1])
            done = pipeline is not None and pipeline.done and not queue
            if chunks or done:
                return wsman.Received(tuple(chunks), done)
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                return wsman.Received()

    async def signal(self, command_id: str | None, code: str) -> None:  # noqa: ARG002 - the protocol's
        """Stop a pipeline that runs; forget one that has ended (Ansible signals those before its next one)."""
        key = uuid.UUID(command_id) if command_id else None
        pipeline = self._pipelines.get(key) if key else None
        if key is None or pipeline is None:
            return
        if pipeline.done:
            self._forget(key)
            return
        if pipeline.task:
            pipeline.task.cancel()
        if pipeline.core.state == PSInvocationState.Running:
            pipeline.core.stop()
        pipeline.done = True
        self._flush()

    async def close(self) -> None:
        """Drop everything. psrpcore's own close refuses while there are pipelines."""
        for key in list(self._pipelines):
            self._forget(key)

    def _key(self, command_id: str) -> uuid.UUID:
        key = uuid.UUID(command_id)
        if key not in self._pipelines:
            raise wsman.no_such_command(command_id)
        return key

    def _forget(self, key: uuid.UUID) -> None:
        pipeline = self._pipelines.pop(key)
        self._pool.pipeline_table.pop(key, None)
        if pipeline.task:
            pipeline.task.cancel()

    def _feed(self, data: bytes, key: uuid.UUID | None) -> None:
        self._taken += len(data)
        if self._taken > MAX_INPUT:
            raise wsman.quota(0x803381A8, f"The shell has received more than {MAX_INPUT} bytes.")
        pool = self._pool
        pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, key))
        while (event := pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                if event.pipeline.no_input:
                    self._start(event.pipeline_id)
            elif isinstance(event, psrpcore.PipelineInputEvent):
                self._pipelines[event.pipeline_id].inputs.append(event.data)
            elif isinstance(event, psrpcore.EndOfPipelineInputEvent | psrpcore.GetCommandMetadataEvent):
                self._start(event.pipeline_id)
            elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
                pool.runspace_availability_response(event.ci, pool.max_runspaces)
            elif isinstance(
                event,
                psrpcore.SetMaxRunspacesEvent | psrpcore.SetMinRunspacesEvent | psrpcore.ResetRunspaceStateEvent,
            ):
                pool.runspace_availability_response(event.ci, True)
        self._flush()

    def _flush(self) -> None:
        """Move what the pool has to say into the queues, and wake who waits. One call gives one pipeline's data."""
        while (part := self._pool.data_to_send(CHUNK)) is not None:
            pipeline = self._pipelines.get(part.pipeline_id) if part.pipeline_id else None
            (pipeline.out if pipeline else self._out).append(bytes(part.data))
        self._changed.set()
        self._changed = asyncio.Event()

    def _start(self, key: uuid.UUID) -> None:
        """All input is there."""
        pipeline = self._pipelines[key]
        pipeline.core._change_state(PSInvocationState.Running, emit=False)  # clients need no message for it
        commands = getattr(pipeline.core.metadata, "commands", ())
        asked = Asked(
            tuple((one.command_text, one.parameters[0][1] if one.parameters else None) for one in commands),
            tuple(pipeline.inputs),
        )
        pipeline.inputs.clear()
        said = self._respond(asked)
        pipeline.task = asyncio.get_running_loop().create_task(self._say(pipeline, said))

    async def _say(self, pipeline: _Pipeline, said: Said) -> None:
        failed = said.failed
        try:
            if said.delay:
                await asyncio.sleep(said.delay)
            for line in said.lines:
                pipeline.core.write_output(line)
                if len(line) > CHUNK:  # others want the loop, too
                    self._flush()
                    await asyncio.sleep(0)
            if said.exit_code:
                pipeline.core.host_call(HostMethodIdentifier.SetShouldExit, [said.exit_code])
        except Exception as error:
            log.exception("a pipeline's answer failed")
            failed = f"replay device: {type(error).__name__}: {error}"
        if failed is not None:
            pipeline.core._change_state(PSInvocationState.Failed, _error(failed))  # psrpcore has no fail()
        elif not said.hangs:
            pipeline.core.complete()
        pipeline.done = failed is not None or not said.hangs
        self._flush()


def _error(message: str) -> ErrorRecord:
    """The id carries the words, too: texts are localised on Windows, so doors show ids."""
    return ErrorRecord(
        Exception=NETException(Message=message, HResult=-2146233087),
        CategoryInfo=ErrorCategoryInfo(Category=ErrorCategory.NotImplemented, Reason="ReplayDevice"),
        FullyQualifiedErrorId=message,
    )
