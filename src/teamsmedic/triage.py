"""Decides a triage: evidence, answers and outcomes in; one verdict with reasons, ranked causes and the next step out.

No I/O. What counts, the strongest first: what a device shows, what somebody answers, what a text hints, and then the
order in which the catalogue names the causes. A confirmed cause decides the verdict; without one, the verdict of the
leading code stands as long as a cause of that verdict is left.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from teamsmedic import dsregcmd, questions
from teamsmedic.answer import DeviceInfo
from teamsmedic.catalog import Catalog, Who
from teamsmedic.errors import ExitCode
from teamsmedic.evidence import Evidence, Seen, is_call
from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.questions import Question
from teamsmedic.remediation import Remediation
from teamsmedic.text import clean

VERSION = 1
SHARED = 3
"""Families of sign-in that fail at once from which on the fault is looked for in what they share."""
CLOCK_TOLERANCE = 300
"""Seconds that a clock may be off: what Kerberos allows by default, and Windows counts as in time.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/maximum-tolerance-for-computer-clock-synchronization
"""
ELSEWHERE = frozenset({Who.TENANT, Who.SBC, Who.CARRIER, Who.NONE})
"""Verdicts under which nothing is offered on a device."""
RECIPIENTS = frozenset({Who.TENANT, Who.NETWORK, Who.SBC, Who.CARRIER, Who.USER})

_WITNESS = {"tls12_usable": (*questions.PATH, "proxy_interferes")}
"""What a remediation's facts tell besides the causes that it cures: its probe reaches for the sign-in address."""
_LAYERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "name": ("supports", ("name_not_resolved",)),
    "tcp": ("supports", ("endpoints_unreachable",)),
    "certificate": ("supports", ("proxy_interferes",)),
    "ok": ("refutes", questions.PATH),
}
"""How far the device's own handshake came (tls12_usable, fact `handshake`), and what that says.

It goes straight, as the administrator: where only a proxy leads out, it finds no way, and nothing need be wrong.
"""
_UNCODED = {
    "yes": ("client_cache_corrupt", "broker_blocked_or_missing", "stale_credentials", "app_package_damaged",
            "device_registration_broken"),
    "no": ("service_fault", "conditional_access_blocks", "account_unlicensed", "account_disabled",
           "federation_refuses", "endpoints_unreachable"),
}  # fmt: skip
"""The causes to look at where there is no code, by what the web does: the two branches of the fast diagnostic flow."""
_PHASE = ("response", "when", "place", "web", "affected", "apps", "network", "federated", "prompt", "again", "account",
          "credentials", "prt", "clock", "ports", "health", "log")  # fmt: skip
"""The order in which questions are asked: the fast diagnostic flow first, then what single causes turn on."""


class By(StrEnum):
    """Who gave an answer, the strongest first."""

    DEVICE = "device"
    OPTION = "option"
    ASKED = "asked"
    TEXT = "text"


class State(StrEnum):
    """What is known of a cause."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_OBSERVABLE = "not_observable"


class Rung(StrEnum):
    """What is to be said of one step of the ladder."""

    NEXT = "next"
    LATER = "later"
    LOOK = "look"
    HEALTHY = "healthy"
    TRIED = "tried"
    STOPPED = "stopped"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    WITHHELD = "withheld"


OFFERED = frozenset({Rung.NEXT, Rung.LATER, Rung.LOOK})


@dataclass(frozen=True)
class Answer:
    """An answer to a question: its word (or a code), who gave it, and the other one that the device overrules."""

    word: str
    by: By = By.OPTION
    over: Answer | None = None


@dataclass(frozen=True)
class Past:
    """What an earlier run did on this host: its id, the remediation, and the last status it had."""

    run: str
    remediation: str
    status: Status


@dataclass(frozen=True)
class Device:
    """A host that a check was made on. `between`: unix seconds before and after it, by the controller's clock.

    `error`: why nobody answered. `past`: what earlier runs did there, the newest first.
    """

    host: str
    outcomes: Sequence[Outcome] = ()
    info: DeviceInfo | None = None
    between: tuple[float, float] = (0.0, 0.0)
    error: str | None = None
    past: Sequence[Past] = ()


_Signal = Callable[[str, Collection[str], str, By], None]
"""Takes what one thing says of causes: confirms, refutes, supports or weakens; ids; why; whose word it is."""


@dataclass
class Cause:
    """One cause with all that speaks for and against it. `named_by`: the codes that name it."""

    id: str
    title: str
    verdict: Who
    named_by: list[str]
    order: int
    said: list[tuple[str, str, By]] = field(default_factory=list)
    unseen: str = ""

    def _of(self, kind: str, *by: By) -> list[str]:
        return [why for one, why, who in self.said if one == kind and (not by or who in by)]

    @property
    def clash(self) -> tuple[str, str] | None:
        """What confirms and what refutes it, where both do and neither is the device's word alone."""
        confirms, refutes = self._of("confirms"), self._of("refutes")
        return (confirms[0], refutes[0]) if confirms and refutes else None

    @property
    def state(self) -> State:
        """A device's word wins over an answer; two answers that contradict each other say nothing."""
        for by in ((By.DEVICE,), (By.OPTION, By.ASKED, By.TEXT)):
            confirms, refutes = self._of("confirms", *by), self._of("refutes", *by)
            if confirms and not refutes:
                return State.CONFIRMED
            if refutes and not confirms:
                return State.REFUTED
            if confirms and refutes:
                break
        return State.NOT_OBSERVABLE

    @property
    def by_device(self) -> bool:
        """Whether the device itself confirms it."""
        return bool(self._of("confirms", By.DEVICE))

    @property
    def balance(self) -> int:
        """Above 0 where more speaks for it, below where more speaks against it."""
        return len(self._of("supports")) - len(self._of("weakens"))

    @property
    def reasons(self) -> list[str]:
        """All that is said of it, what decides first."""
        words = {"confirms": "", "refutes": "", "supports": "for it: ", "weakens": "against it: "}
        told = [f"{words[kind]}{why}" for kind in words for one, why, _ in self.said if one == kind]
        more = [f"not observable from here: {self.unseen}"] if self.state is State.NOT_OBSERVABLE else []
        return list(dict.fromkeys([*told, *more]))


