"""How far a TLS 1.2 handshake came is a fact with its layer. `ok` is not shown: a device of the lab trusts no test's root."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from teamsmedic import content, payload, remediation
from teamsmedic.hosts.base import Verb
from teamsmedic.lab import http
from teamsmedic.lab.device import Device

ID = "tls12_usable"
PROXY = (
    r"$key = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\Connections'"
    "\n[Microsoft.Win32.Registry]::SetValue($key, 'WinHttpSettings', [byte[]](24, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0), 'Binary')\n"
)


@pytest.fixture(scope="module")
def desk(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    made = Device.create(tmp_path_factory.mktemp("handshake") / "desk", engine=engine)
    made.boot()
    yield made
    made.destroy()


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Starts a listener on loopback whose connections are handled so; returns its port."""
    opened: list[socket.socket] = []

    def start(handle: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                opened.append(connection)
                handle(connection)

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for one in opened:
        one.close()


def handshakes(desk: Device, *targets: str, first: str = "") -> list[dict[str, str]]:
    prelude, detect, _ = (one.text for one in payload.build([ID], Verb.CHECK))
    script = first
    for target in targets:
        argument = json.dumps({"remediations": {ID: {"parameters": {"probe": target}}}})
        script += f". {{\n{prelude}\n}} '{argument}'\n{detect}\n"
    lines = [json.loads(line) for line in desk.run(script).splitlines() if line.startswith("{")]
    return [line["facts"]["handshake"] for line in lines if line["statement"] == ID]


def tls(tmp_path: Path, version: ssl.TLSVersion) -> Callable[[socket.socket], None]:
    made = http.Certificate.make()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = tmp_path / "server.pem"
    file.write_bytes(made.key_pem + made.pem)
    context.load_cert_chain(file)
    context.minimum_version = context.maximum_version = version

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as session:
            session.read()

    return handle


def test_a_failed_handshake_names_its_layer(desk: Device, server: Callable[..., int], tmp_path: Path) -> None:
    untrusted, newer = (server(tls(tmp_path, one)) for one in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
    other = server(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    silent = server(lambda _: None)
    found = {
        "name": "no.such.name.invalid:443",
        "tcp": "127.0.0.1:1",
        "certificate": f"localhost:{untrusted}",
        "tls": f"localhost:{newer}",
        "tls, no TLS there": f"localhost:{other}",
        "tls, no answer": f"localhost:{silent}",
        "not_tried": "",
        "not_tried, no port": "localhost:99999",
    }
    layers = [one["layer"] for one in handshakes(desk, *found.values())]
    assert layers == [name.split(",")[0] for name in found]


def test_where_a_proxy_is_set_the_direct_way_says_nothing(desk: Device) -> None:
    (found,) = handshakes(desk, "no.such.name.invalid:443", first=PROXY)
    assert found["layer"] == "proxy"


def test_a_failed_handshake_is_no_drift(desk: Device) -> None:
    about = remediation.load(content.root())[ID]
    prelude, detect, _ = (one.text for one in payload.build([ID], Verb.CHECK))
    argument = json.dumps({"remediations": {ID: {"parameters": {"probe": "127.0.0.1:1"}}}})
    lines = desk.run(f". {{\n{prelude}\n}} '{argument}'\n{detect}").splitlines()
    facts = json.loads(lines[-1])["facts"]
    assert facts["handshake"]["layer"] != "ok"
    assert about.judge(facts, about.values({}, 0)).status == "healthy"
