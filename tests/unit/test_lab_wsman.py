"""Envelopes in, envelopes out: the endpoint with a backend that the test holds in its hand."""

from __future__ import annotations

import asyncio
import base64
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from teamsmedic.lab import wsman
from teamsmedic.lab.wsman import CMD, NS, POWERSHELL, SHELL

CREATE = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"
DELETE = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete"


class Shell:
    def __init__(self, request: wsman.ShellRequest) -> None:
        self.request = request
        self.seen: list[Any] = []
        self.answer: Any = wsman.Received()
        self.wait = asyncio.Event()
        self.closed = False

    async def command(self, command_id, line):
        self.seen.append((command_id, line))
        if line.command == "slow":
            await self.wait.wait()
            self.seen.append("carried out")

    async def send(self, command_id, stream, data, end):
        self.seen.append((command_id, stream, data, end))

    async def receive(self, command_id, timeout, size):
        self.seen.append((command_id, timeout, size))
        if self.answer == "wait":
            await self.wait.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def signal(self, command_id, code):
        self.seen.append((command_id, code))

    async def close(self):
        self.closed = True


class Backend:
    kind = "test"

    def __init__(self) -> None:
        self.shells: list[Shell] = []
        self.error: Exception | None = None
        self.hang = False

    async def create(self, request):
        if self.error:
            raise self.error
        if self.hang:
            await asyncio.sleep(60)
        self.shells.append(Shell(request))
        return self.shells[-1]

    async def restart(self):
        pass