@dataclass
class Step:
    """One rung of the ladder: a remediation, whether it is offered, and why it stands as it does."""

    remediation: Remediation
    causes: list[str]
    state: Rung
    reason: str

    @property
    def grade(self) -> str:
        """How invasive it is: safe, disruptive, or irreversible."""
        return "irreversible" if not self.remediation.reversible else self.remediation.risk


@dataclass
class Triage:
    """The answer: who must act and why, what is known of each cause, what to do next, and what was not asked."""

    verdict: Who
    reasons: list[str]
    codes: list[Seen]
    causes: list[Cause]
    contradictions: list[str]
    ladder: list[Step]
    stopped: str | None
    next: str
    command: str | None
    answers: dict[str, Answer]
    not_asked: list[tuple[Question, str]]
    shared: bool
    place: str | None
    solved: bool
    waits: bool
    device: Device | None

    @property
    def offered(self) -> list[str]:
        """The remediations that are offered, in order."""
        return [one.remediation.id for one in self.ladder if one.state in OFFERED]

    @property
    def repair(self) -> str | None:
        """The remediation that is to be carried out now."""
        return next((one.remediation.id for one in self.ladder if one.state is Rung.NEXT), None)

    @property
    def recipient(self) -> Who | None:
        """Who gets a text, where somebody else must act."""
        return self.verdict if self.verdict in RECIPIENTS and not self.solved else None

    @property
    def exit_code(self) -> ExitCode:
        """4 where the device did not answer, 1 where a repair is due, 5 where nobody can be named, else 0."""
        if self.device and self.device.error:
            return ExitCode.UNREACHABLE
        if any(one.state is Rung.NEXT for one in self.ladder):
            return ExitCode.DRIFT
        return ExitCode.BLOCKED if self.verdict is Who.UNKNOWN and not self.solved else ExitCode.OK


# ------------------------------------------------------------------------------------------------ before the check


def answered(
    evidence: Evidence, given: Mapping[str, str], asked: Mapping[str, str], device: Device | None = None
) -> dict[str, Answer]:
    """All answers that there are: the device's first, then options, what was asked, and hints of the text."""
    out = {name: Answer(word, By.TEXT) for name, word in evidence.hints.items() if name not in evidence.clashes}
    if "place" not in out and evidence.codes and all(is_call(one.entry) for one in evidence.codes.values()):
        out["place"] = Answer("phone", By.TEXT)
    families = {one.entry.family for one in evidence.codes.values() if not is_call(one.entry)}
    if len(families) >= SHARED:
        out.setdefault("apps", Answer("several", By.TEXT))
    out |= {name: Answer(word, By.ASKED) for name, word in asked.items()}
    out |= {name: Answer(word, By.OPTION) for name, word in given.items()}
    read: dict[str, str] = {}
    if device and device.info:
        read["place"] = "room" if device.info.room else "desktop"
        if (off := skew(device)) is not None:
            read["clock"] = "wrong" if off else "right"
    for name, word in read.items():
        said = out.get(name)
        out[name] = Answer(word, By.DEVICE, said if said and said.word != word else None)
    return out


