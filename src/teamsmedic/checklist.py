"""The universal checklist: ten points, each answered by evidence, by a question, or not observable from here. No I/O.

The points are those of the table that people search (https://errorcodecenter.com/microsoft-teams), in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from teamsmedic import dsregcmd, questions
from teamsmedic.evidence import Evidence
from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.text import clean
from teamsmedic.triage import Answer, By, Device, told


@dataclass(frozen=True)
class Point:
    """One point: `state` is good, attention or not_observable; `by`: evidence or question."""

    number: int
    title: str
    state: str
    by: str | None
    text: str


_POINTS: tuple[tuple[str, str, str, str], ...] = (
    ("Service health shows no incident", "health", "ok", ""),
    ("Teams on the web works", "web", "yes", ""),
    ("The Teams client is up to date", "client", "current", ""),
    ("The ports are open: TCP 80, 443, UDP 3478 to 3481", "ports", "open", "tls12_usable"),
    ("The Teams cache is fresh", "cleared", "yes", "client_cache_fresh"),
    ("The work account of Windows is the right one", "account", "right", ""),
    ("The device's join and the person's token (PRT) are sound", "prt", "yes", "device_rejoin_prepared"),
    ("The device's clock is right", "clock", "right", ""),
    ("No credentials of another account are saved", "credentials", "own", "stale_credentials_absent"),
    ("No policy blocks the sign-in (after the web is known)", "log", "success", "room_account_accepted"),
)  # fmt: skip
CHECKED = tuple(one[3] for one in _POINTS if one[3])
"""The remediations whose facts answer points of the checklist: one run looks for all of them."""
ASKED = tuple(one[1] for one in _POINTS)
"""The questions of the checklist, by point."""


def points(answers: Mapping[str, Answer], evidence: Evidence, device: Device | None) -> list[Point]:
    """The ten points, each answered by evidence, by a question, or not observable from here."""
    now = {one.remediation: one for one in device.outcomes} if device and not device.error else {}
    out = []
    for number, (title, name, good, remediation) in enumerate(_POINTS, 1):
        answer = answers.get(name)
        said = questions.BY_ID[name].value(answer.word) if answer else None
        seen = _evident(number, title, name, now.get(remediation), evidence)
        # An answer comes before what only says why there is none.
        point = None if answer and seen and seen.state == "not_observable" else seen
        if point is None and name == "log" and "web" not in answers:
            point = Point(number, title, "not_observable", None, "only once it is known whether the web works")
        if point is None and answer and said:
            by = "question" if answer.by in (By.OPTION, By.ASKED) else "evidence"
            state = "good" if answer.word == good else "attention"
            point = Point(number, title, state, by, told(name, said.said, answer, device))
        out.append(
            point
            or Point(number, title, "not_observable", None, f"not observable from here: {questions.BY_ID[name].option}")
        )
    return out


def _evident(number: int, title: str, name: str, outcome: Outcome | None, evidence: Evidence) -> Point | None:
    """The point as facts answer it, None where they do not."""
    facts = (outcome.facts if outcome else None) or {}
    if name == "ports":
        handshake = facts.get("handshake")
        if isinstance(handshake, dict) and handshake.get("layer") in ("name", "tcp"):
            target = clean(handshake.get("target"), 80)
            return Point(number, title, "attention", "evidence", f"the device does not reach {target}")
        return None  # one handshake tells nothing of UDP: that stays a question
    if name == "prt":
        report = facts.get("dsregcmd") if isinstance(facts.get("dsregcmd"), dict) else evidence.directory
        return _joined(number, title, report, facts)
    if name == "log" and outcome and outcome.status is Status.BLOCKED:
        return Point(number, title, "attention", "evidence", clean(outcome.reasons[0], 200))
    if outcome is None or outcome.status not in (Status.HEALTHY, Status.DRIFTED):
        return None
    if name in ("cleared", "credentials", "log"):
        good = outcome.status is Status.HEALTHY
        why = "; ".join(clean(one, 200) for one in outcome.reasons[:2]) or f"{outcome.remediation} is {outcome.status}"
        return Point(number, title, "good" if good else "attention", "evidence", why)
    return None


def _joined(number: int, title: str, report: Json, facts: Mapping[str, Json]) -> Point | None:
    if not isinstance(report, dict) or not report.get("join"):
        return None
    heard, unheard = _tokens(report, facts)
    join = report["join"]
    # Whoever asks over WinRM does not see what the person at the desk has registered.
    said = [one.get("dsregcmd") for one in _people(facts)]
    if join == "none" and any(isinstance(one, dict) and one.get("join") == "registered" for one in said):
        join = "registered"
    joined = f"joined: {clean(join, 30)}"
    bad = [
        what
        for what, wrong in (
            (joined, join in ("none", "domain")),
            ("the directory has the device disabled or deleted", report.get("device_auth") == "disabled_or_deleted"),
            ("the device's key does not pass its test", report.get("key_sign_test") == "failed"),
            *((f"AzureAdPrt{name} is NO", not prt) for name, prt in heard.items()),
        )
        if wrong
    ]
    if bad:
        return Point(number, title, "attention", "evidence", "; ".join(bad))
    if heard and not unheard:
        return Point(number, title, "good", "evidence", f"{joined}; AzureAdPrt is YES")
    why = "; ".join(unheard) or "nobody is logged on"
    ask = questions.BY_ID["prt"].option
    return Point(number, title, "not_observable", None, f"{joined}; AzureAdPrt is not known: {why}: {ask}")


def _people(facts: Mapping[str, Json]) -> list[dict[str, Json]]:
    people = facts.get("sessions")
    return [one for one in (people if isinstance(people, list) else ()) if isinstance(one, dict)]


def _tokens(report: Mapping[str, Json], facts: Mapping[str, Json]) -> tuple[dict[str, bool], list[str]]:
    """Whether people have a token, by ` of NAME`, and of whom at the desk that is not known, with the reason."""
    if not facts:
        prt = dsregcmd.token(report)
        return ({"": prt}, []) if prt is not None else ({}, ["the text does not show it"])
    heard, unheard = {}, []
    for one in _people(facts):
        name, said = clean(one.get("name"), 60), one.get("dsregcmd")
        if not isinstance(said, dict):
            if one.get("state") not in ("logged_off", "out_of_scope"):
                unheard.append(f"{name}: {clean(one.get('detail') or 'no report', 100)}")
        elif (prt := dsregcmd.token(said)) is None:
            unheard.append(f"dsregcmd does not show it to {name}")
        else:
            heard[f" of {name}"] = prt
    return heard, unheard
