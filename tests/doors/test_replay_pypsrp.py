"""The lab's endpoint and replay devices as the real pypsrp meets them."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any

import pytest
import requests
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import WSMan

from teamsmedic.lab import wsman

NTLM = {"auth": "ntlm", "ssl": False}
BASIC = {"auth": "basic", "ssl": False, "encryption": "never"}
TLS_BASIC = {"auth": "basic", "ssl": True}
TLS_NTLM = {"auth": "ntlm", "ssl": True}
WAYS = {
    "ntlm": NTLM,
    "basic": BASIC,
    "https": TLS_BASIC,
    "https_ntlm": TLS_NTLM,
    "negotiate": {**NTLM, "auth": "negotiate"},
}


def connect(lab: Any, name: str = "d1", way: dict[str, Any] = BASIC, **more: Any) -> WSMan:
    given = {"username": "labadmin", "password": "Pass-word_1", **way, **more}
    port = lab.tls_port if given["ssl"] else lab.port
    if given["ssl"]:
        given.setdefault("cert_validation", str(lab.ca))
    given.setdefault("path", f"{name}/wsman")
    return WSMan("127.0.0.1", port=port, no_proxy=True, **given)


def post(url: str, body: str | bytes, **more: Any) -> requests.Response:
    """A request of no client of ours; straight to loopback, whatever proxy the machine has."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, body, **more)


def ask(pool: RunspacePool, sent: Any) -> PowerShell:
    shell = PowerShell(pool)
    for number, text in enumerate(sent.texts):
        if number:
            shell.add_statement()
        shell.add_script(text)
        if not number:
            shell.add_argument(sent.argument)
    shell.invoke()
    return shell


def run(lab: Any, sent: Any, **about: Any) -> list[dict[str, Any]]:
    with connect(lab, **about) as one, RunspacePool(one) as pool:
        return [json.loads(line) for line in ask(pool, sent).output]


@pytest.mark.parametrize("way", WAYS)
def test_a_check_is_answered_over_every_transport(lab, payloads, way):
    lab.add("d1", lamp_on="dark")
    prelude, lamp, shelf, end = run(lab, payloads(), way=WAYS[way])
    assert prelude["host"]["replayed"] is True
    assert lamp == {
        "teamsmedic": 1,
        "statement": "lamp_on",
        "facts": {"switch": {"object": "HKLM\\Lamp\\Switch", "value": {"kind": "DWord", "data": 0}}},
    }
    assert shelf["facts"] == {"boxes": [{"object": "a", "open": False}]}
    assert end == {"teamsmedic": 1, "statement": "end"}


def test_ntlm_over_http_is_sealed_on_the_wire(lab, payloads):
    lab.add("d1")
    relay = Relay(lab.port)
    try:
        with (
            WSMan(
                "127.0.0.1",
                port=relay.port,
                path="d1/wsman",
                username="labadmin",
                password="Pass-word_1",
                no_proxy=True,
                **NTLM,
            ) as one,
            RunspacePool(one) as pool,
        ):
            assert len(ask(pool, payloads()).output) == 4
    finally:
        relay.close()
    assert b"multipart/encrypted" in relay.seen
    assert b"Envelope" not in relay.seen
    assert b"creationXml" not in relay.seen


def test_channel_binding_refuses_a_login_that_was_made_for_another_certificate(lab, payloads, monkeypatch):
    lab.add("d1")
    from pypsrp.negotiate import HTTPNegotiateAuth

    monkeypatch.setattr(
        HTTPNegotiateAuth, "_get_cbt_data", staticmethod(lambda _: b"tls-server-end-point:" + bytes(32))
    )
    with pytest.raises(AuthenticationError), connect(lab, way=TLS_NTLM) as one, RunspacePool(one):
        pass


