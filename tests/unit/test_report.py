"""Reports tell what runs recorded, fit the schemas of those who read them, and stay harmless whatever a device said."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import recorded
from lxml import etree
from markdown_it import MarkdownIt
from referencing import Registry, Resource

from teamsmedic import catalog, cli, content, interview, remediation, runreader
from teamsmedic.redact import Redactor
from teamsmedic.report import differs, html, machines, model, text
from teamsmedic.report.model import Standing

VENDORED = Path(__file__).resolve().parents[1] / "vendored"
SCHEMAS = resources.files("teamsmedic") / "schemas"
FORMS = ("html", "markdown", "csv", "json", "junit", "sarif")


def schema(name):
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def fits(data, name):
    known = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in [schema("result")]])
    jsonschema.Draft202012Validator(schema(name), registry=known).validate(data)


@functools.cache
def contents():
    return catalog.load(), remediation.load(content.root())


def report(*folders, key=None):
    runs = [runreader.read(one.path) for one in folders]
    redactor = None if key is None else Redactor(model.names(runs), key)
    return model.make(runs, *contents(), redactor=redactor)


def written(it, form):
    known = contents()[1]
    return {
        "html": lambda: html.page(it),
        "markdown": lambda: text.markdown(it),
        "csv": lambda: text.table(it),
        "json": lambda: json.dumps(text.document(it), ensure_ascii=False),
        "junit": lambda: machines.junit(it),
        "sarif": lambda: json.dumps(machines.sarif(it, known), ensure_ascii=False),
    }[form]()


@pytest.fixture
def three(tmp_path):
    return recorded.run(
        tmp_path, 1,
        {
            "desk": recorded.told(recorded.outcome("fixed", restart="device"), wave=1),
            "late": recorded.told(recorded.outcome("drifted"), wave=2),
            "room": "connected to room: no answer; check that it is on.",
        },
    )  # fmt: skip


def test_what_must_be_done_comes_with_who_and_where(three):
    it = report(three)

    assert it.title == "2 of 3 devices need somebody, 1 a restart"
    assert it.counts == {Standing.UNREACHED: 1, Standing.DRIFTED: 1, Standing.FIXED: 1}
    assert [(one.what.split(":")[0], one.hosts) for one in it.todos] == [
        ("Repair tls12_usable", ["late"]),
        ("Restart the device", ["desk"]),
        ("Switch on or connect, then run it again", ["room"]),
        ("Look at what the code names", []),
    ]
    assert it.todos[0].command == "teamsmedic fix late -i hosts.yml --remediation tls12_usable"
    assert [(one.number, one.hosts) for one in it.waves] == [(1, 1), (2, 1)]
    assert [(one.known, one.before, one.after) for one in it.drifts] == [(2, 2, 1)]
    assert [(one.id, one.codes) for one in it.families] == [("token_transport", ["0xCAA70004"])]


def test_of_several_runs_the_last_that_tells_of_a_host_speaks(three, tmp_path):
    second = recorded.run(tmp_path, 2, {"late": recorded.told(recorded.outcome("fixed")), "room": "still off"})

    assert {one.host: one.standing for one in report(second, three).hosts} == {
        "room": Standing.UNREACHED, "desk": Standing.FIXED, "late": Standing.FIXED,
    }  # fmt: skip


@pytest.mark.parametrize("status", ["blocked", "unknown", "drifted", "failed"])
def test_a_device_of_which_anything_is_not_well_is_not_called_well(tmp_path, status):
    folder = recorded.run(
        tmp_path,
        1,
        {"desk": recorded.told(recorded.outcome("healthy", "client_cache_fresh"), recorded.outcome(status))},
    )

    (host,) = report(folder).hosts
    assert host.standing not in (Standing.WELL, Standing.FIXED)
    assert report(folder).title == "The device needs somebody"


def test_a_host_without_a_record_is_not_called_well(tmp_path):
    assert report(recorded.run(tmp_path, 1, {"desk": None})).title == "The device needs somebody"


def test_nobody_is_sent_to_a_device_on_which_a_run_is_still_at_work(tmp_path):
    folder = recorded.run(tmp_path, 1, {"desk": recorded.told(recorded.outcome("healthy")), "late": None, "busy": None})
    folder.write("busy", "way_back", {"verb": "fix", "remediations": {}})
    going = {name: one for name, one in folder.manifest().items() if name not in ("ended", "exit_code", "files")}
    folder.save_manifest(going)
    whole = report(folder)
    folder.save_manifest({**going, "process": {**going["process"], "began": 1}})
    cut = report(folder)

    assert whole.title == "So far: 2 of 3 devices need somebody"
    assert whole.todos[0].what.startswith("Wait: ")
    assert "undo" not in written(whole, "markdown")
    assert (cut.todos[0].hosts, cut.todos[0].command) == (["busy"], f"teamsmedic undo {folder.id}")


def test_who_was_held_back_is_told_apart_from_who_failed_and_with_how_far_the_waves_came(tmp_path):
    folder = recorded.run(
        tmp_path, 1, {"desk": recorded.told(recorded.outcome("unknown"), wave=1), "late": None, "last": None}
    )
    for host in ("late", "last"):
        folder.write(host, "stopped", {"error": "held this device back", "outcomes": [], "without": "held back"})
    folder.end(5, waves=[["desk"]], decided=["stopped: wave 1: 0 of 1 that answered are verified"])
    it = report(folder)

    assert it.title == "1 of 3 devices needs somebody, 2 were held back"
    assert [(one.number, one.hosts, dict(one.counts)) for one in it.waves] == [
        (1, 1, {Standing.UNSURE: 1}), (None, 2, {Standing.HELD: 2}),
    ]  # fmt: skip
    assert [(one.what.split(":")[0], one.hosts) for one in it.todos[:2]] == [
        ("Find out about tls12_usable", ["desk"]), ("Go on with those that were held back", ["last", "late"]),
    ]  # fmt: skip
    assert f"--resume {folder.id}" in it.todos[1].what
    fits(text.document(it), "report")
    for form in ("html", "markdown"):
        assert "2 devices were held back and not touched: wave 1: 0 of 1 that answered" in written(it, form)
        assert "not begun" in written(it, form)
    assert len(etree.fromstring(written(it, "junit").encode()).findall(".//skipped")) == 2
    assert [one["level"] for one in json.loads(written(it, "sarif"))["runs"][0]["results"]] == [
        "warning",
        "note",
        "note",
    ]


def test_what_an_undo_left_alone_or_put_back_is_not_called_well(tmp_path):
    folder = recorded.run(
        tmp_path, 1, {"desk": recorded.told(recorded.outcome("reverted")), "late": None}, command="undo"
    )
    folder.write("late", "stopped", {"error": "nothing is in force", "outcomes": [], "without": "nothing to undo"})
    folder.end(0)
    it = report(folder)

    assert it.title == "Of 2 devices 1 had nothing to undo, 1 was put back"
    assert [(one.known, one.before, one.after) for one in it.drifts] == [(1, 0, 1)]
    assert it.todos[:-1] == []


@pytest.mark.parametrize("count", [0, 3, 120])
def test_junit_fits_the_schema_of_jenkins(tmp_path, count):
    xsd = etree.XMLSchema(etree.parse(VENDORED / "junit-10.xsd"))
    tree = etree.fromstring(written(report(recorded.fleet(tmp_path, count)), "junit").encode())

    xsd.assertValid(tree)
    (suite,) = tree
    assert int(suite.get("tests")) == len(suite.findall("testcase")) > 0
    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))


def test_junit_has_no_pass_for_what_could_not_be_told(tmp_path):
    hosts = {
        one: recorded.told(recorded.outcome(one))
        for one in ("healthy", "not_applicable", "drifted", "failed", "blocked", "unknown")
    }
    tree = etree.fromstring(
        written(report(recorded.run(tmp_path, 1, {**hosts, "lost": "no route", "never": None})), "junit").encode()
    )

    assert {one.get("classname"): one[0].tag if len(one) else "pass" for one in tree.iter("testcase")} == {
        "healthy": "pass", "not_applicable": "skipped", "drifted": "failure", "failed": "failure", "blocked": "error",
        "unknown": "error", "lost": "error", "never": "error",
    }  # fmt: skip


@pytest.mark.parametrize("count", [0, 3, 120])
def test_sarif_fits_its_schema(tmp_path, count):
    made = json.loads(written(report(recorded.fleet(tmp_path, count)), "sarif"))

    jsonschema.Draft4Validator(json.loads((VENDORED / "sarif-schema-2.1.0.json").read_text())).validate(made)


def test_json_documents_fit_their_schemas(three, tmp_path, capsys):
    one = interview.Interview.begin(["0xCAA20004"], {})
    three.write("desk", "triage", interview.record(one.document(one.decide())))
    fits(json.loads(written(report(three), "json")), "report")
    second = recorded.run(tmp_path, 2, {"late": recorded.told(recorded.outcome("fixed"))})
    first, then = runreader.read(three.path), runreader.read(second.path)
    fits(differs.document(first, then, differs.between(first, then), redacted=False), "diff")
    fits(runreader.verify(three.path).to_json(), "verify")
    fits(three.manifest(), "run-manifest")
    for one in three.hosts().values():
        for record in one:
            fits(record, "run-record")


def test_what_came_back_and_what_is_new_is_told_apart(tmp_path):
    first = recorded.run(tmp_path, 1, {
        "back": recorded.told(recorded.outcome("fixed")), "new": recorded.told(recorded.outcome("healthy")),
        "still": recorded.told(recorded.outcome("drifted")), "better": recorded.told(recorded.outcome("failed")),
        "off": recorded.told(recorded.outcome("healthy")), "same": recorded.told(recorded.outcome("healthy")),
        "dim": recorded.told(recorded.outcome("healthy")),
    })  # fmt: skip
    second = recorded.run(tmp_path, 2, {
        "back": recorded.told(recorded.outcome("drifted")), "new": recorded.told(recorded.outcome("drifted")),
        "still": recorded.told(recorded.outcome("drifted")), "better": recorded.told(recorded.outcome("healthy")),
        "off": "no route", "same": recorded.told(recorded.outcome("healthy")),
        "dim": recorded.told(recorded.outcome("unknown")),
    })  # fmt: skip

    found = differs.between(runreader.read(first.path), runreader.read(second.path))

    assert [(str(one.kind), one.host) for one in found] == [
        ("came back", "back"), ("new", "new"), ("no longer known", "dim"), ("still there", "still"),
        ("better", "better"), ("not seen again", "off"),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ hostile devices

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x="',
    "image": "<img src=x onerror=alert(1)>",
    "entity": "&lt;b&gt;",
    "terminal": "\x1b]0;owned\x07\x1b[2J",
    "bidi": "abc\u202egnp.exe",
    "formula": "=HYPERLINK(\"http://evil.example\",\"x\")",
    "formula after a blank": " =1+1",
    "full-width formula": "\uff1d1+1",
    "link": "[x](javascript:alert(1))",
    "table": "a | b\n|---|---|\n# head",
    "markdown image": "![x](http://evil.example/x.png)",
    "list": "- x",
    "numbered list": "1. x",
    "bare address": "http://evil.example and www.evil.example and x@evil.example",
    "emphasis": "_x_ *y* __z__ a_b ~~c~~",
    "backslash": "\\*x\\_",
    "code fence": "```\n</code>",
    "sarif link": "[x](http://evil.example)",
    "template": "{{ 7 * 7 }}{% raw %}",
    "zero": "a\x00b\ufffe\ud800",
    "end of data": "]]>",
}  # fmt: skip


def planted(tmp_path, words, number=1):
    """A run in which a device fills every field that it can with these words."""
    change = {"object": words, "action": "write", "before": words, "after": {"kind": "String", "data": words}}
    facts = {words: words, "list": [{"object": words, "name": words}]}
    said = recorded.outcome("drifted", reasons=[words] * 4, changes=[change], facts=facts, facts_after=facts)
    return recorded.run(tmp_path, number, {"desk": recorded.told(said, computer=words), "lost": words})


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, tuple(sorted(name for name, _ in attrs))))


def tags(page):
    one = Tags()
    one.feed(page)
    return one.seen


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_a_device_says_becomes_part_of_a_page(tmp_path, kind):
    tame = written(report(planted(tmp_path / "tame", "harmless")), "html")
    page = written(report(planted(tmp_path / "wild", HOSTILE[kind])), "html")

    assert tags(page) == tags(tame)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", page)


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_a_device_says_becomes_markdown(tmp_path, kind):
    def shape(said):
        assert not re.search(r"://|www\.", said), "GitHub makes links of bare addresses"
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(said)
        return [one.type for token in tokens for one in (token, *(token.children or ()))]

    tame = written(report(planted(tmp_path / "tame", "harmless")), "markdown")

    assert shape(written(report(planted(tmp_path / "wild", HOSTILE[kind])), "markdown")) == shape(tame)


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_cell_is_a_formula(tmp_path, kind):
    rows = list(csv.reader(io.StringIO(written(report(planted(tmp_path, HOSTILE[kind])), "csv"))))

    assert len(rows) == 3
    for cell in (cell for row in rows for cell in row):
        assert not cell.lstrip().startswith(tuple("=+-@|%\uff1d\t\r"))
        assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\ud800-\udfff]", cell)


@pytest.mark.parametrize("kind", HOSTILE)
def test_machines_read_their_formats_whatever_a_device_says(tmp_path, kind):
    it = report(planted(tmp_path, HOSTILE[kind]))

    etree.XMLSchema(etree.parse(VENDORED / "junit-10.xsd")).assertValid(etree.fromstring(written(it, "junit").encode()))
    for result in json.loads(written(it, "sarif"))["runs"][0]["results"]:
        assert not re.search(r"(?<!\\)[\[\]]", result["message"]["text"])


@pytest.mark.parametrize("key", [None, b"k"])
def test_a_megabyte_in_every_field_stays_a_report(tmp_path, key):
    it = report(planted(tmp_path, "amber@fabrikam.example " + "A=<" * 350_000), key=key)

    for form in FORMS if key else FORMS[:3]:
        made = written(it, form)
        assert len(made) < 1_000_000
        assert key is None or "amber" not in made


# ------------------------------------------------------------------------------------------------ names

NAMES = {
    "user": "amber",
    "address of mail": "bruno.b@fabrikam.example",
    "login": "FABRIKAM\\carla",
    "profile": "C:\\Users\\dora\\AppData",
    "full host": "lt-0417.corp.fabrikam.example",
    "tenant": "5f0d2a6e-1111-4222-8333-9a0b1c2d3e4f",
    "sid": "S-1-5-21-1004336348-1177238915-682003330-1104",
    "address": "203.0.113.77",
    "address of six": "2001:db8::1:77",
    "phone": "+44 20 7946 0123",
    "hardware": "00:1a:2b:3c:4d:5e",
    "home": "/home/erik/x",
}
GONE = (
    "amber",
    "bruno",
    "carla",
    "dora",
    "erik",
    "fabrikam",
    "0417",
    "5f0d2a6e",
    "1004336348",
    "203.0",
    "2001:db8",
    "7946",
    "1a:2b",
)


@pytest.mark.parametrize("form", FORMS)
def test_no_planted_name_is_in_a_redacted_report(tmp_path, form):
    words = " ; ".join(
        [
            *NAMES.values(),
            "<b>amber</b>",
            "=amber",
            "\x1b[1mamber\x1b[0m",
            "am\u200bber",
            "**amber**|amber",
            "[amber](amber)",
        ]
    )
    said = recorded.outcome(
        "drifted", reasons=[words], facts={"users": [{"name": "amber", "state": words}], words: words, "status": words},
        changes=[{"object": words, "action": "write", "before": words, "after": {"kind": words, "data": words}}],
    )  # fmt: skip
    hosts = {"lt-0417": recorded.told(said, computer="LT-0417"), "erik-pc": words}
    folder = recorded.run(
        tmp_path,
        1,
        hosts,
        by="dora@control",
        pattern="lt-0417,erik-pc",
        inventory=["/home/erik/hosts"],
        playbook="/home/erik/fix.yml",
    )

    made = written(report(folder, key=b"k"), form)

    assert [one for one in GONE if one in made.lower()] == []
    assert "tls12_usable" in made


def test_a_name_has_one_pseudonym_in_all_reports_of_a_controller(tmp_path):
    one = report(recorded.run(tmp_path, 1, {"a-1": "off", "b-2": "off"}), key=b"k")
    two = report(recorded.run(tmp_path, 2, {"b-2": "off"}), key=b"k")
    other = report(recorded.run(tmp_path, 3, {"b-2": "off"}), key=b"another")

    assert {two.hosts[0].host} < {host.host for host in one.hosts}
    assert other.hosts[0].host != two.hosts[0].host


def test_a_host_named_like_a_word_of_ours_changes_no_status(tmp_path):
    it = report(recorded.run(tmp_path, 1, {"drifted": recorded.told(recorded.outcome("drifted"))}), key=b"k")

    assert it.counts == {Standing.DRIFTED: 1}


# ------------------------------------------------------------------------------------------------ at the command line


def test_the_commands_read_runs_by_id_by_path_and_the_last(three, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    where = str(tmp_path)
    for given in (three.id, str(three.path), "last"):
        assert cli._main(["report", given, "--run-dir", where]) == 0
        assert "2 of 3 devices need somebody, 1 a restart" in capsys.readouterr().out
    assert cli._main(["report", "last", "--run-dir", where, "--format", "html", "-o", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert cli._main(["verify", three.id, "--run-dir", where]) == 0
    assert f"seal: {three.manifest()['hash']}" in capsys.readouterr().out
    recorded.run(tmp_path, 2, {"desk": recorded.told(recorded.outcome("drifted"))})
    assert cli._main(["diff", three.id, "last", "--run-dir", where, "--redact"]) == 1
    said = capsys.readouterr().out
    assert "Came back (1)" in said
    assert "desk" not in said
    assert cli._main(["report", "20261125T080009Z-abcdef", "--run-dir", where]) == 3


@pytest.mark.parametrize("form", ["--json", ""])
def test_what_is_told_of_the_runs_so_far_can_go_without_names(three, tmp_path, capsys, monkeypatch, form):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    cli._main(["runs", "--run-dir", str(tmp_path), "--redact", *filter(None, [form])])

    said = capsys.readouterr().out
    assert three.id in said
    assert not re.search(r"\b(late|room)\b", said)


def test_a_triage_can_go_without_names(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for form in ([], ["--json"]):
        cli._main(["triage", f"0xCAA20004 {' ; '.join(NAMES.values())}", "--no-redact", "--redact", *form])
        said = capsys.readouterr().out
        assert "0xCAA20004" in said
        assert not any(name in said for kind, name in NAMES.items() if kind not in ("user",))


def test_the_runs_so_far_count_who_was_held_back(tmp_path, capsys):
    folder = recorded.run(tmp_path, 1, {"desk": recorded.told(recorded.outcome("unknown")), "late": None})
    folder.write("late", "stopped", {"error": "held", "outcomes": [], "without": "held back"})
    cli._main(["runs", "--run-dir", str(tmp_path), "--json"])

    assert json.loads(capsys.readouterr().out)["runs"][0]["statuses"] == {"unknown": 1, "held back": 1}


def test_what_goes_wrong_is_told_without_names_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "hosts.yml").write_text("all: {hosts: {desk: }}\n")
    asked = ["fix", "ambers-pc,desk", "-i", str(tmp_path / "hosts.yml"), "--limit=doras-pc", "--redact", "--all"]
    assert cli._main(asked) == 3
    assert cli._main(["report", "/home/amber/x", "--redact"]) == 3
    assert cli._main([*asked[:-1], "--remediation", "tls12_usabel"]) == 3

    said = capsys.readouterr().err
    assert not re.search("amber|dora", said)
    assert "[host-" in said
    assert "there is no tls12_usabel" in said


def test_the_pages_that_a_triage_rests_on_keep_their_addresses(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    cli._main(["triage", "0xCAA82EE7", "--redact"])

    assert "-a02f683b-61a3-4008-9447-ee60c5593b0f" in capsys.readouterr().out


def test_an_explanation_can_go_without_names(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for form in ([], ["--json"]):
        cli._main(["explain", f"0xCAA20004 {' ; '.join(NAMES.values())}", "--redact", *form])
        said = capsys.readouterr().out
        assert "0xCAA20004" in said
        assert not any(name in said for kind, name in NAMES.items() if kind not in ("user",))