def skew(device: Device) -> int | None:
    """Seconds that the device's clock is off by more than the tolerance, 0 where it is right; None: not known."""
    if device.info is None or not device.info.clock:
        return None
    first, last = device.between
    clock = device.info.clock
    off = clock - last if clock > last else clock - first if clock < first else 0
    return round(off) if abs(off) > CLOCK_TOLERANCE else 0


def wanted(evidence: Evidence, answers: Mapping[str, Answer], known: Mapping[str, Remediation]) -> list[str] | None:
    """The remediations to check a device for; empty: only who answers matters; None: a device says nothing of it."""
    causes = set(_named(evidence, answers))
    calls = [is_call(one.entry) for one in evidence.codes.values()]
    # A Room tells by itself what its account was refused with, so no code need be given there.
    place = answers["place"].word if "place" in answers else ""
    room = place == "room" or not (place or evidence.codes)
    if (not causes and not room) or (calls and all(calls)):
        return None
    return [
        one.id
        for one in known.values()
        if causes & {*one.cures, *one.observes, *_WITNESS.get(one.id, ())} or (room and one.observes)
    ]


def _named(evidence: Evidence, answers: Mapping[str, Answer]) -> dict[str, list[str]]:
    """The causes in order, each with the codes that name it."""
    out: dict[str, list[str]] = {}
    for seen in evidence.ordered(after=_after(answers)):
        for named in seen.entry.causes:
            out.setdefault(named.cause, []).append(seen.entry.code.text)
    if not evidence.codes and (web := answers.get("web")):
        out = {cause: [] for cause in _UNCODED.get(web.word, ())}
    return out


def _of_a_call(answers: Mapping[str, Answer]) -> bool:
    """Whether the answers alone speak of a call, not of a sign-in."""
    return any(name in answers and answers[name].word == word for name, word in (("when", "after"), ("place", "phone")))


def _after(answers: Mapping[str, Answer]) -> bool | None:
    return answers["when"].word == "after" if "when" in answers else None


# ------------------------------------------------------------------------------------------------ the verdict


def decide(
    evidence: Evidence,
    answers: Mapping[str, Answer],
    catalog: Catalog,
    known: Mapping[str, Remediation],
    *,
    device: Device | None = None,
    tried: Collection[str] = (),
    silent: str = "nobody was asked",
    again: str = "",
) -> Triage:
    """The triage of one host, or of none.

    `tried`: cures that did not help, by remediation. `silent`: why questions stay open. `again`: options that reach
    the host, for the commands that are told.
    """
    refused = refusals(device, known)
    given, evidence = evidence, evidence.beside({code: count for code, (count, _) in refused.items()})
    codes = evidence.ordered(after=_after(answers))
    room = "place" in answers and answers["place"].word == "room"
    causes = [
        Cause(name, catalog.causes[name].title, _acts(catalog.causes[name].verdict, room=room), named, order)
        for order, (name, named) in enumerate(_named(evidence, answers).items())
    ]
    shared = "apps" in answers and answers["apps"].word == "several"
    by_id = {one.id: one for one in causes}

    def signal(kind: str, about: Collection[str], why: str, by: By) -> None:
        for cause in about:
            if cause in by_id:
                by_id[cause].said.append((kind, why, by))

    for name, answer in answers.items():
        question = questions.BY_ID[name]
        if value := question.value(answer.word):
            for kind, about in value.effects.items():
                signal(kind, about, told(name, value.said, answer, device), answer.by)
    if device:
        _heard(device, known, catalog, signal)
        _observed(device, known, catalog, signal)
    _directory(evidence.directory, "in the text of dsregcmd /status", signal, By.TEXT)
    for cause in causes:
        cause.unseen = _unseen(cause, known, device)
    causes.sort(key=lambda one: _rank(one, shared))
    verdict, reasons = _verdict(codes, causes, shared, answers, room=room)
    curing = {one.id: one for one in known.values() if set(one.cures) & set(by_id)}
    stopped_by, solved = _last_repair(device, answers, curing)
    if not codes:
        reasons += _heard_of_rooms(device, known)
    if solved:
        verdict, reasons = Who.NONE, [solved, *reasons]
    ladder = _ladder(causes, curing, verdict, device, {*tried, *_helpless(answers)})
    stopped = solved or stopped_by or _stop(ladder, verdict)
    if stopped_by or solved:
        held = [one for one in ladder if one.state in OFFERED]
        if held and stopped_by:
            stopped = f"{stopped_by} Next would be {held[0].remediation.id}."
        for one in held:
            one.state, one.reason = Rung.STOPPED, "not before it is known whether the last repair helped"
            if solved:
                one.reason = "the trouble is gone"
    out = Triage(
        verdict=verdict,
        reasons=reasons,
        codes=codes,
        causes=causes,
        contradictions=list(_contradictions(given, codes, causes, verdict, answers, device)),
        ladder=ladder,
        stopped=stopped,
        next="",
        command=None,
        answers=dict(answers),
        not_asked=[],
        shared=shared,
        place=answers["place"].word if "place" in answers else None,
        solved=bool(solved),
        waits=bool(stopped_by),
        device=device,
    )
    out.not_asked = [(one, silent) for one in open_questions(out)]
    out.next, out.command = _next(out, catalog, again)
    return out