def test_the_certificate_verifies_as_its_own_authority_and_nothing_else_does(lab, payloads, tmp_path):
    lab.add("d1")
    context = ssl.create_default_context(cafile=str(lab.ca))
    for name in ("127.0.0.1", "localhost"):
        with (
            socket.create_connection(("127.0.0.1", lab.tls_port)) as raw,
            context.wrap_socket(raw, server_hostname=name),
        ):
            pass
    with (
        pytest.raises(requests.exceptions.SSLError),
        connect(lab, way=TLS_BASIC, cert_validation=True) as one,
        RunspacePool(one),
    ):
        pass


@pytest.mark.parametrize("way", ["ntlm", "basic", "https_ntlm"])
def test_a_wrong_password_is_refused_quickly(lab, way):
    lab.add("d1")
    started = time.monotonic()
    with pytest.raises(AuthenticationError), connect(lab, way=WAYS[way], password="wrong") as one, RunspacePool(one):
        pass
    assert time.monotonic() - started < 5


def test_an_unknown_user_is_refused(lab):
    lab.add("d1")
    with pytest.raises(AuthenticationError), connect(lab, way=NTLM, username="nobody") as one, RunspacePool(one):
        pass


@pytest.mark.parametrize("name", ["labadmin", ".\\labadmin", f"{socket.gethostname()}\\LabAdmin"])
def test_the_spellings_of_one_user_are_one_user(lab, payloads, name):
    lab.add("d1")
    for way in (NTLM, BASIC):
        with connect(lab, way=way, username=name) as one, RunspacePool(one) as pool:
            assert len(ask(pool, payloads()).output) == 4


def test_a_device_that_offers_ntlm_only_refuses_basic(lab):
    lab.add("d1", schemes=("ntlm",))
    with pytest.raises(AuthenticationError), connect(lab) as one, RunspacePool(one):
        pass
    with connect(lab, way=NTLM) as one, RunspacePool(one):
        pass


def test_a_device_that_wants_encryption_refuses_plain_bodies_with_a_fault(lab):
    lab.add("d1", unencrypted=False)
    with pytest.raises(WSManFaultError, match="Unencrypted") as caught, connect(lab) as one, RunspacePool(one):
        pass
    assert caught.value.code == 5


def test_an_unknown_device_is_not_found(lab):
    with pytest.raises(WinRMTransportError) as caught, connect(lab, "nobody") as one, RunspacePool(one):
        pass
    assert caught.value.code == 404


def test_a_script_of_somebody_else_fails_and_names_its_hash(lab):
    lab.add("d1")
    with connect(lab) as one, RunspacePool(one) as pool:
        shell = PowerShell(pool)
        shell.add_script("Get-Date").invoke()
        assert shell.state == PSInvocationState.FAILED
        assert shell.had_errors
        assert hashlib.sha256(b"Get-Date").hexdigest()[:12] in str(shell.streams.error[0])


def test_a_payload_of_another_version_fails_and_names_its_hash(lab, payloads):
    lab.add("d1")
    sent = payloads()
    texts = [*sent.texts[:2], sent.texts[2] + "# newer\n", sent.texts[3]]
    with connect(lab) as one, RunspacePool(one) as pool:
        shell = PowerShell(pool)
        shell.add_script(texts[0]).add_argument(sent.argument)
        for text in texts[1:]:
            shell.add_statement().add_script(text)
        shell.invoke()
        assert shell.had_errors
        assert not shell.output
        assert hashlib.sha256(texts[2].encode()).hexdigest()[:12] in str(shell.streams.error[0])


