"""The pypsrp door: one device over WinRM, one runspace pool, one pipeline a request."""

from __future__ import annotations

import contextlib
import email.utils
import math
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ReadTimeout, RequestException, SSLError
from spnego.exceptions import SpnegoError

from teamsmedic.errors import AccessDenied, HostError, InventoryError, Unreachable
from teamsmedic.hosts.base import MAX_OUTPUT, End, Reply, Send, limit_of
from teamsmedic.hosts.reach import FAULTS, mismatch
from teamsmedic.text import clean

POLL = 4
"""Seconds a Receive waits at most, so that Ctrl-C and limits are seen in time; a quicker answer comes at once."""
_HANDSHAKE = "the TLS handshake failed"
_SCHEMES = {
    "basic": "Basic", "ntlm": "NTLM", "kerberos": "Kerberos", "certificate": "certificate", "credssp": "CredSSP",
}  # fmt: skip


class Interrupted(Exception):
    """The run was stopped while this host was worked on."""


@dataclass(frozen=True)
class Connection:
    """How to reach a device: pypsrp's own options, already checked. `secret` ones never appear in a text."""

    server: str
    port: int
    ssl: bool
    path: str = "wsman"
    auth: str = "negotiate"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cert_validation: bool | str = True
    encryption: str = "auto"
    no_proxy: bool = False
    connection_timeout: int = 30
    configuration: str = "Microsoft.PowerShell"
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class WinRMHost:
    """One device over pypsrp. Not for several threads at once."""

    def __init__(self, name: str, connection: Connection, stop: threading.Event | None = None) -> None:
        self.name, self.connection = name, connection
        self._stop = stop or threading.Event()
        self._wsman: WSMan | None = None
        self._pool: RunspacePool | None = None
        self._seen: dict[str, str] = {}
        self._answered = False

    def run(self, request: Send) -> Reply:
        """Run one pipeline; opens the runspace pool first where none is open."""
        pool = self._open()
        lines: list[str] = []
        shell = PowerShell(pool)
        try:
            return self._invoke(shell, request, lines)
        except BaseException as error:
            if _theirs(error):
                self._drop()
                return Reply(tuple(lines), End.LOST, self._said(error))
            with contextlib.suppress(Exception):
                shell.stop()
            raise

    def _invoke(self, shell: PowerShell, request: Send, lines: list[str]) -> Reply:
        first, *others = request.statements
        shell.add_script(first.text).add_argument(request.argument)
        for one in others:
            shell.add_statement()
            shell.add_script(one.text)
        shell.begin_invoke()
        taken = size = 0
        last = time.monotonic()
        while shell.state == PSInvocationState.RUNNING:
            if self._stop.is_set():
                raise Interrupted
            left = last + limit_of(request.statements, len(lines)) - time.monotonic()
            if left <= 0:
                return self._give_up(shell, lines, End.TIMEOUT)
            shell.poll_invoke(timeout=math.ceil(min(left, POLL)))
            for value in shell.output[taken:]:
                text = value if isinstance(value, str) else f"<{type(value).__name__}>"
                size += len(text)
                if size <= MAX_OUTPUT:
                    lines.append(text)
                last = time.monotonic()
            taken = len(shell.output)
            if size > MAX_OUTPUT:
                return self._give_up(shell, lines, End.FLOODED)
        errors = [str(one.fq_error) for one in shell.streams.error if getattr(one, "fq_error", None)]
        if not lines and any(one.startswith("ScriptsNotAllowed") for one in errors):  # what no-language mode says
            raise AccessDenied(
                f"asked {self.name}",
                f"its session configuration {self.connection.configuration} runs no scripts, as a restricted one does",
                "leave ansible_psrp_configuration_name out, or name one with full language",
            )
        if not lines and errors:
            # A first statement that does not parse, or that antimalware blocks, does not end the pipeline: the others,
            # which need it, write nothing, and the state is Completed.
            return Reply((), End.FAILED, errors[0])
        if shell.state == PSInvocationState.COMPLETED:
            return Reply(tuple(lines), End.COMPLETED)
        return Reply(tuple(lines), End.FAILED, errors[-1] if errors else "")

    def _give_up(self, shell: PowerShell, lines: list[str], end: End) -> Reply:
        """Stops the pipeline and frees the shell: a statement that does not let itself be stopped must not stay."""
        with contextlib.suppress(Exception):
            shell.stop()
        self.close()
        return Reply(tuple(lines), end)

    def _open(self) -> RunspacePool:
        if self._pool is not None:
            return self._pool
        about = self.connection
        if about.ssl and isinstance(about.cert_validation, str) and not Path(about.cert_validation).exists():
            raise self._unusable(f"there is no CA file {about.cert_validation}", "mend its ansible_psrp_ca_cert")
        try:
            self._wsman = WSMan(
                about.server, port=about.port, ssl=about.ssl, path=about.path, auth=about.auth, username=about.username,
                password=about.password, cert_validation=about.cert_validation,  # type: ignore[arg-type]  # requests also takes a CA file's path
                encryption=about.encryption,
                no_proxy=about.no_proxy, connection_timeout=about.connection_timeout, **about.extra,
            )  # fmt: skip
            self._watch(self._wsman)
            pool = RunspacePool(self._wsman, configuration_name=about.configuration)
            self._pool = pool
            pool.open()
        except Exception as error:
            refused = self._refused(error) if _theirs(error) else None
            self._drop()
            if refused is None:
                raise
            raise refused from error
        return pool

    def _unusable(self, found: str, todo: str = "mend its connection variables") -> InventoryError:
        return InventoryError(f"prepared the connection to {self.name}", found, todo)

    def _watch(self, wsman: WSMan) -> None:
        """Remembers what the host says of itself outside WSMan: the sign-in schemes it offers, its clock."""

        def seen(response: Response, *_: object, **__: object) -> None:
            self._answered = True
            if "Date" in response.headers:
                self._seen["date"] = response.headers["Date"]
            if response.status_code == 401 and "WWW-Authenticate" in response.headers:
                offered = {
                    part.split()[0]
                    for part in response.headers["WWW-Authenticate"].split(",")
                    if part.split() and "=" not in part.split()[0]
                }
                self._seen["offered"] = ", ".join(sorted(offered))

        session: Any = wsman.transport._build_session()
        session.hooks["response"].append(seen)
        if self.connection.auth == "certificate":
            # WinRM asks for the certificate by renegotiation, which TLS 1.3 has not.
            adapter = session.get_adapter("https://")
            adapter.poolmanager.connection_pool_kw["ssl_maximum_version"] = ssl.TLSVersion.TLSv1_2
        wsman.transport.session = session

    def _refused(self, error: Exception) -> HostError | InventoryError:
        where = f"connected to {self.name} ({self.connection.server}:{self.connection.port})"
        scheme = _SCHEMES.get(self.connection.auth, "Negotiate")
        if isinstance(error, UnicodeEncodeError):  # its own words quote the password
            return self._unusable(f"user or password holds letters that {scheme} cannot carry", "use NTLM or Kerberos")
        if isinstance(error, ValueError) and not self._answered:
            return self._unusable(clean(error))
        if isinstance(error, SpnegoError):
            if missing := [one for one in ("username", "password") if getattr(self.connection, one) is None]:
                return self._unusable(
                    f"{scheme} has no {' and no '.join(missing).replace('username', 'user')}",
                    "give ansible_user and ansible_password, or -u and -k",
                )
            return AccessDenied(where, f"the sign-in by {scheme} failed ({clean(error, 300)})", "check the account")
        if isinstance(error, AuthenticationError):
            scheme = self._used() or scheme
            offered = self._seen.get("offered", "nothing else")
            found = f"it refused the sign-in by {scheme}; it offers {offered}{self._clock()}"
            return AccessDenied(where, found, "check account, password and which of these the account may use")
        unproved = isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" not in str(error)
        refused = isinstance(error, WinRMTransportError) and error.code == 400  # as servers answer HTTP on a TLS port
        broken = isinstance(error, RequestsConnectionError) and not isinstance(error, SSLError) and not self._answered
        if (unproved or ((refused or broken) and not self.connection.ssl)) and (
            other := mismatch(self.connection.server, self.connection.port, tls=self.connection.ssl)
        ):
            return Unreachable(where, *other)
        if unproved and _tls(error) == _HANDSHAKE:
            return Unreachable(where, _HANDSHAKE, "check that HTTPS listens on that port, with TLS 1.2 or newer")
        if isinstance(error, SSLError):
            return Unreachable(
                where, f"its certificate is not trusted ({_tls(error)})", "name its CA in ansible_psrp_ca_cert"
            )
        if isinstance(error, WSManFaultError) and error.code in FAULTS:
            return AccessDenied(where, *FAULTS[error.code])
        if isinstance(error, WinRMTransportError):
            return Unreachable(
                where,
                f"it answered HTTP {error.code}, which is no WinRM",
                "check port and path, and that WinRM runs there",
            )
        if isinstance(error, ReadTimeout):
            return Unreachable(where, "it did not answer in time", "check that it is not overloaded, and run it again")
        if isinstance(error, RequestsConnectionError | OSError):
            return Unreachable(
                where,
                _network(error),
                "check that it is switched on, on the network, and that WinRM listens on that port",
            )
        return Unreachable(where, self._said(error), "check that it is WinRM that listens there, and that it works")

    def _used(self) -> str | None:
        """The scheme that the negotiation came to, where it came to one."""
        session: Any = self._wsman and self._wsman.transport.session
        contexts = getattr(getattr(session, "auth", None), "contexts", {})
        used = {
            str(one.negotiated_protocol).lower() for one in contexts.values() if hasattr(one, "negotiated_protocol")
        }
        return {"ntlm": "NTLM", "kerberos": "Kerberos"}.get(next(iter(used), ""))

    def _clock(self) -> str:
        with contextlib.suppress(TypeError, ValueError, KeyError):
            ahead = round(email.utils.parsedate_to_datetime(self._seen["date"]).timestamp() - time.time())
            if abs(ahead) > 2:
                return f"; its clock is {abs(ahead)} s {'ahead' if ahead > 0 else 'behind'}"
        return ""

    def _said(self, error: BaseException) -> str:
        if isinstance(error, WSManFaultError):
            return FAULTS.get(error.code, (f"WSMan fault {error.code or 'without a number'}",))[0]
        if isinstance(error, RequestsConnectionError | OSError):
            return _network(error)
        return f"its answer cannot be read ({type(error).__name__})"

    def _drop(self) -> None:
        self._pool = None
        if self._wsman is not None:
            with contextlib.suppress(Exception):
                self._wsman.transport.close()
            self._wsman = None

    def close(self) -> None:
        """Deletes the shell on the device and closes the connection."""
        if self._pool is not None:
            with contextlib.suppress(Exception):
                self._pool.close()
        self._drop()


