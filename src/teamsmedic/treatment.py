"""The engine: says what to send to a device next, is told what came back, and decides what that means. No I/O.

Each verb is a generator. It yields a step (`Send` one pipeline, `Record` something on the controller's disk first,
`Pause`), is sent the `Reply` to each `Send`, and returns a `Report`. Whoever has a door drives it (`run.drive`).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from teamsmedic import __version__, answer, payload
from teamsmedic.answer import Answers, DeviceInfo, Entry
from teamsmedic.errors import BadReply, NothingToUndo, NotReversible, Untrusted
from teamsmedic.hosts.base import End, Reply, Send, Verb
from teamsmedic.outcome import Change, Json, Outcome, Status
from teamsmedic.plan import Item, Plan
from teamsmedic.remediation import Finding, Remediation
from teamsmedic.rooms import NO_TERMS, Terms
from teamsmedic.text import clean

JOURNAL_FORMAT = 1
LOCK_WAITS = 60
"""How often a treatment looks again whether its own cut-off fix still runs on the device."""
LOCK_PAUSE = 5.0
_BLOCKED_BY_ANTIMALWARE = "ScriptContainedMaliciousContent"
"""How PowerShell's error id begins where AMSI's provider refused a script."""
RECONNECTS = 1
"""How often reading is asked again over a new connection after a lost one; what changes a device never is."""


@dataclass(frozen=True)
class Record:
    """Data that must be on the controller's disk, flushed, before the next step. `kind` names it in the run folder."""

    kind: str
    data: Mapping[str, Json]


@dataclass(frozen=True)
class Pause:
    """Let `seconds` pass."""

    seconds: float


@dataclass
class Report:
    """What came of one host: one outcome a remediation in the plan's order, who answered (None: nobody), and for an
    undo the run that was (or would be) undone."""

    outcomes: list[Outcome] = field(default_factory=list)
    device: DeviceInfo | None = None
    undone: str | None = None


Step = Send | Record | Pause
Walk = Generator[Step, Reply | None, Report]


@dataclass(frozen=True)
class Context:
    """Who treats: the run's id, and who started it (for the device's journal). `wanted`: an older run that is meant.

    `terms`: what holds where the device is a Teams Room.
    """

    run: str
    by: str
    wanted: str = ""
    terms: Terms = NO_TERMS


@dataclass(frozen=True)
class _Heard:
    """All that was heard of one verb: the device, the answers, and a reason for each name that did not answer."""

    device: DeviceInfo | None
    answers: Mapping[str, Mapping[str, Json]]
    silent: Mapping[str, str]


# ------------------------------------------------------------------------------------------------ the verbs


def check(plan: Plan, context: Context) -> Walk:
    """Reads the device once and says what is so; changes nothing."""
    heard = yield from _detect(plan.items, context)
    findings = {item.remediation.id: _find(item, heard) for item in plan.items}
    return Report([_outcome(item, findings[item.remediation.id], heard) for item in plan.items], heard.device)


def look(plan: Plan, context: Context) -> Walk:
    """Like `check`; where the plan is empty, asks who answers all the same: its clock, and whether it is a room."""
    if plan.items:
        return (yield from check(plan, context))
    heard = yield from _ask(Verb.CHECK, [], lambda _: {}, context)
    return Report([], heard.device)


def fix(
    plan: Plan,
    context: Context,
    *,
    allow: Collection[str] = (),
    confirmed: Mapping[str, Sequence[Change]] | None = None,
) -> Walk:
    """Detect, guards, way back, fix, detect.

    `allow`: disruptive, irreversible. `confirmed`: the changes that a person has agreed to, by remediation; where the
    device now asks for others, nothing is done.
    """
    heard = yield from _detect(plan.items, context)
    outcomes: dict[str, Outcome] = {}
    todo: list[tuple[Item, Finding]] = []
    for item in plan.items:
        name = item.remediation.id
        finding = _find(item, heard)
        outcomes[name] = _outcome(item, finding, heard)
        if finding.status is Status.DRIFTED:
            agreed = None if confirmed is None else confirmed.get(name, ())
            if refusals := _refusals(item.remediation, finding, allow, agreed, heard.device, context.terms):
                outcomes[name] = _with(outcomes[name], Status.BLOCKED, *refusals)
            else:
                todo.append((item, finding))
    if todo:
        journals = {item.remediation.id: _journal(item, finding, heard.device, context) for item, finding in todo}
        yield Record("way_back", {"verb": "fix", **context.terms.record(heard.device), "remediations": {
            item.remediation.id: {
                "journal": journals[item.remediation.id], "sha256": _sha256(journals[item.remediation.id]),
                "facts": outcomes[item.remediation.id].facts, "changes": [one.to_json() for one in finding.changes],
            } for item, finding in todo
        }})  # fmt: skip
        done = yield from _ask(Verb.FIX, [item.remediation for item, _ in todo], lambda name: {
            "parameters": _parameters(plan, name), "drift": _drift(todo, name), "journal": journals[name],
        }, context)  # fmt: skip
        after = yield from _detect_when_free([item for item, _ in todo], context)
        for item, finding in todo:
            outcomes[item.remediation.id] = _fixed(
                context.run, item, finding, done, after, outcomes[item.remediation.id]
            )
    return Report([outcomes[item.remediation.id] for item in plan.items], heard.device)


