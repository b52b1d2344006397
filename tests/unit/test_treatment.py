"""The engine, told by a faked host what came back: what it sends, what it decides, what is on disk before a change."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from teamsmedic import content, payload, remediation, rooms, treatment
from teamsmedic.errors import BadReply, NothingToUndo, NotReversible, Unreachable
from teamsmedic.hosts.base import End, Reply, Send, Verb
from teamsmedic.outcome import Status
from teamsmedic.plan import Item, Plan
from teamsmedic.run import drive
from teamsmedic.treatment import Context

ONE = "tls12_usable"
CONTEXT = Context("20261125T080000Z-aaaaaa", "me@here")


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Content with three small remediations, so that the engine is tested and not the product's content."""
    for name, extra in {"alpha": "", "beta": "", "gamma": "risk: disruptive\nneeds_symptom: true\n"}.items():
        folder = tmp_path / "remediations/layer" / name
        folder.mkdir(parents=True)
        (folder / "remediation.yaml").write_text(
            f"title: t\nsummary: s\ncures: [c_{name}]\ncontext: machine\nuser_notices: Teams closes.\nreferences: []\nrestart: device\n{extra}"
            "desired: {switch: {not: 0, absent: true, write: 1}}\nreasons: {switch: '{object} is {value}'}\nobjects: ['HKLM.*']\n"
            "guards: {free: {fact: call, equals: free, reason: 'in a call'}}\n"
        )
        for script in ("detect", "fix", "undo"):
            (folder / f"{script}.ps1").write_text(f"# {script}\n'{name} {script}'\n")
    (tmp_path / "catalog").mkdir()
    (tmp_path / "remediations/_prelude.ps1").write_text("param([string] $TMJson)\n")
    (tmp_path / "remediations/_change.ps1").write_text("'change'\n")
    monkeypatch.setattr(content, "root", lambda: tmp_path)
    return remediation.load(tmp_path)


def line(statement: str, **what) -> str:
    return json.dumps({"teamsmedic": 1, "statement": statement, **what})


class Device:
    """A faked host with real memory: one registry value a remediation, a journal, and faults that a test puts in."""

    name = "desk"

    def __init__(self) -> None:
        self.on = {"alpha": 0, "beta": 1, "gamma": 0}
        self.journal: dict[tuple[str, str], dict] = {}
        self.sent: list[Send] = []
        self.faults: dict[tuple[Verb, str], object] = {}
        self.host: dict = {}
        self.before_reply: Callable[[Send], None] = lambda _: None
        self.rebooted = False

    def prelude(self) -> str:
        entries = [
            {
                "run": run,
                "remediation": name,
                "state": one["state"],
                "at": 1000 + number,
                "since_boot": not self.rebooted,
            }
            for number, ((run, name), one) in enumerate(self.journal.items())
        ]
        host = {"powershell": "5.1", "language": "FullLanguage", "bits": 64, "build": 22631, "clock": 5, "computer": "DESK", "room": False,
                "journal": {"state": "sound", "detail": "", "entries": entries}, "lock": None, **self.host}  # fmt: skip
        return line("prelude", host=host)

    def run(self, request: Send) -> Reply:
        self.sent.append(request)
        self.before_reply(request)
        argument = json.loads(request.argument)
        lines = [self.prelude()]
        for one in request.statements[1:-1]:
            fault = self.faults.get((request.verb, one.name))
            if isinstance(fault, Reply):
                return Reply((*lines, *fault.lines), fault.end, fault.detail)
            if isinstance(fault, str):
                lines.append(fault)
            elif fault != "silent" and fault is not None:
                continue
            elif fault is None:
                lines.append(self.answer(request.verb, one.name, argument["remediations"][one.name], argument["run"]))
        return Reply((*lines, line("end")), End.COMPLETED)

    def answer(self, verb: Verb, name: str, about: dict, run: str) -> str:
        if verb is Verb.CHECK:
            data = self.on[name]
            value = None if data is None else {"kind": "DWord", "data": data}
            return line(name, facts={"switch": {"object": f"HKLM\\{name}", "value": value}, "call": "free"})
        if verb is Verb.FIX:
            self.journal[(run, name)] = {"state": "done", "text": about["journal"]}
            self.on[name] = about["drift"][0]["after"]["data"]
            return line(name, done={})
        if verb is Verb.JOURNAL:
            entry = self.journal[(about["run"], name)]
            return line(
                name,
                entry={
                    "run": about["run"],
                    "remediation": name,
                    "state": entry["state"],
                    "at": 1,
                    "text": entry["text"],
                },
            )
        if verb is Verb.FORGET:
            self.journal[(about["run"], name)]["state"] = "forgotten"
            return line(name, done={"removed": 1})
        self.journal[(about["run"], name)]["state"] = "undone"
        self.on[name] = about["items"][0]["before"]["data"]
        return line(name, done={})

    def close(self) -> None: ...


