"""The commands `report`, `diff` and `verify`: read runs, print. Imports come late: start-up is counted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from teamsmedic.errors import ExitCode, RequestError, RunFolderError

if TYPE_CHECKING:
    from teamsmedic.redact import Redactor
    from teamsmedic.report.differs import Difference
    from teamsmedic.result import Result
    from teamsmedic.runreader import Run

FORMATS = ("html", "markdown", "csv", "json", "junit", "sarif")
_run_dir = click.option("--run-dir", metavar="FOLDER", help="Where run folders lie (TEAMSMEDIC_RUN_DIR).")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
redact_option = click.option("--redact", is_flag=True, help="Replace names, addresses and numbers by pseudonyms.")


def key() -> bytes:
    """This controller's key of pseudonyms, made at its first use, so that one name has one pseudonym in all outputs."""
    from teamsmedic import runfolder

    file = runfolder.state() / "redact.key"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = file.with_suffix(f".{os.getpid()}.tmp")
            draft.touch(0o600)
            draft.write_bytes(secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):  # whoever comes second takes the first one's
                os.link(draft, file)
            draft.unlink()
        return file.read_bytes()
    except OSError as error:
        raise RunFolderError(
            f"read the key of pseudonyms {file}", error.strerror or type(error).__name__, "make the folder writable"
        ) from error


def _runs(given: Sequence[str], run_dir: str | None) -> list[Run]:
    from teamsmedic import runfolder, runreader

    where = runfolder.base(run_dir)
    return [runreader.read(runreader.locate(one, where)) for one in given]


def _redactor(runs: Sequence[Run]) -> Redactor:
    from teamsmedic.redact import Redactor
    from teamsmedic.report import model

    return Redactor(model.names(runs), key())


def _write(text: str, output: Path | None) -> None:
    if output is None:
        from teamsmedic import cli

        with cli._writing():
            click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise RequestError(
            f"wrote the report to {output}", error.strerror or type(error).__name__, "name a file that can be written"
        ) from error


def redacted(result: Result, more: Iterable[tuple[str, str]] = ()) -> Result:
    """A command's result without names; `more`: names that its hosts do not tell themselves."""
    from teamsmedic import handover
    from teamsmedic.redact import Redactor, told

    known = list(more)
    for one in result.hosts:
        known.append(("host", one.host))
        if one.report and one.report.device:
            known.append(("host", one.report.device.computer))
        for outcome in one.outcomes:
            for facts in (outcome.facts, outcome.facts_after):
                known += [*handover.people(facts), *told(facts)]
            known += [
                *told([*outcome.reasons, *outcome.notes]),
                *told([[change.object, change.after] for change in outcome.changes]),
            ]
    return Redactor(known, key()).data(result)


def nameless(sentence: str, arguments: Sequence[str]) -> str:
    """A sentence for stderr without names: those of the hosts that the arguments ask for, and whatever has a form."""
    from teamsmedic.redact import Redactor

    known = list(_asked_for(arguments))
    try:
        return Redactor(known, key())(sentence)
    except RunFolderError:  # about which this may be
        return Redactor(known)(sentence)


