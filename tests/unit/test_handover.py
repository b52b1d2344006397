"""Texts for other people: for the right one, ready to send, and without a name or address that was not needed."""

from __future__ import annotations

import json
import re

import pytest
import story as stories

from teamsmedic import cli, content, handover, interview, remediation
from teamsmedic.catalog import Who
from teamsmedic.errors import RequestError
from teamsmedic.lab import cases, seed
from teamsmedic.outcome import Outcome
from teamsmedic.redact import Redactor
from teamsmedic.triage import Device

PLANTED = {
    "user": "amber.adams@contoso.example",
    "guest": "amber_fabrikam.example#EXT#@contoso.example",
    "sip address": "sip:bruno@contoso.example",
    "login": "CONTOSO\\carla",
    "profile": "C:\\Users\\dora\\AppData",
    "host": "lt-0417.corp.contoso.example",
    "share": "\\\\files\\home$\\amber",
    "tenant": "5f0d2a6e-1111-4222-8333-9a0b1c2d3e4f",
    "account": "S-1-5-21-1004336348-1177238915-682003330-1104",
    "address": "203.0.113.77",
    "address of six": "2001:db8::1:77",
    "hardware": "00:1a:2b:3c:4d:5e",
    "phone": "+44 20 7946 0123",
    "phone at home": "(425) 555-0123",
    "phone in the country": "0441 2345678",
    "phone with two signs": "+49 (0)30 1234-5678",
    "phone in groups": "020 7946 0123",
    "host of another domain": "dc01.fabrikam.net",
    "host in another alphabet": "lt-0417.bücher-contoso.example",
    "host as Windows names it": "DESKTOP-0417ABC",
    "proxy": "http://fabrikam-proxy:8080/",
    "proxy with a user": "https://amber:dora@proxy.contoso.example:8080",
    "mail in an address": "amber%40contoso.example",
    "folder of OneDrive": "https://contoso-my.sharepoint.com/personal/amber_contoso_example/x",
    "profile of another system": "/Users/dora/Library",
    "share in its long form": "\\\\?\\UNC\\fabrikam\\home$\\amber",
    "entry of a directory": "CN=Amber Adams,OU=People,DC=contoso,DC=example",
    "address of four in one of six": "::ffff:203.0.113.77",
    "hardware of a switch": "001a.2b3c.4d5e",
}
TEXT = "0xCAA20004 at 2026-11-25T08:12:44Z, Correlation ID: 0b7c7a52-aaaa-4bbb-8ccc-1234567890ab: " + " ; ".join(
    PLANTED.values()
)
CODES = {
    Who.TENANT: "0xCAA20004",
    Who.NETWORK: "0xCAA82EE7",
    Who.SBC: "SIP 400",
    Who.CARRIER: "SIP 402",
    Who.USER: "0xCAA90018",
}


def text(what: str, *, redact: bool = True, **answers: str) -> dict[str, str]:
    one = interview.Interview.begin([what], answers, redact=redact)
    (made,) = one.document(one.decide())["texts"]
    return made


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_name_is_replaced(kind):
    redact = Redactor()

    said = redact(f"seen by {PLANTED[kind]} , twice: {PLANTED[kind]}")

    assert PLANTED[kind].removeprefix("sip:") not in said
    for part in (
        "amber",
        "bruno",
        "carla",
        "dora",
        "contoso",
        "fabrikam",
        "203.0",
        "2001:db8",
        "7946",
        "0123",
        "5678",
        "1004336348",
    ):
        assert part not in said.lower()
    found = re.findall(r"\[[a-z]+-\d\]", said)
    assert found[: len(found) // 2] == found[len(found) // 2 :] != [], "one name is one placeholder"


def test_placeholders_tell_people_apart():
    redact = Redactor([("user", "Amber Adams"), ("host", "LT-0417")])

    said = redact("Amber Adams on LT-0417, then bruno@contoso.example on lt-0417 and AMBER ADAMS again")

    assert said == "[user-1] on [host-1], then [user-2] on [host-1] and [user-1] again"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("kiosk-1", "\u212aIO\u017fK-1"),
        ("istanbul", "\u0130STANBUL"),
        ("straße-9", "STRASSE-9"),
        ("zoë b", "zoe\u0308\xa0B"),
    ],
)
def test_a_known_name_is_found_however_its_letters_are_written(name, written):
    assert Redactor([("host", name)])(f"{name}, {written}") == "[host-1], [host-1]"


