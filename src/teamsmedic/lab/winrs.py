"""Command shells of `windows` devices (WinRS): `cmd.exe` under Wine, in the administrator's context.

A command runs from a batch file: Wine's loader quotes its arguments anew and Wine's cmd expands variables only after it
has parsed a line, so neither carries quotes, `&` and `|` as they were sent. Source of the rules: [MS-WSMV] 3.1.4.11 to
3.1.4.15; what Wine does was measured with pywinrm and pypsrp on Wine 8.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import uuid
from collections import deque
from pathlib import Path

from teamsmedic.lab import wsman
from teamsmedic.lab.device import Device
from teamsmedic.lab.seed import ADMIN

_NOISE = re.compile(rb"(?m)^[^\r\n]*(?:FS volume label|syswow64)[^\n]*\n?")
# Wine's words for an unknown command, and Windows', which clients look for.
_UNKNOWN = re.compile(rb"Can't recognize '(\S+)[^\n]*' as an internal or external command, or batch script\.")
_UNKNOWN_WORDS = b"'\\1' is not recognized as an internal or external command,\r\noperable program or batch file."
_UNKNOWN_CODE = 9009
_PROMPT_SECONDS = 0.05
_PIPES_SECONDS = 1.0


class CommandShell:
    """One command shell: a working folder, variables and a code page; its commands run side by side."""

    def __init__(self, device: Device, request: wsman.ShellRequest) -> None:
        """A folder that does not exist is a Fault, as on Windows."""
        self._device = device
        wanted = (request.working_directory or "").replace("%USERPROFILE%", rf"C:\Users\{ADMIN}")
        self._folder = device.file(wanted or rf"C:\Users\{ADMIN}")
        if not self._folder.is_dir():
            raise wsman.Fault(2147942667, "InternalError", "The directory name is invalid.")
        page = request.options.get("WINRS_CODEPAGE", "437")
        self._encoding = "utf-8" if page == "65001" else f"cp{page}"
        try:
            "".encode(self._encoding)
        except LookupError:
            raise wsman.malformed(f"The device has no code page {page[:20]}.") from None
        self._variables = dict(request.environment)
        self._commands: dict[str, _Command] = {}

    async def command(self, command_id: str, line: wsman.CommandLine) -> None:
        """Start a command."""
        command = _Command(self._device, self._encoding)
        await command.start(line, self._folder, self._variables)
        self._commands[command_id] = command

    async def send(self, command_id: str | None, stream: str, data: bytes, end: bool) -> None:  # noqa: ARG002 - stdin only
        """Standard input; what comes after the command's end is dropped."""
        pipe = self._command(command_id).stdin
        with contextlib.suppress(ConnectionError, RuntimeError):
            pipe.write(data)
            await pipe.drain()
            if end:
                pipe.close()

    async def receive(self, command_id: str | None, timeout: float, size: int) -> wsman.Received:
        """Standard output and error of a command."""
        return await self._command(command_id).receive(timeout, size)

    async def signal(self, command_id: str | None, code: str) -> None:  # noqa: ARG002 - Wine has no console here
        """End a command; ctrl_c and ctrl_break as well."""
        if command_id in self._commands:
            self._commands[command_id].kill()

    async def close(self) -> None:
        """End all commands."""
        for command in self._commands.values():
            command.kill()

    @property
    def over(self) -> bool:
        """Whether no command runs; a client may start another one all the same."""
        return all(command.task.done() for command in self._commands.values())

    async def ended(self) -> None:
        """Wait until all commands have ended."""
        await asyncio.gather(*(command.task for command in self._commands.values()))

    def _command(self, command_id: str | None) -> _Command:
        if command_id not in self._commands:
            raise wsman.no_such_command(command_id or "")
        return self._commands[command_id]


