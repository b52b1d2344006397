"""`windows` devices behind the endpoint: a runspace pool is a `pwsh.exe -s` under Wine, in the administrator's context.

The engine speaks PSRP over its standard streams, one packet a line, as PowerShell's OutOfProcessUtils writes them
(`<Data Stream='Default' PSGuid='...'>base64</Data>`); the fragments inside pass through untouched in both directions.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from teamsmedic import content, remediation
from teamsmedic.errors import InventoryError
from teamsmedic.lab import cases, wsman
from teamsmedic.lab.device import PWSH, Device, end
from teamsmedic.lab.inventory import LabHost
from teamsmedic.lab.seed import ROLES
from teamsmedic.lab.winrs import CommandShell, exit_code

log = logging.getLogger(__name__)

FIRST_OUTPUT_SECONDS = 25.0
"""How long Create waits for the engine to say something: pypsrp's limit for that reply is 30 s."""
ACK_SECONDS = 120.0
END_SECONDS = 3.0
"""How long an engine may take to end by itself once its shell is deleted."""
LAST_WORDS_SECONDS = 0.5
MAX_INPUT = 64 << 20
"""Bytes that one shell takes in; Windows ends a session at 50 MB of received objects (MaximumReceivedDataSizeMB)."""
_POOL = "00000000-0000-0000-0000-000000000000"
_PIPELINE_STATE = 0x00041006
_PACKET = re.compile(rb"<(\w+)(?: Stream='\w+')? PSGuid='([0-9a-fA-F-]{36})'(?: />|>([^<]*)</)")


class WindowsDevice:
    """One device; a `Backend` of the endpoint. `device` is what stands behind it, for those who look from outside."""

    kind = "windows"

    def __init__(self, device: Device, *, shared: bool = False) -> None:
        """`device` is made, not yet started. `shared`: an engine whose shell is closed serves the next one, as a
        session configuration with UseSharedProcess does; runspaces are new, all else of the process is not."""
        self.device, self.shared = device, shared
        self._shells: list[PowerShellShell | CommandShell] = []
        self._idle: list[Engine] = []

    async def start(self) -> None:
        """Boot the device."""
        await asyncio.to_thread(self.device.boot)

    async def restart(self) -> None:
        """Restart the device; every shell on it ends."""
        await asyncio.to_thread(self.device.restart)
        await self._forget()

    async def stop(self) -> None:
        """End everything on the device and remove it."""
        await asyncio.to_thread(self.device.destroy)
        await self._forget()

    async def create(self, request: wsman.ShellRequest) -> wsman.Shell:
        """Open a runspace pool or a command shell."""
        self._shells = [shell for shell in self._shells if not shell.over]
        if request.kind is wsman.Kind.CMD:
            command = CommandShell(self.device, request)
            self._shells.append(command)
            return command
        for again in (True, False):
            engine = await self._engine(request)
            shell = PowerShellShell(engine, self._idle.append if self.shared else None)
            self._shells.append(shell)
            try:
                await shell.start(request)
                break
            except wsman.Fault as fault:
                # Wine loses a start now and then, on a busy machine (seen once in some hundred).
                if not (again and engine.over):
                    raise
                log.warning("device %s: %s It is started once more.", self.device.computer, fault.text)
        return shell

    async def _engine(self, request: wsman.ShellRequest) -> Engine:
        """An engine without a session."""
        variables = self.device.environment()
        if request.options.get("WINRS_NOPROFILE", "").upper() == "TRUE":
            variables["LAB_NO_PROFILE"] = "1"
        if self.shared:
            # Hexadecimal. Otherwise it spends a second between two shells on making what is compiled faster.
            variables["DOTNET_TC_CallCountingDelayMs"] = "7FFFFFF"
        for engine in self._idle:
            if engine.variables == variables and not engine.dead:
                self._idle.remove(engine)
                return engine
        engine = Engine(self.device, variables)
        await engine.start()
        return engine

    async def _forget(self) -> None:
        """All processes of the device have been ended: wait until that is seen."""
        await asyncio.gather(*(one.ended() for one in (*self._shells, *self._idle)), return_exceptions=True)
        self._shells.clear()
        self._idle.clear()


async def start(host: LabHost, state: Path) -> WindowsDevice:
    """The device of a lab inventory's host, started and put into its cases; its files lie in `state`/devices.

    DeviceError where that cannot be.
    """
    if host.role not in ROLES:
        raise InventoryError(f"made the device {host.name}", f"its role is {host.role}", f"use one of {list(ROLES)}")
    prefix = state / "devices" / host.name
    if prefix.exists():  # of a lab that was killed: the state folder's lock says that none is up
        await asyncio.to_thread(end, prefix)
        await asyncio.to_thread(shutil.rmtree, prefix)
    known = cases.load(content.root())
    wanted = {name: known[name][case] for name, case in host.cases.items()}
    seeds = tuple({seed for case in wanted.values() for seed in case.seeds})
    device = await asyncio.to_thread(Device.create, prefix, host.role, seeds, name=host.name)
    result = WindowsDevice(device)
    try:
        await result.start()
        for name, case in wanted.items():
            if script := case.script(remediation.load(content.root())[name].folder):
                await asyncio.to_thread(device.run, script)
    except BaseException:
        await result.stop()
        raise
    return result


