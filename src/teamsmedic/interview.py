"""The edge of a triage: reads what was given, asks on a terminal, looks into earlier runs, and builds the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from teamsmedic import checklist, content, handover, questions, reading, remediation, runfolder, triage
from teamsmedic import plan as planning
from teamsmedic.catalog import Catalog, book
from teamsmedic.codes import Code
from teamsmedic.errors import RequestError, UnknownCode, UnknownRemediation
from teamsmedic.evidence import Evidence, Find
from teamsmedic.explain import WHO
from teamsmedic.outcome import Json, Status
from teamsmedic.questions import Question
from teamsmedic.remediation import Remediation
from teamsmedic.result import HostResult
from teamsmedic.text import clean
from teamsmedic.triage import Answer, Device, Past, Triage

_MEANT = re.compile(r"\S+\.(?:log|txt|xml|json|csv|gz|zip)|(?:\.{0,2}/|[A-Za-z]:\\)\S*", re.I)
"""What can only have been meant as a path, as `explain` reads it."""
DAYS = 14
"""Days for which an earlier repair counts as one of this trouble: as long as a copy is kept of what was set aside."""


@dataclass
class Interview:
    """One triage from its evidence to its document. `given`: question id to the word of its option."""

    evidence: Evidence
    given: dict[str, str]
    catalog: Catalog
    known: Mapping[str, Remediation]
    tried: tuple[str, ...] = ()
    ten_points: bool = False
    redact: bool = True
    asked: dict[str, str] = field(default_factory=dict)
    silent: str = "there is no terminal to ask on"
    texts: Path | None = None

    @classmethod
    def begin(
        cls, what: Sequence[str], given: Mapping[str, str], *, standard_input: BinaryIO | None = None,
        tried: Sequence[str] = (), ten_points: bool = False, redact: bool = True, silent: str = "",
        open_ended: bool = False, texts: Path | None = None,
    ) -> Interview:  # fmt: skip
        """Reads the arguments; RequestError for an answer, a remediation or a file that is none, or for nothing at all.

        `open_ended`: more is going to be known, of somebody who is asked or of a device. `texts`: a folder with a
        site's own templates for the texts to others.
        """
        handover.own(texts)
        root = content.root()
        catalog, known = book(root), remediation.load(root)
        out = cls(read(what, catalog, standard_input), {}, catalog, known, tuple(tried), ten_points, redact)
        out.silent, out.texts = silent or out.silent, texts
        for name in tried:
            if name not in known:
                raise UnknownRemediation(
                    "read --tried", f"there is no remediation {clean(name)}", f"use one of {', '.join(known)}"
                )
        for name, word in given.items():
            out.take(name, word, out.given)
        if not (out.evidence.given or out.given or ten_points or open_ended):
            raise RequestError(
                "began a triage", "neither a code, nor a text, nor an answer is given", "see teamsmedic triage --help"
            )
        return out

    def take(self, name: str, word: str, into: dict[str, str]) -> None:
        """Takes one answer; a Microsoft response code becomes evidence."""
        if name not in questions.BY_ID:
            raise RequestError(
                "read an answer", f"there is no question {clean(name, 60)}", f"use {', '.join(questions.BY_ID)}"
            )
        question = questions.BY_ID[name]
        if question.values:
            if question.value(word) is None:
                raise RequestError(
                    f"read {question.option}", f"{clean(word, 60)} is no answer", f"use {' or '.join(question.words)}"
                )
        else:
            code = self.catalog.read(word)
            if code is None or not self.evidence.add(code):
                raise UnknownCode(
                    f"read {question.option}", f"{clean(word, 60)} is no code that is known", "give it as in 560403"
                )
            word = code.text
        into[name] = word

    def answers(self, device: Device | None = None) -> dict[str, Answer]:
        """All answers that there are."""
        return triage.answered(self.evidence, self.given, self.asked, device)

    def wanted(self) -> list[str] | None:
        """The remediations that a device is to be checked for; None where no device is of use."""
        wanted = triage.wanted(self.evidence, self.answers(), self.known)
        if self.ten_points:
            wanted = [name for name in self.known if name in {*(wanted or ()), *checklist.CHECKED}]
        return wanted

    def plan(self, names: Sequence[str], now: float) -> planning.Plan:
        """The plan of the check: these remediations, or none where only who answers matters."""
        codes = [code.text for code in self.evidence.codes]
        if not names:
            return planning.Plan((), tuple(codes))
        made = planning.make(self.known, names=names, now=now)
        return planning.Plan(made.items, tuple(codes))

    def device(self, result: HostResult, between: tuple[float, float], where: Path) -> Device:
        """A checked host, with what earlier runs did there."""
        return Device(
            host=result.host,
            outcomes=result.outcomes,
            info=result.report.device if result.report else None,
            between=between,
            error=str(result.error) if result.error else None,
            past=history(where, result.host, between[1]),
        )

    def decide(self, device: Device | None = None, again: str = "") -> Triage:
        """The triage of a host, or of none, with what is known so far."""
        return triage.decide(
            self.evidence, self.answers(device), self.catalog, self.known,
            device=device, tried=self.tried, silent=self.silent, again=again,
        )  # fmt: skip

    def ask(self, devices: Sequence[Device | None], put: Callable[[Question], str | None]) -> None:
        """Asks, one after the other, what could still change a triage; `put` gives a word, or None for "not known"."""
        passed: set[str] = set()
        while True:
            due: list[Question] = []
            for device in devices or [None]:
                due += triage.open_questions(self.decide(device))
            if self.ten_points:
                answers = self.answers(devices[0] if devices else None)
                due += [questions.BY_ID[name] for name in checklist.ASKED if name not in answers]
            question = next((one for one in due if one.id not in passed), None)
            if question is None:
                return
            passed.add(question.id)
            if word := put(question):
                self.take(question.id, word, self.asked)

    def document(self, it: Triage, outcome: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """One host's part of the document; `outcome`: the host's part of a check's document."""
        points = checklist.points(it.answers, self.evidence, it.device) if self.ten_points else None
        return {
            "host": it.device.host if it.device else None,
            "kind": (outcome or {}).get("kind"),
            "error": it.device.error if it.device else None,
            "verdict": it.verdict.value,
            "who": WHO[it.verdict],
            "solved": it.solved,
            "reasons": it.reasons,
            "contradictions": it.contradictions,
            "place": it.place,
            "shared_identity_transport": it.shared,
            "codes": [
                {
                    "code": one.entry.code.text,
                    "family": one.entry.family,
                    "verdict": one.entry.verdict.who.value,
                    "confidence": one.entry.verdict.confidence.value,
                    "meaning": one.entry.meaning[0].text,
                    "count": one.count,
                }
                for one in it.codes
            ],
            "causes": [
                {
                    "id": one.id,
                    "title": one.title,
                    "verdict": one.verdict.value,
                    "state": one.state.value,
                    "reasons": one.reasons,
                    "named_by": one.named_by,
                    "manual": [step.text for step in self.catalog.causes[one.id].manual],
                }
                for one in it.causes
            ],
            "next": {"text": it.next, "command": it.command, "remediation": it.repair},
            "ladder": [
                {
                    "remediation": one.remediation.id,
                    "title": one.remediation.title,
                    "grade": one.grade,
                    "causes": one.causes,
                    "state": one.state.value,
                    "reason": one.reason,
                }
                for one in it.ladder
            ],
            "offered": it.offered,
            "stopped": it.stopped,
            "answers": [{"question": name, "answer": one.word, "by": one.by.value} for name, one in it.answers.items()],
            "not_asked": [
                {"question": one.id, "text": one.text, "option": one.option, "why": why} for one, why in it.not_asked
            ],
            "checklist": None
            if points is None
            else [
                {"number": one.number, "title": one.title, "state": one.state, "by": one.by, "text": one.text}
                for one in points
            ],
            "texts": handover.texts(it, self.evidence, self.catalog, redacted=self.redact, folder=self.texts),
            "outcomes": (outcome or {}).get("outcomes", []),
        }