def withhold(report: Report, plan: Plan, allow: Collection[str], terms: Terms = NO_TERMS) -> None:
    """Turns what a fix would refuse by `allow` and `terms` into `blocked`, in a report of `check`: nobody is asked."""
    items = {item.remediation.id: item.remediation for item in plan.items}
    for number, outcome in enumerate(report.outcomes):
        if outcome.status is Status.DRIFTED and (
            reasons := _not_allowed(items[outcome.remediation], outcome.changes, allow, report.device, terms)
        ):
            report.outcomes[number] = _with(outcome, Status.BLOCKED, *reasons)


FORETOLD = "a fix would be blocked now: "
"""How the reason begins for which a dry run's change would not be made."""


def rehearse(plan: Plan, context: Context, *, allow: Collection[str] = ()) -> Walk:
    """Like `check`, and says of what drifted why a fix would not change it now: by `allow`, or on a Teams Room."""
    report = yield from check(plan, context)
    items = {item.remediation.id: item.remediation for item in plan.items}
    for one in report.outcomes:
        if one.status is Status.DRIFTED:
            refusals = _not_allowed(items[one.remediation], one.changes, allow, report.device, context.terms)
            one.reasons += [f"{FORETOLD}{refusal}" for refusal in refusals]
    return report


def undo(
    known: Mapping[str, Remediation],
    context: Context,
    *,
    run: str = "last",
    names: Collection[str] = (),
    hashes: Callable[[str], Mapping[str, str]] = lambda _: {},
    dry_run: bool = False,
    values: Callable[[Remediation], Mapping[str, Json]],
    given: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Walk:
    """Puts back what a run changed, from the device's own journal; NotReversible where there is nothing to undo.

    `run`: a run's id, or `last` for the newest in force. `names`: only these remediations. `hashes`: a run's id to
    remediation ids with the SHA-256 of the journal text as this controller wrote it; another text is refused. `values`:
    the parameters of a remediation, `given`: which of them were asked for now. What the fix was asked with stands in
    its entry and holds; only what lifts a guard is taken from `values`. `dry_run`: says what is so now and what would
    be put back.

    No guard of the fix holds: what an undo must look at before it changes something is in undo.ps1, which knows what
    is to be put back, and for whom.
    """
    context = replace(context, wanted="" if run == "last" else run)
    opened = yield from _open(known, context, run, names, hashes, values, given)
    for item in [one for one in opened.items if one.remediation.risk == "disruptive"]:
        if refusal := context.terms.refusal(opened.before.device, disruptive=True):
            opened.items.remove(item)
            name = item.remediation.id
            opened.outcomes[name] = Outcome(
                name, Status.BLOCKED, [refusal], facts=_facts(opened.before, item.remediation)
            )
    for entry in opened.device.entries if run != "last" else ():
        # What somebody names is answered in full, and not by what is left of it.
        if entry.run == run and entry.state in _GONE and (not names or entry.remediation in names):
            opened.order.append(entry.remediation)
            opened.outcomes[entry.remediation] = Outcome(entry.remediation, Status.BLOCKED, [_GONE[entry.state]])
    changes = {name: _inverses(entry.changes) for name, entry in opened.plans.items()}
    if dry_run:
        return opened.predicted(changes)
    if opened.items:
        yield _way_back("undo", opened, changes, context)
        done = yield from _ask(Verb.UNDO, [item.remediation for item in opened.items], opened.about, context)
        after = yield from _detect_when_free(opened.items, context)
        for item in opened.items:
            name = item.remediation.id
            opened.outcomes[name] = _reverted(item, opened.plans[name], changes[name], done, opened.before, after)
    return opened.report()


def forget(
    known: Mapping[str, Remediation],
    context: Context,
    *,
    run: str = "last",
    names: Collection[str] = (),
    hashes: Callable[[str], Mapping[str, str]] = lambda _: {},
    dry_run: bool = False,
    values: Callable[[Remediation], Mapping[str, Json]],
    given: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Walk:
    """Removes the copies that a run has set aside, and with them its way back; NotReversible where there is none.

    The parameters are those of `undo`; `dry_run`: says what is so now and what would be removed.
    """
    context = replace(context, wanted="" if run == "last" else run)
    opened = yield from _open(known, context, run, names, hashes, values, given)
    for item in [item for item in opened.items if not item.remediation.forgettable]:
        opened.items.remove(item)
        name = item.remediation.id
        opened.outcomes[name] = Outcome(name, Status.NOT_APPLICABLE, ["it keeps no copy that could be removed"])
    changes = {
        name: [Change(str(one.after), "remove", "folder", None) for one in entry.changes if one.action == "move"]
        for name, entry in opened.plans.items()
    }
    if dry_run:
        return opened.predicted(changes)
    if opened.items:
        yield _way_back("forget", opened, changes, context)
        done = yield from _ask(Verb.FORGET, [item.remediation for item in opened.items], opened.about, context)
        after = yield from _detect_when_free(opened.items, context)
        for item in opened.items:
            name = item.remediation.id
            said, now = done.answers.get(name, {}), _outcome(item, _find(item, after), after)
            lost, left = _told_of(said, "lost"), _told_of(said, "left")
            if "blocked" in said:
                now = _with(now, Status.BLOCKED, _blocked(said["blocked"]))
            elif _state(after, opened.run, name) == "forgotten" or (left and "done" in said):
                spared = {Change(one.after, "remove", "folder", None) for one in opened.plans[name].changes
                          if one.action == "move" and one.object in {**lost, **left}}  # fmt: skip
                now.changes = [one for one in changes[name] if one not in spared]
                now.reasons = [f"the copy is gone: run {opened.run} can no longer be undone"]
                now.notes = [f"not removed: the copy of {what} ({why})" for what, why in lost.items()]
                if left:
                    now.status = Status.FAILED
                    now.reasons = [f"not removed: the copy of {what} ({why})" for what, why in left.items()]
                    now.reasons.append("all other copies are gone; forget again when that is mended")
            else:
                failed = _error(done.device, said["error"]) if "error" in said else done.silent.get(name, "no answer")
                now = _with(now, Status.FAILED, failed)
            opened.outcomes[name] = now
    return opened.report()


@dataclass
class _Entry:
    """A checked journal entry: its text as it lies on the device, and what it says."""

    run: str
    text: str
    parameters: Mapping[str, Json]
    drift: list[dict[str, Json]]
    changes: list[Change]


@dataclass
class _Opened:
    """The entries of one run: those that can be worked with (`items`, `plans`), and the outcomes of the others."""

    device: DeviceInfo
    run: str
    order: list[str]
    plans: dict[str, _Entry]
    items: list[Item]
    outcomes: dict[str, Outcome]
    before: _Heard

    def about(self, name: str) -> Mapping[str, Json]:
        """What the device is told of one entry."""
        item = next(item for item in self.items if item.remediation.id == name)
        entry = self.plans[name]
        return {
            "parameters": dict(item.parameters),
            "run": self.run,
            "sha256": _sha256(entry.text),
            "items": entry.drift,
        }

    def predicted(self, changes: Mapping[str, list[Change]]) -> Report:
        """What is so now, with the changes that would be made."""
        for item in self.items:
            name = item.remediation.id
            outcome = _outcome(item, _find(item, self.before), self.before)
            outcome.changes = changes[name]
            if any(one.action == "restore" for one in changes[name]):
                outcome.notes = _gone_for_good(self.plans[name])
            self.outcomes[name] = outcome
        return self.report()

    def report(self) -> Report:
        """All outcomes, newest entry first."""
        return Report([self.outcomes[name] for name in self.order if name in self.outcomes], self.device, self.run)


_GONE = {
    "forgotten": "its way back was given up: what it changed stays",
    "superseded": "a later run removed its copy: what it changed stays",
}
"""Why an entry of a run can no longer be undone, by its state."""


def _open(
    known: Mapping[str, Remediation],
    context: Context,
    run: str,
    names: Collection[str],
    hashes: Callable[[str], Mapping[str, str]],
    values: Callable[[Remediation], Mapping[str, Json]],
    given: Mapping[str, Collection[str]],
) -> Generator[Step, Reply | None, _Opened]:
    """Reads the journal, checks the entries meant, and looks at the device."""
    heard = yield from _ask(Verb.CHECK, [], lambda _: {}, context)
    if heard.device is None:
        raise BadReply("asked the device for its journal", _silence(heard), "run it again when the device answers")
    entries = _entries(heard.device, run, names)
    run = entries[0].run
    outcomes: dict[str, Outcome] = {}
    ours: list[Remediation] = []
    for name in (entry.remediation for entry in entries):
        if name not in known:
            unknown = "this version of teamsmedic does not know it: undo with the version that fixed"
            outcomes[name] = Outcome(name, Status.FAILED, [unknown])
        elif not known[name].reversible:
            reason = f"not reversible: {known[name].irreversible_because}"
            outcomes[name] = Outcome(name, Status.BLOCKED, [reason])
        else:
            ours.append(known[name])
    texts = yield from _ask(Verb.JOURNAL, ours, lambda _: {"parameters": {}, "run": run}, context)
    plans: dict[str, _Entry] = {}
    for one in ours:
        found = _entry_of(one, texts, run, hashes(run).get(one.id))
        if isinstance(found, str):
            outcomes[one.id] = Outcome(one.id, Status.FAILED, [found])
        elif other := _other_than_asked(one, values(one), given.get(one.id, ()), found):
            outcomes[one.id] = Outcome(one.id, Status.BLOCKED, [other])
        else:
            plans[one.id] = found
    items = [
        Item(one, {**values(one), **plans[one.id].parameters, **_lifting(one, values(one), given)}, True)
        for one in ours
        if one.id in plans
    ]
    before = yield from _detect(items, context)
    ready = []
    for item in items:
        name = item.remediation.id
        if refusal := _undo_blocked(item, before) or context.terms.refusal(before.device):
            outcomes[name] = Outcome(name, Status.BLOCKED, [refusal], facts=_facts(before, item.remediation))
        else:
            ready.append(item)
    return _Opened(heard.device, run, [entry.remediation for entry in entries], plans, ready, outcomes, before)


def _way_back(verb: str, opened: _Opened, changes: Mapping[str, list[Change]], context: Context) -> Record:
    about = {"verb": verb, "run": opened.run, **context.terms.record(opened.before.device)}
    return Record("way_back", {**about, "remediations": {
        item.remediation.id: {
            "journal": opened.plans[item.remediation.id].text,
            "sha256": _sha256(opened.plans[item.remediation.id].text),
            "facts": _facts(opened.before, item.remediation),
            "changes": [one.to_json() for one in changes[item.remediation.id]],
        } for item in opened.items
    }})  # fmt: skip


# ------------------------------------------------------------------------------------------------ asking


def _detect(items: Sequence[Item], context: Context) -> Generator[Step, Reply | None, _Heard]:
    """One round trip for every remediation that has something to look for."""
    wanted = [item for item in items if item.symptom or not item.remediation.needs_symptom]
    parameters = {item.remediation.id: dict(item.parameters) for item in wanted}
    if not wanted:
        return _Heard(None, {}, {})
    return (
        yield from _ask(
            Verb.CHECK, [item.remediation for item in wanted], lambda name: {"parameters": parameters[name]}, context
        )
    )


def _detect_when_free(items: Sequence[Item], context: Context) -> Generator[Step, Reply | None, _Heard]:
    """Detect; while this run's own change still runs there (a cut connection does not stop it), wait and look again."""
    heard = yield from _detect(items, context)
    for _ in range(LOCK_WAITS):
        if heard.device is None or heard.device.lock is None or heard.device.lock[0] != context.run:
            break
        yield Pause(LOCK_PAUSE)
        heard = yield from _detect(items, context)
    return heard


def _ask(
    verb: Verb, wanted: Sequence[Remediation], about: Callable[[str], Mapping[str, Json]], context: Context
) -> Generator[Step, Reply | None, _Heard]:
    """Asks all in one pipeline, and those after a statement that ended it again in another, without that statement."""
    device: DeviceInfo | None = None
    answers: dict[str, Mapping[str, Json]] = {}
    silent: dict[str, str] = {}
    pending = list(wanted)
    reads = verb in (Verb.CHECK, Verb.JOURNAL)
    tries = RECONNECTS if reads else 0
    while True:
        names = [one.id for one in pending]
        statements = payload.build(names, verb)
        argument = {"protocol": 1, "run": context.run, "verb": str(verb), "by": context.by}
        if context.wanted:
            argument["wanted"] = context.wanted
        reply = yield Send(
            verb, statements, json.dumps({**argument, "remediations": {name: about(name) for name in names}})
        )
        assert reply is not None
        read = answer.read(reply, statements)
        device = device or read.device
        answers.update(read.answers)
        if reply.end is End.LOST and tries:
            tries -= 1
            pending = [one for one in pending if one.id not in answers]
            continue
        if read.device is None:
            silent |= dict.fromkeys(names, _why_silent(reply, read, first=True))
            break
        missing = [name for name in names if name not in read.answers]
        if read.ended or not missing:
            silent |= dict.fromkeys(missing, "its script ended without an answer")
            break
        due = next(one.name for one in statements[1:-1] if one.name not in read.answers)
        culprits = [one.id for one in pending if one.session] if due == payload.SESSIONS else [due.split(".")[0]]
        silent |= dict.fromkeys(culprits, _why_silent(reply, read, first=False))
        # A connection that is lost again where a script was due may have ended with it: a script can end the engine.
        if reply.end is End.LOST and not reads:
            silent |= dict.fromkeys(missing, "the connection was lost")
            break
        pending = [one for one in pending if one.id in missing and one.id not in culprits]
        if not pending:
            break
    return _Heard(device, answers, silent)


def _why_silent(reply: Reply, read: Answers, *, first: bool) -> str:
    if reply.end is End.TIMEOUT:
        return "no answer within its time limit"
    if reply.end is End.FLOODED:
        return "the device sent more than an answer can hold"
    if reply.end is End.LOST:
        return "the connection was lost"
    detail = f" ({clean(reply.detail, 160)})" if reply.detail else ""
    if reply.end is End.FAILED and reply.detail.startswith(_BLOCKED_BY_ANTIMALWARE):
        return f"its script was blocked by antimalware{detail}"
    if reply.end is End.FAILED:
        return f"its script could not run to its end{detail}"
    return (
        f"the device answered nothing that can be read{detail}"
        if first or read.garbage
        else "its script ended without an answer"
    )


def _silence(heard: _Heard) -> str:
    return next(iter(heard.silent.values()), "the device answered nothing that can be read")


# ------------------------------------------------------------------------------------------------ judging


def _find(item: Item, heard: _Heard) -> Finding:
    """What was heard of one remediation, as a finding."""
    one = item.remediation
    if one.needs_symptom and not item.symptom:
        return Finding(
            Status.NOT_APPLICABLE,
            ["no symptom: no device shows this drift by itself, so it is looked for only for a code or by its name"],
        )
    device, data = heard.device, heard.answers.get(one.id)
    if device and device.bits == 32:
        return Finding(Status.UNKNOWN, ["32-bit endpoint"])
    if data is None:
        return Finding(Status.UNKNOWN, [_unanswered(device, heard.silent.get(one.id, _silence(heard)))])
    if "error" in data:
        return Finding(Status.UNKNOWN, [_error(device, data["error"])])
    facts = _told(data, one)
    if facts is None:
        return Finding(Status.UNKNOWN, ["the device answered no facts"])
    if one.session and "sessions" not in facts:
        failed = heard.answers.get(payload.SESSIONS, {}).get("error")
        return Finding(Status.UNKNOWN, [_error(device, failed) if failed else "nobody's session was asked"])
    finding = one.judge(facts, item.parameters)
    if finding.status is Status.DRIFTED and device and device.journal_state == "untrusted":
        reason = (
            f"journal folder not trustworthy ({device.journal_detail})"
            if device.journal_detail
            else "journal folder not trustworthy"
        )
        return Finding(Status.BLOCKED, [reason], finding.drift)
    if finding.status is Status.HEALTHY and _pending(one, device):
        return Finding(Status.FIXED, [f"set right, takes effect after a restart of the {_restart(one, device)}"])
    return finding


def _unanswered(device: DeviceInfo | None, reason: str) -> str:
    constrained = device is not None and device.language not in ("FullLanguage", "")
    return f"constrained language ({reason})" if constrained else reason


def _error(device: DeviceInfo | None, error: Json) -> str:
    about = error if isinstance(error, dict) else {}
    if about.get("kind") == "language":
        return "constrained language"
    said = clean(about.get("message", ""), 200)
    if about.get("kind") == "not_recorded":  # a replayed device that was recorded without it
        return said
    text = {
        "output": "its script answered something else than facts",
        "size": "its facts are larger than an answer can hold",
        "antimalware": "its script was blocked by antimalware",
    }.get(str(about.get("kind")), f"its script failed: {said}" if said else "its script failed")
    return _unanswered(device, text)


def _pending(one: Remediation, device: DeviceInfo | None) -> bool:
    entry = device.applied(one.id) if device else None
    return _restart(one, device) == "device" and entry is not None and entry.since_boot


def _restart(one: Remediation, device: DeviceInfo | None) -> str:
    return one.room_restart if device and device.room else one.restart


def _outcome(item: Item, finding: Finding, heard: _Heard) -> Outcome:
    restart = _restart(item.remediation, heard.device)
    waits = finding.status in (Status.FIXED, Status.DRIFTED) and restart != "none"
    return Outcome(
        item.remediation.id, finding.status, finding.reasons,
        finding.changes if finding.status is Status.DRIFTED else [],
        _facts(heard, item.remediation), restart=restart if waits else None,
        notes=[f"{name} is {moment}" for name, moment in item.moments.items()],
    )  # fmt: skip


def _facts(heard: _Heard, remediation: Remediation) -> dict[str, Json] | None:
    return _told(heard.answers.get(remediation.id) or {}, remediation)


def _told(data: Mapping[str, Json], one: Remediation) -> dict[str, Json] | None:
    facts = answer.told(data, one.lists)
    if facts is None:
        return None
    people = facts.get("sessions")
    if one.session and isinstance(people, list):
        facts["sessions"] = [one.read(person) for person in people]
    return one.read(facts)


def _with(outcome: Outcome, status: Status, *reasons: str) -> Outcome:
    return Outcome(outcome.remediation, status, list(reasons), [], outcome.facts, notes=outcome.notes)


def _refusals(
    one: Remediation, finding: Finding, allow: Collection[str], confirmed: Sequence[Change] | None,
    device: DeviceInfo | None, terms: Terms,
) -> list[str]:  # fmt: skip
    if reasons := _not_allowed(one, finding.changes, allow, device, terms):
        return reasons
    if confirmed is not None and list(confirmed) != list(finding.changes):
        return ["the device has changed since the plan was shown: nothing was done, run it again"]
    return []


def _not_allowed(
    one: Remediation, changes: Sequence[Change], allow: Collection[str], device: DeviceInfo | None, terms: Terms
) -> list[str]:
    because = {"disruptive": one.user_notices, "irreversible": one.irreversible_because}
    if one.reversible:
        because["irreversible"] = f"{', '.join(_removed(changes))} goes for good, and no undo brings it back"
    reasons = [f"needs --allow {word}: {because[word]}" for word in needs(one, changes) if word not in allow]
    refusal = terms.refusal(device, disruptive=one.risk == "disruptive")
    return [*reasons, refusal] if refusal else reasons


def needs(one: Remediation, changes: Sequence[Change]) -> list[str]:
    """What a fix that makes these changes must be allowed: people notice it, or something of it cannot be undone."""
    wanted = {"disruptive": one.risk == "disruptive", "irreversible": not one.reversible or bool(_removed(changes))}
    return [word for word, needed in wanted.items() if needed]


def _removed(changes: Sequence[Change]) -> list[str]:
    return [one.object for one in changes if one.action == "remove"]


def _state(heard: _Heard, run: str, name: str) -> str | None:
    """What the device's journal says of an entry now."""
    entries = heard.device.entries if heard.device else ()
    return next((one.state for one in entries if (one.run, one.remediation) == (run, name)), None)


def _fixed(run: str, item: Item, finding: Finding, done: _Heard, after: _Heard, first: Outcome) -> Outcome:
    """The outcome of a fix: what the second detect and the journal say, never what the fix says of itself."""
    name = item.remediation.id
    said = done.answers.get(name, {})
    now = _find(item, after)
    kept, ended = _told_of(said, "kept"), _ended(said)
    changes = [one for one in finding.changes if not (one.action == "remove" and one.object in kept)]
    if "done" in said:
        changes = [one for one in changes if one.action != "stop" or one.object in ended]
    changes += [one for one in _stopped(ended) if one not in changes]
    out = replace(
        first, status=Status.FIXED, changes=changes, facts_after=_facts(after, item.remediation), restart=None
    )
    state = _state(after, run, name)
    if "blocked" in said and state is None:
        out.notes = _ended_before(ended)
        return _with(out, Status.BLOCKED, _blocked(said["blocked"]))
    running = after.device is not None and after.device.lock is not None and after.device.lock[0] == run
    if now.status in (Status.HEALTHY, Status.FIXED) and state == "done" and not running:
        restart = _restart(item.remediation, after.device)
        out.restart = restart if restart != "none" else None
        out.reasons = list(finding.reasons)
        out.notes = [*first.notes, *(f"not removed: {what} ({why})" for what, why in kept.items())]
        return out
    failed = _error(done.device, said["error"]) if "error" in said else done.silent.get(name, "the fix ran")
    failed = _blocked(said["blocked"]) if "blocked" in said else "the fix still runs there" if running else failed
    if state == "begun":
        again = "undo it, then fix again" if item.remediation.reversible else "fix again"
        failed += f", and did not come to its end: {again}"
    out.status = Status.FAILED
    out.reasons = [f"{failed}; detected again: {now.status}", *now.reasons]
    return out


def _blocked(about: Json) -> str:
    about = about if isinstance(about, dict) else {}
    reason, detail = str(about.get("reason")), clean(about.get("detail") or "", 300)
    return {
        "held": f"held by {detail}",
        "journal_untrusted": f"journal folder not trustworthy ({detail})",
        "in_use": f"in use by {detail}",
        "changed_meanwhile": f"changed meanwhile: {detail}",
    }.get(reason, f"{clean(reason, 60).replace('_', ' ')}: {detail}" if detail else clean(reason, 60).replace("_", " "))


# ------------------------------------------------------------------------------------------------ the way back


def _journal(item: Item, finding: Finding, device: DeviceInfo | None, context: Context) -> str:
    """The text of the device's journal entry: all that undo needs; the controller writes it, and so knows its hash."""
    return json.dumps({
        "format": JOURNAL_FORMAT, "run": context.run, "by": context.by, "teamsmedic": __version__,
        "because": context.terms.because,
        "computer": device.computer if device else "", "remediation": item.remediation.id,
        "parameters": dict(item.parameters),
        "drift": finding.drift, "changes": [one.to_json() for one in finding.changes],
    }, sort_keys=True)  # fmt: skip


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parameters(plan: Plan, name: str) -> dict[str, Json]:
    return next(dict(item.parameters) for item in plan.items if item.remediation.id == name)


def _drift(todo: Sequence[tuple[Item, Finding]], name: str) -> list[dict[str, Json]]:
    return next(finding.drift for item, finding in todo if item.remediation.id == name)


def _entries(device: DeviceInfo, run: str, names: Collection[str]) -> list[Entry]:
    """The entries to undo: of the named run, or of the newest run in force; newest first."""
    mine = [one for one in device.entries if not names or one.remediation in names]
    live = [one for one in mine if one.state in ("begun", "done")]
    tried = (
        f"looked for run {run} in the journal of {device.computer}"
        if run != "last"
        else f"looked into the journal of {device.computer}"
    )
    if device.journal_state == "untrusted":
        raise Untrusted(
            tried,
            f"its folder is not trustworthy ({device.journal_detail})",
            "mend the folder's owner and permissions first",
        )
    if run == "last":
        if not live:
            newest = max((one.run for one in mine), default="")
            past = f"; the newest, {newest}: {_past([one for one in mine if one.run == newest])}" if mine else ""
            raise NothingToUndo(tried, f"nothing there is in force{past}", "nothing needs to be undone")
        run = max(live, key=lambda one: one.at).run
    found = [one for one in mine if one.run == run]
    if not found:
        others = ", ".join(sorted({one.run for one in live}))
        todo = f"use one of {others}" if others else "see teamsmedic runs, which names the hosts of each run"
        raise NotReversible(tried, f"there is no such run{'' if others else ', and none in force'}", todo)
    force = sorted((one for one in found if one.state in ("begun", "done")), key=lambda one: -one.at)
    if not force:
        raise NothingToUndo(tried, _past(found), "nothing needs to be undone")
    return force


def _past(entries: Sequence[Entry]) -> str:
    """What became of the ways back of a run, with the times."""
    words = {"undone": "undone"} | _GONE
    return "; ".join(f"{one.remediation}: {words[one.state]} (since {_time(one.state_at)})" for one in entries)


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(max(0, min(seconds, 2**33))))


_SCHEMA: Mapping[str, type] = {
    "format": int,
    "run": str,
    "remediation": str,
    "parameters": dict,
    "drift": list,
    "changes": list,
}


def _entry_of(one: Remediation, texts: _Heard, run: str, expected: str | None) -> _Entry | str:
    """The journal entry as checked data with its text, or the sentence why it is not used."""
    said = texts.answers.get(one.id) or {}
    entry = said.get("entry")
    text = entry.get("text") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return f"its journal entry could not be read: {texts.silent.get(one.id) or _blocked(said.get('blocked'))}"
    if expected is not None and _sha256(text) != expected:
        return "its journal entry on the device is not what this controller wrote: nothing was undone"
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "its journal entry on the device is damaged: nothing was undone"
    if answer.facts(data) is None or any(not isinstance(data.get(key), kind) for key, kind in _SCHEMA.items()):
        return "its journal entry on the device has not the form of one: nothing was undone"
    if (data["format"], data["run"], data["remediation"]) != (JOURNAL_FORMAT, run, one.id):
        return "its journal entry on the device is of another run, remediation or version: nothing was undone"
    try:
        changes = [Change(**change) for change in data["changes"]]
    except TypeError:
        return "its journal entry on the device has not the form of one: nothing was undone"
    if not all(isinstance(item, dict) for item in data["drift"]):
        return "its journal entry on the device has not the form of one: nothing was undone"
    named = [*(change.object for change in changes), *(item.get("object") for item in data["drift"])]
    for path in named:
        if (
            not isinstance(path, str)
            or not any(pattern.fullmatch(path) for pattern in one.objects)
            or re.search(r"(^|[\\/])\.\.([\\/]|$)", path)
        ):
            return f"its journal entry names {clean(path, 200)}, which {one.id} never touches: nothing was undone"
    return _Entry(run, text, data["parameters"], data["drift"], changes)


def _inverses(changes: Sequence[Change]) -> list[Change]:
    """What an undo puts back: processes that were stopped and older copies that were removed do not come back."""
    return [
        Change(one.object, "restore", one.after, one.before) for one in changes if one.action not in ("stop", "remove")
    ]


def _lifting(one: Remediation, values: Mapping[str, Json], given: Mapping[str, Collection[str]]) -> dict[str, Json]:
    """Of what was asked for now, the parameters that lift a guard: they may differ from those of the fix."""
    return {name: values[name] for name in given.get(one.id, ()) if name in one.lifting}


def _other_than_asked(
    one: Remediation, values: Mapping[str, Json], given: Collection[str], entry: _Entry
) -> str | None:
    """Why an undo must not go on as if it had been asked for: a parameter that would have to be another than the fix's.

    An age passes, so a moment is never the same again, and decides nothing in an undo.
    """
    for name in given:
        if (
            name in one.lifting
            or one.parameters[name]["type"] == "moment"
            or values[name] == entry.parameters.get(name)
        ):
            continue
        lifting = f" and take of its parameters {', '.join(one.lifting)} alone" if one.lifting else ""
        return (
            f"{name} was {clean(entry.parameters.get(name), 200)} in run {entry.run}, and an undo puts back all that "
            f"the run changed: leave {name} out{lifting}"
        )
    return None


def _undo_blocked(item: Item, heard: _Heard) -> str | None:
    """Why undoing must not start: what it does could not be verified."""
    name = item.remediation.id
    if name not in heard.answers:
        return heard.silent.get(name, _silence(heard))
    if "error" in heard.answers[name]:
        return _error(heard.device, heard.answers[name]["error"])
    return None


def _reverted(item: Item, entry: _Entry, changes: list[Change], done: _Heard, before: _Heard, after: _Heard) -> Outcome:
    """The outcome of an undo: the second detect must find the drift of the journal, and the journal say undone."""
    name = item.remediation.id
    said = done.answers.get(name, {})
    now = _find(item, after)
    restart = _restart(item.remediation, after.device)
    out = Outcome(
        name,
        Status.REVERTED,
        [],
        changes,
        _facts(before, item.remediation),
        _facts(after, item.remediation),
        None if restart == "none" else restart,
    )
    ended = _ended(said)
    if "blocked" in said:
        out.notes = _ended_before(ended)
        return _with(out, Status.BLOCKED, _blocked(said["blocked"]))
    lost, left = _told_of(said, "lost"), _told_of(said, "left")
    missing = {**lost, **left}
    out.changes = [*_stopped(ended), *(one for one in changes if not _belongs(one, missing))]
    out.notes = _gone_for_good(entry)
    back = {(str(one.get("fact")), str(one.get("object"))): one.get("before") for one in entry.drift}
    drift = item.remediation.drift(out.facts_after or {}, item.parameters)
    found = {(str(one.get("fact")), str(one.get("object"))): one.get("before") for one in drift}
    ended_well = _state(after, entry.run, name) == ("done" if left else "undone")
    if ended_well and all(key in found and found[key] == back[key] for key in back if key[1] not in missing):
        if missing:
            out.status = Status.FAILED
            out.reasons = [
                *(f"{what} cannot be put back ({why})" for what, why in lost.items()),
                *(f"{what} was not put back ({why}): mend that and undo again" for what, why in left.items()),
                "all else was put back",
            ]
        return out
    failed = _error(done.device, said["error"]) if "error" in said else done.silent.get(name, "the undo ran")
    out.status = Status.FAILED
    out.reasons = [f"{failed}; detected again: {now.status}, and not all is as it was", *now.reasons]
    return out


def _belongs(change: Change, objects: Collection[str]) -> bool:
    return any(change.object == one or change.object.startswith(f"{one}\\") for one in objects)


def _gone_for_good(entry: _Entry) -> list[str]:
    """What the fix removed, by name: no undo brings it back."""
    return [f"{one} was removed by that fix and does not come back" for one in _removed(entry.changes)]


def _told_of(said: Mapping[str, Json], word: str) -> dict[str, str]:
    """What a script tells of single objects in `kept`, `lost` or `left`: object to why."""
    done = said.get("done")
    told = done.get(word) if isinstance(done, dict) else None
    return {
        clean(one.get("object"), 1000): clean(one.get("detail"), 300)
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, dict)
    }


def _ended(said: Mapping[str, Json]) -> list[str]:
    """The programs that a script ended, each with whose it was, whatever became of the rest."""
    told = said.get("ended")
    return [clean(one, 300) for one in told] if isinstance(told, list) else []


def _ended_before(ended: Sequence[str]) -> list[str]:
    return [f"ended before that, and not started again: {', '.join(ended)}"] if ended else []


def _stopped(ended: Sequence[str]) -> list[Change]:
    return [Change(one, "stop", "running", None) for one in ended]