def test_check_fix_check_undo_check_tells_what_a_device_would(lab, payloads):
    lab.add("d1", lamp_on="dark")
    drift = [
        {
            "fact": "switch",
            "object": "HKLM\\Lamp\\Switch",
            "value": {"kind": "DWord", "data": 0},
            "before": {"kind": "DWord", "data": 0},
            "after": {"kind": "DWord", "data": 1},
        }
    ]
    journal = '{"format": 1}'
    check = payloads(lamp_on={"parameters": {}})
    fix = payloads("fix", lamp_on={"parameters": {}, "drift": drift, "journal": journal})
    undo = payloads(
        "undo",
        lamp_on={
            "parameters": {},
            "run": "20260102T030405Z-abcdef",
            "items": drift,
            "sha256": hashlib.sha256(journal.encode()).hexdigest(),
        },
    )
    read = payloads("journal", lamp_on={"parameters": {}, "run": "20260102T030405Z-abcdef"})
    with connect(lab) as one, RunspacePool(one) as pool:

        def say(sent):
            return [json.loads(line) for line in ask(pool, sent).output]

        def switch(lines):
            return lines[1]["facts"]["switch"]["value"]["data"]

        first = say(check)
        assert switch(first) == 0
        assert first[0]["host"]["journal"] == {"state": "absent", "detail": "", "entries": []}
        assert say(fix)[1]["done"] == {}
        second = say(check)
        assert switch(second) == 1
        (entry,) = second[0]["host"]["journal"]["entries"]
        assert (entry["state"], entry["since_boot"]) == ("done", True)
        assert say(read)[1]["entry"]["text"] == journal
        assert say(fix)[1]["blocked"]["reason"] == "already_begun"
        wrong = payloads("undo", lamp_on={**undo.about["lamp_on"], "sha256": "0" * 64})
        assert say(wrong)[1]["blocked"]["reason"] == "journal_changed"
        assert say(undo)[1]["done"] == {}
        third = say(check)
        assert switch(third) == 0
        assert third[0]["host"]["journal"]["entries"][0]["state"] == "undone"
        assert say(undo)[1]["blocked"]["reason"] == "already_undone"


def test_a_restart_makes_the_journal_older_than_the_boot(lab, payloads):
    device = lab.add("d1", lamp_on="dark")
    fix = payloads("fix", lamp_on={"parameters": {}, "drift": [], "journal": "{}"})
    run(lab, fix)
    lab.call(device.control({"restart": True}))
    host = run(lab, payloads())[0]["host"]
    assert host["journal"]["entries"][0]["since_boot"] is False
    assert host["booted"] > host["journal"]["entries"][0]["at"]


def test_a_fix_that_a_case_blocks_leaves_no_journal(lab, payloads):
    lab.add("d1", lamp_on="stuck")
    said = run(lab, payloads("fix", lamp_on={"parameters": {}, "drift": [], "journal": "{}"}))
    assert said[1]["blocked"] == {"reason": "in_use", "detail": "HAND.EXE"}
    assert run(lab, payloads())[0]["host"]["journal"]["entries"] == []


def test_lists_are_mended_by_what_the_metadata_judges_and_a_case_may_say_it_itself(lab, payloads):
    lab.add("d1", shelf_tidy="messy")
    lab.add("d2", shelf_tidy="named")
    fix = payloads(
        "fix", shelf_tidy={"parameters": {}, "journal": "{}", "drift": [{"fact": "boxes", "object": "a", "open": True}]}
    )
    for name, expected in (
        ("d1", {"boxes": [{"object": "a", "open": False}, {"object": "b", "open": False}]}),
        ("d2", {"boxes": [], "swept": True}),
    ):
        run(lab, fix, name=name)
        assert run(lab, payloads(), name=name)[2]["facts"] == expected


def test_a_room_is_a_room(lab, payloads):
    lab.add("d1", role="room")
    prelude, _, shelf, _ = run(lab, payloads())
    assert prelude["host"]["room"] is True
    assert shelf["facts"] == {"boxes": [{"object": "room", "open": False}]}