def told(name: str, said: str, answer: Answer, device: Device | None) -> str:
    """An answer as part of a sentence: whose word it is, and what it says."""
    if name == "clock" and answer.by is By.DEVICE and device and (off := skew(device)):
        return f"the device's clock is {abs(off)} seconds {'ahead' if off > 0 else 'behind'}"
    source = {By.DEVICE: "the device says", By.TEXT: "the text says"}.get(answer.by, "told")
    return f"{source}: {said}"


def _heard(device: Device, known: Mapping[str, Remediation], catalog: Catalog, signal: _Signal) -> None:
    """What the outcomes of a check say of causes."""
    for outcome in device.outcomes:
        one = known.get(outcome.remediation)
        if one is None or one.observes:
            continue
        why = "".join(clean(reason, 300) for reason in outcome.reasons[:1])
        if outcome.status is Status.DRIFTED and not one.needs_symptom:
            signal("confirms", one.cures, f"{one.id} has drifted: {why}", By.DEVICE)
        elif outcome.status is Status.DRIFTED and not one.prepares:
            # Where a symptom is needed, the drift tells that there is something to cure, not that it is the trouble.
            signal("supports", one.cures, f"{one.id} can be cured: {why}", By.DEVICE)
        elif outcome.status is Status.HEALTHY and not one.prepares:
            signal("refutes", one.cures, f"{one.id} is healthy", By.DEVICE)
        facts = outcome.facts or {}
        handshake = facts.get("handshake")
        if isinstance(handshake, dict) and str(handshake.get("layer")) in _LAYERS:
            kind, about = _LAYERS[str(handshake["layer"])]
            how = {"ok": "came about", "name": "found no address", "tcp": "found no way"}
            said = how.get(str(handshake["layer"]), f"ended at the {handshake['layer']}")
            target = clean(handshake.get("target"), 80)
            signal(kind, about, f"the device's own handshake with {target} {said}", By.DEVICE)
        _directory(facts.get("dsregcmd"), "dsregcmd /status on the device", signal, By.DEVICE)
        people = facts.get("sessions")
        for person in people if isinstance(people, list) else ():
            report = person.get("dsregcmd") if isinstance(person, dict) else None
            if isinstance(report, dict) and (prt := dsregcmd.token(report)) is not None:
                value = questions.BY_ID["prt"].value("yes" if prt else "no")
                said = f"AzureAdPrt of {clean(person.get('name'), 60)} is {'YES' if prt else 'NO'}"
                for kind, about in value.effects.items() if value else ():
                    signal(kind, about, said, By.DEVICE)
            if isinstance(report, dict) and (refused := dsregcmd.refusal(report)):
                code = catalog.read(refused)
                entry = catalog.lookup(code) if code else None
                said = f"the last attempt of {clean(person.get('name'), 60)} to get a token ended with {refused}"
                signal("supports", [one.cause for one in entry.causes] if entry else [], said, By.DEVICE)


def refusals(device: Device | None, known: Mapping[str, Remediation]) -> dict[str, tuple[int, str]]:
    """The codes that a device tells by itself: how often each was seen, and where, how often and when in words."""
    out: dict[str, tuple[int, str]] = {}
    for outcome in device.outcomes if device else ():
        facts = outcome.facts or {}
        told = facts.get("refusals")
        for one in told if outcome.remediation in known and isinstance(told, list) else ():
            if known[outcome.remediation].observes and isinstance(one, dict):
                count = one["count"] if isinstance(one.get("count"), int) else 1
                where, age = (clean(one.get(key), 40) for key in ("events", "hours"))
                seen = f"events {where}: {count} in all, the newest {age} h ago"
                out[clean(one.get("object"), 40)] = count, seen
    return out


def _observed(device: Device, known: Mapping[str, Remediation], catalog: Catalog, signal: _Signal) -> None:
    """What a device tells of causes that nobody mends on it: by the codes that it was refused with."""
    for outcome in device.outcomes:
        one = known.get(outcome.remediation)
        if one is None or not one.observes:
            continue
        others = set(one.observes)
        told = refusals(device, {one.id: one})
        for text, (_, seen) in told.items():
            code = catalog.read(text)
            entry = catalog.lookup(code) if code else None
            about = [named.cause for named in (entry.causes if entry else ()) if named.cause in one.observes]
            others -= set(about)
            signal("confirms", about, f"the device's own log: {text} ({seen})", By.DEVICE)
        if told:
            signal("weakens", sorted(others), "the device's own log tells of another code", By.DEVICE)
        if outcome.status is Status.HEALTHY:
            why = "the device's own log tells of no refusal since its account was last let in"
            signal("refutes", one.observes, why, By.DEVICE)