class _Command:
    """One command: `start` first; `task` ends when it has ended and its output is read."""

    stdin: asyncio.StreamWriter
    task: asyncio.Task[None]

    def __init__(self, device: Device, encoding: str) -> None:
        self._device, self._encoding = device, encoding
        self._mark = uuid.uuid4().hex
        self._chunks: deque[tuple[str, bytes]] = deque()
        self._changed = asyncio.Event()
        self._code: int | None = None

    async def start(self, line: wsman.CommandLine, folder: Path, variables: dict[str, str]) -> None:
        text = " ".join((line.command, *line.arguments))
        environment = self._device.environment() | variables | {"WINRS_MARK": self._mark}
        files: tuple[Path, ...] = ()
        if line.skip_cmd_shell:
            arguments = split(text)
        else:
            stem = rf"C:\windows\temp\winrs-{self._mark}"
            arguments = ["cmd.exe", "/c", f"{stem}.cmd"]
            files = (self._device.file(f"{stem}.cmd"), self._device.file(f"{stem}.rc"))
            files[0].write_bytes(_batch(text, stem, environment))
        process = await asyncio.create_subprocess_exec(
            *self._device.command(*arguments),
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        self.stdin = process.stdin
        self.task = asyncio.create_task(self._run(process, files))

    async def receive(self, timeout: float, size: int) -> wsman.Received:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            chunks: list[tuple[str, bytes]] = []
            taken = 0
            while self._chunks and (not chunks or taken + len(self._chunks[0][1]) <= size):
                chunks.append(self._chunks.popleft())
                taken += len(chunks[-1][1])
            done = self._code is not None and not self._chunks
            if chunks or done:
                return wsman.Received(tuple(chunks), done, self._code if done else None)
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                return wsman.Received()

    def kill(self) -> None:
        """End the command and all that it started: Wine's processes are nobody's children, but inherit its mark."""
        if self._code is not None:
            return
        needle = f"WINRS_MARK={self._mark}".encode()
        for process in Path("/proc").iterdir():
            if process.name.isdecimal():
                with contextlib.suppress(OSError):
                    if needle in (process / "environ").read_bytes().split(b"\0"):
                        os.kill(int(process.name), signal.SIGKILL)

    async def _run(self, process: asyncio.subprocess.Process, files: tuple[Path, ...]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            asyncio.create_task(self._read("stdout", process.stdout)),
            asyncio.create_task(self._read("stderr", process.stderr)),
        ]
        code = await exit_code(process)
        # A child that lives on may hold the pipes.
        _, late = await asyncio.wait(readers, timeout=_PIPES_SECONDS)
        for reader in late:
            reader.cancel()
        if files:
            # Codes of processes reach this machine with 8 bits, so the batch file leaves the whole one.
            with contextlib.suppress(OSError, ValueError):
                code = int(files[1].read_text().strip().strip("[]"))
            code = 1 if code == _UNKNOWN_CODE else code  # what Windows' `cmd /c` says
            for file in files:
                file.unlink(missing_ok=True)
        self._code = code & 0xFFFFFFFF
        self._wake()

    async def _read(self, name: str, pipe: asyncio.StreamReader) -> None:
        """Whole lines, so that no letter is cut; a prompt without an end of line waits a moment only."""
        rest = b""
        while True:
            try:
                async with asyncio.timeout(_PROMPT_SECONDS if rest else None):
                    chunk = await pipe.read(32768)
            except TimeoutError:
                self._put(name, rest)
                rest = b""
                continue
            if not chunk:
                self._put(name, rest)
                return
            rest += chunk
            cut = rest.rfind(b"\n") + 1
            self._put(name, rest[:cut])
            rest = rest[cut:]

    def _put(self, name: str, raw: bytes) -> None:
        if name == "stderr":
            raw = _NOISE.sub(b"", raw)
        raw = _UNKNOWN.sub(_UNKNOWN_WORDS, raw)
        if not raw:
            return
        try:
            text = raw.decode()  # programs on .NET
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")  # Wine's own, without a console
        self._chunks.append((name, text.encode(self._encoding, "replace")))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def exit_code(process: asyncio.subprocess.Process) -> int:
    """The exit code as soon as the process has ended; asyncio's own `wait` also waits for those who hold its pipes
    (seen on Python 3.11)."""
    while process.returncode is None:
        await asyncio.sleep(0.01)
    return process.returncode


def _batch(line: str, stem: str, environment: dict[str, str]) -> bytes:
    """The batch file of a line. Letters beyond ASCII go through `environment`: cmd reads the file in a code page."""

    def variable(match: re.Match[str]) -> str:
        name = f"WINRS_{len(environment)}"
        environment[name] = match[0]
        return f"%{name}%"

    text = re.sub(r"[\r\n]+", " ", line)
    text = re.sub(r"%([A-Za-z_(][^%\s]*%)|%", lambda match: match[0] if match[1] else "%%", text)
    text = re.sub(r"[^\x00-\x7f]+", variable, text)
    # Without the brackets a digit before `>` is taken for a handle.
    return f"@echo off\r\n{text}\r\n@echo [%ERRORLEVEL%]>{stem}.rc\r\n".encode("latin-1")


def split(line: str) -> list[str]:
    """The arguments of a command line by Windows' rules (CommandLineToArgvW); Wine puts them together again so."""
    arguments: list[str] = []
    current, quoted, some = "", False, False
    for match in re.finditer(r'(\\*)(")|(\\+)|([ \t]+)|([^\\" \t]+)', line):
        slashes, quote, other, blanks, text = match.groups()
        if quote:
            current += "\\" * (len(slashes) // 2)
            if len(slashes) % 2:
                current += '"'
            else:
                quoted = not quoted
        elif blanks and not quoted:
            if some:
                arguments.append(current)
            current, some = "", False
            continue
        else:
            current += other or blanks or text
        some = True
    return [*arguments, current] if some else arguments