@pytest.fixture
def device() -> Device:
    return Device()


def plan(toy, *names: str, symptom: bool = True) -> Plan:
    return Plan(tuple(Item(toy[name], {}, symptom) for name in names))


def run(walk, device, written=None):
    records = [] if written is None else written
    return drive(walk, device, lambda kind, data: records.append((kind, data)), sleep=lambda _: None)


def statuses(report) -> dict[str, str]:
    return {one.remediation: str(one.status) for one in report.outcomes}


def test_a_check_is_one_pipeline_and_holds_no_repair_code(toy, device):
    report = run(treatment.check(plan(toy, "alpha", "beta"), CONTEXT), device)

    assert statuses(report) == {"alpha": "drifted", "beta": "healthy"}
    assert [one.verb for one in device.sent] == [Verb.CHECK]
    assert not any(word in one.text for one in device.sent[0].statements for word in ("fix", "undo", "change"))


def test_the_payload_is_constant_and_values_travel_as_the_argument(toy, device):
    run(treatment.check(plan(toy, "alpha"), CONTEXT), device)
    run(treatment.check(plan(toy, "alpha"), Context("other", "you")), device)

    first, second = device.sent
    assert payload.digest(first.statements) == payload.digest(second.statements)
    assert first.argument != second.argument


def test_a_fix_is_detect_way_back_fix_detect(toy, device):
    written: list = []
    device.before_reply = lambda request: order.append(str(request.verb))
    order: list[str] = []

    report = drive(
        treatment.fix(plan(toy, "alpha", "beta"), CONTEXT),
        device,
        lambda kind, data: (order.append(kind), written.append(data)),
        sleep=lambda _: None,
    )

    assert order == ["check", "way_back", "fix", "check"]
    assert statuses(report) == {"alpha": "fixed", "beta": "healthy"}
    assert report.outcomes[0].restart == "device"
    way_back = written[0]["remediations"]["alpha"]
    assert way_back["journal"] == device.journal[(CONTEXT.run, "alpha")]["text"]
    assert json.loads(way_back["journal"])["drift"][0]["before"] == {"kind": "DWord", "data": 0}


def test_a_fix_that_claims_success_and_changes_nothing_has_failed(toy, device):
    device.faults[Verb.FIX, "alpha"] = line("alpha", done={})

    report = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert statuses(report) == {"alpha": "failed"}


def test_a_second_fix_changes_nothing_and_says_that_a_restart_is_due_until_it_was(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    device.sent.clear()

    again = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    assert statuses(again) == {"alpha": "fixed"}
    assert again.outcomes[0].changes == []
    device.rebooted = True
    later = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert statuses(later) == {"alpha": "healthy"}
    assert {one.verb for one in device.sent} == {Verb.CHECK}


def test_undo_restores_what_the_journal_holds(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    report = run(treatment.undo(toy, Context("undo-run", "me"), values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "reverted"}
    assert device.on["alpha"] == 0
    assert report.undone == CONTEXT.run
    with pytest.raises(NotReversible):
        run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)


def test_a_dry_undo_changes_nothing(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    device.sent.clear()

    report = run(treatment.undo(toy, CONTEXT, dry_run=True, values=lambda _: {}), device)

    assert {one.verb for one in device.sent} == {Verb.CHECK, Verb.JOURNAL}
    assert report.outcomes[0].changes[0].after == {"kind": "DWord", "data": 0}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: "{" * 100_000, "damaged"),
        (lambda text: "[]", "not the form"),
        (lambda text: json.dumps({**json.loads(text), "drift": [{"object": "C:\\Windows"}]}), "never touches"),
        (lambda text: json.dumps({**json.loads(text), "drift": [{"object": "HKLM\\a\\..\\b"}]}), "never touches"),
        (
            lambda text: json.dumps(
                {**json.loads(text), "changes": [{"object": 1, "action": 1, "before": 1, "after": 1}]}
            ),
            "never touches",
        ),
        (lambda text: json.dumps({**json.loads(text), "run": "another"}), "another run"),
        (lambda text: json.dumps({**json.loads(text), "format": 99}), "version"),
    ],
)
def test_an_edited_journal_is_not_used(toy, device, spoil, said):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    entry = device.journal[CONTEXT.run, "alpha"]
    entry["text"] = spoil(entry["text"])

    report = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "failed"}
    assert said in report.outcomes[0].reasons[0]
    assert device.on["alpha"] == 1


