"""The lab's front: HTTP/1.1 and HTTPS with Basic, NTLM and Negotiate, and message encryption.

One asyncio loop, no threads: nothing here blocks, and an idle device costs no thread.
The path names the device: `NAME/wsman`. What clients insist on was measured with pypsrp, pywinrm and Ansible's psrp;
the encrypted body is [MS-WSMV] 2.2.9.1, channel binding RFC 5929 (`tls-server-end-point`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import hmac
import ipaddress
import json
import logging
import os
import re
import socket
import ssl
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from spnego.channel_bindings import GssChannelBindings

from teamsmedic.lab import wsman

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_BODY = 4 << 20
"""Bytes of a request's body. Windows' envelopes end at 500 KB; the endpoint answers those above with a fault, and
only a body that nobody would read to its end costs the connection."""
MAX_HEAD = 64 << 10
LOGIN_SECONDS = 30.0
"""A connection that has not logged in may be silent for so long. Once it has, it is never closed from here: pypsrp
would log in anew but seal with the old key, and the session would be lost."""
SOAP = "application/soap+xml;charset=UTF-8"
SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
_OFFERS = {"negotiate": "Negotiate", "ntlm": "NTLM", "basic": 'Basic realm="WSMAN"'}
_EDGE = b"--Encrypted Boundary"
_PART = re.compile(
    rb"--\s?Encrypted Boundary\r\n\s*Content-Type:[^\r\n]*\r\n\s*OriginalContent:[^\r\n]*Length=(\d{1,8})\s*\r\n"
    rb"--\s?Encrypted Boundary\r\n\s*Content-Type:\s*application/octet-stream\r\n",
    re.IGNORECASE,
)
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}
_REASONS |= {413: "Payload Too Large", 500: "Internal Server Error"}


class Accounts:
    """The lab's users. Their names come as `user`, `.\\user` and `HOST\\user`, which are one user here.

    pyspnego's acceptor reads users only from the file that NTLM_USER_FILE names, as `domain:user:password` lines;
    a password may therefore hold neither a colon nor a line end (ValueError).
    """

    def __init__(self, users: Mapping[str, str], folder: Path | None = None) -> None:
        """`users`: name to password; the file (0600) lies in `folder` until `close`."""
        self._passwords = {name.lower(): password for name, password in users.items()}
        self._host = socket.gethostname()
        lines = []
        for name, password in users.items():
            if re.search(r"[:\r\n\\]", name) or re.search(r"[:\r\n]", password):
                raise ValueError("a lab user's name or password holds a character that the lab cannot keep")
            lines += [f"{domain}:{name}:{password}\n" for domain in ("", ".", self._host)]
        handle, path = tempfile.mkstemp(prefix="users-", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
        self._file = Path(path)

    def close(self) -> None:
        """Remove the file."""
        self._file.unlink(missing_ok=True)

    def canonical(self, name: str) -> str:
        """The user's name without this machine's own domain, lower case."""
        domain, _, user = name.lower().rpartition("\\")
        return user if domain in ("", ".", self._host.lower()) else name.lower()

    def basic(self, token: str) -> str | None:
        """The user of a Basic token, None where name or password are wrong."""
        try:
            name, _, password = base64.b64decode(token, validate=True).partition(b":")
        except ValueError:
            return None
        for encoding in ("utf-8", "latin-1"):  # requests, so pypsrp and Ansible, sends Latin-1; others UTF-8
            with contextlib.suppress(UnicodeDecodeError):
                user = self.canonical(name.decode(encoding))
                known = self._passwords.get(user)
                if known is not None and hmac.compare_digest(known.encode(), password.decode(encoding).encode()):
                    return user
        return None

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        """The two variables that pyspnego reads, for one call: other fronts of this process, and programs started by
        it, see nothing of them. LM_COMPAT_LEVEL 5 refuses NTLMv1, which would also pass by the channel binding."""
        wanted = {"NTLM_USER_FILE": str(self._file), "LM_COMPAT_LEVEL": "5"}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def acceptor(self) -> Any:
        """A fresh login: one for each TCP connection."""
        with self._environment():
            return spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)

    def step(self, login: Any, token: bytes, binding: GssChannelBindings | None) -> bytes | None:
        """The answer to a token. Raises whatever pyspnego makes of wrong passwords and of garbage."""
        with self._environment():
            answer: bytes | None = login.step(token, channel_bindings=binding)
        return answer


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate that also verifies as its own CA file."""

    pem: bytes
    key_pem: bytes
    der: bytes

    @classmethod
    def make(cls, names: tuple[str, ...] = ("localhost",)) -> Certificate:
        """A new one for these DNS names and 127.0.0.1, good for a year."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "teamsmedic lab")])
        now = datetime.datetime.now(datetime.UTC)
        alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
        alternatives.append(x509.IPAddress(ipaddress.ip_address(LOOPBACK)))
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
                ),
                critical=True,
            )
            .add_extension(identifier, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            certificate.public_bytes(serialization.Encoding.DER),
        )

    def context(self) -> ssl.SSLContext:
        """The server's side. ssl reads keys only from files: one in a private folder, gone at once."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="teamsmedic-") as folder:
            path = Path(folder, "lab.pem")
            path.touch(0o600)
            path.write_bytes(self.key_pem + self.pem)
            context.load_cert_chain(path)
        return context

    def binding(self) -> GssChannelBindings:
        """RFC 5929: the certificate hashed with its own signature's hash, SHA-256 here."""
        return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(self.der).digest())


