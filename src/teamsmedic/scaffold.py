"""Starts a new code or a new remediation: writes its files with what is known, and a TODO where a person has to write.

`teamsmedic validate` refuses what is left of them.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from teamsmedic import catalog as catalogue
from teamsmedic import content, remediation
from teamsmedic.codes import shown
from teamsmedic.errors import RequestError

_STATE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
_VERB = re.compile(
    r"(add|apply|change|check|clean|clear|configure|delete|disable|do|enable|ensure|fix|flush|install|kill|make|mend|move"
    r"|patch|purge|reboot|refresh|register|reinstall|rejoin|remove|repair|reset|restart|restore|run|set|start|stop"
    r"|uninstall|unregister|update|upgrade|write)_"
)


def _refuse(tried: str, found: str, todo: str) -> NoReturn:
    raise RequestError(tried, found, todo)


def _checkout() -> Path:
    """The content root, where it is one that a person edits."""
    root = content.root()
    if root.name == "_content" or not os.access(root / "catalog", os.W_OK):
        _refuse(
            "looked for content to write to",
            f"{root} belongs to the installed program",
            "work in a checkout, or name one in TEAMSMEDIC_CONTENT",
        )
    return root


def code(given: str, family: str | None, sources: Sequence[str]) -> Path:
    """Adds a code to its family's file and gives that file; what its code space knows is filled in."""
    root = _checkout()
    catalog = catalogue.load(root)
    tried = f"added the code {given}"
    new = catalog.read(given)
    if new is None:
        _refuse(tried, "it has the form of no Teams code", "give it as in 0xCAA70007, AADSTS53003, sip:403 or 560403")
    if new in catalog.entries:
        _refuse(f"added the code {shown(new)}", f"the family {catalog.entries[new].family} lists it", "edit it there")
    if new in catalog.retired:
        _refuse(
            f"added the code {shown(new)}",
            f"it was retired: {catalog.retired[new]}",
            "remove it from retired.yaml first",
        )
    known = catalog.lookup(new)
    family = family or (known.family if known else None)
    if family is None:
        _refuse(tried, "no code space holds it", f"name its family: --family, one of {', '.join(catalog.families)}")
    if family not in catalog.families:
        _refuse(tried, f"there is no family {family}", f"use one of {', '.join(catalog.families)}")
    if unknown := sorted(set(sources) - set(catalog.sources)):
        _refuse(tried, f"there is no source {unknown[0]}", "add it to catalog/sources.yaml first")
    rests_on = list(sources) or (list(known.verdict.sources) if known else [])
    if not rests_on:
        _refuse(tried, "nothing says what it rests on", "name a page of catalog/sources.yaml: --source ID")
    item = _item(new.text, known, f"[{', '.join(rests_on)}]")
    path = root / "catalog" / f"{family}.yaml"
    path.write_text(content.read_text(path).rstrip("\n") + "\n\n" + item, encoding="utf-8")
    return path


def _item(text: str, known: catalogue.Entry | None, sources: str) -> str:
    """The YAML of a new code: the statements of its space, as far as it has one, and places for a person's words."""
    sure = f"confidence: guess, sources: {sources}"
    lines = [f"  - code: {_quoted(text)}"]
    if known and known.name:
        lines.append(f"    name: {{text: {_quoted(known.name.text)}, {_rests(known.name)}}}")
    lines += ["    meaning:", f'      - {{text: "TODO: what it means, in one sentence.", {sure}}}']
    if known:
        lines += [_statement(one) for one in known.meaning]
    verdict = known.verdict if known else None
    who = verdict.who.value if verdict else "unknown"
    lines.append(f"    verdict: {{who: {who}, {_rests(verdict) if verdict else sure}}}")
    lines.append("    causes:" if known and known.causes else "    causes: []")
    lines += [f"      - {{cause: {one.cause}, {_rests(one)}}}" for one in (known.causes if known else ())]
    lines += ["    check_first:", f'      - {{text: "TODO: what to look at first.", {sure}}}']
    lines += [_statement(one) for one in (known.check_first if known else ())]
    lines += ["    do_not_assume:", f'      - {{text: "TODO: what would be the wrong conclusion.", {sure}}}']
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _rests(one: catalogue.Statement | catalogue.Verdict | catalogue.NamedCause) -> str:
    return f"confidence: {one.confidence}, sources: [{', '.join(one.sources)}]"