def _asked_for(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The hosts and users among the arguments, each with its kind."""
    from teamsmedic import cli

    command = cli.cli.commands.get(arguments[0]) if arguments else None
    params = command.params if command else []
    takes = {word: one for one in params if isinstance(one, click.Option) and not (one.is_flag or one.count)
             for word in one.opts}  # fmt: skip
    # Positions are hosts where the command has a HOST; elsewhere they are codes, texts and runs.
    position = "host" if any(isinstance(one, click.Argument) and one.name == "host" for one in params) else ""
    named = position
    for word in arguments[1:]:
        option, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        named = str(takes[option].name) if option in takes else named
        if option in takes and not value:
            continue
        given = value or word
        if named == "user":
            yield "user", given
        elif named in ("host", "limit") and not given.startswith("-"):
            yield from (("host", one) for one in re.split(r"[,:&!~\[\]*?]+", given))
        named = position


@click.command(short_help="What runs did, for people and CI.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="markdown", show_default=True, help="Its form.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@redact_option
@_run_dir
def report(runs: tuple[str, ...], form: str, output: Path | None, redact: bool, run_dir: str | None) -> int:
    """Reports on one RUN or several: an id, `last`, a run's folder, or the artifact folder of an ansible-runner.

    Of several runs the last one that tells of a host speaks for it. html is one file that needs no network.
    """
    from teamsmedic import catalog, content, remediation
    from teamsmedic.report import html, machines, model, text

    read = _runs(runs, run_dir)
    known = remediation.load(content.root())
    made = model.make(read, catalog.load(), known, redactor=_redactor(read) if redact else None)
    if form == "html":
        said = html.page(made)
    elif form == "junit":
        said = machines.junit(made)
    elif form == "sarif":
        said = json.dumps(machines.sarif(made, known), indent=1)
    elif form == "json":
        said = json.dumps(text.document(made), indent=1)
    else:
        said = text.table(made) if form == "csv" else text.markdown(made)
    _write(said, output)
    return int(ExitCode.OK)


@click.command(short_help="What came back, and what is new.")
@click.argument("first", metavar="RUN1")
@click.argument("second", metavar="RUN2")
@redact_option
@_json
@_run_dir
def diff(first: str, second: str, redact: bool, as_json: bool, run_dir: str | None) -> int:
    """Compares two runs, host by host. Exit code 1 where something came back or is new, 5 where it is not known."""
    from teamsmedic.report import differs

    old, new = _runs((first, second), run_dir)
    found = differs.between(old, new)
    if redact:
        redactor = _redactor([old, new])
        old, new, found = redactor.data(old), redactor.data(new), redactor.data(found)
    if as_json:
        _write(json.dumps(differs.document(old, new, found, redacted=redact), indent=1), None)
    else:
        _write(_differences(old, new, found), None)
    return int(differs.exit_code(found))


def _differences(first: Run, second: Run, found: Sequence[Difference]) -> str:
    """Differences for a terminal, by kind; at most 80 columns where names allow."""
    from teamsmedic.text import clean
    from teamsmedic.view import wrap

    lines = [f"{clean(one.id, 100)}: {clean(note)}" for one in (first, second) for note in one.notes]
    for kind in dict.fromkeys(one.kind for one in found):
        mine = [one for one in found if one.kind is kind]
        lines += ["", f"{str(kind).capitalize()} ({len(mine)})"]
        for one in mine:
            told = f"{clean(one.host, 60)}  {clean(one.remediation, 60)}: {clean(one.before)} -> {clean(one.after)}"
            lines += wrap(told, 2)
            lines += [line for reason in one.reasons[:1] for line in wrap(clean(reason), 4)]
    return "\n".join(lines).strip() or f"no difference between {clean(first.id, 100)} and {clean(second.id, 100)}"


@click.command(short_help="Whether a run folder was changed.")
@click.argument("run", metavar="RUN")
@redact_option
@_json
@_run_dir
def verify(run: str, redact: bool, as_json: bool, run_dir: str | None) -> int:
    """Compares the files of RUN with their hashes and says where one was changed. Exit code 2 then, 5 where unknown.

    Prints the seal of the whole: noted elsewhere, it also shows a change by somebody who computed all hashes anew.
    """
    from teamsmedic import runfolder, runreader
    from teamsmedic.text import clean

    found = runreader.verify(runreader.locate(run, runfolder.base(run_dir)))
    if redact:
        redactor = _redactor([found.run])
        found.run.path = Path(redactor(str(found.run.path)))
        found = redactor.data(found)
    if as_json:
        _write(json.dumps(found.to_json(), indent=1), None)
    else:
        lines = [f"{clean(found.run.id, 100)}: {found.result}", *map(str, found.faults), *map(clean, found.run.notes)]
        _write("\n".join([*lines, *([f"seal: {clean(found.run.seal)}"] if found.run.seal else [])]), None)
    return int(found.exit_code)


@click.command(short_help="What recurs, comes back or never answers.")
@click.argument("runs", nargs=-1, metavar="[RUNS]...")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also as a page, here.")
@redact_option
@_json
@_run_dir
def history(runs: tuple[str, ...], html: Path | None, redact: bool, as_json: bool, run_dir: str | None) -> int:
    """Tells of many RUNS together (default: all): ids, run folders, or folders that hold run folders.

    What recurs, what was fixed and came back within a week, who never answers; by device, family, group of the
    inventory and remediation.
    """
    from teamsmedic import runfolder
    from teamsmedic.report import history_view, past

    document = past.tell(past.find(runs, runfolder.base(run_dir)), key() if redact else None)
    if html:
        _write(history_view.page(document), html)
    if as_json:
        _write(json.dumps(document, indent=1), None)
    elif html:
        _write(str(html), None)
    else:
        _write(history_view.render(document), None)
    return int(ExitCode.OK)


COMMANDS: tuple[Any, ...] = (report, diff, verify, history)