@pytest.mark.parametrize(
    "kept",
    ["0xCAA82EE7", "-894947609", "SIP 403", "560403", "3399942151", "AADSTS53003", "login.microsoftonline.com", "UDP 3478 to 3481",
     "aadcdn.msftauth.net", "System.Net", "http://localhost:8080", "2026-11-25T08:12:44Z", "version 24295.605.3225.8804", "Microsoft.AAD.BrokerPlugin", "HKLM\\SOFTWARE\\Microsoft", "AC\\TokenBroker\\Accounts", "TLS 1.2\\Client,", "NT AUTHORITY\\SYSTEM", "an administrator"],
)  # fmt: skip
def test_what_is_nobodys_name_stays(kept):
    assert Redactor([("user", "Administrator")])(f"it says {kept} there") == f"it says {kept} there"


@pytest.mark.parametrize("who", CODES)
@pytest.mark.parametrize("redact", [True, False])
def test_a_text_goes_to_whoever_must_act(who, redact):
    made = text(f"{CODES[who]} {TEXT.partition(' at ')[2]}", redact=redact)

    assert made["for"] == who
    assert CODES[who] in made["subject"]
    assert "Please\n- " in made["body"]
    assert "\n\n\n" not in made["body"]
    assert "{" not in made["body"]


@pytest.mark.parametrize("who", CODES)
def test_no_planted_name_is_in_a_text_unless_it_is_wanted(who):
    what = f"{CODES[who]} {TEXT.partition(' at ')[2]}"

    body = text(what)["body"]
    for kind, name in PLANTED.items():
        assert name not in body, kind
    if who is not Who.USER:
        assert "correlation id 0b7c7a52-aaaa-4bbb-8ccc-1234567890ab" in body, "whoever reads the log needs it"
        assert "2026-11-25T08:12:44Z" in body
        assert PLANTED["user"] in text(what, redact=False)["body"]


def test_names_that_a_device_tells_are_taken_out_too(tmp_path):
    one = interview.Interview.begin(["0xCAA90018"], {"account": "wrong"})
    device = stories.checked(one, stories.host(stale_credentials_absent="own"), tmp_path)
    told = dict(handover.names(one.evidence, device))
    every = {name for _, name in handover.names(one.evidence, device)}

    assert told["host"] == "LT-0417"
    assert {"amber", "carla"} <= every
    said = Redactor(handover.names(one.evidence, device))("amber on LT-0417 has saved amber@fabrikam.example")
    assert said == "[user-1] on [host-1] has saved [user-2]"


LAB = (seed.AMBER, seed.BRUNO, seed.CARLA, seed.ZOE)
NAMES = {word.lower() for one in LAB for word in (one.folder, one.account, one.upn, one.sid)} | {
    "contoso",
    "fabrikam",
    "dora",
    "room-oslo",
}
CASES = [(name, case) for name, several in cases.load(content.root()).items() for case in several.values()]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}/{case.name}" for name, case in CASES])
def test_nobodys_name_is_left_in_what_any_case_says(name, case):
    one = remediation.load(content.root())[name]
    facts = one.read(case.facts)
    finding = one.judge(facts, one.values(case.parameters, 1_800_000_000))
    device = Device("LT-0417", [Outcome(name, finding.status, finding.reasons, facts=facts)])
    redact = Redactor(handover.names(interview.Interview.begin(["1001"], {}).evidence, device))

    said = " ".join(redact(reason) for reason in finding.reasons).lower()

    assert [word for word in NAMES if word in said] == [], said


