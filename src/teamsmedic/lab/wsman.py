"""WSMan: envelopes in, envelopes out, for whatever answers on a device.

The front (`http.py`) hands each authenticated body to the `Endpoint` of the device that the path names; the endpoint
takes the envelope apart, asks a `Backend` and puts the reply together. A backend knows shells and commands, no XML.
Sources: [MS-WSMV] 2.2.4 and 3.1.4 (operations and their bodies), DMTF DSP0226 (faults, Identify, OperationTimeout).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import re
import time
import uuid
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar
from xml.sax.saxutils import escape, quoteattr

log = logging.getLogger(__name__)
T = TypeVar("T")

POWERSHELL = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = f"{SHELL}/cmd"
ACTIONS = {
    "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create": "create",
    "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete": "delete",
    "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get": "get",
    f"{SHELL}/Command": "command",
    f"{SHELL}/Send": "send",
    f"{SHELL}/Receive": "receive",
    f"{SHELL}/Signal": "signal",
}
NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": SHELL,
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "id": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "ps": "http://schemas.microsoft.com/powershell",
}
_XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
_FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
_STATE = f"{SHELL}/CommandState/"
# Characters that XML 1.0 cannot hold even when escaped: a fault quotes what a client sent.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class Kind(StrEnum):
    """What a shell is: a PowerShell runspace pool, or a command shell (WinRS)."""

    PSRP = "psrp"
    CMD = "cmd"


class Fault(Exception):
    """An answer that says no. `code` is WSMan's error number, `subcode` the name in the SOAP fault."""

    def __init__(self, code: int, subcode: str, text: str) -> None:
        """`text` is for people and may hold anything; it is escaped later."""
        super().__init__(text)
        self.code, self.subcode, self.text = code, subcode, text


def timed_out() -> Fault:
    """Nothing to say within OperationTimeout; clients ask again."""
    return Fault(2150858793, "TimedOut", "The operation did not complete within the time allotted.")


def no_such_shell(text: str = "The shell was not found on this device.") -> Fault:
    """The shell is not there, has ended, or belongs to another user."""
    return Fault(2150858843, "InvalidSelectors", text)


def no_such_command(command_id: str) -> Fault:
    """The shell is there, the command is not (any more)."""
    return Fault(2150858843, "InvalidSelectors", f"The command {command_id} was not found in this shell.")


def malformed(text: str) -> Fault:
    """The envelope is XML, but not what the operation needs."""
    return Fault(2150858752, "SchemaValidationError", text)


def not_supported(text: str) -> Fault:
    """An operation or resource that the lab does not serve."""
    return Fault(2150858778, "ActionNotSupported", text)


def quota(code: int, text: str) -> Fault:
    """A limit is reached: 0x803381A5 shells of one user, 0x803381A6 operations of one user."""
    return Fault(code, "QuotaLimit", text)


def internal(text: str) -> Fault:
    """The device itself failed."""
    return Fault(1359, "InternalError", text)  # ERROR_INTERNAL_ERROR


def access_denied(text: str) -> Fault:
    """The user may not do this, or not in this way."""
    return Fault(5, "AccessDenied", text)  # ERROR_ACCESS_DENIED


@dataclass(frozen=True)
class ShellRequest:
    """What a Create asks for. `creation` holds the first PSRP fragments (`psrp`), the rest serves command shells.

    `options` has upper-case names (WINRS_CODEPAGE, WINRS_NOPROFILE ...); `shell_id` is upper case.
    """

    kind: Kind
    shell_id: str
    device: str
    user: str
    creation: bytes = b""
    options: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandLine:
    """What a Command asks for. In a PSRP shell only `payload` counts: the fragments of the pipeline's creation.

    In a command shell `command` and `arguments` stand as the client sent them; `skip_cmd_shell` means that the
    program is started itself, not through `cmd.exe /c`.
    """

    command: str = ""
    arguments: tuple[str, ...] = ()
    payload: bytes = b""
    skip_cmd_shell: bool = False
    console_mode_stdin: bool = True


