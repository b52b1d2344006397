"""The gate: which devices are let in after what became of those before them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import recorded

from teamsmedic.errors import AccessDenied, BadReply, RequestError, RunFolderError, Unreachable, Untrusted
from teamsmedic.outcome import Outcome, Status
from teamsmedic.resume import Earlier
from teamsmedic.waves import Gate, HeldBack, Policy, Size, Standing, first_absent, standing

V, U, F, A, N = Standing.VERIFIED, Standing.UNVERIFIED, Standing.FAILED, Standing.ABSENT, Standing.INAPPLICABLE
HOUR = 3600.0


def policy(**given: object) -> Policy:
    return Policy.read({"min_evidence": 1, **given})


def play(gate: Gate, become: Callable[[int], Standing], total: int | None = None) -> list[list[int]]:
    """Lets devices in as long as it goes, all of a wave before any of it settles; gives the numbers of each batch."""
    batches: list[list[int]] = []
    number = 0
    while number < (gate.total if total is None else total):
        batch: list[int] = []
        try:
            while number < gate.total and gate.enter() is not None:
                batch.append(number)
                number += 1
        except HeldBack:
            break
        assert batch, "nobody is let in, and nobody is under way"
        batches.append(batch)
        for one in batch:
            gate.settle(become(one), 0.0)
    return batches


def sizes(batches: Iterable[list[int]]) -> list[int]:
    return [len(one) for one in batches]


def test_one_device_then_5_percent_then_25_then_the_rest():
    assert sizes(play(Gate.begin(Policy(), 1000, 0.0), lambda _: V)) == [1, 50, 250, 699]
    assert sizes(play(Gate.begin(Policy(), 3, 0.0), lambda _: V)) == [1, 1, 1]


def test_the_last_size_is_repeated():
    assert sizes(play(Gate.begin(policy(waves="1,4"), 10, 0.0), lambda _: V)) == [1, 4, 4, 1]


def test_nobody_is_let_in_before_the_wave_has_settled():
    gate = Gate.begin(policy(waves="2,100%"), 10, 0.0)
    assert [gate.enter(), gate.enter(), gate.enter()] == [1, 1, None]
    gate.settle(V, 0.0)
    assert gate.enter() is None
    gate.settle(V, 0.0)
    assert gate.enter() == 2


def test_a_switched_off_first_device_does_not_end_the_run_and_the_next_takes_its_place():
    gate = Gate.begin(Policy(), 100, 0.0)
    assert sizes(play(gate, lambda number: A if number == 0 else V)) == [1, 1, 5, 25, 68]
    assert (gate.stopped, gate.absent, gate.failed) == ("", 1, 0)


def test_40_percent_absent_neither_stop_the_run_nor_touch_the_budget():
    gate = Gate.begin(policy(failure_budget=0), 100, 0.0)
    batches = play(gate, lambda number: A if number % 5 < 2 else V)
    assert (sum(sizes(batches)), gate.absent, gate.failed, gate.stopped) == (100, 40, 0, "")


def test_too_many_absent_stop_the_run_for_a_reason_of_their_own():
    gate = Gate.begin(policy(absent_limit=4, waves="100%"), 100, 0.0)
    play(gate, lambda _: A)
    assert gate.stopped == "5 devices of 100 could not be looked at, and the limit is 4"


def test_the_share_counts_what_answered_and_was_applicable():
    gate = Gate.begin(policy(waves="10,100%", threshold=80), 20, 0.0)
    become = [V, V, V, V, U, A, A, N, N, N]
    play(gate, lambda number: become[number] if number < 10 else V)
    assert (gate.stopped, gate.told[0]) == ("", "wave 1: 4 of 5 that answered are verified")

    gate = Gate.begin(policy(waves="10,100%", threshold=81), 20, 0.0)
    assert sizes(play(gate, lambda number: become[number])) == [10]
    assert gate.stopped == "wave 1: 4 of 5 that answered are verified, and 81 % are wanted"


def test_what_is_not_verified_costs_the_share_but_not_the_budget():
    gate = Gate.begin(policy(failure_budget=0, threshold=0, waves="100%"), 10, 0.0)
    play(gate, lambda _: U)
    assert (gate.stopped, gate.failed) == ("", 0)


def test_the_failure_budget_is_the_whole_runs_and_ends_a_wave_in_its_middle():
    gate = Gate.begin(policy(waves="3,100%", failure_budget=2, threshold=50), 10, 0.0)
    batches = play(gate, lambda number: F if number in (0, 4, 6) else V)
    assert sizes(batches) == [3, 7]
    assert gate.stopped == "3 devices of 10 failed, and the failure budget is 2"
    with pytest.raises(HeldBack) as held:
        gate.enter()
    assert held.value.shown


def test_held_back_by_what_no_door_shows_as_a_failure():
    gate = Gate.begin(policy(waves="1,100%"), 2, 0.0)
    play(gate, lambda _: U)
    with pytest.raises(HeldBack) as held:
        gate.enter()
    assert not held.value.shown


def test_too_little_evidence_takes_more_devices_and_each_time_twice_as_many():
    gate = Gate.begin(policy(min_evidence=3, waves="5,20,100%", absent_limit="100%"), 200, 0.0)
    batches = play(gate, lambda number: A if number < 60 else V)
    assert sizes(batches)[:5] == [5, 3, 6, 12, 20]
    assert gate.told[0] == "wave 1: 0 of 0 that answered are verified, too few to tell: it takes 3 more"


def test_where_nothing_applies_the_run_goes_to_its_end():
    gate = Gate.begin(Policy(), 10_000, 0.0)
    batches = play(gate, lambda _: N)
    assert sum(sizes(batches)) == 10_000
    assert len(batches) < 50


def test_a_wave_smaller_than_min_evidence_needs_all_of_itself():
    gate = Gate.begin(policy(min_evidence=3, waves="1,2,100%"), 20, 0.0)
    assert sizes(play(gate, lambda number: A if number == 2 else V)) == [1, 2, 1, 16]


def test_a_resumed_run_goes_on_where_it_was():
    first = Gate.begin(policy(waves="1,10,100%"), 100, 0.0)
    first.enter()
    first.settle(V, 50.0)
    for what in (V, V, V, A, F):
        first.enter()
        first.settle(what, 60.0)
    saved = json.loads(json.dumps(first.to_json()))

    read = Gate.from_json(policy(waves="1,10,100%"), saved)
    again = Gate.resume(policy(waves="1,10,100%"), 100, 50.0 + HOUR, read)

    assert (again.wave, again.taken, again.room, again.failed, again.absent) == (1, 3, 10, 0, 0)
    assert sizes(play(again, lambda _: V, total=96)) == [7, 93]


def test_a_stopped_run_that_is_resumed_must_still_pass():
    first = Gate.begin(policy(waves="4,100%"), 10, 0.0)
    play(first, lambda number: F if number < 2 else V)
    assert first.stopped

    again = Gate.resume(policy(waves="4,100%"), 10, HOUR, first)
    assert (again.stopped, again.taken) == ("", 2)
    assert sizes(play(again, lambda _: F)) == [2]
    assert again.stopped


@pytest.mark.parametrize("now", [25 * HOUR, -HOUR], ids=["too old", "the controller's clock went back"])
def test_old_evidence_opens_no_gate(now):
    first = Gate.begin(policy(waves="1,100%"), 10, 0.0)
    play(first, lambda _: V)
    again = Gate.resume(policy(waves="1,100%"), 10, now, first)
    assert (again.wave, again.taken) == (0, 0)


def outcome(status: Status, **facts: object) -> Outcome:
    return Outcome("r", status, facts=dict(facts))


NOBODY = {"sessions_answered": 0, "sessions": [{"state": "logged_off"}, {"state": "out_of_scope"}]}


@pytest.mark.parametrize(
    ("outcomes", "error", "what"),
    [
        ([outcome(Status.FIXED), outcome(Status.HEALTHY), outcome(Status.NOT_APPLICABLE)], None, V),
        ([outcome(Status.NOT_APPLICABLE)], None, N),
        ([outcome(Status.FIXED), outcome(Status.BLOCKED)], None, U),
        ([outcome(Status.FIXED), outcome(Status.UNKNOWN)], None, U),
        ([outcome(Status.DRIFTED)], None, U),
        ([outcome(Status.FAILED), outcome(Status.UNKNOWN, **NOBODY)], None, F),
        ([outcome(Status.FIXED), outcome(Status.UNKNOWN, **NOBODY)], None, A),
        ([outcome(Status.UNKNOWN, sessions_answered=0, sessions=[{"state": "blocked_script"}])], None, U),
        ([], Unreachable("a", "b", "c"), A),
        ([], AccessDenied("a", "b", "c"), F),
        ([], BadReply("a", "b", "c"), F),
        ([], Untrusted("a", "b", "c"), U),
        ([], RunFolderError("a", "b", "c"), F),
    ],
)  # fmt: skip
def test_what_a_device_counts_as(outcomes, error, what):
    assert standing(outcomes, error) is what


@pytest.mark.parametrize(
    "given",
    [
        {"waves": "1,x"}, {"waves": "0"}, {"waves": "101%"}, {"waves": {"a": 1}}, {"waves": [True]}, {"threshold": 101},
        {"threshold": "half"}, {"min_evidence": 0}, {"failure_budget": "-1"}, {"absent_limit": "5 %%"},
        {"evidence_age": "24"}, {"evidence_age": "a day"},
    ],
    ids=str,
)  # fmt: skip
def test_an_option_that_is_none_is_one_sentence(given):
    with pytest.raises(RequestError):
        Policy.read(given)


def test_options_as_a_command_line_and_as_yaml_give_them():
    words = Policy.read({"waves": "1,5%", "threshold": "90%", "failure_budget": "2", "evidence_age": "30m"})
    assert words == Policy.read({"waves": [1, "5%"], "threshold": 90, "failure_budget": 2, "evidence_age": "30m"})
    assert (words.sizes, words.evidence_age) == ((Size(1), Size(5, True)), 1800.0)
    assert Policy.read({"waves": 3, "threshold": None}).sizes == (Size(3),)


def test_absent_hosts_come_first():
    assert first_absent(["a", "b", "c", "d"], ["c"]) == ["c", "a", "b", "d"]


def test_a_repair_that_waits_for_a_restart_is_not_called_healthy_by_a_resumed_run(tmp_path: Path) -> None:
    due, done = (recorded.outcome("fixed", restart=restart) for restart in ("device", None))
    damaged = recorded.outcome("mended")
    hosts = {name: recorded.told(one) for name, one in (("due", due), ("done", done), ("damaged", damaged))}
    folder = recorded.run(tmp_path, 1, hosts)
    earlier = Earlier.find(tmp_path, folder.id, ["tls12_usable"], {}, policy())

    def verified(host: str) -> list[tuple[str, str | None]] | None:
        known = earlier.verified(host, time.time())
        return known and [(one.status, one.restart) for one in known.outcomes]

    assert verified("due") == [("fixed", "device")]
    assert verified("done") == [("healthy", None)]
    assert verified("damaged") is None