def test_names_of_a_pasted_report_are_taken_out_too():
    report = "0xCAA90056\nAzureAdJoined : YES\nDomainJoined : NO\nDevice Name : LT-9\nTenantName : Fabrikam Toys\n"
    one = interview.Interview.begin([report], {})

    assert ("tenant", "Fabrikam Toys") in set(handover.names(one.evidence, None))


def test_a_template_in_the_evidence_is_only_text():
    made = text("{{ 7 * 7 }} {% for x in [] %} 0xCAA20004", redact=False)

    assert "{{ 7 * 7 }}" in made["body"]
    assert "49" not in made["body"]


def test_nothing_is_written_to_anybody_where_the_device_is_mended_here():
    one = interview.Interview.begin(["0xCAA70007"], {})

    assert one.document(one.decide())["texts"] == []


def test_the_command_takes_names_out_by_default(capsys):
    cli._main(["triage", TEXT, "--json"])
    said = json.loads(capsys.readouterr().out)
    cli._main(["triage", TEXT, "--json", "--no-redact"])
    told = json.loads(capsys.readouterr().out)

    assert (said["redacted"], told["redacted"]) == (True, False)
    assert not any(name in json.dumps(said, ensure_ascii=False) for name in PLANTED.values())
    assert PLANTED["user"] in told["results"][0]["texts"][0]["body"]


def own(tmp_path, text: str, name: str = "tenant.txt.j2"):
    (tmp_path / name).write_text(text)
    return tmp_path


def test_a_site_writes_its_own_text_and_the_others_stay(tmp_path):
    folder = own(tmp_path, "Ticket: {{ it.code }}\n{% import '_body.txt.j2' as body %}{{ body.listed(it.asks) }}")
    tenant = interview.Interview.begin([CODES[Who.TENANT]], {}, texts=folder)
    network = interview.Interview.begin([CODES[Who.NETWORK]], {}, texts=folder)

    assert tenant.document(tenant.decide())["texts"][0]["subject"] == "Ticket: 0xCAA20004"
    assert network.document(network.decide())["texts"][0]["subject"] == text(CODES[Who.NETWORK])["subject"]


@pytest.mark.parametrize("given", ["{{ 7 * 7 }}", "{{ it.__class__.__mro__ }}", "{% include '/etc/passwd' %}"])
def test_what_a_user_says_is_no_template_in_a_text_of_a_site_either(tmp_path, given):
    folder = own(tmp_path, "Ticket\n{% for one in it.quoted %}{{ one }}{% endfor %}")
    one = interview.Interview.begin([f"{given} 0xCAA20004"], {}, redact=False, texts=folder)

    assert given in one.document(one.decide())["texts"][0]["body"]


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{% if %}", "tenant.txt.j2:1"),
        ("{{ it.nothing.at_all }}", "nothing"),
        ("{{ it.__class__.__mro__ }}", "unsafe"),
        ("{{ it.asks.append('x') }}", "unsafe"),
        ("{{ 1 / 0 }}", "tenant.txt.j2:1.*division"),
        ("{% include 'signature.txt.j2' %}", "there is no signature.txt.j2"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "recursion"),
        ("{% if it.quoted and not it.quoted %}{% endif %}", "makes no text"),
    ],
)
def test_a_template_that_is_broken_or_reaches_out_is_one_sentence(tmp_path, template, found):
    def write():
        one = interview.Interview.begin(["0xCAA20004"], {}, texts=own(tmp_path, template))
        one.document(one.decide())

    with pytest.raises(RequestError, match=found):
        write()


def test_a_template_that_is_no_file_is_not_replaced_by_ours(tmp_path):
    (tmp_path / "tenant.txt.j2").symlink_to("nowhere")

    with pytest.raises(RequestError, match="is no file"):
        interview.Interview.begin(["0xCAA20004"], {}, texts=tmp_path)


def test_a_template_of_a_name_that_nobody_reads_is_refused(tmp_path):
    with pytest.raises(RequestError, match="tennant"):
        interview.Interview.begin(["0xCAA20004"], {}, texts=own(tmp_path, "x", "tennant.txt.j2"))