@dataclass(frozen=True)
class Received:
    """What a Receive brings: (stream, bytes) in order. No chunks and not done means: nothing within the time.

    `exit_code` is unsigned 32 bits and stands only beside `done` of a command shell's command.
    """

    chunks: tuple[tuple[str, bytes], ...] = ()
    done: bool = False
    exit_code: int | None = None


class Shell(Protocol):
    """One open shell. Ids are upper case; `command_id` None means the runspace pool itself.

    Every method may raise `Fault`; anything else that escapes becomes an internal fault. `receive` is cancelled when
    its client hangs up: it must take data out of its queues only after its last `await`, or that data is lost. The
    others go on without their client, as on Windows, and are cancelled only by a close or when their time is up.
    """

    async def command(self, command_id: str, line: CommandLine) -> None:
        """Start a command or create a pipeline."""
        ...

    async def send(self, command_id: str | None, stream: str, data: bytes, end: bool) -> None:
        """Input: `stream` is `stdin` or `pr` (answers to host calls)."""
        ...

    async def receive(self, command_id: str | None, timeout: float, size: int) -> Received:
        """Output: wait up to `timeout` seconds for some, then give at once what is there, about `size` bytes."""
        ...

    async def signal(self, command_id: str | None, code: str) -> None:
        """`code` as sent: `.../signal/terminate`, `.../signal/ctrl_c`, `powershell/signal/crtl_c` ..."""
        ...

    async def close(self) -> None:
        """End it and all that runs in it. Called once; must not raise."""
        ...


class Backend(Protocol):
    """What answers on one device; `kind` is what the lab says of it (`replay`, `windows`)."""

    kind: str

    async def create(self, request: ShellRequest) -> Shell:
        """Open a shell.

        For PSRP: return when the pool's first output is there, since pypsrp's open() takes no TimedOut from the
        Receive that follows (its own limit for this reply is 30 s). Cancelled (start too slow): leave nothing behind.
        """
        ...

    async def restart(self) -> None:
        """Restart the device; what ran there has ended."""
        ...


@dataclass(frozen=True)
class Limits:
    """What one device allows. Seconds and bytes; the figures are Windows' own defaults but for `idle`.

    Windows keeps a lost client's shell for 7200 s (IdleTimeout); a lab is short-lived, and each shell is a process.
    """

    shells_per_user: int = 30
    operations_per_user: int = 1500
    envelope: int = 512_000
    operation_seconds: float = 60.0
    start_seconds: float = 28.0
    idle: float = 900.0


