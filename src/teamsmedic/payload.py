"""Composes the exact text that a device is sent: constant for a set of remediations and a verb."""

from __future__ import annotations

import codecs
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from teamsmedic import content, remediation
from teamsmedic.errors import RequestError
from teamsmedic.hosts.base import Statement, Verb
from teamsmedic.remediation import Remediation

PRELUDE, END, SESSIONS = "prelude", "end", "sessions"
PRELUDE_LIMIT = 45.0
"""Seconds: the first statement also waits for the device's first WMI answer, slow on a device that has just started."""
END_LIMIT = 15.0
SESSION_START = 90.0
"""Seconds that the sessions of people get besides those of their scripts: 30 in which tasks are told to start, 30 in
which one must have started, and what it takes to sweep before and to remove after."""
_WRAPPER = {
    Verb.CHECK: "Invoke-TMDetect",
    Verb.FIX: "Invoke-TMFix",
    Verb.UNDO: "Invoke-TMUndo",
    Verb.FORGET: "Invoke-TMForget",
}
_HERE = re.compile(r"""(?:^|[\s(,=])@(['"])$""")
"""How a line ends below which a here-string stands: not with a text whose last character is an @."""
_FUNCTION = re.compile(r"function ([\w-]+) \{(.*)")
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
    desk = _desk(wanted, verb)
    used = {name for one in wanted for name in one.uses} | ({"profiles"} if desk else set())
    helpers = sorted(used) if verb is not Verb.JOURNAL else []
    files = _files(folder, helpers, verb, bool(desk))
    first = "\n".join(slim(content.read_text(file)) for file in files) + "\n"
    if desk:
        first += f"$TM.Desk = {_array(one.id for one in desk)}\n"
        for name, functions in _desk_functions(desk, verb, folder).items():
            first += f"$TM.Parts['{name}'] = {_array(functions)}\n"
    statements = [Statement(PRELUDE, first, PRELUDE_LIMIT)]
    for one in desk:
        text = f"Add-TMSession -Id '{one.id}' -Script {{{_desk_script(one, verb)}}}\n"
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


def _array(names: Iterable[str]) -> str:
    return "@({})".format(", ".join(f"'{name}'" for name in names))


def _desk(wanted: Iterable[Remediation], verb: Verb) -> list[Remediation]:
    """Those of which a script runs in the sessions of people."""
    return [
        one for one in wanted if (verb is Verb.CHECK and one.session) or (verb is Verb.FIX and one.context == "user")
    ]


def _files(folder: Path, helpers: Sequence[str], verb: Verb, desk: bool) -> list[Path]:
    """What the first statement is made of, in order."""
    files = [folder / "_prelude.ps1", *([folder / "_session.ps1"] if desk else [])]
    files += [folder / "_helpers" / f"{name}.ps1" for name in helpers]
    if verb is not Verb.CHECK:
        changing = (folder / "_helpers" / f"{name}_change.ps1" for name in helpers)
        files += [folder / "_change.ps1", *([folder / "_session_change.ps1"] if desk else [])]
        files += [file for file in changing if file.exists()]
    return files


def _desk_functions(desk: Sequence[Remediation], verb: Verb, folder: Path) -> dict[str, dict[str, str]]:
    """The functions in each script file of a session, with what stands in their braces: `run`, and one a remediation,
    which has its own helpers; so a file does not depend on what else is asked for."""
    files = {"run": _files(folder, [], verb, desk=True)}
    for one in desk:
        helpers = [folder / "_helpers" / f"{name}.ps1" for name in sorted(one.uses)]
        changing = [file.with_name(f"{file.stem}_change.ps1") for file in helpers] if verb is not Verb.CHECK else []
        files[one.id] = [*helpers, *(file for file in changing if file.exists())]
    return {
        name: {function: body for file in several for function, body in _functions(slim(content.read_text(file)))}
        for name, several in files.items()
    }


def _functions(text: str) -> Iterator[tuple[str, str]]:
    """The functions of a text as `slim` leaves it: each begins and ends at the margin, where no here-string is open."""
    name = here = ""
    body: list[str] = []
    for line in text.split("\n"):
        if found := not here and not name and _FUNCTION.match(line):
            name, body = found[1], [found[2]]
        elif not here and name and line == "}":
            yield name, "\n".join([*body, ""])
            name = ""
        elif name:
            body.append(line)
        if found and found[2].endswith("}"):
            yield name, found[2][:-1]
            name = ""
        here = ("" if line.startswith(here) else here) if here else _opens(line)


def _opens(line: str) -> str:
    """How the here-string that begins after this line ends; empty where none does."""
    found = _HERE.search(line)
    return f"{found[1]}@" if found else ""


def _desk_script(one: Remediation, verb: Verb) -> str:
    script = slim(content.read_text(one.folder / (one.session if verb is Verb.CHECK else "fix.ps1")))
    wrapper = "Invoke-TMDetect" if verb is Verb.CHECK else "Invoke-TMSessionChange"
    return f"\n{wrapper} -Name '{one.id}' -Script {{\n{script}\n}}\n"


def desk_scripts(verb: Verb) -> dict[str, bytes]:
    """The script files that this verb may put into a session's folder, by name; `run.ps1` starts the others.

    Just these bytes lie there (`Get-TMSessionText` on the device), so that their hashes can be allowed.
    """
    root = content.root()
    desk = _desk(remediation.load(root).values(), verb)
    texts = {}
    for name, functions in _desk_functions(desk, verb, root / "remediations").items():
        parts = [f"function {function} {{\n{body}\n}}" for function, body in functions.items()]
        texts[name] = "\n".join([*parts, "Invoke-TMSessionRun -Folder $PSScriptRoot" if name == "run" else ""])
    for one in desk:
        texts[one.id] += _desk_script(one, verb)
    return {f"{name}.ps1": codecs.BOM_UTF8 + text.encode() for name, text in texts.items()}


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
            here = _opens(bare)
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