def whole(
    interview: Interview, results: Sequence[Mapping[str, Json]], exit_code: int, *, run: str | None = None,
    folder: str | None = None,
) -> dict[str, Json]:  # fmt: skip
    """The document of `triage --json` (schemas/triage.schema.json)."""
    return {
        "version": triage.VERSION,
        "command": "triage",
        "run": run,
        "folder": folder,
        "exit_code": exit_code,
        "redacted": interview.redact,
        "results": list(results),
    }


def record(part: Mapping[str, Json]) -> dict[str, Json]:
    """What the run folder keeps of one host's triage (type `triage`)."""
    return {"verdict": part["verdict"], "next": part["next"]["text"], "reasons": part["reasons"]}


def read(what: Sequence[str], catalog: Catalog, standard_input: BinaryIO | None = None) -> Evidence:
    """The evidence that the arguments name: each a code, `-` for standard input, a path, or all together one text.

    A code wins over a path of the same name. RequestError for what cannot be read.
    """
    out = Evidence(catalog)
    words: list[str] = []
    for one in what:
        if code := _code(one, catalog):
            out.given = True
            out.add(code)
        elif one == "-":
            if standard_input:
                out.read(reading.stream("standard input", standard_input).pieces(), _finder(catalog))
        elif _is_path(one):
            for each in reading.path(one):
                out.read(each.pieces(), _finder(catalog))
        else:
            words.append(one)
    if len(words) == 1 and _MEANT.fullmatch(words[0]):
        raise RequestError(
            f"read {clean(words[0], 200)}", "there is no such file", "correct its name, or quote a text with blanks"
        )
    if words:
        out.read(reading.text(" ".join(words)), _finder(catalog))
    return out


def _finder(catalog: Catalog) -> Find:
    from teamsmedic.recognise import Recogniser  # noqa: PLC0415 - a code alone needs no patterns

    return Recogniser(catalog).find


def _code(given: str, catalog: Catalog) -> Code | None:
    code = catalog.read(given)
    return code if code and (catalog.lookup(code) or code in catalog.retired) else None


def _is_path(given: str) -> bool:
    try:
        return bool(given) and Path(given).exists()
    except (OSError, ValueError):  # longer than a name can be, or with a zero in it
        return False


def history(where: Path, host: str, now: float) -> list[Past]:
    """What runs of the last days did on a host, the newest first; what cannot be understood there is left out."""
    first = f"{datetime.fromtimestamp(now, UTC) - timedelta(days=DAYS):%Y%m%dT%H%M%SZ}"
    out: list[Past] = []
    for folder in reversed(runfolder.every(where)):
        if folder.id < first:  # a run's id begins with its time
            break
        if not folder.has(host) or folder.manifest().get("command") not in ("fix", "undo"):
            continue
        for record in reversed(folder.of(host)):
            said = record.get("outcomes") if record.get("type") == "outcome" else None
            out += [
                Past(folder.id, str(one.get("remediation")), Status(str(one["status"])))
                for one in (said if isinstance(said, list) else ())
                if isinstance(one, dict) and str(one.get("status")) in tuple(Status)
            ]
    return out


def prompt(question: Question) -> str:
    """The question as a line, with its possible answers."""
    return f"{question.text} [{'/'.join((*question.words, '?')) if question.values else 'a code, or ?'}]"
