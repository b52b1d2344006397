"""The pypsrp door against the lab's endpoint: what it sends, what it says when it is refused, and every place to lose a connection."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from typing import Any

import pytest

from teamsmedic import content, remediation, treatment
from teamsmedic.errors import AccessDenied, HostError, InventoryError, Unreachable
from teamsmedic.hosts.winrm import Connection, Interrupted, WinRMHost
from teamsmedic.lab import psrp, replay, wsman
from teamsmedic.plan import Item, Plan
from teamsmedic.run import drive
from teamsmedic.treatment import Context

PASSWORD = "Pass-word_1"


def door(lab: Any, name: str = "d1", *, stop: threading.Event | None = None, **more: Any) -> WinRMHost:
    given: dict[str, Any] = {
        "auth": "ntlm",
        "username": "labadmin",
        "password": PASSWORD,
        "no_proxy": True,
        "ssl": False,
        "path": f"{name}/wsman",
        **more,
    }
    given.setdefault("port", lab.tls_port if given["ssl"] else lab.port)
    return WinRMHost(name, Connection("127.0.0.1", **given), stop)


def plan(*names: str) -> Plan:
    known = remediation.load(content.root())
    return Plan(tuple(Item(known[name], {}, True) for name in names or ("lamp_on", "shelf_tidy")))


def go(walk: treatment.Walk, host: WinRMHost) -> dict[str, str]:
    try:
        return {
            one.remediation: str(one.status)
            for one in drive(walk, host, lambda *_: None, sleep=lambda _: None).outcomes
        }
    finally:
        host.close()


def run_id(number: int) -> str:
    return f"20260102T030405Z-{number:06x}"


def control(lab: Any, name: str = "d1", **wanted: Any) -> dict[str, Any]:
    return lab.call(lab.devices[name].control(wanted))


def test_a_check_costs_as_many_requests_as_one_bare_pipeline(lab, lab_content):
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    lab.add("d1")
    go(treatment.check(plan(), Context(run_id(1), "me")), door(lab))
    ours = control(lab, reset=False)["operations"]
    control(lab, reset=True)
    sent = treatment.payload.build(["lamp_on"], treatment.Verb.CHECK)
    with (
        WSMan(
            "127.0.0.1",
            port=lab.port,
            ssl=False,
            path="d1/wsman",
            username="labadmin",
            password=PASSWORD,
            auth="ntlm",
            no_proxy=True,
        ) as wire,
        RunspacePool(wire) as pool,
    ):
        PowerShell(pool).add_script(sent[0].text).add_argument(
            json.dumps({"verb": "check", "remediations": {"lamp_on": {}}})
        ).invoke()
    bare = control(lab)["operations"]

    assert ours == bare


def test_fix_check_undo_check(lab, lab_content):
    lab.add("d1", lamp_on="dark", shelf_tidy="messy")
    known = remediation.load(content.root())

    assert go(treatment.fix(plan(), Context(run_id(1), "me")), door(lab)) == {"lamp_on": "fixed", "shelf_tidy": "fixed"}
    assert go(treatment.check(plan(), Context(run_id(2), "me")), door(lab)) == {
        "lamp_on": "healthy",
        "shelf_tidy": "healthy",
    }
    undone = go(treatment.undo(known, Context(run_id(3), "me"), values=lambda _: {}), door(lab))
    assert undone == {"lamp_on": "reverted", "shelf_tidy": "reverted"}
    assert go(treatment.check(plan(), Context(run_id(4), "me")), door(lab)) == {
        "lamp_on": "drifted",
        "shelf_tidy": "drifted",
    }


@pytest.mark.parametrize("fault", ["garbage", "deep", "flood", "error", "silent", "missing", "failed"])
def test_one_broken_answer_costs_only_itself(lab, lab_content, fault, monkeypatch):
    monkeypatch.setattr(treatment.payload, "build", _hurried(treatment.payload.build))
    lab.add("d1")
    control(lab, faults={"lamp_on": fault})

    outcomes = go(treatment.check(plan(), Context(run_id(1), "me")), door(lab))

    assert outcomes == {"lamp_on": "unknown", "shelf_tidy": "healthy"}


def _hurried(build):
    from dataclasses import replace

    return lambda ids, verb: tuple(replace(one, limit=2.0) for one in build(ids, verb))


def test_a_refusal_names_the_scheme_those_offered_and_the_clock(lab, lab_content):
    lab.add("d1", schemes=("negotiate", "basic"), clock_offset=3600.0)

    with pytest.raises(AccessDenied) as refused:
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, password="wrong-one"))

    said = str(refused.value)
    assert "by NTLM" in said
    assert "offers Basic, Negotiate" in said
    assert re.search(r"its clock is (3599|3600) s ahead", said)
    assert "wrong" not in said.lower()


def test_basic_is_named_where_basic_was_used(lab, lab_content):
    lab.add("d1")

    with pytest.raises(AccessDenied, match="by Basic"):
        go(
            treatment.check(plan(), Context(run_id(1), "me")),
            door(lab, auth="basic", encryption="never", password="wrong-one"),
        )


def test_an_untrusted_certificate_says_where_to_name_its_ca(lab, lab_content):
    lab.add("d1")

    with pytest.raises(Unreachable, match=r"certificate is not trusted \(self-signed\).*ansible_psrp_ca_cert"):
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, ssl=True))
    assert go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, ssl=True, cert_validation=str(lab.ca)))


def test_nobody_there_is_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(Unreachable, match="connection refused"):
        WinRMHost("x", Connection("127.0.0.1", port, False, username="u", password="p", no_proxy=True)).run(
            treatment.Send(treatment.Verb.CHECK, (), "")
        )


def test_a_port_that_speaks_something_else_is_unreachable(lab, lab_content):
    lab.add("d1")

    for more, said in (
        ({"ssl": True, "port": lab.port}, "speaks plain HTTP on that port, and HTTPS was tried"),
        ({"ssl": False, "port": lab.tls_port}, "speaks TLS on that port, and plain HTTP was tried"),
        ({"path": "nobody/wsman"}, "it answered HTTP 404, which is no WinRM"),
        ({"configuration": "no.such"}, "no session configuration of the name"),
    ):
        with pytest.raises(HostError, match=said):
            go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, **more))


def test_an_endpoint_that_runs_no_scripts_is_named(lab, lab_content, monkeypatch):
    lab.add("d1")
    said = psrp.Said(failed="ScriptsNotAllowed")  # what pwsh 7.6 says in no-language mode
    monkeypatch.setattr(replay.ReplayDevice, "respond", lambda *_: said)

    with pytest.raises(AccessDenied, match=r"configuration Microsoft\.PowerShell runs no scripts"):
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab))


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    named = {"Content-Type": "application/soap+xml", **{key.replace("_", "-"): one for key, one in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{key}: {one}" for key, one in named.items()), f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
FAULT = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault/></s:Body></s:Envelope>'


# requests does not close a response whose hook, which here is spnego's, raises.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
@pytest.mark.parametrize(
    "said",
    [
        b"", b"\0\1\2", answer(b""), answer(b"nonsense"), answer(b"<a/>"), answer(b"<html>", Content_Type="text/html"),
        answer(b"", "302 Found", Location="http://127.0.0.1:1/"), answer(b"x", "500 Oh"), answer(FAULT, "500 Oh"),
        answer(b"", "401 No"), answer(b"", "401 No", WWW_Authenticate="Negotiate !!!!"),
        answer(b"", "401 No", WWW_Authenticate="Negotiate AAAA"), answer(b"x", Content_Type=SEALED),
        answer(b"x", Content_Encoding="gzip"), answer(b"")[:-10],
    ],
    ids=lambda one: repr(one[:12]) if isinstance(one, bytes) else None,
)  # fmt: skip
def test_an_answer_that_is_none_is_one_sentence(said, auth):
    """pypsrp and spnego raise whatever comes up: KeyError, AttributeError, struct.error."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), listener.accept()[0] as connected:
                connected.settimeout(2)
                connected.recv(65536)
                connected.sendall(said)
                connected.shutdown(socket.SHUT_WR)
                while connected.recv(65536):
                    pass

    server = threading.Thread(target=serve)
    server.start()
    about = Connection(
        "127.0.0.1", listener.getsockname()[1], False, auth=auth, username="u", password=PASSWORD, no_proxy=True,
        encryption="never" if auth == "basic" else "auto",
    )  # fmt: skip
    try:
        with pytest.raises(HostError, match=r"^connected to x .*: .*; check.*\.$") as raised:
            WinRMHost("x", about).run(treatment.Send(treatment.Verb.CHECK, (), ""))
    finally:
        ended.set()
        server.join(10)
        listener.close()
    assert PASSWORD not in str(raised.value)