def _heard_of_rooms(device: Device | None, known: Mapping[str, Remediation]) -> list[str]:
    """What a Room was asked by itself, where nobody gave a code."""
    return [
        f"{known[one.remediation].title}: {one.status}" + (f": {clean(one.reasons[0], 300)}." if one.reasons else ".")
        for one in (device.outcomes if device else ())
        if one.remediation in known and known[one.remediation].observes and one.status is not Status.NOT_APPLICABLE
    ]


def _directory(report: Json, where: str, signal: _Signal, by: By) -> None:
    """What a report of dsregcmd says: the test of the device in the directory, and that of its key.

    https://learn.microsoft.com/entra/identity/devices/troubleshoot-device-dsregcmd
    """
    if not isinstance(report, dict):
        return
    if report.get("key_sign_test") == "failed" or report.get("recovery_needed") is True:
        signal("confirms", ["device_keys_unusable"], f"{where}: the device's key does not pass its test", by)
        signal("supports", ["device_registration_broken"], f"{where}: the device's key does not pass its test", by)
    elif report.get("device_auth") == "success":
        signal("refutes", ["device_registration_broken", "device_disabled_in_directory"],
               f"{where}: the directory knows this device and it is enabled", by)  # fmt: skip
    if report.get("device_auth") == "disabled_or_deleted":
        signal("confirms", ["device_registration_broken"], f"{where}: the device is disabled or deleted there", by)
        signal("supports", ["device_disabled_in_directory"], f"{where}: the device is disabled or deleted there", by)


def _unseen(cause: Cause, known: Mapping[str, Remediation], device: Device | None) -> str:
    curing = [one.id for one in known.values() if cause.id in (*one.cures, *one.observes)]
    if not curing:
        return "nothing that is read on a device tells it"
    if device is None:
        return "no device was named"
    if device.error:
        return f"the device did not answer ({device.error.rstrip('.')})"
    for outcome in device.outcomes:
        if outcome.remediation in curing:
            if known[outcome.remediation].needs_symptom:
                return f"nothing on a device tells it; {outcome.remediation} is {outcome.status}"
            why = "; ".join(clean(reason, 200) for reason in outcome.reasons[:1])
            return f"{outcome.remediation} is {outcome.status}" + (f": {why}" if why else "")
    return "the device was not checked for it"


def _rank(cause: Cause, shared: bool) -> tuple[int, int, int, int]:
    group = {State.CONFIRMED: 0 if cause.by_device else 1, State.NOT_OBSERVABLE: 2, State.REFUTED: 3}[cause.state]
    # What several codes name together comes first where they fail together.
    return group, -max(-1, min(1, cause.balance)), -len(cause.named_by) if shared else 0, cause.order


def _acts(who: Who, *, room: bool) -> Who:
    """Who acts: at a Teams Room nobody answers a prompt, so what a user would do is the tenant administrator's.

    https://learn.microsoft.com/en-us/microsoftteams/troubleshoot/teams-rooms-and-devices/teams-rooms-resource-account-sign-in-issues
    """
    return Who.TENANT if room and who is Who.USER else who