def test_many_shells_and_pipelines_at_once_do_not_disturb_each_other(lab, payloads):
    for number in range(20):
        lab.add(f"m{number}", lamp_on="dark" if number % 2 else "lit")
    sent = payloads()
    failures: list[str] = []

    def work(number: int) -> None:
        try:
            for way in (BASIC, NTLM):
                with connect(lab, f"m{number}", way) as one, RunspacePool(one) as pool:
                    for _ in range(3):
                        lines = [json.loads(line) for line in ask(pool, sent).output]
                        got = (lines[0]["host"]["computer"], lines[1]["facts"]["switch"]["value"]["data"])
                        if got != (f"M{number}", 0 if number % 2 else 1):
                            failures.append(f"{number}: {got}")
        except Exception as error:
            failures.append(f"{number}: {error!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert failures == []


def test_a_slow_answer_outlasts_the_operation_timeout(lab, payloads):
    lab.add("d1").backend.delay = 3.0
    started = time.monotonic()
    with connect(lab, operation_timeout=1, read_timeout=10) as one, RunspacePool(one) as pool:
        assert len(ask(pool, payloads()).output) == 4
    assert 3 <= time.monotonic() - started < 9
    assert lab.devices["d1"].endpoint.operations["receive"] >= 4


def test_a_pipeline_that_hangs_can_be_stopped_and_the_pool_goes_on(lab, payloads):
    device = lab.add("d1")
    device.backend.control({"faults": {"shelf_tidy": "silent"}})
    with connect(lab, operation_timeout=1, read_timeout=10) as one, RunspacePool(one) as pool:
        shell = PowerShell(pool)
        sent = payloads()
        shell.add_script(sent.texts[0]).add_argument(sent.argument)
        for text in sent.texts[1:]:
            shell.add_statement().add_script(text)
        shell.begin_invoke()
        shell.poll_invoke(timeout=1)
        shell.poll_invoke(timeout=1)
        assert len(shell.output) == 2
        assert shell.state == PSInvocationState.RUNNING
        shell.stop()
        device.backend.control({"faults": {}})
        assert len(ask(pool, sent).output) == 4


@pytest.mark.parametrize(
    ("fault", "lines", "state"),
    [
        ("garbage", 4, "COMPLETED"),
        ("deep", 4, "COMPLETED"),
        ("missing", 3, "COMPLETED"),
        ("error", 4, "COMPLETED"),
        ("failed", 1, "FAILED"),
        ("flood", 53, "COMPLETED"),
    ],
)
def test_each_fault_is_played(lab, payloads, fault, lines, state):
    lab.add("d1").backend.control({"faults": {"lamp_on": fault}})
    with connect(lab, way=BASIC) as one, RunspacePool(one) as pool:
        shell = ask(pool, payloads())
        assert len(shell.output) == lines
        assert shell.state == getattr(PSInvocationState, state)


def test_a_megabyte_goes_in_and_two_come_out(lab, payloads, monkeypatch):
    lab.add("d1")
    big = {"boxes": [{"object": "é" * 1_000_000, "open": False}]}
    lab.devices["d1"].backend._facts["shelf_tidy"] = big
    sent = payloads(shelf_tidy={"parameters": {"fill": "x" * 1_000_000}})
    for way in (BASIC, NTLM):
        assert run(lab, sent, way=way)[1]["facts"] == big


def test_the_thirty_first_shell_of_a_user_is_over_the_quota(lab):
    lab.add("d1", limits=wsman.Limits(shells_per_user=2))
    with connect(lab) as one, connect(lab) as two, RunspacePool(one), RunspacePool(two):
        with pytest.raises(WSManFaultError) as caught, connect(lab) as three, RunspacePool(three):
            pass
        assert caught.value.code == 0x803381A5
        with connect(lab, username="other", password="Pass-word_2") as three, RunspacePool(three):
            pass
    with connect(lab) as one, RunspacePool(one):
        pass


def test_operations_of_a_user_are_counted(lab):
    lab.add("d1", limits=wsman.Limits(operations_per_user=0))
    with pytest.raises(WSManFaultError) as caught, connect(lab) as one, RunspacePool(one):
        pass
    assert caught.value.code == 0x803381A6


def test_a_shell_belongs_to_its_user_and_its_device(lab, payloads):
    lab.add("d1")
    lab.add("d2")
    with connect(lab) as one, RunspacePool(one) as pool:
        for about in ({"name": "d2"}, {"username": "other", "password": "Pass-word_2"}):
            with connect(lab, **about) as other:
                stolen = RunspacePool(other)
                stolen.id, stolen.shell._selector_set = pool.id, pool.shell._selector_set
                with pytest.raises(WSManFaultError) as caught:
                    stolen.shell.receive("stdout")
                assert caught.value.code == 2150858843
        assert len(ask(pool, payloads()).output) == 4


def test_an_idle_shell_is_swept_and_one_in_use_is_not(lab, payloads):
    device = lab.add("d1", limits=wsman.Limits(idle=0.2))
    with connect(lab) as one:
        pool = RunspacePool(one)
        pool.open()
        ask(pool, payloads())
        assert lab.call(device.endpoint.sweep()) == 0
        time.sleep(0.3)
        assert lab.call(device.endpoint.sweep()) == 1
        with pytest.raises(WSManFaultError) as caught:
            ask(pool, payloads())
        assert caught.value.code == 2150858843


def test_a_closed_shell_wakes_who_waits_for_it(lab, payloads):
    device = lab.add("d1")
    device.backend.control({"faults": {"lamp_on": "silent"}})
    woken: list[Any] = []
    with connect(lab) as one:
        pool = RunspacePool(one)
        pool.open()

        def wait() -> None:
            started = time.monotonic()
            try:
                ask(pool, payloads())
            except WSManFaultError as error:
                woken.append((error.code, time.monotonic() - started))

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.5)
        lab.call(device.endpoint.close())
        thread.join(10)
    assert woken
    assert woken[0][0] == 2150858843
    assert woken[0][1] < 5