@dataclass
class _Stream:
    """What the engine has written for the pool or for one pipeline."""

    chunks: deque[bytes] = field(default_factory=deque)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    done: bool = False
    rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take fragments ([MS-PSRP] 2.2.4), looked at only to see the pipeline's last state go by."""
        self.chunks.append(data)
        self.rest += data
        while len(self.rest) >= 21 and len(self.rest) >= (end := 21 + int.from_bytes(self.rest[17:21], "big")):
            first, blob = self.rest[16] & 1, self.rest[21:end]
            self.rest = self.rest[end:]
            if first and len(blob) >= 8 and int.from_bytes(blob[4:8], "little") == _PIPELINE_STATE:
                self.done = True
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        self.changed.set()
        self.changed = asyncio.Event()


class Engine:
    """One engine process, and whoever it works for at the moment: `streams` are that shell's."""

    def __init__(self, device: Device, variables: dict[str, str]) -> None:
        """`start` follows; `variables` are the process's."""
        self.device, self.variables = device, variables
        self.streams: dict[str, _Stream] = {}
        self.dead = False
        self.complaint = ""
        """The end of what it wrote to its error stream, once it is dead."""
        self._process: asyncio.subprocess.Process | None = None
        self._packets: asyncio.Queue[tuple[str, str, bytes, asyncio.Event] | None] = asyncio.Queue()
        self._acknowledged: dict[tuple[str, str], asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def over(self) -> bool:
        """Whether the process has ended."""
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        """Start the process."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - not a pipe: what the engine starts may hold it
        self._process = await asyncio.create_subprocess_exec(
            *self.device.command(PWSH, "-NoProfile", "-s"),
            env=self.variables,
            cwd=self.device.folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=1 << 24,  # one packet is one line
        )
        self._tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), self._watch(errors))]

    def put(self, kind: str, key: str, packet: bytes | None = None) -> asyncio.Event:
        """Hand the engine a packet; the event is set when it has acknowledged it, or has ended."""
        known = asyncio.Event()
        self._packets.put_nowait((kind, key, packet or f"<{kind} PSGuid='{key}' />".encode(), known))
        return known

    def data(self, key: str, data: bytes, stream: str = "Default") -> None:
        """Hand it fragments."""
        text = base64.b64encode(data).decode()
        self.put("Data", key, f"<Data Stream='{stream}' PSGuid='{key}'>{text}</Data>".encode())

    async def leave(self) -> bool:
        """Close the session that it has; whether it is ready for another one.

        It closes a session once all of its pipelines are closed, and opens the next with the next packet.
        """
        for key in self.streams:
            if key != _POOL:
                self.put("Close", key)
        closed = self.put("Close", _POOL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await closed.wait()
        return closed.is_set() and not self.dead

    def end(self) -> None:
        """End it: it is asked first, and killed when it has not ended in `END_SECONDS`."""
        self._packets.put_nowait(None)
        self._tasks.append(asyncio.create_task(self._end()))

    async def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        assert self._process is not None
        return await exit_code(self._process)

    async def _end(self) -> None:
        assert self._process is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await exit_code(self._process)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _write(self) -> None:
        """One packet at a time: a second one written before the first is acknowledged is lost now and then."""
        assert self._process is not None
        assert self._process.stdin is not None
        pipe = self._process.stdin
        with contextlib.suppress(ConnectionError):
            while (packet := await self._packets.get()) and not self.dead:
                kind, key, line, known = packet
                self._acknowledged[f"{kind}Ack", key] = known
                pipe.write(line + b"\n")
                await pipe.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ACK_SECONDS if kind in ("Data", "Command") else END_SECONDS):
                        await known.wait()
            pipe.write(f"<Close PSGuid='{_POOL}' />\n".encode())
            pipe.close()  # with pipelines that are not closed, it answers only at the end of its input

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                self._packet(line)
        except ValueError:  # a line beyond the limit
            log.exception("device %s: unexpected output of the engine", self.device.computer)
            self._process.kill()

    async def _watch(self, errors: IO[bytes]) -> None:
        """When the engine has ended, nobody waits for it any longer. Its output may be held open by what it started."""
        assert self._process is not None
        await exit_code(self._process)
        await asyncio.wait(self._tasks[:1], timeout=LAST_WORDS_SECONDS)
        with errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 500))
            self.complaint = errors.read().decode(errors="replace").strip()
        self.dead = True
        self._packets.put_nowait(None)
        for known in self._acknowledged.values():
            known.set()
        for stream in self.streams.values():
            stream.wake()

    def _packet(self, line: bytes) -> None:
        match = _PACKET.match(line)
        if not match:
            return
        kind, key = match[1].decode(), match[2].decode().lower()
        stream = self.streams.get(key)
        if kind == "Data" and stream:
            with contextlib.suppress(binascii.Error):
                stream.feed(base64.b64decode(match[3] or b""))
        elif known := self._acknowledged.pop((kind, key), None):
            known.set()
        if kind == "SignalAck" and stream and not stream.done:
            # The engine says no more of a pipeline that was stopped.
            stream.done = True
            stream.wake()


class PowerShellShell:
    """One runspace pool: one engine, which lives until the shell is closed, whatever becomes of its client."""

    def __init__(self, engine: Engine, release: Callable[[Engine], None] | None = None) -> None:
        """`engine` is started and has no session; `release` takes it back when the shell is closed and all its
        pipelines have ended."""
        self._engine, self._release = engine, release
        self._streams = engine.streams = {_POOL: _Stream()}
        self._taken = 0
        self._closing: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether the engine has ended, or works for another shell."""
        return self._engine.over or self._engine.streams is not self._streams

    async def start(self, request: wsman.ShellRequest) -> None:
        """Open the session and wait for the engine's first output; nothing is left behind where that fails."""
        engine = self._engine
        try:
            self._data(_POOL, request.creation)
            pool = self._streams[_POOL]
            async with asyncio.timeout(FIRST_OUTPUT_SECONDS):
                while not pool.chunks and not engine.dead:
                    await pool.changed.wait()
        except TimeoutError:
            engine.end()
            raise wsman.internal(f"The engine said nothing for {FIRST_OUTPUT_SECONDS:.0f} s.") from None
        except BaseException:
            engine.end()
            raise
        if engine.dead:
            code = await engine.ended()
            engine.end()
            said = engine.complaint or "it said nothing"
            raise wsman.internal(f"The engine ended at its start with code {code}: {said}.")

    async def command(self, command_id: str, line: wsman.CommandLine) -> None:
        """Create a pipeline."""
        key = command_id.lower()
        if key in self._streams:
            raise wsman.malformed(f"The command {command_id} exists already.")
        self._check()
        self._streams[key] = _Stream()
        self._engine.put("Command", key)
        self._data(key, line.payload)

    async def send(self, command_id: str | None, stream: str, data: bytes, end: bool) -> None:  # noqa: ARG002 - the protocol's
        """More fragments."""
        self._check()
        self._data(self._key(command_id), data, "PromptResponse" if stream == "pr" else "Default")

    async def receive(self, command_id: str | None, timeout: float, size: int) -> wsman.Received:
        """Output of a pipeline, or of the pool."""
        stream = self._streams[self._key(command_id)]
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            chunks: list[tuple[str, bytes]] = []
            taken = 0
            while stream.chunks and (not chunks or taken + len(stream.chunks[0]) <= size):
                chunks.append(("stdout", stream.chunks.popleft()))
                taken += len(chunks[-1][1])
            done = stream.done and not stream.chunks
            if chunks or done:
                return wsman.Received(tuple(chunks), done)
            self._check()
            try:
                async with asyncio.timeout_at(deadline):
                    await stream.changed.wait()
            except TimeoutError:
                return wsman.Received()

    async def signal(self, command_id: str | None, code: str) -> None:  # noqa: ARG002 - the engine knows one signal
        """Stop a pipeline that runs; forget one that has ended."""
        key = command_id.lower() if command_id else ""
        stream = self._streams.get(key)
        if stream is None or self._engine.dead:
            return
        if stream.done:
            self._engine.put("Close", key)
            del self._streams[key]
        else:
            self._engine.put("Signal", key)

    async def close(self) -> None:
        """End the engine, or give it back."""
        if self._release and all(stream.done for key, stream in self._streams.items() if key != _POOL):
            self._closing = asyncio.create_task(self._give_back(self._release))
        else:
            self._engine.end()

    async def ended(self) -> None:
        """Wait until the engine has ended."""
        await self._engine.ended()

    async def _give_back(self, release: Callable[[Engine], None]) -> None:
        if await self._engine.leave():
            release(self._engine)
        else:
            self._engine.end()

    def _key(self, command_id: str | None) -> str:
        key = command_id.lower() if command_id else _POOL
        if key not in self._streams:
            raise wsman.no_such_command(command_id or "")
        return key

    def _check(self) -> None:
        if self._engine.dead:
            raise wsman.no_such_shell("The engine of this shell has ended.")

    def _data(self, key: str, data: bytes, stream: str = "Default") -> None:
        self._taken += len(data)
        if self._taken > MAX_INPUT:
            raise wsman.quota(0x803381A8, f"The shell has received more than {MAX_INPUT} bytes.")
        self._engine.data(key, data, stream)