def test_a_journal_with_another_hash_than_the_controllers_is_not_used(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    report = run(treatment.undo(toy, CONTEXT, hashes=lambda _: {"alpha": "0" * 64}, values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "failed"}
    assert device.on["alpha"] == 1


BROKEN = {
    "ends the pipeline": (Reply((), End.FAILED, "UnexpectedToken"), "UnexpectedToken"),
    "is blocked by antimalware": (Reply((), End.FAILED, "ScriptContainedMaliciousContent"), "blocked by antimalware"),
    "meets antimalware": (line("alpha", error={"kind": "antimalware", "message": "x", "line": 1}), "by antimalware"),
    "hangs": (Reply((), End.TIMEOUT), "time limit"),
    "floods": (Reply((), End.FLOODED), "more than an answer"),
    "leaves without an answer": (7, "without an answer"),
    "answers for another": (line("zulu", facts={}), "without an answer"),
    "answers garbage": ("}{", "without an answer"),
    "answers 2 MB": (line("alpha", facts={"x": "y" * 2_000_000}), "without an answer"),
    "answers deep JSON": ('{"teamsmedic":1,"statement":"alpha","facts":' + "[" * 50_000, "without an answer"),
    "answers a float": (line("alpha", facts={"switch": 0.5}), "without an answer"),
    "answers an error": (line("alpha", error={"kind": "exception", "message": "no \x1b[2J", "line": 1}), r"no \x1b"),
    "answers no facts": (line("alpha", facts=[1]), "no facts"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_detect_costs_only_its_own_answer(toy, device, name):
    fault, said = BROKEN[name]
    device.faults[Verb.CHECK, "alpha"] = fault

    report = run(treatment.check(plan(toy, "alpha", "beta"), CONTEXT), device)

    assert statuses(report) == {"alpha": "unknown", "beta": "healthy"}
    assert said in report.outcomes[0].reasons[0]


def test_a_lost_connection_is_asked_again_once_when_only_reading(toy, device):
    answers = [Reply((), End.LOST), None]
    real = device.run
    device.run = lambda request: answers.pop(0) or real(request)  # type: ignore[method-assign]

    assert statuses(run(treatment.check(plan(toy, "alpha"), CONTEXT), device)) == {"alpha": "drifted"}


def test_a_detect_that_ends_the_engine_costs_only_its_own_answer(toy, device):
    real = device.run

    def ending(request):
        reply = real(request)
        names = [one.name for one in request.statements]
        return Reply(reply.lines[: names.index("alpha")], End.LOST) if "alpha" in names else reply

    device.run = ending  # type: ignore[method-assign]
    report = run(treatment.check(plan(toy, "alpha", "beta"), CONTEXT), device)

    assert statuses(report) == {"alpha": "unknown", "beta": "healthy"}
    assert report.outcomes[0].reasons == ["the connection was lost"]
    assert len(device.sent) == 3


def test_a_fix_whose_connection_is_lost_is_judged_by_what_the_device_shows_afterwards(toy, device):
    real = device.run

    def lossy(request):
        reply = real(request)
        return Reply((), End.LOST) if request.verb is Verb.FIX else reply

    device.run = lossy  # type: ignore[method-assign]

    assert statuses(run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)) == {"alpha": "fixed"}


def test_a_device_that_does_not_come_back_after_a_fix_has_not_been_verified(toy, device):
    real = device.run

    def lossy(request):
        if any(one.verb is Verb.FIX for one in device.sent):
            raise Unreachable("connected", "no route", "wait")
        reply = real(request)
        return Reply((), End.LOST) if request.verb is Verb.FIX else reply

    device.run = lossy  # type: ignore[method-assign]
    report = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert statuses(report) == {"alpha": "failed"}
    assert "connection was lost" in report.outcomes[0].reasons[0]


def test_a_fix_is_never_asked_twice(toy, device):
    device.faults[Verb.FIX, "alpha"] = Reply((), End.LOST)

    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert sum(one.verb is Verb.FIX for one in device.sent) == 1


def test_a_running_change_of_our_own_is_waited_for(toy, device):
    pauses: list[float] = []
    device.host = {"lock": {"run": CONTEXT.run, "since": 1}}

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        device.host = {}

    drive(treatment.fix(plan(toy, "alpha"), CONTEXT), device, lambda *_: None, sleep=sleep)

    assert len(pauses) == 1


def test_a_blocked_fix_says_who_holds_the_device(toy, device):
    device.faults[Verb.FIX, "alpha"] = line("alpha", blocked={"reason": "held", "detail": "RUN since 08:00"})

    report = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert (statuses(report), report.outcomes[0].reasons) == ({"alpha": "blocked"}, ["held by RUN since 08:00"])


def test_what_people_notice_needs_to_be_allowed(toy, device):
    refused = run(treatment.fix(plan(toy, "gamma"), CONTEXT), device)
    assert statuses(refused) == {"gamma": "blocked"}
    assert device.on["gamma"] == 0

    assert statuses(run(treatment.fix(plan(toy, "gamma"), CONTEXT, allow=["disruptive"]), device)) == {"gamma": "fixed"}


def test_without_a_symptom_what_needs_one_is_not_even_looked_for(toy, device):
    report = run(treatment.check(plan(toy, "gamma", symptom=False), CONTEXT), device)

    assert statuses(report) == {"gamma": "not_applicable"}
    assert device.sent == []


def test_nothing_is_done_where_the_device_has_changed_since_the_plan_was_shown(toy, device):
    shown = run(treatment.check(plan(toy, "alpha"), CONTEXT), device).outcomes[0].changes
    device.on["alpha"] = None
    device.faults[Verb.CHECK, "alpha"] = line(
        "alpha", facts={"switch": {"object": "HKLM\\other", "value": {"kind": "DWord", "data": 0}}, "call": "free"}
    )

    report = run(treatment.fix(plan(toy, "alpha"), CONTEXT, confirmed={"alpha": shown}), device)

    assert statuses(report) == {"alpha": "blocked"}
    assert all(one.verb is Verb.CHECK for one in device.sent)


@pytest.mark.parametrize(
    ("host", "status", "reason"),
    [
        ({"bits": 32}, "unknown", "32-bit endpoint"),
        (
            {"journal": {"state": "untrusted", "detail": "owner S-1-5-32-545", "entries": []}},
            "blocked",
            "journal folder not trustworthy (owner S-1-5-32-545)",
        ),
    ],
)
def test_what_the_device_line_decides(toy, device, host, status, reason):
    device.host = host

    report = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    assert (statuses(report), report.outcomes[0].reasons) == ({"alpha": status}, [reason])
    assert device.on["alpha"] == 0


def test_constrained_language_is_unknown_with_that_reason(toy, device):
    device.host = {"language": "ConstrainedLanguage"}
    device.faults[Verb.CHECK, "alpha"] = line("alpha", error={"kind": "language", "message": "x", "line": 1})

    assert run(treatment.check(plan(toy, "alpha"), CONTEXT), device).outcomes[0].reasons == ["constrained language"]


@pytest.mark.parametrize("lines", [(), ("garbage",), (line("prelude", host=[]),)])
def test_a_device_that_answers_nothing_readable_is_unknown(toy, lines):
    silent = SimpleNamespace(name="x", run=lambda _: Reply(lines, End.COMPLETED), close=lambda: None)

    assert statuses(run(treatment.check(plan(toy, "alpha"), CONTEXT), silent)) == {"alpha": "unknown"}
    with pytest.raises(BadReply):
        run(treatment.undo(toy, CONTEXT, values=lambda _: {}), silent)


def test_a_guard_of_the_fix_does_not_stop_an_undo(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    answer = device.answer

    def in_a_call(verb, name, about, run):
        return answer(verb, name, about, run).replace('"free"', '"in_use"')

    device.answer = in_a_call

    report = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "reverted"}
    assert device.on["alpha"] == 0


def test_forgetting_gives_up_the_way_back_where_a_copy_is_kept(toy, device, tmp_path):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    refused = run(treatment.forget(toy, CONTEXT, values=lambda _: {}), device)
    assert statuses(refused) == {"alpha": "not_applicable"}
    assert device.journal[CONTEXT.run, "alpha"]["state"] == "done"

    (toy["alpha"].folder / "forget.ps1").write_text("'forget'\n")
    known = {"alpha": remediation.read(toy["alpha"].folder)}
    remediation.load.cache_clear()
    payload._build.cache_clear()
    device.faults[Verb.FORGET, "alpha"] = line("alpha", done={"removed": 1})
    claimed = run(treatment.forget(known, CONTEXT, values=lambda _: {}), device)
    assert statuses(claimed) == {"alpha": "failed"}  # its journal does not say so

    del device.faults[Verb.FORGET, "alpha"]
    report = run(treatment.forget(known, CONTEXT, values=lambda _: {}), device)

    assert report.outcomes[0].reasons == [f"the copy is gone: run {CONTEXT.run} can no longer be undone"]
    assert device.sent[-2].verb is Verb.FORGET


def test_an_undo_that_could_not_put_all_back_says_what_is_gone(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)

    def half(request: Send) -> None:
        if request.verb is Verb.UNDO:
            device.journal[CONTEXT.run, "alpha"]["state"] = "undone"
            device.on["alpha"] = 0

    device.before_reply = half
    lost = [{"object": "HKLM\\other", "detail": "its copy is gone"}]
    device.faults[Verb.UNDO, "alpha"] = line("alpha", done={"lost": lost})
    report = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "failed"}
    assert report.outcomes[0].reasons == [
        "HKLM\\other cannot be put back (its copy is gone)",
        "all else was put back",
    ]


def test_all_else_is_looked_at_before_an_undo_says_that_it_was_put_back(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    lost = [{"object": "HKLM\\other", "detail": "its copy is gone"}]
    device.before_reply = lambda request: (
        device.journal[CONTEXT.run, "alpha"].update(state="undone") if request.verb is Verb.UNDO else None
    )
    device.faults[Verb.UNDO, "alpha"] = line("alpha", done={"lost": lost})

    report = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)

    assert report.outcomes[0].reasons[0] == "the undo ran; detected again: healthy, and not all is as it was"


def test_what_an_undo_left_for_later_stays_in_force(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    left = [{"object": "HKLM\\alpha", "detail": "its folder is not there"}]
    device.faults[Verb.UNDO, "alpha"] = line("alpha", done={"left": left})

    report = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)

    assert statuses(report) == {"alpha": "failed"}
    assert report.outcomes[0].changes == []
    assert report.outcomes[0].reasons[0].startswith("HKLM\\alpha was not put back (its folder is not there)")
    del device.faults[Verb.UNDO, "alpha"]
    assert statuses(run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device)) == {"alpha": "reverted"}


def test_programs_that_were_ended_are_told_whatever_came_of_the_rest(toy, device):
    ended = ["ms-teams.exe (amber)"]
    device.faults[Verb.FIX, "alpha"] = line(
        "alpha", blocked={"reason": "in_use", "detail": "x.exe (amber)"}, ended=ended
    )
    blocked = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device).outcomes[0]
    del device.faults[Verb.FIX, "alpha"]
    answer = device.answer
    device.answer = lambda verb, *rest: json.dumps(
        {**json.loads(answer(verb, *rest)), **({"ended": ended} if verb in (Verb.FIX, Verb.UNDO) else {})}
    )

    fixed = run(treatment.fix(plan(toy, "alpha"), CONTEXT), device).outcomes[0]
    undone = run(treatment.undo(toy, CONTEXT, values=lambda _: {}), device).outcomes[0]

    assert (str(blocked.status), blocked.reasons) == ("blocked", ["in use by x.exe (amber)"])
    assert blocked.notes == ["ended before that, and not started again: ms-teams.exe (amber)"]
    for outcome in (fixed, undone):
        assert [one.object for one in outcome.changes if one.action == "stop"] == ended