class Device:
    """One device behind the front, and what a test may do to it.

    `schemes` are the ways to log in that it offers; `unencrypted` allows plain bodies over plain HTTP (AllowUnencrypted
    of a WinRM service); `clock_offset` is how far its Date header is ahead, in seconds.
    """

    def __init__(
        self,
        name: str,
        backend: wsman.Backend,
        *,
        limits: wsman.Limits = wsman.DEFAULTS,
        schemes: tuple[str, ...] = ("negotiate", "ntlm", "basic"),
        unencrypted: bool = True,
        clock_offset: float = 0.0,
    ) -> None:
        """`name` is the first part of the path."""
        self.name, self.backend = name, backend
        self.endpoint = wsman.Endpoint(name, backend, limits)
        self.schemes, self.unencrypted, self.clock_offset = schemes, unencrypted, clock_offset
        self.requests = self.received = self.sent = 0
        """WSMan requests that came, and the bytes of their bodies and of those of the answers; without logins."""
        self.cut_after: int | None = None
        """The network fails: request number `cut_after` is carried out but its answer never leaves, and later ones
        do not arrive, until this is None again. Counted by `requests`."""

    @property
    def away(self) -> bool:
        """Whether it is off, or starting: no request is answered."""
        return bool(getattr(self.backend, "away", False))

    async def control(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What a test asks for through `NAME/lab`, and how things stand.

        `reset`: true sets the counters to 0; `cut_after`: int or null; `restart`: true restarts the device, which ends
        all shells; everything else goes to the backend's own `control`, where it has one. ValueError for what nobody
        knows.
        """
        rest = dict(wanted)
        if rest.pop("reset", False):
            self.requests = self.received = self.sent = 0
            self.endpoint.operations.clear()
        if "cut_after" in rest:
            value = rest.pop("cut_after")
            if value is not None and type(value) is not int:
                raise ValueError("cut_after is a number or null")
            self.cut_after = value
        if rest.pop("restart", False):
            await self.endpoint.close()
            await self.backend.restart()
        state = {
            "device": self.name,
            "kind": self.backend.kind,
            "requests": self.requests,
            "received": self.received,
            "sent": self.sent,
            "operations": dict(self.endpoint.operations),
            "shells": self.endpoint.open_shells,
        }
        own = getattr(self.backend, "control", None)
        if own is not None:
            state |= own(rest)
        elif rest:
            raise ValueError(f"nothing here knows {', '.join(rest)}")
        return state


@dataclass
class _Head:
    """A request line and its headers, lower case."""

    method: str
    path: str
    headers: dict[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> _Head | None:
        first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return None
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or (name.lower() in headers and name.lower() == "content-length"):
                return None
            headers[name.lower()] = value.strip()
        return cls(parts[0], parts[1].partition("?")[0].strip("/"), headers)

    @property
    def length(self) -> int | None:
        """Content-Length, 0 where there is none, None where it cannot be trusted."""
        text = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not (text.isascii() and text.isdecimal()) or len(text) > 12:
            return None
        return int(text)


class Connection(asyncio.Protocol):
    """One TCP connection: NTLM's login and its keys live here."""

    def __init__(self, front: Front, tls: bool) -> None:
        """`tls`: whether the connection came in by HTTPS."""
        self.front, self.tls = front, tls
        self.reader = asyncio.StreamReader(limit=MAX_HEAD)
        self.login: Any = None
        self.user: str | None = None
        self.final: str | None = None
        self.seen = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to serve. asyncio sets TCP_NODELAY by itself."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.reader.set_transport(transport)
        self.front.connections.add(self)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        """Feed the reader; a TLS handshake on the plain port would otherwise wait for a header line for ever."""
        if not self.seen and data[0] == 0x16:
            self.transport.abort()
            return
        self.seen = True
        self.reader.feed_data(data)

    def eof_received(self) -> bool:
        """The client has gone; nobody half-closes here."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """End what waits for this client."""
        self.front.connections.discard(self)
        self.reader.feed_eof()
        self.task.cancel()

    async def _serve(self) -> None:
        try:
            while await self._request():
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
            pass
        except Exception:
            log.exception("connection ended")
        finally:
            self.transport.close()

    async def _request(self) -> bool:
        """One request and its answer; False where the connection is over."""
        async with asyncio.timeout(None if self.user else LOGIN_SECONDS):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        head = _Head.parse(raw)
        length = head.length if head else None
        if head is None or length is None or length > MAX_BODY:
            self._answer(413 if length else 400, close=True)
            return False
        if head.headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with asyncio.timeout(LOGIN_SECONDS):
            body = await self.reader.readexactly(length)  # whole, before any 401: the connection goes on
        self.final = None
        name, _, resource = head.path.rpartition("/")
        device = self.front.devices.get(name)
        if device is not None and resource == "wsman" and device.away:
            self.transport.abort()
            return False
        if device is None or resource not in ("wsman", "lab"):
            self._answer(404)
        elif head.method != "POST":
            self._answer(405)
        elif resource == "wsman" and head.headers.get("wsmanidentify", "").lower() == "unauthenticated":
            self._answer(200, device.endpoint.identify(), SOAP)
        elif self._authenticate(device, head.headers.get("authorization", "")):
            if resource == "lab":
                await self._control(device, body)
            elif not body:
                self._answer(200)  # the blank request by which a client logs in before it can seal
            else:
                return await self._envelope(device, head.headers.get("content-type", ""), body)
        return True

    def _authenticate(self, device: Device, value: str) -> bool:
        """True when the request may go on; otherwise the answer has been sent."""
        scheme, _, text = value.partition(" ")
        kind = scheme.lower()
        if not value:
            if self.login is not None and self.login.complete:
                return True
            return self._refuse(device, "no authorization")
        if kind not in device.schemes:
            return self._refuse(device, f"{kind[:20]} is not offered")
        if kind == "basic":
            self.user = self.front.accounts.basic(text.strip())
            return self.user is not None or self._refuse(device, "basic: wrong user or password")
        try:
            if self.login is None or self.login.complete:
                self.login = self.front.accounts.acceptor()
            token = base64.b64decode(text.strip(), validate=True)
            out = self.front.accounts.step(self.login, token, self.front.binding if self.tls else None)
            principal = self.login.client_principal if self.login.complete else None
        except Exception as error:  # SpnegoError for wrong ones; struct.error, KeyError, OverflowError... for garbage
            return self._refuse(device, f"{kind}: {type(error).__name__}: {error}")
        reply = f"{scheme} {base64.b64encode(out).decode()}" if out else None
        if principal is None:
            self._answer(401, offers=[reply or scheme])
            return False
        self.user, self.final = self.front.accounts.canonical(principal), reply
        return True

    def _refuse(self, device: Device, why: str) -> bool:
        log.info("device %s: 401: %s", device.name, why)
        self.login = self.user = None
        self._answer(401, offers=[_OFFERS[scheme] for scheme in device.schemes], device=device)
        return False

    async def _control(self, device: Device, body: bytes) -> None:
        try:
            wanted = json.loads(body or b"{}")
            if not isinstance(wanted, dict):
                raise ValueError("an object is wanted")
            status, answer = 200, await device.control(wanted)
        except ValueError as error:
            status, answer = 400, {"error": str(error)}
        self._answer(status, json.dumps(answer).encode(), "application/json")

    async def _envelope(self, device: Device, content_type: str, body: bytes) -> bool:
        assert self.user is not None
        device.received += len(body)
        sealed = content_type.lower().startswith("multipart/")
        if sealed:
            try:
                body = self._unseal(body)
            except Exception as error:  # the cipher's state is lost with it: this connection cannot go on
                log.warning("device %s: body not unsealed: %s: %s", device.name, type(error).__name__, error)
                self._answer(400, close=True)
                return False
        number = device.requests + 1
        if device.cut_after is not None and number > device.cut_after:
            self.transport.abort()
            return False
        device.requests = number
        if sealed or self.tls or device.unencrypted:
            answer = await device.endpoint.handle(self.user, body)
        else:
            fault = wsman.access_denied("Unencrypted messages are not accepted here: use message encryption or HTTPS.")
            answer = wsman.Answer(500, wsman.fault_envelope("", fault, device.name))
        if device.away or (device.cut_after is not None and number >= device.cut_after):
            self.transport.abort()
            return False
        kind, payload = SOAP, answer.body
        if sealed and payload:
            kind, payload = (
                f'multipart/encrypted;protocol="{SPNEGO}";boundary="Encrypted Boundary"',
                self._seal(payload),
            )
        device.sent += len(payload)
        self._answer(answer.status, payload, kind if payload else "", device=device)
        return True

    def _unseal(self, raw: bytes) -> bytes:
        if self.login is None or not self.login.complete:
            raise ValueError("no session key")
        parts, at = [], 0
        while match := _PART.match(raw, at):  # by lengths: the ciphertext may hold anything
            start = match.end()
            signature = int.from_bytes(raw[start : start + 4], "little")
            at = start + 4 + signature + int(match[1])
            if signature > 1024 or at > len(raw):
                raise ValueError("lengths do not fit")
            parts.append(
                self.login.unwrap_winrm(raw[start + 4 : start + 4 + signature], raw[start + 4 + signature : at])
            )
        if not parts or raw[at:].strip() != _EDGE + b"--":
            raise ValueError("not an encrypted body")
        return b"".join(parts)

    def _seal(self, plain: bytes) -> bytes:
        wrapped = self.login.wrap_winrm(plain)
        return b"".join(
            (
                _EDGE,
                b"\r\n\tContent-Type: ",
                SPNEGO.encode(),
                b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
                % (len(plain) + wrapped.padding_length),
                _EDGE,
                b"\r\n\tContent-Type: application/octet-stream\r\n",
                struct.pack("<i", len(wrapped.header)),
                wrapped.header,
                wrapped.data,
                _EDGE,
                b"--\r\n",
            )
        )

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "",
        *,
        offers: list[str] | None = None,
        close: bool = False,
        device: Device | None = None,
    ) -> None:
        date = formatdate(time() + (device.clock_offset if device else 0.0), usegmt=True)
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Server: teamsmedic-lab", f"Date: {date}"]
        lines += [f"WWW-Authenticate: {offer}" for offer in offers or ([self.final] if self.final else [])]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        lines += [f"Content-Length: {len(body)}", *(["Connection: close"] if close else []), "", ""]
        self.transport.write("\r\n".join(lines).encode("latin-1") + body)


class Front:
    """The listeners of one lab. `devices` may be changed while it runs."""

    def __init__(
        self, accounts: Accounts, devices: Mapping[str, Device], certificate: Certificate | None = None
    ) -> None:
        """`certificate` is needed for HTTPS only."""
        self.accounts, self.devices, self.certificate = accounts, devices, certificate
        self.binding = certificate.binding() if certificate else None
        self.connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, port: int = 0, *, tls: bool = False) -> int:
        """Listen on loopback; returns the port, chosen by the system where 0. OSError where it is taken."""
        context = None
        if tls:
            if self.certificate is None:
                raise ValueError("HTTPS needs a certificate")
            context = self.certificate.context()
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self, tls), LOOPBACK, port, backlog=512, ssl=context
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def sweep(self, every: float = 30.0) -> None:
        """Close idle shells of all devices, for ever."""
        while True:
            await asyncio.sleep(every)
            for device in list(self.devices.values()):
                await device.endpoint.sweep()

    async def close(self) -> None:
        """Stop listening, drop all connections, close all shells."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        for device in self.devices.values():
            await device.endpoint.close()
        await asyncio.sleep(0)