@pytest.mark.parametrize("after", range(1, 7))
def test_the_network_fails_after_each_request_and_comes_back(lab, payloads, after):
    device = lab.add("d1", lamp_on="dark")
    device.cut_after = after
    fix = payloads("fix", lamp_on={"parameters": {}, "drift": [], "journal": "{}"})
    cut = False
    try:
        with connect(lab, reconnection_retries=0) as one, RunspacePool(one) as pool:
            ask(pool, fix)
    except requests.exceptions.ConnectionError:
        cut = True
    assert cut == (after <= 5)  # Create, Receive, Command, Receive, Delete
    assert device.requests == min(after, 5)
    device.cut_after = None
    assert len(run(lab, payloads())) == 4
    done = run(lab, payloads())[0]["host"]["journal"]["entries"]
    assert len(done) == (1 if after >= 3 else 0), "the device carries out what has arrived"


def test_a_lost_client_leaves_its_shell_and_no_task(lab, payloads):
    device = lab.add("d1")
    device.backend.control({"faults": {"lamp_on": "silent"}})
    sent = payloads()
    one = connect(lab)
    pool = RunspacePool(one)
    pool.open()
    shell = PowerShell(pool)
    shell.add_script(sent.texts[0]).add_argument(sent.argument)
    for text in sent.texts[1:]:
        shell.add_statement().add_script(text)
    shell.begin_invoke()
    threading.Timer(0.3, one.transport.session.close).start()
    device.cut_after = device.requests
    with pytest.raises(requests.exceptions.ConnectionError):
        shell.poll_invoke()
    device.cut_after = None
    assert device.endpoint.open_shells == 1
    deadline = time.monotonic() + 5
    while any(entry.busy for entry in device.endpoint._shells.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(entry.busy for entry in device.endpoint._shells.values())


def test_is_alive_and_identify_are_answered(lab):
    lab.add("d1")
    with connect(lab) as one, RunspacePool(one) as pool:
        assert pool.is_alive()
    body = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Body><i:Identify/></s:Body></s:Envelope>'
    )
    answer = post(f"http://127.0.0.1:{lab.port}/d1/wsman", body, headers={"WSMANIDENTIFY": "unauthenticated"})
    assert answer.status_code == 200
    assert "replay device" in answer.text


def test_a_command_shell_is_refused_in_words(lab):
    lab.add("d1")
    with pytest.raises(WSManFaultError, match="replay device has no command shell"), connect(lab) as one, WinRS(one):
        pass