def _verdict(
    codes: Sequence[Seen], causes: Sequence[Cause], shared: bool, answers: Mapping[str, Answer], *, room: bool
) -> tuple[Who, list[str]]:
    """Who must act, and why."""
    stated = _acts(codes[0].entry.verdict.who, room=room) if codes else Who.UNKNOWN
    reasons = []
    if codes:
        first = codes[0].entry
        reasons.append(f"{first.code}: {first.meaning[0].text}")
    if shared and len(codes) > 1:
        names = ", ".join(one.entry.code.text for one in codes)
        reasons.append(
            f"{names} come together: look at what they share, the transport of identity, not at Teams alone."
        )
    # Where the decisive code is somebody else's, the sign-in came as far as them: it is not the way there that fails.
    together = shared and len(codes) > 1 and stated not in ELSEWHERE
    left = [one for one in causes if one.state is not State.REFUTED]
    for cause in causes:
        if cause.state is State.CONFIRMED:
            other = cause.verdict is not stated and stated in ELSEWHERE
            if other and codes[0].entry.code.text not in cause.named_by:
                # The code that decides says that the sign-in came as far as somebody else: what a weaker code names
                # is another trouble.
                reasons.append(f"Beside it, for {cause.verdict}: {cause.title} ({cause.reasons[0]}).")
                continue
            sure = [one for one in causes if one.state is State.CONFIRMED and one is not cause]
            more = [f"Confirmed too, for {one.verdict}: {one.title} ({one.reasons[0]})." for one in sure]
            return cause.verdict, [*reasons, f"Confirmed: {cause.title} ({cause.reasons[0]}).", *more]
    if codes and not codes[0].entry.causes and stated is not Who.UNKNOWN:
        return stated, reasons  # what it means in another place has no causes here
    if not left:
        said = (
            "Every cause that is known for it was refuted." if causes else "There is no code, and no answer leads on."
        )
        return Who.UNKNOWN, [*reasons, said]
    lead = left[0]
    agreed = {one.verdict for one in left if one.balance >= 0} or {one.verdict for one in left}
    if stated is not Who.UNKNOWN and not together:
        if any(one.verdict is stated for one in left):
            return stated, [*reasons, *_for(left, stated)]
        reasons.append(f"Of the causes that speak for {stated} none is left.")
        return lead.verdict, [*reasons, *_for(left, lead.verdict)]
    level = [one for one in left if max(-1, min(1, one.balance)) == max(-1, min(1, lead.balance))]
    ahead = lead.balance > 0 and (bool(codes) or len({one.verdict for one in level}) == 1)
    if ahead or len(agreed) == 1 or together:
        return lead.verdict, [*reasons, *_for(left, lead.verdict)]
    if not codes and answers:
        return Who.UNKNOWN, [*reasons, "Without a code, what was answered leaves several possibilities."]
    return Who.UNKNOWN, [*reasons, "What is known so far leaves more than one who could have to act."]


def _for(left: Sequence[Cause], who: Who) -> list[str]:
    """The cause that speaks for a verdict, as a sentence."""
    lead = next(one for one in left if one.verdict is who)
    supports = [why.removeprefix("for it: ") for why in lead.reasons if why.startswith("for it: ")]
    return [f"The likeliest cause left: {lead.title}" + (f" ({supports[0]})." if supports else ".")]


def _contradictions(
    evidence: Evidence, codes: Sequence[Seen], causes: Sequence[Cause], verdict: Who,
    answers: Mapping[str, Answer], device: Device | None,
) -> Iterator[str]:  # fmt: skip
    """Where evidence contradicts the code, or itself, as sentences."""
    stated = codes[0].entry.verdict.who if codes else Who.UNKNOWN
    web = answers.get("web")
    if web and web.word == "yes" and stated in (Who.TENANT, Who.NETWORK) and not is_call(codes[0].entry):
        what = "the account" if stated is Who.TENANT else "the path"
        yield (
            f"{codes[0].entry.code} speaks for {stated}, but Teams on the web works with the same account on the same"
            f" device: {what} is good at least for a browser."
        )
    if web and web.word == "no" and stated is Who.DEVICE:
        code = codes[0].entry.code
        yield f"{code} speaks for the device, but Teams on the web fails too: a client's own state is not all."
    for question in sorted(evidence.clashes):
        yield f"The text answers in two ways: {questions.BY_ID[question].text}"
    for name, word in evidence.hints.items():
        said = questions.BY_ID[name].value(word)
        if name in answers and answers[name].word != word and name not in evidence.clashes and said:
            yield f"The text says that {said.said}; {answers[name].by} says {answers[name].word}, which counts."
    for name, answer in answers.items():
        if answer.over and answer.over.by is not By.TEXT:
            one, other = (questions.BY_ID[name].value(word) for word in (answer.over.word, answer.word))
            if one and other:
                yield f"Told was that {one.said}; {told(name, other.said, answer, device)}, which counts."
    for cause in causes:
        if clash := cause.clash:
            yield f"{cause.title}: what speaks for it ({clash[0]}) and against it ({clash[1]}) cannot both be."
    if stated not in (Who.UNKNOWN, verdict) and causes:
        yield f"{codes[0].entry.code} by itself speaks for {stated}; what was found speaks for {verdict}."
    unnamed = [one.entry.code.text for one in codes if evidence.codes and one.entry.code not in evidence.codes]
    if unnamed:
        yield f"The device's own log tells of {', '.join(unnamed)}, which nobody named."
    for outcome in device.outcomes if device else ():
        named = {one.id for one in causes}
        if outcome.status is Status.DRIFTED and outcome.remediation in _WITNESS and "tls12_disabled" not in named:
            why = clean("; ".join(outcome.reasons[:1]), 300)
            yield f"{outcome.remediation} has drifted, which no code here speaks of: {why}."


# ------------------------------------------------------------------------------------------------ the ladder


def _helpless(answers: Mapping[str, Answer]) -> list[str]:
    cleared = answers.get("cleared")
    return ["client_cache_fresh"] if cleared and cleared.word == "yes" else []


