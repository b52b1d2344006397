"""When a Teams Room may be changed: at night, while nobody uses it, and with a reason where people notice. No I/O.

What a Room is, the device says (`DeviceInfo.room`); nothing here applies to any other device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from teamsmedic.answer import DeviceInfo
from teamsmedic.errors import RequestError
from teamsmedic.outcome import Json
from teamsmedic.text import clean

VARIABLE = "teamsmedic_night_window"
"""The variable of a host, for both doors; without it (or empty) a Room may be changed at any time of the day."""
_WINDOW = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_DAY = 24 * 60


@dataclass(frozen=True)
class Window:
    """A part of every day in local time, from `begin` up to `end`, in minutes since midnight; it may pass midnight."""

    begin: int
    end: int

    def __str__(self) -> str:
        """As people write it."""
        return f"{_told(self.begin)}-{_told(self.end)}"

    def holds(self, minute: int) -> bool:
        """Whether a minute of the day lies in it."""
        return (minute - self.begin) % _DAY < (self.end - self.begin) % _DAY


def window(given: Any, host: str) -> Window | None:
    """The window that a host's variable names; RequestError where it is none."""
    text = "" if given is None else str(given).strip()
    if not text:
        return None
    match = _WINDOW.fullmatch(text)
    begin, end = (int(match[hour]) * 60 + int(match[hour + 1]) for hour in (1, 3)) if match else (0, 0)
    if begin == end:
        raise RequestError(
            f"read {VARIABLE} of {host}", f"{clean(text, 60)!r} is no part of a day", "write it as 22:00-05:00"
        )
    return Window(begin, end)


@dataclass(frozen=True)
class Terms:
    """What a run may do on a Room: its night window, and the reason that somebody gave for what people notice.

    `now`: unix time by the controller's clock.
    """

    window: Window | None = None
    because: str = ""
    now: float = 0.0

    def record(self, device: DeviceInfo | None) -> dict[str, Json]:
        """What the record of a change says of a Room: the night window that was kept, null where there was none."""
        return {"night_window": str(self.window) if self.window else None} if device and device.room else {}

    def refusal(self, device: DeviceInfo | None, *, disruptive: bool = False) -> str | None:
        """Why the device is not changed now, None where it may be. When a meeting ends cannot be known: at night."""
        if device is None or not device.room:
            return None
        later = "to be tried again in the next night window" + (f" ({self.window})" if self.window else "")
        if self.window and device.offset is None:
            return f"the device does not tell its local time, so that its night window cannot be kept: {later}"
        # A device whose clock is wrong must not be restarted at noon: both clocks have to say that it is night.
        for clock, whose in ((device.clock, ""), (int(self.now), " by the controller's clock")):
            minute = (clock // 60 + (device.offset or 0)) % _DAY
            if self.window and not self.window.holds(minute):
                return f"outside its night window, {_told(minute)} local time{whose}: {later}"
        if device.use == "in_use":
            return f"the Room is in use ({', '.join(device.holders) or 'by whom is not known'}): {later}"
        if device.use not in ("free", "logged_off") and not self.because:
            unless = "give a reason (--because) to go on without knowing"
            return f"cannot tell whether the Room is in use: {later}, or {unless}"
        if disruptive and not self.because:
            return (
                "people in the Room notice it: give a reason (--because), which is kept in the run folder and in the "
                "device's journal with who gave it"
            )
        return None


def _told(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


NO_TERMS = Terms()
