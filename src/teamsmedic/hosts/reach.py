"""What it means that a device's endpoint was not reached as asked: the same sentences for both doors."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl

FAULTS = {
    5: (
        "access denied",
        "use an account that is a local administrator there, not filtered by UAC (LocalAccountTokenFilterPolicy)",
    ),
    2150858811: (
        "it has no session configuration of the name that was asked for, or not for this account",
        "leave ansible_psrp_configuration_name out, or name one that Get-PSSessionConfiguration lists there",
    ),
    2150859173: (
        "the account has too many open shells there (MaxShellsPerUser)",
        "wait for the idle ones to end, or restart WinRM",
    ),
    2150859174: (
        "the account has too many operations under way there (MaxConcurrentOperationsPerUser)",
        "wait a minute and run it again",
    ),
    2150858843: ("its shell is gone: WinRM or the device was restarted", "run it again"),
}
"""WSMan fault numbers that have a sentence of their own; texts are in the server's language and are not used."""
SECONDS = 5.0


def mismatch(server: str, port: int, *, tls: bool) -> tuple[str, str] | None:
    """What was found and what to do, where a port speaks TLS and plain HTTP was tried, or the other way round.

    The library's errors do not tell it: they change with the server and the version of OpenSSL, so the port is asked.
    """
    if tls and _speaks_http(server, port):
        return (
            "it speaks plain HTTP on that port, and HTTPS was tried",
            "name the port of HTTPS (5986), or set ansible_psrp_protocol to http",
        )
    if not tls and _speaks_tls(server, port):
        return (
            "it speaks TLS on that port, and plain HTTP was tried",
            "set ansible_psrp_protocol to https, or name the port of HTTP (5985)",
        )
    return None


def fault(text: str) -> tuple[str, str] | None:
    """What the number of a WSMan fault in a text means, where it has a sentence of its own."""
    code = re.search(r"WSManFault message\. \(Code: (\d+)", text)
    return FAULTS.get(int(code[1])) if code else None


def _speaks_http(server: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((server, port), SECONDS) as connection:
        connection.settimeout(SECONDS)
        connection.sendall(b"OPTIONS / HTTP/1.0\r\n\r\n")
        return connection.recv(5) == b"HTTP/"
    return False


def _speaks_tls(server: str, port: int) -> bool:
    # Nothing but a handshake is sent: whose certificate it is does not matter.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((server, port), SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=server),
    ):
        return True
    return False
