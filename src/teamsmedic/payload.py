"""Composes the exact text that a device is sent: constant for a set of remediations and a verb."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from teamsmedic import content, remediation
from teamsmedic.errors import RequestError
from teamsmedic.hosts.base import Statement, Verb

PRELUDE, END, SESSIONS = "prelude", "end", "sessions"
PRELUDE_LIMIT = 45.0
"""Seconds: the first statement also waits for the device's first WMI answer, slow on a device that has just started."""
END_LIMIT = 15.0
SESSION_START = 45.0
"""Seconds that the sessions of people get besides those of their scripts: a task may start 30 s after being told to."""
_WRAPPER = {
    Verb.CHECK: "Invoke-TMDetect",
    Verb.FIX: "Invoke-TMFix",
    Verb.UNDO: "Invoke-TMUndo",
    Verb.FORGET: "Invoke-TMForget",
}
_SCRIPT = {Verb.CHECK: "detect.ps1", Verb.FIX: "fix.ps1", Verb.UNDO: "undo.ps1", Verb.FORGET: "forget.ps1"}


def build(ids: Sequence[str], verb: Verb) -> tuple[Statement, ...]:
    """The statements for these remediations, in this order: prelude with the helpers they name, one each, and the end.

    What runs in the sessions of people comes before them: `ID.session` brings a script, `sessions` runs all of a check.

    A check payload holds no repair code: what changes a device (`_change.ps1`, `_helpers/NAME_change.ps1`) travels with
    the other verbs only.
    """
    return _build(tuple(ids), verb, content.root())


@functools.lru_cache(maxsize=256)
def _build(ids: tuple[str, ...], verb: Verb, root: Path) -> tuple[Statement, ...]:
    folder = root / "remediations"
    wanted = [remediation.load(root)[name] for name in ids]
    desk = [
        one for one in wanted if (one.session and verb is Verb.CHECK) or (one.context == "user" and verb is Verb.FIX)
    ]
    used = {name for one in wanted for name in one.uses} | ({"profiles"} if desk else set())
    helpers = sorted(used) if verb is not Verb.JOURNAL else []
    files = [folder / "_prelude.ps1", *(folder / "_helpers" / f"{name}.ps1" for name in helpers)]
    if desk:
        files.insert(1, folder / "_session.ps1")
    if verb is not Verb.CHECK:
        changing = (folder / "_helpers" / f"{name}_change.ps1" for name in helpers)
        files += [
            folder / "_change.ps1",
            *([folder / "_session_change.ps1"] if desk else []),
            *(file for file in changing if file.exists()),
        ]
    first = "\n".join(slim(content.read_text(file)) for file in files) + "\n"
    if desk:
        first += "$TM.Desk = @({})\n".format(", ".join(f"'{one.id}'" for one in desk))
    statements = [Statement(PRELUDE, first, PRELUDE_LIMIT)]
    for one in desk:
        script = slim(content.read_text(one.folder / (one.session if verb is Verb.CHECK else "fix.ps1")))
        wrapper = "Invoke-TMDetect" if verb is Verb.CHECK else "Invoke-TMSessionChange"
        text = f"Add-TMSession -Id '{one.id}' -Script {{\n{wrapper} -Name '{one.id}' -Script {{\n{script}\n}}\n}}\n"
        statements.append(Statement(f"{one.id}.session", text, END_LIMIT))
    if desk and verb is Verb.CHECK:
        names, seconds = ", ".join(f"'{one.id}'" for one in desk), sum(one.timeout for one in desk)
        text = f"Invoke-TMSessionCheck -Id {names} -Limit {seconds}\n"
        statements.append(Statement(SESSIONS, text, SESSION_START + seconds))
    for one in wanted:
        if verb is Verb.JOURNAL:
            text = f"Invoke-TMJournal -Name '{one.id}'\n"
        elif one.context == "user" and verb is Verb.CHECK:
            text = f"Invoke-TMDetect -Name '{one.id}' -Script {{ [ordered]@{{ room = [bool]$TM.Host.room }} }}\n"
        elif one.context == "user" and verb is Verb.FIX:
            work = f"Invoke-TMSessionFix -Name '{one.id}' -Drift $Drift -Limit {one.fix_timeout}"
            text = f"Invoke-TMFix -Name '{one.id}' -Script {{ param($Parameters, $Drift) {work} }}\n"
        else:
            script = slim(content.read_text(one.folder / _SCRIPT[verb]))
            text = f"{_WRAPPER[verb]} -Name '{one.id}' -Script {{\n{script}\n}}\n"
        limit = float(one.timeout if verb in (Verb.CHECK, Verb.JOURNAL) else one.fix_timeout)
        statements.append(Statement(one.id, text, limit + SESSION_START * (one in desk and verb is Verb.FIX)))
    return (*statements, Statement(END, "Write-TMEnd\n", END_LIMIT))


def slim(script: str) -> str:
    """The script without comments of their own lines and blank lines; here-strings stay as they are.

    Every character costs both ends (facts: a newline is an escape of seven characters in CLIXML).
    """
    kept: list[str] = []
    here = block = ""
    for line in script.split("\n"):
        bare = line.strip()
        if here:
            kept.append(line)
            here = "" if line.startswith(here) else here
        elif block:
            block = "" if "#>" in bare else block
        elif bare.startswith("<#"):
            block = "" if "#>" in bare else "#>"
        elif bare and not bare.startswith("#"):
            kept.append(line.rstrip())
            here = {"@'": "'@", '@"': '"@'}.get(bare[-2:], "")
    return "\n".join(kept)


def digest(statements: Sequence[Statement]) -> str:
    """SHA-256 of the statements' texts, hexadecimal: what a change of any script changes."""
    return hashlib.sha256("\0".join(one.text for one in statements).encode()).hexdigest()


def identify(texts: Sequence[str], argument: str) -> tuple[Verb, list[str]]:
    """Which verb and remediations these texts are; RequestError with the hash of the first text that is none of ours.

    The argument names them, and the texts must then be the very ones that `build` makes.
    """
    try:
        data = json.loads(argument)
        verb, ids = Verb(data["verb"]), list(data["remediations"])
        expected = build(ids, verb)
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError("read the argument", repr(error), "send what teamsmedic composes") from error
    for number, text in enumerate(texts):
        if number >= len(expected) or expected[number].text != text:
            found = hashlib.sha256(text.encode()).hexdigest()[:12]
            raise RequestError(
                "looked for a recorded answer",
                f"no statement of this version has the hash {found}",
                "use the same teamsmedic on both sides",
            )
    return verb, ids