def _statement(one: catalogue.Statement) -> str:
    body = textwrap.fill(one.text, 108, break_long_words=False, break_on_hyphens=False)
    lines = ["      - text: >-", textwrap.indent(body, " " * 10), f"        confidence: {one.confidence}"]
    lines.append(f"        sources: [{', '.join(one.sources)}]")
    if one.as_of:
        lines.append(f'        as_of: "{one.as_of}"')
    return "\n".join(lines)


def new_remediation(path: str, cures: Sequence[str]) -> Path:
    """Makes the folder of a new remediation, LAYER/STATE, and gives it; the scripts read and change nothing yet."""
    root = _checkout()
    tried = f"made the remediation {path}"
    layer, _, name = path.strip("/").removeprefix("remediations/").partition("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", layer) or not _STATE.fullmatch(name):
        _refuse(tried, "it has not the form LAYER/STATE", "write lower-case words, as in client/client_cache_fresh")
    if verb := _VERB.match(name):
        _refuse(tried, f"{verb[1]} is something to do and no state", "name what will be so, as in client_cache_fresh")
    catalog = catalogue.load(root)
    known = remediation.load(root)
    if name in known:
        _refuse(tried, f"{name} is there, in {known[name].layer}", "edit it, or name another state")
    if because := catalog.retired_ids["remediations"].get(name):
        _refuse(tried, f"that id was retired: {because}", "name it otherwise: an id is never reused")
    if unknown := sorted(set(cures) - set(catalog.causes)):
        _refuse(tried, f"there is no cause {unknown[0]}", "add it to catalog/causes.yaml first")
    if not cures:
        _refuse(tried, "it cures nothing", "name a cause of catalog/causes.yaml: --cures CAUSE")
    folder = root / "remediations" / layer / name
    if folder.exists():
        _refuse(tried, f"{folder} is there", "remove it, or name another state")
    title = name.replace("_", " ").capitalize()
    for file, text in _files(name, title, ", ".join(cures), "../../../src/teamsmedic/schemas").items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def _files(name: str, title: str, cures: str, schemas: str) -> dict[str, str]:
    return {
        "remediation.yaml": f"""\
# yaml-language-server: $schema={schemas}/remediation.schema.json
---
title: {title}
summary: >-
  TODO: what this guarantees, and what it leaves alone.
cures: [{cures}]
context: machine
risk: safe
restart: none
user_notices: "TODO: what the user notices."
uses: [registry]
desired:
  value: {{equals: 1}}
reasons:
  value: "TODO: what is wrong: {{object}} is {{value}}"
objects:
  - 'TODO: a pattern for every object that a fix may touch'
references:
  - https://learn.microsoft.com/  # TODO: the page that this rests on
""",
        "detect.ps1": """\
# TODO: what it reads, and why that decides.
param([object] $Parameters)
[ordered]@{ value = [ordered]@{ object = 'TODO'; value = 1 } }
""",
        "fix.ps1": """\
# TODO: what it writes. It gets only what drifted.
param([object] $Parameters, [object[]] $Drift)
[ordered]@{ written = $Drift.Count }
""",
        "undo.ps1": """\
# TODO: how what stood there before comes back.
param([object] $Parameters, [object[]] $Items)
[ordered]@{ restored = $Items.Count }
""",
        "README.md": f"""\
# {name}

TODO: the state, in one sentence.

## When
TODO: at which signs.

## What the user notices
TODO

## What remains
TODO

## Links
TODO
""",
        "tests/cases.yaml": f"""\
# yaml-language-server: $schema=../{schemas}/cases.schema.json
---
cases:
  healthy:
    summary: "TODO: as on a new device"
    role: desktop
    break: null
    facts:
      value: {{object: TODO, value: 1}}
    status: healthy
  room_healthy:
    summary: "TODO: the same on a Room"
    role: room
    break: null
    facts:
      value: {{object: TODO, value: 1}}
    status: healthy
  drifted:
    summary: "TODO: what is wrong"
    role: desktop
    break: break/drifted.ps1
    facts:
      value: {{object: TODO, value: 0}}
    status: drifted
""",
        "tests/break/drifted.ps1": "# TODO: puts a device into the case `drifted`.\n",
    }
