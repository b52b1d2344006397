"""When a Teams Room may be changed: its night window, its use, and what people notice."""

from __future__ import annotations

from typing import Any

import pytest

from teamsmedic import answer, rooms
from teamsmedic.errors import RequestError

NOON = 1_795_608_000
"""2026-11-25T12:00:00Z."""
LATER = "to be tried again in the next night window"


def device(**host: Any) -> answer.DeviceInfo:
    said = {"clock": NOON, "room": True, "offset": 0, "use": {"state": "free", "holders": []}, **host}
    found = answer._device(said)
    assert found
    return found


def terms(text: str = "22:00-05:00", *, now: int = NOON, because: str = "") -> rooms.Terms:
    return rooms.Terms(rooms.window(text, "room-1"), because, now)


@pytest.mark.parametrize(
    ("offset", "local"),
    [(0, "12:00"), (599, "21:59"), (600, None), (840, None), (-421, None), (-420, "05:00"), (-300, "07:00")],
)
def test_the_window_is_kept_by_the_rooms_own_local_time(offset: int, local: str | None) -> None:
    said = terms().refusal(device(offset=offset))

    assert said == (local and f"outside its night window, {local} local time: {LATER} (22:00-05:00)")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("22:00-05:00", {1319: False, 1320: True, 1439: True, 0: True, 299: True, 300: False}),
     ("1:30 - 3:00", {89: False, 90: True, 179: True, 180: False, 1320: False}),
     ("00:00-23:59", {0: True, 1438: True, 1439: False})],
)  # fmt: skip
def test_a_window_may_pass_midnight(text: str, minutes: dict[int, bool]) -> None:
    window = rooms.window(text, "room-1")

    assert window
    assert {minute: window.holds(minute) for minute in minutes} == minutes


@pytest.mark.parametrize(
    "given", ["22-5", "22:00", "24:00-05:00", "22:60-05:00", "05:00-05:00", "night", True, 79200, []]
)
def test_what_is_no_window_is_an_error_that_names_the_host(given: object) -> None:
    with pytest.raises(
        RequestError, match=r"read teamsmedic_night_window of room-1: .* is no part of a day; write it as"
    ):
        rooms.window(given, "room-1")


@pytest.mark.parametrize("given", [None, "", "  "])
def test_no_window_is_all_day(given: object) -> None:
    assert rooms.window(given, "room-1") is None
    assert rooms.Terms().refusal(device()) is None


@pytest.mark.parametrize(
    ("clock", "now", "said"),
    [(NOON + 11 * 3600, NOON, "12:00 local time by the controller's clock"),
     (NOON, NOON + 11 * 3600, "12:00 local time:"),
     (NOON + 11 * 3600 + 86400, NOON + 11 * 3600, None)],
)  # fmt: skip
def test_a_wrong_clock_never_opens_the_window(clock: int, now: int, said: str | None) -> None:
    found = terms(now=now).refusal(device(clock=clock))

    assert found is None if said is None else said in str(found)


def test_without_a_local_time_the_window_is_not_open() -> None:
    assert "does not tell its local time" in str(terms().refusal(device(offset=None)))
    assert "does not tell its local time" in str(terms().refusal(device(offset=100_000)))


@pytest.mark.parametrize(
    ("state", "because", "said"),
    [("free", "", None),
     ("logged_off", "", None),
     ("in_use", "TICKET 7", f"the Room is in use (Teams (microphone)): {LATER}"),
     ("unreadable", "", f"cannot tell whether the Room is in use: {LATER}, or give a reason (--because)"),
     ("", "", f"cannot tell whether the Room is in use: {LATER}, or give a reason (--because)"),
     ("unreadable", "TICKET 7", None)],
)  # fmt: skip
def test_a_room_in_use_is_left_alone_whatever_the_reason(state: str, because: str, said: str | None) -> None:
    found = rooms.Terms(because=because).refusal(device(use={"state": state, "holders": ["Teams (microphone)"]}))

    assert found is None if said is None else str(found).startswith(said)


def test_what_people_notice_needs_a_reason_on_a_room() -> None:
    assert "give a reason (--because)" in str(rooms.Terms().refusal(device(), disruptive=True))
    assert rooms.Terms(because="TICKET 7").refusal(device(), disruptive=True) is None


def test_nothing_of_it_holds_for_other_devices() -> None:
    desk = device(room=False, offset=None, use={"state": "in_use", "holders": []})

    assert terms().refusal(desk, disruptive=True) is None
    assert terms().refusal(None, disruptive=True) is None