@pytest.fixture
def lifting(toy, tmp_path):
    """A remediation with a guard that a parameter lifts."""
    file = toy["alpha"].folder / "remediation.yaml"
    text = file.read_text().replace("reason: 'in a call'", "reason: 'in a call', unless: anyway")
    file.write_text(
        text
        + "parameters: {anyway: {type: bool, default: false, help: h}, users: {type: list, default: [], help: h}}\n"
    )
    remediation.load.cache_clear()
    payload._build.cache_clear()
    return remediation.load(tmp_path)


@pytest.mark.parametrize("verb", [treatment.undo, treatment.forget])
def test_what_lifts_a_guard_may_be_asked_for_in_a_way_back_and_nothing_else(lifting, device, verb):
    one = lifting["alpha"]
    if verb is treatment.forget:
        (one.folder / "forget.ps1").write_text("'forget'\n")
        remediation.load.cache_clear()
        lifting = {"alpha": remediation.read(one.folder)}
    run(treatment.fix(Plan((Item(one, one.values({"users": ["amber"]}, 0), True),)), CONTEXT), device)

    def back(**given):
        values = lambda one: one.values(given, 0)  # noqa: E731 - as the doors hand it over
        return run(verb(lifting, CONTEXT, values=values, given={"alpha": tuple(given)}), device).outcomes[0]

    refused = back(users=["bruno"])
    done = back(users=["amber"], anyway=True)

    assert str(refused.status) == "blocked"
    assert "users was ['amber'] in run" in refused.reasons[0]
    assert str(done.status) != "blocked"
    sent = next(one for one in device.sent if one.verb in (Verb.UNDO, Verb.FORGET))
    assert json.loads(sent.argument)["remediations"]["alpha"]["parameters"] == {"users": ["amber"], "anyway": True}


