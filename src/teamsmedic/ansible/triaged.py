"""A triage behind the Ansible door: what a task's options ask for, and the result that its host gets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from teamsmedic.interview import Interview, record
from teamsmedic.outcome import Json
from teamsmedic.plan import Plan
from teamsmedic.result import HostResult
from teamsmedic.runfolder import RunFolder

SILENT = "a playbook asks nobody: give it in answers"


def prepare(
    codes: Any, answers: Mapping[str, str], tried: Sequence[str], *, redact: bool, now: float
) -> tuple[Interview, Plan | None]:
    """The interview that the options make, and the plan of its check; None where no device tells of these codes."""
    interview = Interview.begin((), answers, tried=tried, redact=redact, silent=SILENT, open_ended=True, texts=_texts())
    for entry in interview.catalog.resolve(codes) if codes else ():
        interview.evidence.add(entry.code)
        interview.evidence.given = True
    wanted = interview.wanted()
    return interview, None if wanted is None else interview.plan(wanted, now)


def _texts() -> Path | None:
    named = os.environ.get("TEAMSMEDIC_TEXTS")
    return Path(named).expanduser() if named else None


def told(
    interview: Interview,
    result: HostResult,
    between: tuple[float, float],
    where: Path,
    *,
    checked: bool,
    folder: RunFolder | None = None,
) -> dict[str, Json]:
    """`verdict` and `triage` for the task's result, and a line for people."""
    device = interview.device(result, between, where) if checked else None
    it = interview.decide(device)
    document = interview.document(it, result.to_json())
    if folder and result.report:
        folder.write(result.host, "triage", record(document))
    # The host's part of the check stands in the result itself.
    del document["outcomes"]
    said = f"{it.verdict}: {it.reasons[-1]} Next: {it.next}" + (f" ({it.command})" if it.command else "")
    return {"verdict": it.verdict.value, "triage": json.loads(json.dumps(document)), "msg": said}