def envelope(action: str, body: str = "", *, resource: str = POWERSHELL, shell: str = "", header: str = "") -> bytes:
    selector = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>' if shell else ""
    names = " ".join(f'xmlns:{key}="{uri}"' for key, uri in NS.items())
    return (
        f"<s:Envelope {names}><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID>"
        f"<w:ResourceURI>{resource}</w:ResourceURI>{selector}{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


PSRP_SHELL = '<rsp:Shell ShellId="abc"><ps:creationXml>aGVsbG8=</ps:creationXml></rsp:Shell>'


class Talk:
    def __init__(self, **limits: Any) -> None:
        self.backend = Backend()
        self.endpoint = wsman.Endpoint("d1", self.backend, wsman.Limits(**limits))

    async def __call__(self, *args: Any, user: str = "u", **named: Any) -> tuple[int, ET.Element]:
        answer = await self.endpoint.handle(user, envelope(*args, **named))
        return answer.status, ET.fromstring(answer.body)

    async def open(self, body: str = PSRP_SHELL, **named: Any) -> Shell:
        status, _ = await self(CREATE, body, **named)
        assert status == 200
        return self.backend.shells[-1]


def code_of(root: ET.Element) -> int:
    fault = root.find(".//{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}WSManFault")
    assert fault is not None
    return int(fault.attrib["Code"])


def test_a_runspace_pool_is_created_with_its_fragments_and_its_id_comes_back():
    async def go():
        talk = Talk()
        status, root = await talk(CREATE, PSRP_SHELL)
        assert status == 200
        assert root.findtext(".//rsp:ShellId", None, NS) == "ABC"
        assert root.findtext(".//w:Selector[@Name='ShellId']", None, NS) == "ABC"
        request = talk.backend.shells[0].request
        assert (request.kind, request.creation, request.user, request.device) == (wsman.Kind.PSRP, b"hello", "u", "d1")

    asyncio.run(go())


def test_a_command_shell_brings_its_options_folder_and_variables():
    async def go():
        talk = Talk()
        body = (
            "<rsp:Shell><rsp:WorkingDirectory>C:\\x</rsp:WorkingDirectory><rsp:Environment>"
            '<rsp:Variable Name="A">1</rsp:Variable></rsp:Environment></rsp:Shell>'
        )
        options = '<w:OptionSet><w:Option Name="winrs_codepage">65001</w:Option></w:OptionSet>'
        shell = await talk.open(body, resource=CMD, header=options)
        assert shell.request.kind is wsman.Kind.CMD
        assert shell.request.options == {"WINRS_CODEPAGE": "65001"}
        assert (shell.request.working_directory, shell.request.environment) == ("C:\\x", {"A": "1"})

    asyncio.run(go())


def test_commands_input_signals_and_exit_codes_of_a_command_shell():
    async def go():
        talk = Talk()
        shell = await talk.open("<rsp:Shell ShellId='S'/>", resource=CMD)
        options = '<w:OptionSet><w:Option Name="WINRS_SKIP_CMD_SHELL">TRUE</w:Option></w:OptionSet>'
        body = (
            '<rsp:CommandLine CommandId="c"><rsp:Command>dir</rsp:Command><rsp:Arguments>a &amp; b</rsp:Arguments>'
            "<rsp:Arguments>c</rsp:Arguments></rsp:CommandLine>"
        )
        await talk(f"{SHELL}/Command", body, shell="s", header=options)
        assert shell.seen.pop() == ("C", wsman.CommandLine("dir", ("a & b", "c"), skip_cmd_shell=True))
        await talk(
            f"{SHELL}/Send",
            '<rsp:Send><rsp:Stream Name="stdin" CommandId="c" End="true">aGk=</rsp:Stream></rsp:Send>',
            shell="s",
        )
        assert shell.seen.pop() == ("C", "stdin", b"hi", True)
        await talk(
            f"{SHELL}/Signal",
            f'<rsp:Signal CommandId="c"><rsp:Code>{SHELL}/signal/terminate</rsp:Code></rsp:Signal>',
            shell="s",
        )
        assert shell.seen.pop() == ("C", f"{SHELL}/signal/terminate")
        shell.answer = wsman.Received((("stdout", b"o"), ("stderr", b"e")), True, 0xC0000005)
        _, root = await talk(
            f"{SHELL}/Receive",
            '<rsp:Receive><rsp:DesiredStream CommandId="c">stdout</rsp:DesiredStream></rsp:Receive>',
            shell="s",
            header="<w:OperationTimeout>PT3.5S</w:OperationTimeout>",
        )
        assert shell.seen.pop()[:2] == ("C", 3.5)
        assert root.findtext(".//rsp:ExitCode", None, NS) == "-1073741819"
        got = [
            (one.get("Name"), base64.b64decode(one.text or ""), one.get("End"))
            for one in root.iterfind(".//rsp:Stream", NS)
        ]
        assert got == [("stdout", b"o", None), ("stderr", b"e", None), ("stdout", b"", "true"), ("stderr", b"", "true")]
        state = root.find(".//rsp:CommandState", NS)
        assert state is not None
        assert state.attrib["State"].endswith("/CommandState/Done")

    asyncio.run(go())


def test_the_arguments_of_a_pipeline_are_joined_and_decoded():
    async def go():
        talk = Talk()
        shell = await talk.open()
        text = base64.b64encode(b"fragments").decode()
        await talk(
            f"{SHELL}/Command",
            f'<rsp:CommandLine CommandId="c"><rsp:Command/><rsp:Arguments>{text[:5]}</rsp:Arguments>'
            f"<rsp:Arguments>{text[5:]}</rsp:Arguments></rsp:CommandLine>",
            shell="abc",
        )
        assert shell.seen == [("C", wsman.CommandLine(payload=b"fragments"))]

    asyncio.run(go())


RECEIVE = (f"{SHELL}/Receive", "<rsp:Receive><rsp:DesiredStream>stdout</rsp:DesiredStream></rsp:Receive>")


def test_nothing_within_the_time_is_the_fault_that_clients_ask_again_for():
    async def go():
        talk = Talk()
        await talk.open()
        status, root = await talk(*RECEIVE, shell="abc")
        assert (status, code_of(root)) == (500, 2150858793)

    asyncio.run(go())


def test_the_size_asked_of_a_backend_fits_the_clients_envelope():
    async def go():
        talk = Talk()
        shell = await talk.open()
        await talk(*RECEIVE, shell="abc", header="<w:MaxEnvelopeSize>153600</w:MaxEnvelopeSize>")
        size = shell.seen.pop()[2]
        shell.answer = wsman.Received((("stdout", b"x" * size),))
        answer = await talk.endpoint.handle("u", envelope(*RECEIVE, shell="abc"))
        assert 0.9 * 153600 < len(answer.body) < 153600

    asyncio.run(go())


def test_a_closed_shell_wakes_its_receivers_at_once():
    async def go():
        talk = Talk()
        shell = await talk.open()
        shell.answer = "wait"
        waiting = asyncio.ensure_future(talk(*RECEIVE, shell="abc"))
        await asyncio.sleep(0.01)
        status, _ = await talk(DELETE, shell="abc")
        assert status == 200
        assert shell.closed
        status, root = await asyncio.wait_for(waiting, 1)
        assert (status, code_of(root)) == (500, 2150858843)

    asyncio.run(go())


def test_a_client_that_hangs_up_ends_its_receive_but_not_its_command():
    async def go():
        talk = Talk()
        shell = await talk.open("<rsp:Shell ShellId='S'/>", resource=CMD)
        shell.answer = "wait"
        for work in (
            talk(*RECEIVE, shell="s"),
            talk(f"{SHELL}/Command", "<rsp:CommandLine><rsp:Command>slow</rsp:Command></rsp:CommandLine>", shell="s"),
        ):
            task = asyncio.ensure_future(work)
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert [entry.busy for entry in talk.endpoint._shells.values()] == [1]
        shell.wait.set()
        await asyncio.sleep(0.01)
        assert shell.seen[-1] == "carried out"
        assert [entry.busy for entry in talk.endpoint._shells.values()] == [0]

    asyncio.run(go())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (envelope("http://nobody/Knows"), 2150858778),
        (envelope(CREATE, "<rsp:Shell/>", resource="http://other"), 2150858811),
        (envelope(CREATE, "<rsp:Shell/>"), 2150858752),
        (envelope(CREATE, ""), 2150858752),
        (envelope(CREATE, "<rsp:Shell><ps:creationXml>a</ps:creationXml></rsp:Shell>"), 2150858752),
        (envelope(f"{SHELL}/Receive", "", shell="nope"), 2150858843),
        (envelope(f"{SHELL}/Receive", "", shell="open"), 2150858752),
        (
            envelope(RECEIVE[0], RECEIVE[1], shell="open", header="<w:OperationTimeout>soon</w:OperationTimeout>"),
            2150858752,
        ),
        (b"<s:Envelope xmlns:s='x'>" + b" " * 600_000 + b"</s:Envelope>", 2150858752),
        (b"<x/>", 2150858778),
    ],
)
def test_what_cannot_be_served_is_a_fault(body, code):
    async def go():
        talk = Talk()
        await talk.open(PSRP_SHELL.replace("abc", "open"))
        answer = await talk.endpoint.handle("u", body)
        assert (answer.status, code_of(ET.fromstring(answer.body))) == (500, code)

    asyncio.run(go())


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<open>", b"<!DOCTYPE a><a/>"])
def test_what_is_no_xml_is_a_bad_request(body):
    async def go():
        assert await Talk().endpoint.handle("u", body) == wsman.Answer(400, b"")

    asyncio.run(go())