def test_a_fix_that_removes_a_copy_needs_to_be_allowed_and_its_undo_names_it(toy, device, tmp_path):
    file = toy["alpha"].folder / "remediation.yaml"
    announced = "changes: {switch: [{object: 'HKLM\\copy', action: remove, before: folder, after: null}, {object: '{object}', action: write, before: '{before}', after: '{after}'}]}\n"
    file.write_text(file.read_text() + announced)
    remediation.load.cache_clear()
    known = remediation.load(tmp_path)
    asked = plan(known, "alpha")
    reason = "needs --allow irreversible: HKLM\\copy goes for good, and no undo brings it back"

    refused = run(treatment.fix(asked, CONTEXT, allow=["disruptive"]), device).outcomes[0]
    dry = run(treatment.rehearse(asked, CONTEXT), device).outcomes[0]
    assert (str(refused.status), refused.reasons, refused.changes) == ("blocked", [reason], [])
    assert (str(dry.status), dry.reasons[-1], len(dry.changes)) == ("drifted", f"{treatment.FORETOLD}{reason}", 2)

    allowed = run(treatment.fix(asked, CONTEXT, allow=["irreversible"]), device).outcomes[0]
    foretold = run(treatment.undo(known, CONTEXT, values=lambda _: {}, dry_run=True), device).outcomes[0]
    undone = run(treatment.undo(known, CONTEXT, values=lambda _: {}), device).outcomes[0]
    assert str(allowed.status) == "fixed"
    assert str(undone.status) == "reverted"
    assert foretold.notes == undone.notes == ["HKLM\\copy was removed by that fix and does not come back"]