def _done(device: Device | None) -> list[Past]:
    """The earlier repairs of this host that were not undone, the newest first."""
    out: dict[str, Past] = {}
    for one in device.past if device else ():
        if one.status in (Status.FIXED, Status.FAILED, Status.REVERTED):
            out.setdefault(one.remediation, one)
    return [one for one in out.values() if one.status is not Status.REVERTED]


def _last_repair(
    device: Device | None, answers: Mapping[str, Answer], known: Mapping[str, Remediation]
) -> tuple[str | None, str]:
    """Why the ladder stops at an earlier repair, and that the trouble is gone, where somebody says so."""
    repaired = [one for one in _done(device) if one.status is Status.FIXED and one.remediation in known]
    if not repaired:
        return None, ""
    last = repaired[0]
    still = answers.get("still")
    if still and still.word == "no":
        return None, f"The trouble is gone since {last.remediation} was repaired in run {last.run}."
    now = {one.remediation: one.status for one in device.outcomes} if device else {}
    if not still and now.get(last.remediation) in (Status.HEALTHY, Status.FIXED):
        one = known[last.remediation]
        room = bool(device and device.info and device.info.room)
        restart = one.room_restart if room else one.restart
        first = f"restart the {restart}, then " if restart != "none" else ""
        what = f"{last.remediation} was repaired in run {last.run} and is healthy now"
        return (
            f"{what}: {first}try again before anything more is done; if the trouble is still there, say --still yes.",
            "",
        )
    return None, ""


def _ladder(
    causes: Sequence[Cause], known: Mapping[str, Remediation], verdict: Who, device: Device | None,
    tried: Collection[str],
) -> list[Step]:  # fmt: skip
    """The remediations of the causes, from harmless to invasive, each with what is to be said of it."""
    now = {one.remediation: one for one in device.outcomes} if device and not device.error else {}
    done = {one.remediation: one for one in _done(device)}
    steps = []
    for one in known.values():
        cured = [cause for cause in causes if cause.id in one.cures]
        if not cured:
            continue
        state, reason = _rung(one, cured, verdict, now.get(one.id), tried, done.get(one.id), device)
        steps.append(Step(one, [cause.id for cause in cured], state, reason))
    confirmed = {cause.id for cause in causes if cause.state is State.CONFIRMED}
    grades = ("safe", "disruptive", "irreversible")
    # A cure of what is confirmed comes before one of what only may be; among equals the harmless one comes first.
    steps.sort(
        key=lambda step: (step.remediation.prepares, confirmed.isdisjoint(step.causes), grades.index(step.grade))
    )
    if sure := next((cause for cause in causes if cause.state is State.CONFIRMED), None):
        for step in steps:
            if step.state in OFFERED and not confirmed & set(step.causes):
                step.state = Rung.LATER if step.state is Rung.NEXT and sure.by_device else Rung.WITHHELD
                step.reason = f"first what is confirmed: {sure.title}"
    ready = [step for step in steps if step.state is Rung.NEXT]
    for step in ready[1:]:
        step.state, step.reason = Rung.LATER, f"only if {ready[0].remediation.id} does not help"
    return steps


def _rung(
    one: Remediation, cured: Sequence[Cause], verdict: Who, outcome: Outcome | None, tried: Collection[str],
    done: Past | None, device: Device | None,
) -> tuple[Rung, str]:  # fmt: skip
    if verdict in ELSEWHERE:
        return Rung.WITHHELD, f"the verdict is {verdict}: nothing on the device would mend it"
    if one.id in tried:
        return Rung.TRIED, "it did not help"
    if done and done.status is Status.FAILED:
        return Rung.TRIED, f"it failed in run {done.run}: see why before it is tried again"
    if done:
        back = outcome is not None and outcome.status is Status.DRIFTED and not one.needs_symptom
        why = "it has drifted again: find what sets it (a policy, a script)" if back else "the trouble is still there"
        return Rung.TRIED, f"it was repaired in run {done.run}, and {why}"
    if all(cause.state is State.REFUTED for cause in cured):
        healthy = outcome is not None and outcome.status is Status.HEALTHY
        return Rung.HEALTHY if healthy else Rung.NOT_APPLICABLE, cured[0].reasons[0]
    if outcome is None:
        why = "the device did not answer" if device else "no device was named"
        return Rung.LOOK, f"not looked at: {why}"
    why = "".join(clean(reason, 300) for reason in outcome.reasons[:1]) or str(outcome.status)
    if outcome.status is not Status.DRIFTED:
        states = {
            Status.HEALTHY: Rung.HEALTHY,
            Status.NOT_APPLICABLE: Rung.NOT_APPLICABLE,
            Status.BLOCKED: Rung.BLOCKED,
            Status.FIXED: Rung.STOPPED,
        }
        return states.get(outcome.status, Rung.UNKNOWN), why
    if verdict is not Who.DEVICE:
        return Rung.WITHHELD, f"the verdict is {verdict}: that first"
    if one.prepares and not any(cause.state is State.CONFIRMED or cause.balance > 0 for cause in cured):
        return Rung.WITHHELD, "nothing here speaks for its cause, and what it prepares is invasive"
    return Rung.NEXT, why