def test_a_fault_of_ours_is_not_taken_for_an_answer(lab, lab_content, monkeypatch):
    lab.add("d1")
    host = door(lab)
    monkeypatch.setattr("teamsmedic.hosts.winrm.limit_of", lambda *_: None)

    with pytest.raises(TypeError):
        go(treatment.check(plan(), Context(run_id(1), "me")), host)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"auth": "basic", "encryption": "never", "password": "Gehe\u20acim"}, "letters that Basic cannot carry"),
        ({"ssl": True, "cert_validation": "/nowhere.pem"}, "no CA file /nowhere.pem"),
    ],
)
def test_a_connection_that_cannot_be_tried_is_an_inventory_error(lab, lab_content, more, said):
    lab.add("d1")

    with pytest.raises(InventoryError, match=said) as raised:
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, **more))
    assert "20ac" not in str(raised.value)


def test_an_unusable_connection_setting_is_an_inventory_error(lab, lab_content):
    lab.add("d1")

    with pytest.raises(InventoryError):
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, auth="basic", encryption="always"))


def test_too_many_shells_has_its_own_sentence(lab, lab_content):
    lab.add("d1", limits=wsman.Limits(shells_per_user=0))

    with pytest.raises(AccessDenied, match="too many open shells"):
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab))


def test_every_shell_is_deleted_after_a_stop(lab, lab_content):
    lab.add("d1")
    control(lab, delay=30)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    begun = time.monotonic()

    with pytest.raises(Interrupted):
        go(treatment.check(plan(), Context(run_id(1), "me")), door(lab, stop=stop))

    assert time.monotonic() - begun < 15
    assert control(lab)["shells"] == 0