def test_garbage_in_a_shell_is_a_fault_and_the_connection_lives_on(lab, payloads):
    lab.add("d1")
    with connect(lab, way=NTLM) as one, RunspacePool(one) as pool:
        with pytest.raises(WSManFaultError):
            pool.shell.send("stdin", b"\xff" * 50)
        with connect(lab, way=NTLM) as other, RunspacePool(other) as fresh:
            assert len(ask(fresh, payloads()).output) == 4
        assert pool.is_alive()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /d1/wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /d1/wsman HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /d1/wsman HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n", 400),
        (b"POST /d1/wsman HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        (b"POST /d1/wsman HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GARBAGE\r\n\r\n", 400),
    ],
)
def test_requests_that_cannot_be_trusted_are_refused_and_the_connection_ends(lab, raw, status):
    lab.add("d1")
    with socket.create_connection(("127.0.0.1", lab.port), 5) as one:
        one.sendall(raw)
        answer = b""
        while chunk := one.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_silence_ends_a_connection_only_until_it_has_logged_in(lab, monkeypatch):
    from teamsmedic.lab import http as front

    monkeypatch.setattr(front, "LOGIN_SECONDS", 0.2)
    lab.add("d1")
    with connect(lab, way=NTLM) as one, RunspacePool(one) as pool:
        with socket.create_connection(("127.0.0.1", lab.port), 5) as silent:
            assert silent.recv(10) == b""
        time.sleep(0.5)
        before = len(lab.front.connections)
        assert pool.is_alive()
        assert len(lab.front.connections) == before == 1


def test_a_tls_client_on_the_plain_port_is_told_at_once(lab):
    lab.add("d1")
    started = time.monotonic()
    with pytest.raises(requests.exceptions.RequestException):
        post(f"https://127.0.0.1:{lab.port}/d1/wsman", b"", timeout=20)
    assert time.monotonic() - started < 2


def test_the_clients_are_told_the_schemes_in_headers_of_their_own(lab):
    lab.add("d1", clock_offset=-7200)
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
    for _ in range(2):  # on the same connection
        connection.request("POST", "/d1/wsman", b"<x/>")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
        assert answer.headers.get_all("WWW-Authenticate") == ["Negotiate", "NTLM", 'Basic realm="WSMAN"']
    from email.utils import parsedate_to_datetime

    assert -7210 < parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time() < -7190
    connection.close()


def test_a_document_type_is_no_envelope(lab):
    lab.add("d1")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><s:Envelope xmlns:s="x">&a;</s:Envelope>'
    answer = post(f"http://127.0.0.1:{lab.port}/d1/wsman", bomb, auth=("labadmin", "Pass-word_1"))
    assert answer.status_code == 400


def test_an_envelope_over_the_limit_is_a_fault(lab):
    lab.add("d1")
    answer = post(f"http://127.0.0.1:{lab.port}/d1/wsman", b"x" * 600_000, auth=("labadmin", "Pass-word_1"))
    assert answer.status_code == 500
    assert "EncodingLimit" in answer.text


def test_fault_texts_are_escaped(lab):
    lab.add("d1")
    action = "&lt;evil a=&quot;1&quot;&gt;&amp;"
    body = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>{action}</a:MessageID></s:Header><s:Body/></s:Envelope>"
    )
    answer = post(f"http://127.0.0.1:{lab.port}/d1/wsman", body.encode(), auth=("labadmin", "Pass-word_1"))
    assert answer.status_code == 500
    import xml.etree.ElementTree as ET

    assert '<evil a="1">&' in "".join(ET.fromstring(answer.text).itertext())


class Relay:
    """A wire-tap: passes one connection on and keeps what went by."""

    def __init__(self, target: int) -> None:
        self.target, self.seen = target, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.sockets: list[socket.socket] = [self.server]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self.target))
            self.sockets += [client, other]
            for pair in ((client, other), (other, client)):
                thread = threading.Thread(target=self._pass, args=pair, daemon=True)
                self.threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.seen += data
                sink.sendall(data)
        except OSError:
            pass

    def close(self) -> None:
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self.threads:
            thread.join(5)