def _theirs(error: BaseException) -> bool:
    """Whether the error comes from the other side, or from what reads its answers.

    pypsrp and spnego raise whatever comes up (KeyError, AttributeError, struct.error) where an answer is not as they
    expect it; answers are untrusted, so that is no fault of ours. What our own code raises is told by its frame.
    """
    if not isinstance(error, Exception):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__")) if trace else __name__
    return module.partition(".")[0] != __name__.partition(".")[0]


def _network(error: BaseException) -> str:
    """What the network said, by the innermost reason: requests and urllib3 wrap it several times over."""
    text = str(error)
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, RequestException):
            return inner.strerror.lower()
        inner = (
            inner.__cause__ or inner.__context__ or getattr(inner, "reason", None)
            if not isinstance(inner, str)
            else None
        )
        if isinstance(inner, str):
            break
    for sign, meaning in (
        ("NameResolution", "its name cannot be resolved"),
        ("timed out", "no answer"),
        ("refused", "connection refused"),
    ):
        if sign in text:
            return meaning
    return "the connection broke"


def _tls(error: BaseException) -> str:
    text = str(error)
    for sign, meaning in (
        ("self-signed", "self-signed"), ("self signed", "self-signed"), ("expired", "expired"),
        ("Hostname mismatch", "made out to another name"), ("doesn't match", "made out to another name"),
        ("unable to get local issuer", "of an unknown issuer"), ("NO_CERTIFICATE_OR_CRL", "the CA file holds none"),
    ):  # fmt: skip
        if sign in text:
            return meaning
    return _HANDSHAKE