def test_an_unexpected_error_is_a_fault_with_escaped_words():
    async def go():
        talk = Talk()
        talk.backend.error = RuntimeError("<boom> & \x00")
        status, root = await talk(CREATE, PSRP_SHELL)
        assert status == 500
        assert "<boom> & \ufffd" in "".join(root.itertext())
        talk.backend.error = None
        assert await talk.open()

    asyncio.run(go())


def test_a_start_that_takes_too_long_is_given_up():
    async def go():
        talk = Talk(start_seconds=0.05)
        talk.backend.hang = True
        status, root = await talk(CREATE, PSRP_SHELL)
        assert (status, code_of(root)) == (500, 2150858793)
        assert talk.endpoint.open_shells == 0

    asyncio.run(go())


def test_quotas_count_also_what_is_only_starting():
    async def go():
        talk = Talk(shells_per_user=1)
        first, second = await asyncio.gather(talk(CREATE, PSRP_SHELL), talk(CREATE, PSRP_SHELL.replace("abc", "def")))
        assert sorted((first[0], second[0])) == [200, 500]
        assert (await talk(CREATE, PSRP_SHELL.replace("abc", "ghi"), user="somebody else"))[0] == 200

    asyncio.run(go())


def test_a_shell_that_exists_is_not_created_over():
    async def go():
        talk = Talk()
        await talk.open()
        status, root = await talk(CREATE, PSRP_SHELL, user="other")
        assert (status, code_of(root)) == (500, 2150858752)

    asyncio.run(go())


def test_the_sweep_takes_idle_shells_only():
    async def go():
        talk = Talk(idle=100)
        idle = await talk.open()
        busy = await talk.open(PSRP_SHELL.replace("abc", "def"))
        busy.answer = "wait"
        waiting = asyncio.ensure_future(talk(*RECEIVE, shell="def"))
        await asyncio.sleep(0.01)
        now = asyncio.get_running_loop().time()
        assert await talk.endpoint.sweep(now + 99) == 0
        assert await talk.endpoint.sweep(now + 101) == 1
        assert (idle.closed, busy.closed) == (True, False)
        busy.wait.set()
        await waiting

    asyncio.run(go())


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT20S", 20), ("PT0.5S", 0.5), ("P0DT0H1M2S", 62), ("PT1H", 3600), ("P1D", 86400)]
)
def test_durations(text, seconds):
    assert wsman.duration(text) == seconds