def test_the_connection_cut_after_every_request(lab, lab_content, record_property):
    """Whatever request is the last that gets through: the outcome is true of the device, and undo restores the first state."""
    known = remediation.load(content.root())
    lab.add("whole", lamp_on="dark")
    go(treatment.fix(plan("lamp_on"), Context(run_id(0), "me")), door(lab, "whole"))
    total = control(lab, "whole")["requests"]
    seen: dict[str, int] = {}
    for cut in range(total + 1):
        name = f"cut-{cut}"
        lab.add(name, lamp_on="dark")
        control(lab, name, cut_after=cut)
        host = door(lab, name, connection_timeout=2, extra={"read_timeout": 3, "operation_timeout": 1})
        try:
            said = go(treatment.fix(plan("lamp_on"), Context(run_id(cut), "me")), host)["lamp_on"]
        except HostError:
            said = "not reached"
        control(lab, name, cut_after=None)
        now = go(treatment.check(plan("lamp_on"), Context(run_id(500), "me")), door(lab, name))["lamp_on"]

        assert (said, now) in {
            ("not reached", "drifted"), ("unknown", "drifted"), ("failed", "drifted"), ("failed", "healthy"), ("fixed", "healthy"),
        }, f"after request {cut}: {said}, but the device is {now}"  # fmt: skip
        if now == "healthy":
            assert go(treatment.undo(known, Context(run_id(501), "me"), values=lambda _: {}), door(lab, name)) == {
                "lamp_on": "reverted"
            }
        assert go(treatment.check(plan("lamp_on"), Context(run_id(502), "me")), door(lab, name)) == {
            "lamp_on": "drifted"
        }
        seen[said] = seen.get(said, 0) + 1
    record_property("figure", f"replayed fix, connection cut after each of {total + 1} requests: {seen}")
    assert sum(seen.values()) == total + 1
    assert len(seen) >= 3


@pytest.mark.parametrize(("auth", "version"), [("certificate", "TLSv1.2"), ("ntlm", "TLSv1.3")])
def test_a_certificate_is_presented_over_tls_1_2(tmp_path, auth, version):
    from teamsmedic.lab.http import Certificate

    certificate = Certificate.make()
    pem = tmp_path / "client.pem"
    pem.write_bytes(certificate.pem + certificate.key_pem)
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[str | None] = []

    def serve() -> None:
        plain, _ = listener.accept()
        with certificate.context().wrap_socket(plain, server_side=True) as secure:
            seen.append(secure.version())

    server = threading.Thread(target=serve)
    server.start()
    extra = {"certificate_pem": str(pem), "certificate_key_pem": str(pem)} if auth == "certificate" else {}
    host = WinRMHost(
        "x",
        Connection(
            "127.0.0.1",
            listener.getsockname()[1],
            True,
            auth=auth,
            username="u",
            password="p",
            cert_validation=False,
            no_proxy=True,
            extra=extra,
        ),
    )

    with pytest.raises(HostError):
        host.run(treatment.Send(treatment.Verb.CHECK, (), ""))
    server.join(10)
    listener.close()

    assert seen == [version]