def _stop(ladder: Sequence[Step], verdict: Who) -> str | None:
    """Why the ladder goes no further."""
    if not ladder or any(one.state is Rung.NEXT for one in ladder):
        return None
    if verdict in ELSEWHERE:
        return f"The verdict is {verdict}: no remediation on the device is offered."
    if any(one.state is Rung.LOOK for one in ladder):
        return "Nothing is changed before a check of the device."
    told = "; ".join(f"{one.remediation.id}: {one.state}" for one in ladder)
    return f"No remediation is left to offer ({told})."


def _next(it: Triage, catalog: Catalog, again: str) -> tuple[str, str | None]:
    """What to do now, as one sentence, and the command where there is one."""
    host = shlex.quote(it.device.host) if it.device else "HOST"
    named = " ".join(one.entry.code.text.replace("SIP ", "sip:") for one in it.codes)
    if it.solved:
        return "Nothing more: what was repaired helped.", None
    ready = next((one for one in it.ladder if one.state is Rung.NEXT), None)
    if it.device and it.device.error and it.verdict not in ELSEWHERE:
        return (
            f"Reach the device, then triage again: {it.device.error}",
            f"teamsmedic triage {named} --host {host}{again}",
        )
    if it.waits and it.stopped:
        return it.stopped, None
    if ready:
        one = ready.remediation
        allow = " --allow disruptive" * (one.risk != "safe") + " --allow irreversible" * (not one.reversible)
        notice = "" if one.risk == "safe" else f" People notice it: {one.user_notices}"
        if notice and it.place == "room":
            notice += " On a Teams Room it needs a reason (--because), which is kept with the run."
        said = f"Repair {one.id} ({ready.grade}): {ready.reason}.{notice}"
        return said, f"teamsmedic fix {host} --remediation {one.id}{allow}{again}"
    if it.verdict not in ELSEWHERE and any(one.state is Rung.LOOK for one in it.ladder):
        return (
            f"Check the device for {', '.join(one.remediation.id for one in it.ladder if one.state is Rung.LOOK)}.",
            f"teamsmedic triage {named or '--web yes'} --host HOST",
        )
    blocked = next((one for one in it.ladder if one.state in (Rung.BLOCKED, Rung.UNKNOWN)), None)
    lead = next((one for one in it.causes if one.state is not State.REFUTED and one.verdict is it.verdict), None)
    if blocked and it.verdict is Who.DEVICE:
        hand = catalog.causes[lead.id].manual[:1] if lead and blocked.state is Rung.UNKNOWN else ()
        by_hand = "".join(f" Or by hand: {step.text}" for step in hand)
        return f"{blocked.remediation.id} is {blocked.state}: {blocked.reason.rstrip('.')}.{by_hand}", None
    if lead is None and it.codes and it.verdict is it.codes[0].entry.verdict.who is not Who.UNKNOWN:
        return it.codes[0].entry.meaning[0].text, None
    if it.verdict is Who.UNKNOWN or lead is None:
        first = next(iter(it.not_asked), None)
        if first:
            return f"Answer first: {first[0].text} ({first[0].option})", None
        checks = it.codes[0].entry.check_first if it.codes else ()
        return (checks[0].text if checks else "Find the code on the screen or in the log."), None
    return catalog.causes[lead.id].manual[0].text, None


# ------------------------------------------------------------------------------------------------ questions


def open_questions(it: Triage) -> list[Question]:
    """The questions whose answer could still change the triage, in the order to ask them."""
    if it.solved:
        return []
    out = []
    if it.waits:
        out.append(questions.BY_ID["still"])
    decided = any(one.state is State.CONFIRMED and one.by_device for one in it.causes)
    openly = {one.id for one in it.causes if one.state is State.NOT_OBSERVABLE}
    for name in _PHASE if not decided else ():
        if name in it.answers:
            continue
        question = questions.BY_ID[name]
        calls = is_call(it.codes[0].entry) if it.codes else _of_a_call(it.answers)
        if name == "response":
            turns = calls and it.verdict is Who.UNKNOWN and not (it.codes and it.codes[0].entry.decoded)
        elif name == "when":
            turns = not it.codes or len({is_call(one.entry) for one in it.codes}) > 1
        elif name == "place":
            turns = not it.codes or any(one.id in questions.ROOM for one in it.causes)
        elif name in ("web", "affected", "apps"):
            turns = not calls
        else:
            turns = any(openly & set(about) for value in question.values for about in value.effects.values())
        if turns:
            out.append(question)
    return out