DEFAULTS = Limits()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: status 200, 400 or 500, and the envelope."""

    status: int
    body: bytes


@dataclass
class _Open:
    """A shell and what the endpoint knows of it."""

    shell: Shell
    kind: Kind
    user: str
    uri: str
    idle: float
    used: float
    busy: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class _Request:
    """An envelope taken apart. Raises `Fault` for what is missing."""

    def __init__(self, root: ET.Element) -> None:
        self.root = root
        self.action = self.header("a:Action")
        self.message_id = self.header("a:MessageID")
        self.resource = self.header("w:ResourceURI")

    def header(self, name: str) -> str:
        return (self.root.findtext(f"s:Header/{name}", "", NS) or "").strip()

    def body(self, name: str) -> ET.Element:
        element = self.root.find(f"s:Body/{name}", NS)
        if element is None:
            raise malformed(f"The body holds no {name.partition(':')[2]} element.")
        return element

    @property
    def shell_id(self) -> str:
        for selector in self.root.iterfind("s:Header/w:SelectorSet/w:Selector", NS):
            if selector.get("Name") == "ShellId":
                return (selector.text or "").strip().upper()
        return ""

    @property
    def options(self) -> dict[str, str]:
        found = self.root.iterfind("s:Header/w:OptionSet/w:Option", NS)
        return {(option.get("Name") or "").upper(): option.text or "" for option in found}

    @property
    def timeout(self) -> float:
        """OperationTimeout in seconds; 60 where the client names none (MaxTimeoutms)."""
        text = self.header("w:OperationTimeout")
        return duration(text) if text else 60.0

    @property
    def envelope_size(self) -> int:
        text = self.header("w:MaxEnvelopeSize")
        return int(text) if text.isdecimal() else 153_600


def duration(text: str) -> float:
    """Seconds of an ISO 8601 duration without years and months (`PT20S`, `P0DT0H1M0.5S`)."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise malformed(f"Not a duration: {text[:40]}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _flag(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1")


def _decode(text: str | None) -> bytes:
    try:
        return base64.b64decode((text or "").encode("ascii"), validate=False)
    except (binascii.Error, ValueError) as error:
        raise malformed("Not base64.") from error


def _id(text: str | None) -> str | None:
    return text.strip().upper() if text and text.strip() else None


def envelope(action: str, relates_to: str, body: str) -> bytes:
    """A whole reply; `body` is XML in the prefixes of `NS`, everything else is escaped here."""
    return (
        f"<s:Envelope {_XMLNS}><s:Header><a:Action>{escape(action)}</a:Action>"
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault_envelope(relates_to: str, fault: Fault, machine: str) -> bytes:
    """A fault as Windows words it: pypsrp and pywinrm read Code and Message of WSManFault."""
    text = escape(_NOT_XML.sub("\ufffd", fault.text))
    return envelope(
        _FAULT_ACTION,
        relates_to,
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:{fault.subcode}</s:Value></s:Subcode>"
        f'</s:Code><s:Reason><s:Text xml:lang="">{text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{fault.code}" '
        f"Machine={quoteattr(machine)}><f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>",
    )


class Endpoint:
    """The WSMan service of one device. Shells belong to the device and to the user who opened them."""

    def __init__(self, name: str, backend: Backend, limits: Limits = DEFAULTS) -> None:
        """`name` is the first part of the path `NAME/wsman`."""
        self.name, self.backend, self.limits = name, backend, limits
        self._shells: dict[str, _Open] = {}
        self._opening: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        """How many requests of each operation have come; tests and benchmarks read it."""

    @property
    def open_shells(self) -> int:
        """How many shells are open now, of all users."""
        return len(self._shells)

    async def handle(self, user: str, body: bytes) -> Answer:
        """Answer one envelope of an authenticated user. Only cancellation escapes from here: a dropped connection
        would end a sealed session for good."""
        message_id = ""
        try:
            if len(body) > self.limits.envelope:
                raise Fault(2150858752, "EncodingLimit", f"The envelope exceeds {self.limits.envelope} bytes.")
            root = parse(body)
            if root is None:
                return Answer(400, b"")
            request = _Request(root)
            message_id = request.message_id
            if root.find("s:Body/id:Identify", NS) is not None:
                return Answer(200, self.identify())
            operation = ACTIONS.get(request.action)
            if operation is None:
                raise not_supported(f"The lab does not serve the action {request.action[:200]}.")
            if self._running[user] >= self.limits.operations_per_user:
                raise quota(0x803381A6, "The maximum number of concurrent operations for this user has been exceeded.")
            self.operations[operation] += 1
            work = asyncio.ensure_future(self._run(operation, user, request))
            self._running[user] += 1
            work.add_done_callback(lambda _: self._running.subtract([user]))
            # A request that has arrived is carried out, whether its client still listens or not; only a Receive ends.
            xml = await (work if operation == "receive" else asyncio.shield(work))
            return Answer(200, envelope(f"{request.action}Response", message_id, xml))
        except Fault as fault:
            return Answer(500, fault_envelope(message_id, fault, self.name))
        except Exception as error:
            log.exception("device %s: unexpected", self.name)
            text = f"{self.backend.kind} device: {type(error).__name__}: {error}"
            return Answer(500, fault_envelope(message_id, internal(text), self.name))

    def identify(self) -> bytes:
        """The answer to Identify; it names the kind of device."""
        return (
            f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:id="{NS["id"]}"><s:Header/><s:Body><id:IdentifyResponse>'
            f"<id:ProtocolVersion>{NS['w']}</id:ProtocolVersion><id:ProductVendor>teamsmedic lab</id:ProductVendor>"
            f"<id:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0 ({escape(self.backend.kind)} device)</id:ProductVersion>"
            "</id:IdentifyResponse></s:Body></s:Envelope>"
        ).encode()

    async def sweep(self, now: float | None = None) -> int:
        """Close shells that no request has touched for the idle limit; returns how many. `now` is time.monotonic()."""
        at = time.monotonic() if now is None else now
        late = [key for key, entry in self._shells.items() if not entry.busy and at - entry.used > entry.idle]
        for key in late:
            log.info("device %s: shell %s idle, closed", self.name, key)
            await self._close(key)
        return len(late)

    async def close(self) -> None:
        """Close every shell."""
        for key in list(self._shells):
            await self._close(key)

    async def _close(self, key: str) -> None:
        entry = self._shells.pop(key, None)
        if entry:
            entry.closed.set()
            try:
                await entry.shell.close()
            except Exception:
                log.exception("device %s: shell %s did not close", self.name, key)

    async def _run(self, operation: str, user: str, request: _Request) -> str:
        if operation == "create":
            return await self._create(user, request)
        entry = self._shells.get(request.shell_id)
        if entry is None or entry.user != user:
            raise no_such_shell()
        entry.busy += 1
        try:
            if operation == "delete":
                await self._close(request.shell_id)
                return ""
            handler: Callable[[_Open, _Request], Awaitable[str]] = getattr(self, f"_{operation}")
            return await handler(entry, request)
        finally:
            entry.busy -= 1
            entry.used = time.monotonic()

    async def _create(self, user: str, request: _Request) -> str:
        element = request.body("rsp:Shell")
        uri = request.resource
        if uri not in (POWERSHELL, CMD):
            raise Fault(2150858811, "InvalidResourceURI", f"The lab does not serve the resource {uri[:200]}.")
        kind = Kind.PSRP if uri == POWERSHELL else Kind.CMD
        key = _id(element.get("ShellId")) or str(uuid.uuid4()).upper()
        if key in self._shells:
            raise malformed(f"The shell {key} exists already.")
        held = sum(entry.user == user for entry in self._shells.values()) + self._opening[user]
        if held >= self.limits.shells_per_user:
            raise quota(0x803381A5, "The maximum number of concurrent shells for this user has been exceeded.")
        variables = element.iterfind("rsp:Environment/rsp:Variable", NS)
        asked = ShellRequest(
            kind=kind,
            shell_id=key,
            device=self.name,
            user=user,
            creation=_decode(element.findtext("ps:creationXml", "", NS)),
            options=request.options,
            working_directory=element.findtext("rsp:WorkingDirectory", None, NS),
            environment={variable.get("Name") or "": variable.text or "" for variable in variables},
        )
        if kind is Kind.PSRP and not asked.creation:
            raise malformed("The body holds no creationXml.")
        idle = min(duration(element.findtext("rsp:IdleTimeOut", None, NS) or "P1D"), self.limits.idle)
        self._opening[user] += 1
        try:
            shell = await asyncio.wait_for(self.backend.create(asked), self.limits.start_seconds)
        except TimeoutError:
            raise timed_out() from None
        finally:
            self._opening[user] -= 1
        self._shells[key] = _Open(shell, kind, user, uri, idle, time.monotonic())
        inputs, outputs = ("stdin pr", "stdout") if kind is Kind.PSRP else ("stdin", "stdout stderr")
        return (
            "<x:ResourceCreated><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>"
            f"<a:ReferenceParameters><w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{escape(key)}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{escape(key)}</rsp:ShellId>"
            f"<rsp:ResourceUri>{uri}</rsp:ResourceUri><rsp:Owner>{escape(user)}</rsp:Owner>"
            f"<rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT{idle:.3f}S</rsp:IdleTimeOut>"
            f"<rsp:InputStreams>{inputs}</rsp:InputStreams><rsp:OutputStreams>{outputs}</rsp:OutputStreams></rsp:Shell>"
        )

    async def _command(self, entry: _Open, request: _Request) -> str:
        element = request.body("rsp:CommandLine")
        key = _id(element.get("CommandId")) or str(uuid.uuid4()).upper()
        arguments = tuple(argument.text or "" for argument in element.iterfind("rsp:Arguments", NS))
        if entry.kind is Kind.PSRP:
            line = CommandLine(payload=_decode("".join(arguments)))
        else:
            options = request.options
            line = CommandLine(
                command=element.findtext("rsp:Command", "", NS) or "",
                arguments=arguments,
                skip_cmd_shell=_flag(options.get("WINRS_SKIP_CMD_SHELL")),
                console_mode_stdin=_flag(options.get("WINRS_CONSOLEMODE_STDIN", "TRUE")),
            )
        await self._within(entry, entry.shell.command(key, line), self.limits.operation_seconds)
        return f"<rsp:CommandResponse><rsp:CommandId>{escape(key)}</rsp:CommandId></rsp:CommandResponse>"

    async def _send(self, entry: _Open, request: _Request) -> str:
        for stream in request.body("rsp:Send").iterfind("rsp:Stream", NS):
            sent = entry.shell.send(
                _id(stream.get("CommandId")),
                stream.get("Name") or "stdin",
                _decode(stream.text),
                _flag(stream.get("End")),
            )
            await self._within(entry, sent, self.limits.operation_seconds)
        return "<rsp:SendResponse/>"

    async def _receive(self, entry: _Open, request: _Request) -> str:
        desired = request.body("rsp:Receive").find("rsp:DesiredStream", NS)
        if desired is None:
            raise malformed("The body holds no DesiredStream element.")
        key = _id(desired.get("CommandId"))
        seconds = min(request.timeout, self.limits.operation_seconds)
        # The envelope around the data takes about 2 KB, base64 a third more than the bytes.
        size = max(1024, (min(request.envelope_size, self.limits.envelope) - 4096) * 3 // 4)
        # The backend keeps the time, so that what it took is never thrown away; 5 s more stop one that does not.
        got = await self._within(entry, entry.shell.receive(key, seconds, size), seconds + 5)
        if not got.chunks and not got.done:
            raise timed_out()
        mark = f" CommandId={quoteattr(key)}" if key else ""
        xml = "".join(
            f"<rsp:Stream Name={quoteattr(name)}{mark}>{base64.b64encode(data).decode()}</rsp:Stream>"
            for name, data in got.chunks
        )
        if key:
            code = ""
            if got.done and entry.kind is Kind.CMD:
                xml += "".join(f'<rsp:Stream Name="{name}"{mark} End="true"/>' for name in ("stdout", "stderr"))
                # Windows sends the code as a signed number; clients take it with int().
                value = (got.exit_code or 0) & 0xFFFFFFFF
                code = f"<rsp:ExitCode>{value - (1 << 32) if value >> 31 else value}</rsp:ExitCode>"
            state = "Done" if got.done else "Running"
            xml += f'<rsp:CommandState{mark} State="{_STATE}{state}">{code}</rsp:CommandState>'
        return f"<rsp:ReceiveResponse>{xml}</rsp:ReceiveResponse>"

    async def _signal(self, entry: _Open, request: _Request) -> str:
        element = request.body("rsp:Signal")
        code = element.findtext("rsp:Code", "", NS) or ""
        signalled = entry.shell.signal(_id(element.get("CommandId")), code.strip())
        await self._within(entry, signalled, self.limits.operation_seconds)
        return "<rsp:SignalResponse/>"

    async def _get(self, entry: _Open, request: _Request) -> str:
        """pypsrp's is_alive reads State."""
        return (
            f"<rsp:Shell><rsp:ShellId>{escape(request.shell_id)}</rsp:ShellId>"
            f"<rsp:ResourceUri>{entry.uri}</rsp:ResourceUri><rsp:Owner>{escape(entry.user)}</rsp:Owner>"
            "<rsp:State>Connected</rsp:State></rsp:Shell>"
        )

    async def _within(self, entry: _Open, work: Awaitable[T], seconds: float) -> T:
        """The result of `work`, or a fault when the time is up or the shell is closed meanwhile."""
        task = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(entry.closed.wait())
        try:
            await asyncio.wait({task, closed}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise no_such_shell("The shell has been closed.") if closed.done() else timed_out()
        finally:
            closed.cancel()
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task


def parse(body: bytes) -> ET.Element | None:
    """The root of an envelope, or None where it is no XML or brings a document type (SOAP forbids one, and entities
    in it could grow without bound)."""
    if b"<!DOCTYPE" in body:
        return None
    try:
        return ET.fromstring(body)  # noqa: S314 - without a document type there are no entities to grow
    except ET.ParseError:
        return None
