"""A triage decides: answers that contradict, no answers, several codes at once, the ladder, the checklist."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import story as stories

from teamsmedic import checklist, cli, interview, questions, runfolder, triage_view
from teamsmedic.catalog import Who, load
from teamsmedic.errors import ExitCode, RequestError
from teamsmedic.outcome import Status
from teamsmedic.questions import QUESTIONS
from teamsmedic.triage import ELSEWHERE, By, Device, Past, Rung, State

SCHEMA = json.loads((Path(interview.__file__).parent / "schemas/triage.schema.json").read_text())
RUN = "20261124T080000Z-abcdef"


def begin(*what: str, tried: tuple[str, ...] = (), **answers: str) -> interview.Interview:
    return interview.Interview.begin(what, answers, tried=tried)


def past(remediation: str, status: Status = Status.FIXED) -> Past:
    return Past(RUN, remediation, status)


def on(one: interview.Interview, tmp_path: Path, *earlier: Past, **cases: str):
    device = stories.checked(one, stories.host(**cases), tmp_path)
    return one.decide(Device(**{**vars(device), "past": earlier}))


def rungs(it) -> dict[str, Rung]:
    return {step.remediation.id: step.state for step in it.ladder}


# ------------------------------------------------------------------------------------------------ questions


def test_every_cause_that_an_answer_speaks_of_exists():
    causes = load().causes

    for question in QUESTIONS:
        for value in question.values:
            for kind, about in value.effects.items():
                assert kind in ("confirms", "refutes", "supports", "weakens")
                assert set(about) <= set(causes), f"--{question.id} {value.word}"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.id)
def test_every_question_is_answered_by_an_option(question, capsys):
    """And then it is not open any more, whatever the code."""
    word = question.words[0] if question.values else "560403"

    code = cli._main(["triage", "0xCAA50021", "sip:403", "AADSTS50076", question.option, word, "--json", "--no-input"])

    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    (result,) = said["results"]
    assert code == said["exit_code"]
    assert {"question": question.id, "answer": word, "by": "option"} in result["answers"]
    assert question.id not in {one["question"] for one in result["not_asked"]}


def test_whatever_can_be_asked_has_been_asked_once_all_options_are_given():
    everything = {one.id: one.words[0] if one.values else "560403" for one in QUESTIONS}
    for entry in load().entries.values():
        one = begin(entry.code.text, **everything)

        assert one.decide().not_asked == [], entry.code


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"web": "perhaps"}, "perhaps is no answer; use yes or no"),
        ({"response": "hello"}, "hello is no code"),
        ({"weather": "fine"}, "there is no question weather"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(given, said):
    with pytest.raises(RequestError, match=said):
        begin("0xCAA20003", **given)


def test_only_what_could_still_change_something_is_asked():
    asked: list[str] = []
    one = begin("0xCAA20003")
    one.ask([], lambda question: asked.append(question.id) or None)

    assert asked[0] == "web"
    assert "credentials" not in asked, "no cause of the code turns on it"
    assert len(asked) == len(set(asked))


def test_answers_that_are_given_on_the_way_decide_what_is_asked_next():
    words = {"web": "yes", "federated": "no", "clock": "wrong"}
    asked: list[str] = []
    one = begin("0xCAA20003")
    one.ask([], lambda question: asked.append(question.id) or words.get(question.id))

    assert one.decide().verdict is Who.DEVICE
    assert one.answers()["clock"].by is By.ASKED


def test_calls_are_asked_for_the_response_code_alone():
    asked: list[str] = []
    one = begin("SIP 403")
    one.ask([], lambda question: asked.append(question.id) or "510403")

    assert asked == ["response"]
    assert one.decide().verdict is Who.TENANT


def test_what_the_device_shows_is_not_asked(tmp_path):
    one = begin("AADSTS50126")
    it = on(one, tmp_path)

    assert "place" in {question.id for question, _ in one.decide().not_asked}
    assert {"place", "clock"}.isdisjoint({question.id for question, _ in it.not_asked})


# ------------------------------------------------------------------------------------------------ no answer, and too many


@pytest.mark.parametrize("code", [code.text for code in load().entries])
def test_without_any_answer_there_is_a_verdict_and_a_next_step(code):
    it = begin(code).decide()

    stated = load().lookup(load().read(code))
    assert it.verdict in (stated.verdict.who, *(load().causes[one.cause].verdict for one in stated.causes), Who.UNKNOWN)
    assert it.next
    assert it.reasons
    if stated.verdict.who is not Who.UNKNOWN:
        assert it.verdict is stated.verdict.who, "nothing was found that contradicts the code"
    assert it.exit_code is (ExitCode.BLOCKED if it.verdict is Who.UNKNOWN else ExitCode.OK)


@pytest.mark.parametrize("code", [code.text for code in load().entries])
def test_no_two_answers_offer_a_local_cure_to_somebody_elses_fault(code):
    one = begin(code)
    pairs = [(question.id, word) for question in QUESTIONS for word in question.words]
    for (first, word), (second, other) in itertools.combinations(pairs, 2):
        one.given = {first: word, second: other}
        it = one.decide()
        if it.verdict in ELSEWHERE:
            assert it.offered == []
        assert it.command is None or "teamsmedic fix" not in it.command, "nobody has looked at a device"


def test_answers_that_contradict_each_other_are_told_and_decide_nothing():
    it = begin("0xCAA7000A", web="yes", ports="blocked").decide()

    cause = next(one for one in it.causes if one.id == "endpoints_unreachable")
    assert cause.state is State.NOT_OBSERVABLE
    assert any("cannot both be" in one and "ports are blocked" in one for one in it.contradictions)


def test_a_device_is_believed_rather_than_an_answer(tmp_path):
    one = begin("0xCAA50021", credentials="own")
    it = on(one, tmp_path, stale_credentials_absent="foreign")

    assert it.causes[0].id == "stale_credentials"
    assert it.verdict is Who.DEVICE
    assert any("cannot both be" in one for one in it.contradictions)


def test_what_somebody_says_and_the_device_contradicts_is_told(tmp_path):
    it = on(begin("0xCAA20003", clock="wrong", place="room"), tmp_path)

    assert (it.answers["clock"].word, it.answers["place"].word) == ("right", "desktop")
    clock, place = [one for one in it.contradictions if one.startswith("Told was that")]
    assert clock.startswith("Told was that the device's clock is wrong; the device says: the device's clock is right")
    assert place.endswith("; the device says: it is a desktop, no Teams Room, which counts.")


def test_an_option_is_believed_rather_than_the_text():
    it = begin("0xCAA20004 and Teams on the web works", web="no").decide()

    assert it.answers["web"].by is By.OPTION
    assert any("The text says that Teams on the web works; option says no" in one for one in it.contradictions)


def test_a_text_that_contradicts_itself_answers_nothing():
    it = begin("0xCAA20004. Everybody sees it.\nNobody else sees it.").decide()

    assert "affected" not in it.answers
    assert any("two ways" in one for one in it.contradictions)


def test_the_web_that_works_contradicts_a_code_of_the_tenant_and_nothing_local_is_offered():
    it = begin("0xCAA20004", web="yes").decide()

    assert (it.verdict, it.offered) == (Who.TENANT, [])
    assert "0xCAA20004 speaks for tenant, but Teams on the web works" in it.contradictions[0]


def test_a_cure_that_people_in_a_room_notice_is_told_with_its_reason(tmp_path):
    one = begin("4c7", web="yes", prompt="none", federated="no")
    device = stories.checked(one, stories.host("room", client_cache_fresh="room"), tmp_path)

    it = one.decide(device)

    assert it.offered == ["client_cache_fresh"]
    assert "On a Teams Room it needs a reason (--because)" in it.next


@pytest.mark.parametrize("web", ["yes", "no"])
def test_without_a_code_one_answer_names_nobody(web):
    it = begin(web=web).decide()

    # With the web all that is left is the device's; without it there are several, and nobody is sent away.
    assert it.verdict is (Who.DEVICE if web == "yes" else Who.UNKNOWN)
    assert web == "yes" or it.next.startswith("Answer first: ")


def test_without_a_code_the_flow_begins_with_when_and_where():
    asked: list[str] = []
    one = interview.Interview.begin((), {}, open_ended=True)
    one.ask([], lambda question: asked.append(question.id) or None)

    assert asked == ["when", "place", "web", "affected", "apps"]


@pytest.mark.parametrize("given", [{"when": "after"}, {"place": "phone"}])
def test_without_a_code_a_call_is_asked_for_its_response_code(given):
    one = begin(**given)

    assert "(--response)" in one.decide().next
    assert not {"web", "affected", "apps"} & {question.id for question, _ in one.decide().not_asked}
    one.take("response", "560403", one.asked)
    assert one.decide().verdict is Who.SBC


def test_a_device_that_is_a_room_tells_its_code_by_itself(tmp_path):
    one = begin(place="room")
    device = stories.checked(one, stories.host("room", room_account_accepted="blocked_by_policy"), tmp_path)

    it = one.decide(device)

    assert [seen.entry.code.text for seen in it.codes] == ["AADSTS53003"]
    assert (it.verdict, it.causes[0].id, it.causes[0].by_device, it.offered) == (
        Who.TENANT, "room_blocked_by_policy", True, [],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ several codes


def test_three_codes_of_three_families_point_at_what_they_share(tmp_path):
    one = begin("Teams: 0xCAA70004\nOutlook: 0xCAA50021\nOneDrive: error 0xCAA90056\n")

    alone = one.decide()
    broken = on(one, tmp_path, tls12_usable="all_off", stale_credentials_absent="own")

    assert alone.shared
    assert any("come together: look at what they share" in reason for reason in alone.reasons)
    assert "client_cache_fresh" not in alone.offered
    assert broken.verdict is Who.DEVICE
    assert (broken.causes[0].id, broken.offered) == ("tls12_disabled", ["tls12_usable"])
    assert broken.exit_code is ExitCode.DRIFT


def test_a_fault_of_a_weaker_code_does_not_turn_the_verdict_of_the_one_that_decides(tmp_path):
    it = on(begin("AADSTS53003 and before it 0xCAA70007"), tmp_path, tls12_usable="all_off")

    assert (it.verdict, it.offered) == (Who.TENANT, [])
    assert any(reason.startswith("Beside it, for device: TLS 1.2 is switched off") for reason in it.reasons)


def test_what_fails_together_offers_nothing_local_beside_a_code_of_the_tenant(tmp_path):
    one = begin("Teams: AADSTS53003\nOutlook: 0xCAA70007\nOneDrive: error 0xCAA90056\n")
    it = on(one, tmp_path, tls12_usable="all_off")

    assert (it.shared, it.verdict, it.offered) == (True, Who.TENANT, [])
    assert any(reason.startswith("Beside it, for device: TLS 1.2 is switched off") for reason in it.reasons)


def test_what_a_user_would_do_is_the_tenants_at_a_room():
    assert begin("0xCAA90018", place="desktop").decide().verdict is Who.USER

    it = begin("0xCAA90018 on a Teams Room").decide()

    assert (it.verdict, it.recipient, it.offered) == (Who.TENANT, Who.TENANT, [])


def test_one_person_says_it_in_words():
    it = begin("Since today Teams, Outlook and OneDrive all fail, error 0xCAA70004").decide()

    assert it.shared
    assert it.answers["apps"].by is By.TEXT


def test_a_call_and_a_sign_in_are_told_apart_by_when_it_appears():
    one = begin("SIP 502 and later 0xCAA20004")

    assert "when" in {question.id for question, _ in one.decide().not_asked}
    one.given["when"] = "after"
    assert one.decide().verdict is Who.CARRIER
    one.given["when"] = "sign-in"
    assert one.decide().verdict is Who.TENANT


# ------------------------------------------------------------------------------------------------ the ladder


def test_the_ladder_goes_from_harmless_to_invasive(tmp_path):
    it = on(begin("1001", web="yes"), tmp_path, client_cache_fresh="new", stale_credentials_absent="guid")

    assert [step.remediation.id for step in it.ladder] == [
        "client_cache_fresh",
        "stale_credentials_absent",
        "device_rejoin_prepared",
    ]
    assert [step.grade for step in it.ladder][:2] == ["disruptive", "irreversible"]
    assert rungs(it)["client_cache_fresh"] is Rung.NEXT
    assert "--allow disruptive" in it.command


def test_the_ladder_stops_at_the_first_healthy_check_after_a_repair(tmp_path):
    one = begin("1001", web="yes")
    it = on(
        one, tmp_path, past("client_cache_fresh"), client_cache_fresh="set_aside", stale_credentials_absent="foreign"
    )

    assert it.offered == []
    assert rungs(it)["stale_credentials_absent"] is Rung.STOPPED
    assert f"repaired in run {RUN} and is healthy now" in it.next
    assert "Next would be stale_credentials_absent" in it.stopped
    assert next(question.id for question, _ in it.not_asked) == "still"


def test_when_the_trouble_is_still_there_the_next_rung_is_offered_and_the_cure_is_not_repeated(tmp_path):
    one = begin("1001", web="yes", still="yes")
    it = on(one, tmp_path, past("client_cache_fresh"), client_cache_fresh="new", stale_credentials_absent="foreign")

    assert rungs(it)["client_cache_fresh"] is Rung.TRIED
    assert it.offered == ["stale_credentials_absent"]


def test_when_the_trouble_is_gone_nothing_more_is_done(tmp_path):
    one = begin("1001", web="yes", still="no")
    it = on(
        one, tmp_path, past("client_cache_fresh"), client_cache_fresh="set_aside", stale_credentials_absent="foreign"
    )

    assert it.solved
    assert (it.verdict, it.offered, it.command, it.not_asked) == (Who.NONE, [], None, [])
    assert it.exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("earlier", "tried", "state"),
    [
        ([], ("tls12_usable",), Rung.TRIED),
        ([past("tls12_usable", Status.FAILED)], (), Rung.TRIED),
        ([past("tls12_usable")], (), Rung.TRIED),
        ([past("tls12_usable", Status.REVERTED), past("tls12_usable")], (), Rung.NEXT),
        ([past("tls12_usable", Status.HEALTHY)], (), Rung.NEXT),
    ],
    ids=["told", "failed", "drifted again", "undone", "was healthy"],
)
def test_a_cure_that_did_not_help_is_never_repeated(tmp_path, earlier, tried, state):
    it = on(begin("0xCAA70007", tried=tried), tmp_path, *earlier, tls12_usable="all_off")

    assert rungs(it) == {"tls12_usable": state}
    assert (it.stopped is None) is (state is Rung.NEXT)


def test_what_only_prepares_is_not_offered_without_a_reason(tmp_path):
    it = on(begin("0xCAA90056"), tmp_path, device_rejoin_prepared="not_prepared")

    assert it.offered == []


def test_earlier_runs_are_read_from_their_folders(tmp_path):
    def earlier(run: str, command: str, *outcomes: tuple[str, str], host: str = "LT-0417") -> None:
        folder = runfolder.RunFolder.create(tmp_path, run, {"command": command})
        said = [{"remediation": name, "status": status} for name, status in outcomes]
        folder.write(host, "outcome", {"outcomes": said})

    earlier("20261101T080000Z-aaaaaa", "fix", ("tls12_usable", "fixed"))
    earlier("20261120T080000Z-bbbbbb", "fix", ("client_cache_fresh", "fixed"), ("gone", "no status"))
    earlier("20261121T080000Z-cccccc", "check", ("tls12_usable", "fixed"))
    earlier("20261122T080000Z-dddddd", "undo", ("client_cache_fresh", "reverted"))
    earlier("20261123T080000Z-eeeeee", "fix", ("tls12_usable", "fixed"), host="another")
    (tmp_path / "20261123T080000Z-eeeeee/hosts/LT-0417.jsonl").write_text('{"type": "outcome", "outc')

    found = interview.history(tmp_path, "LT-0417", datetime(2026, 11, 25, tzinfo=UTC).timestamp())

    assert found == [
        Past("20261122T080000Z-dddddd", "client_cache_fresh", Status.REVERTED),
        Past("20261120T080000Z-bbbbbb", "client_cache_fresh", Status.FIXED),
    ]


# ------------------------------------------------------------------------------------------------ what a device shows


@pytest.mark.parametrize(
    ("layer", "cause", "state", "balance"),
    [
        ("ok", "name_not_resolved", State.REFUTED, 0),
        ("name", "name_not_resolved", State.NOT_OBSERVABLE, 1),
        ("tcp", "endpoints_unreachable", State.NOT_OBSERVABLE, 1),
        ("certificate", "proxy_interferes", State.NOT_OBSERVABLE, 1),
        ("proxy", "proxy_interferes", State.NOT_OBSERVABLE, 0),
        ("not_tried", "endpoints_unreachable", State.NOT_OBSERVABLE, 0),
    ],
)
def test_the_devices_own_handshake_speaks_of_the_path(tmp_path, layer, cause, state, balance):
    one = begin("0xCAA82EE7")
    door = stories.host()
    facts = dict(door.device.cases["tls12_usable"].facts)
    door.device._facts["tls12_usable"] = {**facts, "handshake": {**facts["handshake"], "layer": layer}}

    it = one.decide(stories.checked(one, door, tmp_path))

    found = next(each for each in it.causes if each.id == cause)
    assert (found.state, found.balance) == (state, balance)
    assert it.verdict is Who.NETWORK


@pytest.mark.parametrize(
    ("seconds", "state"), [(-4000, "confirmed"), (-60, "refuted"), (200, "refuted"), (4000, "confirmed")]
)
def test_a_clock_that_is_off_by_more_than_minutes_is_the_cause(tmp_path, seconds, state):
    one = begin("0xCAA82F8F")
    it = one.decide(stories.checked(one, stories.host(clock=seconds), tmp_path))

    assert {each.id: each.state for each in it.causes}["clock_wrong"] == state


def test_a_statement_that_fails_leaves_its_cause_open(tmp_path):
    one = begin("0xCAA70007")
    door = stories.host(tls12_usable="all_off")
    door.device.faults = {"tls12_usable": "error"}

    it = one.decide(stories.checked(one, door, tmp_path))

    assert it.causes[0].state is State.NOT_OBSERVABLE
    assert rungs(it) == {"tls12_usable": Rung.UNKNOWN}
    assert it.offered == []


def test_what_cannot_be_told_leaves_a_way_by_hand(tmp_path):
    it = on(begin("1001", web="yes"), tmp_path, stale_credentials_absent="nobody_logged_on")

    assert it.next.startswith("stale_credentials_absent is unknown: ")
    assert " Or by hand: " in it.next


# ------------------------------------------------------------------------------------------------ the checklist


def test_the_checklist_has_ten_points_and_a_device_answers_five(tmp_path):
    one = interview.Interview.begin((), {"web": "yes"}, ten_points=True)
    door = stories.host(
        stale_credentials_absent="foreign", device_rejoin_prepared="key_sign_test", client_cache_fresh="new"
    )
    device = stories.checked(one, door, tmp_path)

    points = checklist.points(one.answers(device), one.evidence, device)

    assert len(door.heard) == 1
    assert [one.number for one in points] == list(range(1, 11))
    by = {point.number: (point.state, point.by) for point in points}
    assert by[2] == ("good", "question")
    assert by[5] == by[7] == by[9] == ("attention", "evidence")
    assert by[8] == ("good", "evidence")
    assert by[1] == by[3] == by[4] == ("not_observable", None)


def person(name: str, state: str = "answered", detail: str = "", **said: object) -> dict[str, object]:
    return {"name": name, "state": state, "detail": detail, **({"dsregcmd": said} if said else {})}


@pytest.mark.parametrize(
    ("people", "state", "text"),
    [
        ([person("amber", "logged_off", "not logged on")], "not_observable", "not known: nobody is logged on"),
        ([person("amber", "timeout", "took too long")], "not_observable", "not known: amber: took too long"),
        ([person("amber", join="hybrid", prt=True)], "good", "AzureAdPrt is YES"),
        ([person("amber", join="hybrid", prt=True), person("carla", "ended")], "not_observable", "carla: no report"),
        ([person("amber", join="hybrid", prt=True), person("carla", join="hybrid", prt=False)], "attention",
         "AzureAdPrt of carla is NO"),
        ([person("kim", join="hybrid", prt=False, executing_name="LT-7\\kim", device_name="lt-7.contoso.example")],
         "not_observable", "does not show it to kim"),
        ([person("kim", join="domain", prt=False, workplace_joined=True)], "not_observable", "does not show it to kim"),
        ([person("lee", join="hybrid", prt=False, is_user_entra=False, executing_name="CONTOSO\\lee", device_name="LT-7")],
         "attention", "AzureAdPrt of lee is NO"),
        ([person("kim", join="registered", prt=False)], "not_observable", "joined: registered; AzureAdPrt is not known"),
    ],
    ids=["nobody", "no answer", "yes", "one of two", "no", "a local account", "registered beside a domain", "nobody's token", "a registered device"],
)  # fmt: skip
def test_a_token_that_nobody_could_see_is_neither_sound_nor_broken(tmp_path, people, state, text):
    one = interview.Interview.begin(("AADSTS50155",), {}, ten_points=True)
    device = stories.checked(one, stories.host(device_rejoin_prepared="not_prepared"), tmp_path)
    outcome = next(each for each in device.outcomes if each.remediation == "device_rejoin_prepared")
    outcome.facts["sessions"] = people
    if "registered" in text:
        outcome.facts["dsregcmd"] = {**outcome.facts["dsregcmd"], "join": "none"}

    point = checklist.points(one.answers(device), one.evidence, device)[6]
    heard = [why for cause in one.decide(device).causes for _, why, _ in cause.said if "AzureAdPrt" in why]

    assert (point.state, text in point.text) == (state, True), point
    assert bool(heard) == any(each.get("dsregcmd", {}).get("prt") is not None and "kim" not in each["name"]
                              for each in people)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "description", "counts"),
    [
        ("kim@contoso.example", "AADSTS50155: Device authentication failed.", True),
        ("Kim@Contoso.example", "AADSTS50126: Error validating credentials.", False),  # names other causes
        ("lee@contoso.example", "AADSTS50155: Device authentication failed.", False),  # who was there before
        ("kim@contoso.example", None, False),
    ],
)
def test_what_refused_a_persons_token_speaks_of_its_causes(tmp_path, who, description, counts):
    one = begin("AADSTS50155")
    device = stories.checked(one, stories.host(device_rejoin_prepared="not_prepared"), tmp_path)
    outcome = next(each for each in device.outcomes if each.remediation == "device_rejoin_prepared")
    said = {"status": "0xC000006D", "user": who, "server_description": description}
    outcome.facts["sessions"] = [person("kim", prt_diagnostics=said, executing_account="kim@contoso.example")]

    broken = next(each for each in one.decide(device).causes if each.id == "device_registration_broken")

    told = ("supports", "the last attempt of kim to get a token ended with AADSTS50155", By.DEVICE)
    assert (told in broken.said) is counts


@pytest.mark.parametrize(
    ("case", "state"), [("refused", "attention"), ("accepted", "good"), ("silent", "not_observable")]
)
def test_a_room_answers_the_point_of_policies_by_itself(tmp_path, case, state):
    one = interview.Interview.begin((), {}, ten_points=True)
    device = stories.checked(one, stories.host("room", room_account_accepted=case), tmp_path)

    point = checklist.points(one.answers(device), one.evidence, device)[9]

    assert (point.state, point.by) == (state, None if state == "not_observable" else "evidence")


def test_every_point_of_the_checklist_is_answered_by_a_question():
    answers = {name: questions.BY_ID[name].words[0] for name in checklist.ASKED}
    one = interview.Interview.begin((), answers, ten_points=True)

    points = checklist.points(one.answers(), one.evidence, None)

    assert {point.by for point in points} == {"question"}


def test_policies_come_after_the_web():
    one = interview.Interview.begin((), {"log": "success"}, ten_points=True)

    assert checklist.points(one.answers(), one.evidence, None)[9].state == "not_observable"


def test_the_checklist_is_asked_where_a_terminal_is(tmp_path):
    one = interview.Interview.begin((), {}, ten_points=True)
    asked: list[str] = []
    one.ask([], lambda question: asked.append(question.id) or None)

    assert set(checklist.ASKED) <= set(asked)


# ------------------------------------------------------------------------------------------------ what people see


def test_files_streams_and_negative_numbers_are_evidence(tmp_path, capsys):
    log = tmp_path / "mail.txt"
    log.write_text("Sign-in failed\r\nerror 0xCAA20004\r\n", encoding="utf-16")

    assert cli._main(["triage", str(log), "-895025145", "--json"]) == 0

    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert {one["code"] for one in result["codes"]} == {"0xCAA20004", "0xCAA70007"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["triage"], 3),
        (["triage", "hello", "world"], 6),
        (["triage", "/no/such/file.log"], 3),
        (["triage", "no-such.log"], 3),
        (["triage", "--wbe", "yes"], 3),
        (["triage", "0xCAA70007", "--tried", "nothing"], 3),
        (["triage", "0xCAA20003"], 5),
        (["triage", "0xCAA20004"], 0),
    ],
)
def test_exit_codes(words, code, capsys):
    assert cli._main([*words, "--no-input"]) == code


def test_hostile_text_is_harmless_and_fits(capsys):
    hostile = "\x1b[31mred\x1b]0;title\x07 \u202egnp.exe\u2066 0xCAA20004 Correlation ID: 0b7c7a52-aaaa-4bbb-8ccc-1234567890ab"
    for option in ([], ["--no-redact"]):
        cli._main(["triage", hostile, "--web", "yes", "--checklist", *option])

        said = capsys.readouterr().out
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert [line for line in said.splitlines() if len(line) > 80 and "https://" not in line] == []


def test_a_triage_without_a_device_is_quick_to_read():
    one = begin("0xCAA20004")
    text = triage_view.render({"results": [one.document(one.decide())]})

    assert text.splitlines()[0] == "Who must act: an administrator of the tenant"


def test_many_hosts_are_told_by_verdict_and_a_text_once(tmp_path):
    one = begin("0xCAA7000A")
    parts = []
    for number, case in enumerate(("all_off", "absent", "absent", "absent")):
        it = on(one, tmp_path, tls12_usable=case)
        parts.append({**one.document(it), "host": f"lt-{number}"})

    few = triage_view.render({"results": parts})
    full = triage_view.render({"results": parts}, everything=True)

    assert few.count("Who must act: ") == 2
    assert few.count("--- text for: network") == 1
    assert all(f"- lt-{number}: " in few for number in range(4))
    assert full.count("Who must act: ") == 4