def test_an_undo_names_the_run_that_is_meant_and_a_check_none(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    assert all("wanted" not in json.loads(one.argument) for one in device.sent)
    device.sent.clear()
    run(treatment.undo(toy, CONTEXT, run=CONTEXT.run, values=lambda _: {}), device)
    assert {json.loads(one.argument)["wanted"] for one in device.sent} == {CONTEXT.run}


@pytest.fixture
def desk(toy, tmp_path):
    """The toy content with one that works in the sessions of people."""
    folder = tmp_path / "remediations/layer/delta"
    folder.mkdir()
    alpha = (toy["alpha"].folder / "remediation.yaml").read_text()
    about = alpha.replace("context: machine", "context: user\nknown_when: {sessions_answered: {at_least: 1}}")
    about = about.replace("reasons: {", "reasons: {sessions_answered: nobody is logged on, ").replace(
        "desired: {switch: {not: 0, absent: true, write: 1}}", "desired: {rows: {each: {good: true}}}"
    )
    (folder / "remediation.yaml").write_text(about.replace("switch: '", "rows: '").split("guards:")[0])
    for script in ("detect", "fix", "undo"):
        (folder / f"{script}.ps1").write_text(f"'delta {script}'\n")
    (tmp_path / "remediations/_helpers").mkdir()
    for name in ("_session.ps1", "_session_change.ps1", "_helpers/profiles.ps1"):
        (tmp_path / "remediations" / name).write_text(f"'{name}'\n")
    remediation.load.cache_clear()
    payload._build.cache_clear()
    return remediation.load(tmp_path)


def told_by(*people: tuple[str, bool]) -> str:
    sessions = [
        {"object": f"C:\\{name}", "name": name, "sid": f"S-1-{name}", "state": "answered", "detail": "", "answer": line("delta", facts={"rows": [{"object": "HKLM\\row", "good": good}]})}
        for name, good in people
    ]  # fmt: skip
    return json.dumps({"teamsmedic": 1, "statement": "delta", "facts": {}, "sessions": sessions})


BROUGHT = {"delta.session": line("delta.session", added={}), "sessions": line("sessions", sessions={"people": 2})}


def test_what_people_answer_is_judged_together(desk, device):
    device.faults = {(Verb.CHECK, name): said for name, said in BROUGHT.items()}
    device.faults[Verb.CHECK, "delta"] = told_by(("amber", True), ("carla", False))

    report = run(treatment.check(plan(desk, "delta"), CONTEXT), device)

    assert [one.name for one in device.sent[0].statements] == ["prelude", "delta.session", "sessions", "delta", "end"]
    assert statuses(report) == {"delta": "drifted"}
    assert report.outcomes[0].facts["sessions_answered"] == 2

    device.faults[Verb.CHECK, "delta"] = told_by()
    nobody = run(treatment.check(plan(desk, "delta"), CONTEXT), device)
    assert (statuses(nobody), nobody.outcomes[0].reasons) == ({"delta": "unknown"}, ["nobody is logged on"])


@pytest.mark.parametrize("broken", ["delta.session", "sessions"])
def test_a_session_script_that_ends_the_pipeline_costs_its_own_answer(desk, device, broken):
    device.faults = {(Verb.CHECK, name): said for name, said in BROUGHT.items()}
    device.faults[Verb.CHECK, broken] = Reply((), End.FAILED, "does not parse")

    report = run(treatment.check(plan(desk, "delta", "alpha"), CONTEXT), device)

    assert statuses(report) == {"delta": "unknown", "alpha": "drifted"}
    assert [[one.name for one in sent.statements[1:-1]] for sent in device.sent][1:] == [["alpha"]]


def test_sessions_that_could_not_be_asked_are_unknown_with_the_reason(desk, device):
    device.faults = {(Verb.CHECK, name): said for name, said in BROUGHT.items()}
    device.faults[Verb.CHECK, "sessions"] = line("sessions", error={"kind": "language", "message": "x"})
    device.faults[Verb.CHECK, "delta"] = line("delta", facts={})

    report = run(treatment.check(plan(desk, "delta"), CONTEXT), device)

    assert (statuses(report), report.outcomes[0].reasons) == ({"delta": "unknown"}, ["constrained language"])


def test_nobody_is_asked_about_what_is_not_allowed(toy, device):
    both = plan(toy, "alpha", "gamma")

    report = run(treatment.check(both, CONTEXT), device)

    treatment.withhold(report, both, [])

    assert statuses(report) == {"alpha": "drifted", "gamma": "blocked"}
    assert report.outcomes[1].changes == []


def test_a_dry_run_says_what_is_not_allowed(toy, device):
    both = plan(toy, "alpha", "gamma")

    alpha, gamma = run(treatment.rehearse(both, CONTEXT), device).outcomes
    allowed = run(treatment.rehearse(both, CONTEXT, allow=["disruptive"]), device).outcomes[1]

    assert alpha.reasons == ["HKLM\\alpha is 0"]
    assert gamma.reasons[1:] == [f"{treatment.FORETOLD}needs --allow disruptive: Teams closes."]
    assert gamma.changes
    assert allowed.reasons == gamma.reasons[:1]


def test_an_undo_of_a_run_says_what_of_it_was_given_up(toy, device):
    device.on["beta"] = 0
    run(treatment.fix(plan(toy, "alpha", "beta"), CONTEXT), device)
    device.journal[CONTEXT.run, "alpha"]["state"] = "forgotten"

    last = run(treatment.undo(toy, CONTEXT, dry_run=True, values=lambda _: {}), device)
    report = run(treatment.undo(toy, CONTEXT, run=CONTEXT.run, values=lambda _: {}), device)

    assert list(statuses(last)) == ["beta"]
    assert statuses(report) == {"beta": "reverted", "alpha": "blocked"}
    assert report.outcomes[-1].reasons == ["its way back was given up: what it changed stays"]


ROOM = {"room": True, "clock": 1_795_608_000, "offset": 0, "use": {"state": "free", "holders": []}}
NOON = rooms.Terms(rooms.window("11:00-13:00", "room-1"), now=1_795_608_000)


def test_a_room_outside_its_window_is_only_looked_at(toy, device):
    device.host = {**ROOM, "offset": 120}

    (one,) = run(treatment.fix(plan(toy, "alpha"), Context("fix-run", "me", terms=NOON)), device).outcomes

    assert one.status is Status.BLOCKED
    assert "outside its night window, 14:00 local time" in one.reasons[0]
    assert [request.verb for request in device.sent] == [Verb.CHECK]


def test_a_dry_run_says_what_a_room_would_refuse_now(toy, device):
    device.host = {**ROOM, "offset": 120}

    (one,) = run(treatment.rehearse(plan(toy, "alpha"), Context("run", "me", terms=NOON)), device).outcomes
    device.host = ROOM
    (other,) = run(treatment.rehearse(plan(toy, "alpha"), Context("run", "me", terms=NOON)), device).outcomes

    assert (one.status, len(one.changes)) == (Status.DRIFTED, 1), "what it would change is told all the same"
    assert one.reasons[-1].startswith("a fix would be blocked now: outside its night window, 14:00 local time")
    assert not any(reason.startswith(treatment.FORETOLD) for reason in other.reasons)


def test_a_person_is_not_asked_about_what_a_room_refuses(toy, device):
    device.host = {**ROOM, "offset": 120}
    report = run(treatment.check(plan(toy, "alpha"), CONTEXT), device)

    treatment.withhold(report, plan(toy, "alpha"), (), NOON)

    assert statuses(report) == {"alpha": "blocked"}


def test_who_disturbs_a_room_and_why_stands_in_the_journal(toy, device):
    device.host = ROOM
    quiet = run(treatment.fix(plan(toy, "gamma"), Context("run-1", "me", terms=NOON), allow=["disruptive"]), device)
    told = dataclasses.replace(NOON, because="TICKET 7")
    loud = run(treatment.fix(plan(toy, "gamma"), Context("run-2", "me", terms=told), allow=["disruptive"]), device)

    assert (statuses(quiet), statuses(loud)) == ({"gamma": "blocked"}, {"gamma": "fixed"})
    ((_, entry),) = device.journal.items()
    written = json.loads(entry["text"])
    assert (written["by"], written["because"]) == ("me", "TICKET 7")
    back = [treatment.undo(toy, Context("undo-run", "me", terms=terms), values=lambda _: {}) for terms in (NOON, told)]
    assert [statuses(run(walk, device)) for walk in back] == [{"gamma": "blocked"}, {"gamma": "reverted"}]


def test_an_undo_leaves_a_room_in_use_alone_too(toy, device):
    device.host = ROOM
    run(treatment.fix(plan(toy, "alpha"), Context("fix-run", "me", terms=NOON)), device)
    device.host = {**ROOM, "use": {"state": "in_use", "holders": ["Teams (microphone)"]}}

    (one,) = run(treatment.undo(toy, Context("undo-run", "me", terms=NOON), values=lambda _: {}), device).outcomes

    assert (one.status, device.on["alpha"]) == (Status.BLOCKED, 1)
    assert "the Room is in use" in one.reasons[0]


def test_a_run_that_was_given_up_is_named_with_the_time(toy, device):
    run(treatment.fix(plan(toy, "alpha"), CONTEXT), device)
    device.journal[CONTEXT.run, "alpha"]["state"] = "forgotten"

    said = r"alpha: its way back was given up: what it changed stays \(since 1970-01-01 00:16 UTC\)"
    for wanted in ("last", CONTEXT.run):
        with pytest.raises(NothingToUndo, match=f"{CONTEXT.run}.*{said}"):
            run(treatment.undo(toy, CONTEXT, run=wanted, values=lambda _: {}), device)
    with pytest.raises(NotReversible, match=r"there is no such run, and none in force; see teamsmedic runs"):
        run(treatment.undo(toy, CONTEXT, run="20200101T000000Z-aaaaaa", values=lambda _: {}), device)
