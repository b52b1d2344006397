"""The command `teamsmedic`. Reads options, opens doors, prints; decides nothing. Imports late: start-up is counted."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from teamsmedic import __version__
from teamsmedic.errors import ExitCode, RequestError, TeamsMedicError
from teamsmedic.questions import QUESTIONS
from teamsmedic.report import command as reporting

if TYPE_CHECKING:
    from teamsmedic.ansible.inventory import HostSpec
    from teamsmedic.gatekeeper import Gatekeeper
    from teamsmedic.interview import Interview
    from teamsmedic.lab.cli import Lab
    from teamsmedic.outcome import Change, Json
    from teamsmedic.plan import Plan
    from teamsmedic.questions import Question
    from teamsmedic.result import HostResult, Result
    from teamsmedic.resume import Earlier
    from teamsmedic.runfolder import RunFolder
    from teamsmedic.treatment import Context, Walk
    from teamsmedic.waves import Policy

EXIT_CODES = """\b
Exit codes
  0    all well
  1    drift remains (check, --dry-run)
  2    failed, or a fix that did not verify
  3    usage, inventory or content; or a question with no terminal (--yes)
  4    unreachable or refused
  5    blocked or unknown
  6    no code in the text
  70   internal error (with a report file)
  130  stopped by Ctrl-C
Over several hosts the first of 70, 130, 3, 2, 4, 5, 1, 0 wins.
"""
F = TypeVar("F", bound=Callable[..., Any])
_REPLACED = "surrogateescape"


class _Group(click.Group):
    """Commands in the order of the work instead of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without a command: the help, and a usage error."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            raise click.UsageError("no command is named", ctx)
        return super().parse_args(ctx, args)


@click.group(
    cls=_Group, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.version_option(__version__, prog_name="teamsmedic")
def cli() -> None:
    """From a Microsoft Teams error code to a repaired device.

    Says who must act, checks the device in one round trip, repairs it without loss, proves the repair, and can undo it.
    """


def main() -> None:
    """The entry point: every error is one sentence and an exit code."""
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: Sequence[str]) -> int:
    for name in ("stdin", "stdout", "stderr"):  # one that was closed (`>&-`) is None, and its number free for any file
        if getattr(sys, name) is None:
            nothing = open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
            setattr(sys, name, nothing)

    def complain(sentence: str, code: ExitCode) -> int:
        return _complain(reporting.nameless(sentence, arguments) if "--redact" in arguments else sentence, code)

    try:
        code = cli.main(list(arguments), prog_name="teamsmedic", standalone_mode=False)
        with _writing():
            sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        stopped = "stopped by Ctrl-C: nothing more was done; go on with the same command."
        return complain(stopped, ExitCode.INTERRUPTED)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "teamsmedic"
        return complain(
            f"read the command line: {error.format_message().rstrip('.')}; see {where} --help.", ExitCode.USAGE
        )
    except click.ClickException as error:
        return complain(
            f"read the command line: {error.format_message().rstrip('.')}; see teamsmedic --help.", ExitCode.USAGE
        )
    except TeamsMedicError as error:
        return complain(str(error), error.exit_code)
    except Exception:  # the last net: a traceback never reaches a user
        from teamsmedic.parallel import internal

        fault = internal(None, traceback.format_exc())
        return complain(str(fault), fault.exit_code)
    return int(code or 0)


def _complain(sentence: str, code: ExitCode) -> int:
    click.echo(sentence.encode("utf-8", _REPLACED).decode("utf-8", "replace"), err=True)
    return int(code)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """While standard output is written to: a reader who has gone is no error, a full disk is one sentence."""
    try:
        yield
    except OSError as error:
        # Python would try to flush again at its end, and tell of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return  # whoever read it has gone (`| head`)
        found = error.strerror or type(error).__name__
        raise RequestError("wrote to standard output", found, "make room there or send it elsewhere") from error


def _print(what: Any) -> None:
    from teamsmedic import view

    with _writing():
        view.console().print(what, crop=False)


def _print_json(document: Mapping[str, Json]) -> None:
    _say(json.dumps(document, indent=1, ensure_ascii=True))


def _say(text: str) -> None:
    with _writing():
        click.echo(text)


# ------------------------------------------------------------------------------------------------ explain


@cli.command(context_settings={"ignore_unknown_options": True}, short_help="What a code means and who must act.")
@click.argument("what", nargs=-1, type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="A file or folder, whatever its name looks like.")
@reporting.redact_option
def explain(what: tuple[str, ...], as_json: bool, files: tuple[str, ...], redact: bool) -> int:
    """Explains each CODE, or the codes in a TEXT, a FILE or a FOLDER; - reads standard input.

    Logs in UTF-8 and UTF-16, gz and zip, event logs exported as XML, of any size. Needs no network and no device.
    Negative numbers are codes too: teamsmedic explain -894947609
    """
    from teamsmedic import explain as explaining

    if "--json" in what:
        as_json, what = True, tuple(one for one in what if one != "--json")
    if not what and not files:
        raise click.UsageError("name a code, a text, a file or a folder, or - for standard input")
    document = explaining.document(what, sys.stdin.buffer, files)
    if redact:
        from teamsmedic.redact import Redactor

        document = Redactor((), reporting.key(), keep=("url",)).data(document)
    if as_json:
        _print_json(document)
    else:
        _say(explaining.render(document))
    unread = [source["unread"] for source in document["sources"] if source["unread"] and source["asked"]]
    for sentence in unread:  # of a document that is without names where that was asked for
        _complain(sentence, ExitCode.USAGE)
    if unread:
        return int(ExitCode.USAGE)
    return int(ExitCode.OK if any(source["codes"] for source in document["sources"]) else ExitCode.NO_CODE)


# ------------------------------------------------------------------------------------------------ options of hosts


def _host_options(command: F) -> F:
    """The options of every command that reaches hosts: Ansible's names where the meaning is Ansible's."""
    options = [
        click.option("-i", "--inventory", multiple=True, metavar="SOURCE", help="Ansible inventory (several: repeat)."),
        click.option("-l", "--limit", metavar="PATTERN", help="Only these of the hosts."),
        click.option("-u", "--user", metavar="NAME", help="Sign in as this user."),
        click.option("-k", "--ask-pass", is_flag=True, help="Ask for the password (CI: TEAMSMEDIC_PASSWORD_FILE)."),
        click.option("-J", "--ask-vault-pass", is_flag=True, help="Ask for the vault password."),
        click.option("--vault-id", multiple=True, metavar="ID", help="Vault identity, as in Ansible."),
        click.option("--vault-password-file", multiple=True, metavar="FILE", help="File with the vault password."),
        click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Variables: NAME=VALUE, JSON or @FILE."),
        click.option(
            "-f", "--forks", type=click.IntRange(1, 500), default=20, show_default=True, help="Hosts at once."
        ),
        click.option("--run-dir", metavar="FOLDER", help="Where run folders lie (TEAMSMEDIC_RUN_DIR)."),
        reporting.redact_option,
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        click.option("-v", "--verbose", count=True, help="Say more on stderr."),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def _plan_options(command: F) -> F:
    options = [
        click.option("--code", "codes", multiple=True, metavar="CODE", help="A code that was seen (several: repeat)."),
        click.option("--remediation", "names", multiple=True, metavar="ID", help="A remediation by its name."),
        click.option("--all", "everything", is_flag=True, help="Every remediation that needs no symptom."),
        click.option(
            "-p", "--parameter", "parameters", multiple=True, metavar="ID.NAME=VALUE", help="A remediation's parameter."
        ),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def _wave_options(command: F) -> F:
    """The options of a fix on several hosts; the play variables have the same names."""
    options = [
        click.option("--waves", metavar="SIZES", help="Hosts let in, wave by wave [1,5%,25%,100%]."),
        click.option("--threshold", metavar="PERCENT", help="Share of a wave that must be verified [80]."),
        click.option("--min-evidence", metavar="N", help="Hosts of a wave that must have answered [3]."),
        click.option("--failure-budget", metavar="N", help="Hosts that may fail in the whole run [5%]."),
        click.option("--absent-limit", metavar="N", help="Hosts that may be absent: off, or nobody logged on [50%]."),
        click.option("--resume", metavar="RUN", help="Go on with this run: what it verified is left alone."),
        click.option("--evidence-age", metavar="AGE", help="For how long what it verified counts [24h]."),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def _make_plan(codes: Iterable[str], names: Sequence[str], everything: bool, parameters: Sequence[str]) -> Plan:
    from teamsmedic import asked

    return asked.plan(
        list(codes), names=list(names), everything=everything, parameters=asked.parameters(parameters), now=time.time()
    )


def _specs(pattern: str, options: Mapping[str, Any]) -> list[HostSpec]:
    from teamsmedic.ansible import inventory

    return inventory.resolve(
        pattern,
        sources=options["inventory"],
        limit=options["limit"],
        user=options["user"],
        password=_password(options),
        ask_vault_pass=options["ask_vault_pass"],
        vault_ids=options["vault_id"],
        vault_password_files=options["vault_password_file"],
        extra_vars=options["extra_vars"],
    )


def _password(options: Mapping[str, Any]) -> str | None:
    if options["ask_pass"]:
        from teamsmedic.ansible import inventory

        return inventory.ask("the password", "Password: ", "name a file that holds it in TEAMSMEDIC_PASSWORD_FILE")
    if named := os.environ.get("TEAMSMEDIC_PASSWORD_FILE"):
        try:
            return Path(named).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise RequestError(f"read the password file {named}", found, "mend TEAMSMEDIC_PASSWORD_FILE") from error
    return None


def _words(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f" {option} {shlex.quote(value)}" if value else f" {option}" for option, value in pairs)


class _Session:
    """The hosts of one command with their open doors, and the run folder that keeps what happens."""

    def __init__(self, command: str, pattern: str, plan: Plan | None, options: Mapping[str, Any]) -> None:
        from teamsmedic import asked, runfolder
        from teamsmedic.text import clean

        self.command, self.pattern, self.plan, self.options = command, pattern, plan, options
        self.specs = _specs(pattern, options)
        self.stop = threading.Event()
        self.by = f"{runfolder.user()}@{os.uname().nodename}"
        self.because = clean(options.get("because") or "", 300).strip()
        self.order = {spec.name: number for number, spec in enumerate(self.specs)}
        self.gate: Gatekeeper | None = None
        manifest = {
            "command": command,
            "door": "pypsrp",
            "by": self.by,
            "because": self.because,
            "pattern": pattern,
            "inventory": list(options["inventory"]),
            "codes": list(plan.codes) if plan else [],
            "remediations": [item.remediation.id for item in plan.items] if plan else [],
            "hosts": [spec.name for spec in self.specs],
            "dry_run": bool(options.get("dry_run")),
            "parameters": asked.parameters(options.get("parameters", ())),
            "resumes": options.get("resume"),
        }
        where = runfolder.base(options["run_dir"])
        self.folder: RunFolder = runfolder.RunFolder.create(where, runfolder.new_id(), manifest)

    def context(self, host: str | None = None) -> Context:
        """Who treats, and (of a host) what holds where it is a Teams Room."""
        from teamsmedic import rooms, treatment

        window = next((spec.night_window for spec in self.specs if spec.name == host), None)
        return treatment.Context(self.folder.id, self.by, terms=rooms.Terms(window, self.because, time.time()))

    def treat(self, walk: Callable[[str], Walk], *, only: Iterable[str] | None = None) -> list[HostResult]:
        """Drives a walk on every host (or only on those named), with progress on a terminal."""
        from teamsmedic import parallel
        from teamsmedic.ansible.inventory import connection
        from teamsmedic.hosts.winrm import WinRMHost

        chosen = self.specs if only is None else [spec for spec in self.specs if spec.name in set(only)]
        tasks = [
            parallel.Task(
                spec.name,
                functools.partial(lambda spec: WinRMHost(spec.name, connection(spec), self.stop), spec),
                functools.partial(walk, spec.name),
                spec.groups,
            )
            for spec in chosen
        ]
        done = 0

        def seen(result: HostResult) -> None:
            nonlocal done
            done += 1
            if sys.stderr.isatty() and len(tasks) > 1:
                click.echo(f"\r{done}/{len(tasks)} hosts", nl=done == len(tasks), err=True)
            if self.options["verbose"] and not self.options["redact"]:
                told = ", ".join(f"{one.remediation} {one.status}" for one in result.outcomes)
                click.echo(f"{result.host}: {result.error or told}", err=True)

        forks = self.options["forks"]
        return parallel.treat(tasks, self.folder, forks=forks, stop=self.stop, gate=self.gate, seen=seen)

    def resume(self, earlier: Earlier) -> list[HostResult]:
        """Leaves out the hosts that an earlier run has verified, and takes first those that were absent."""
        from teamsmedic import waves
        from teamsmedic.result import HostResult
        from teamsmedic.treatment import Report

        now = time.time()
        found = {spec.name: known for spec in self.specs if (known := earlier.verified(spec.name, now))}
        done = [HostResult(host, Report(known.outcomes)) for host, known in found.items()]
        for one in done:
            kind, data = one.record()
            self.folder.write(one.host, kind, data | found[one.host].record())
        left = {spec.name: spec for spec in self.specs if spec.name not in found}
        self.specs = [left[host] for host in waves.first_absent(left, filter(earlier.absent, left))]
        return done

    def in_waves(self, policy: Policy, earlier: Earlier | None, total: int) -> None:
        """From here on hosts are let in wave by wave; `total`: of how many hosts."""
        from teamsmedic import waves
        from teamsmedic.gatekeeper import Gatekeeper
        from teamsmedic.hosts.winrm import Interrupted

        def begin() -> waves.Gate:
            now = time.time()
            return earlier.gate(total, now) if earlier else waves.Gate.begin(policy, total, now)

        def alive() -> None:
            if self.stop.is_set():
                raise Interrupted

        if total > 1:
            places = {spec.name: number for number, spec in enumerate(self.specs)}
            self.gate = Gatekeeper(self.folder, policy, begin, places.__getitem__, alive)

    def result(self, hosts: list[HostResult], *, dry_run: bool = False) -> Result:
        """The command's result over these hosts."""
        from teamsmedic import treatment
        from teamsmedic.outcome import Status
        from teamsmedic.result import Result

        items = {item.remediation.id: item.remediation for item in self.plan.items} if self.plan else {}
        drifted = [one for host in hosts for one in host.outcomes if one.status is Status.DRIFTED]
        allow = {word for one in drifted for word in treatment.needs(items[one.remediation], one.changes)}
        more = [("--allow", word) for word in sorted(allow)]
        mine = {one.remediation for one in drifted}
        more += [("-p", one) for one in self.options.get("parameters", ()) if one.partition(".")[0] in mine]
        more += [("--because", self.because)] if self.because else []
        codes = self.plan.codes if self.plan else ()
        return Result(
            self.command, self.folder.id, str(self.folder.path), codes, dry_run,
            sorted(hosts, key=lambda one: self.order[one.host]),
            self.pattern, self._again(), _words(more), self._decided(),
        )  # fmt: skip

    def _waved(self, result: Result) -> dict[str, Any]:
        return {"waves": result.by_wave(), "decided": list(result.waves)} if self.gate else {}

    def _decided(self) -> list[str]:
        from teamsmedic import gatekeeper

        kept = gatekeeper.read(self.folder, self.gate.policy) if self.gate else None
        return kept.told if kept else []

    def _again(self) -> str:
        """The options that reach the same hosts and run folders; no value that could hold a secret."""
        given = [("-i", source) for source in self.options["inventory"]]
        given += [
            (short, self.options[name]) for short, name in (("-l", "limit"), ("-u", "user")) if self.options[name]
        ]
        given += [("-e", one) for one in self.options["extra_vars"] if one.startswith("@")]
        given += [
            (f"--{name.replace('_', '-')}", one)
            for name in ("vault_id", "vault_password_file")
            for one in self.options[name]
        ]
        given += [(short, "") for short, name in (("-k", "ask_pass"), ("-J", "ask_vault_pass")) if self.options[name]]
        given += [("--run-dir", self.options["run_dir"])] if self.options["run_dir"] else []
        return _words(given)

    def finish(self, result: Result, *, diff: bool = False) -> int:
        """Prints the result, completes the manifest, and gives the exit code."""
        from teamsmedic import view

        self.folder.end(int(result.exit_code), **self._waved(result))
        if self.options["redact"]:
            result = reporting.redacted(result, self.names())
        if self.options["as_json"]:
            _print_json(result.to_json())
        else:
            _print(view.result(result, diff=diff))
        if result.exit_code is ExitCode.INTERRUPTED:
            begun = [
                host
                for host, records in self.folder.hosts().items()
                if records[-1]["type"] == "stopped" and any(one["type"] == "way_back" for one in records)
            ]
            # The same command again could set something newer aside, and the way back with it.
            undo = f"undo what was begun on {', '.join(begun)} first: teamsmedic undo {self.folder.id}"
            go_on = "go on with the same command" + (f" and --resume {self.folder.id}" if self.gate else "")
            then = undo if begun else go_on
            told = f"stopped: what was done is in {self.folder.path}; {then}."
            _complain(self._nameless(told), result.exit_code)
        return int(result.exit_code)

    def _nameless(self, sentence: str) -> str:
        from teamsmedic.redact import Redactor

        return Redactor(self.names(), reporting.key())(sentence) if self.options["redact"] else sentence

    def names(self) -> list[tuple[str, str]]:
        """Names that the inventory gives away, each with its kind."""
        users = [("user", spec.user) for spec in self.specs if spec.user]
        hosts = [("host", name) for spec in self.specs for name in (spec.name, spec.address)]
        return [*users, *hosts, ("user", self.by.rpartition("@")[0]), ("host", self.by.rpartition("@")[2])]

    def ask(self, hosts: Sequence[HostResult], question: str, verb: str) -> bool:
        """Shows every object that will change and asks; True to go on."""
        from teamsmedic import content, remediation, view

        notices = {one.id: one.user_notices for one in remediation.load(content.root()).values()}
        view.console(stderr=True).print(view.plan(hosts, notices, verb))
        if not sys.stdin.isatty():
            raise RequestError(
                f"asked before a {verb}",
                "there is no terminal to answer on",
                "say --yes, or --dry-run to change nothing",
            )
        return click.confirm(question, err=True)


# ------------------------------------------------------------------------------------------------ triage


def _question_options(command: F) -> F:
    """One option for every question of a triage."""
    options = [
        click.option(
            one.option,
            f"q_{one.id}",
            type=click.Choice(one.words) if one.values else str,
            metavar=None if one.values else "CODE",
            help=one.text,
        )
        for one in QUESTIONS
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


@cli.command(context_settings={"ignore_unknown_options": True}, short_help="Who must act, and the next step.")
@click.argument("what", metavar="[CODE|TEXT|FILE|-]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--host", metavar="PATTERN", help="Check this device too (an Ansible host pattern).")
@click.option("--checklist", is_flag=True, help="Go through the ten points of the universal checklist.")
@click.option("--tried", multiple=True, metavar="ID", help="A remediation that did not help (several: repeat).")
@click.option("--no-input", is_flag=True, help="Ask nothing; say what was not asked.")
@click.option("--no-redact", is_flag=True, help="Leave names and addresses in the texts for other people.")
@click.option(
    "--texts",
    type=click.Path(path_type=Path),
    envvar="TEAMSMEDIC_TEXTS",
    metavar="FOLDER",
    help="Templates of your own for those texts (TEAMSMEDIC_TEXTS).",
)
@_question_options
@_host_options
def triage(
    what: tuple[str, ...],
    host: str | None,
    checklist: bool,
    tried: tuple[str, ...],
    no_input: bool,
    no_redact: bool,
    texts: Path | None,
    **options: Any,
) -> int:
    """Says who must act, why, and what to do next: from codes, a text, a log and answers, and with --host a check.

    Asks on a terminal what it cannot read. Changes nothing.
    """
    from teamsmedic import codes
    from teamsmedic import interview as interviews

    for word in what:  # a negative number is a code; any other word of that form is an option that there is not
        if word.startswith("-") and word != "-" and codes.canonical(word) is None:
            raise click.UsageError(f"no such option: {word}")
    given = {name[2:]: options.pop(name) for name in list(options) if name.startswith("q_")}
    asks = not no_input and sys.stdin.isatty() and sys.stderr.isatty() and "-" not in what
    interview = interviews.Interview.begin(
        what,
        {name: word for name, word in given.items() if word is not None},
        standard_input=sys.stdin.buffer,
        tried=tried,
        ten_points=checklist,
        redact=not no_redact,
        silent="--no-input" if no_input else "asked, and not known" if asks else "there is no terminal to ask on",
        open_ended=asks or host is not None,
        texts=texts,
    )
    return _triaged(interview, host, options, asks=asks)


def _triaged(interview: Interview, host: str | None, options: Mapping[str, Any], *, asks: bool) -> int:
    """Checks the hosts, asks, prints, and gives the exit code."""
    from teamsmedic import interview as interviews
    from teamsmedic import runfolder, treatment, triage_view
    from teamsmedic.triage import Device

    results: list[HostResult] = []
    devices: list[Device] = []
    session: _Session | None = None
    if host is not None and (wanted := interview.wanted()) is not None:
        plan = interview.plan(wanted, time.time())
        session = _Session("triage", host, plan, options)
        context = treatment.Context(session.folder.id, session.by)
        begun = time.time()
        results = session.treat(lambda _: treatment.look(plan, context))
        where = runfolder.base(options["run_dir"])
        devices = [interview.device(one, (begun, time.time()), where) for one in results]
    elif host is not None:
        told_of = "the host" if options["redact"] else host
        click.echo(f"{told_of}: not asked, because nothing on a device tells of what was given.", err=True)
    if asks and not any(one.interrupted for one in results):
        interview.ask(devices, _put)
    again = session._again() if session else ""
    triages = [interview.decide(one, again) for one in devices] if session else [interview.decide()]
    told = [one.to_json() for one in results] or [{}]
    parts = [interview.document(one, result) for one, result in zip(triages, told, strict=True)]
    code = ExitCode.worst(
        [*(one.exit_code for one in triages), *(one.exit_code for one in results if one.error or one.interrupted)]
    )
    if not (any(one.codes for one in triages) or interview.answers() or interview.ten_points):
        code = ExitCode.NO_CODE
    document = interviews.whole(
        interview, parts, int(code), run=session.folder.id if session else None,
        folder=str(session.folder.path) if session else None,
    )  # fmt: skip
    if session:
        for one in parts:
            if not one["error"]:
                session.folder.write(one["host"], "triage", interviews.record(one))
        session.folder.end(int(code))
    if options["redact"]:
        from teamsmedic import handover
        from teamsmedic.redact import Redactor

        known = [name for one in (*devices, None) for name in handover.names(interview.evidence, one)]
        pages = [one.url for one in interview.catalog.sources.values()]
        document = Redactor([*known, *(session.names() if session else ())], reporting.key(), stays=pages).data(
            document
        )
    if options["as_json"]:
        _print_json(document)
    else:
        _say(triage_view.render(document, everything=bool(options["verbose"])))
    return int(code)


def _put(question: Question) -> str | None:
    """Asks one question; an empty answer and `?` mean "not known"."""
    from teamsmedic.interview import prompt

    while True:
        said = str(click.prompt(prompt(question), default="?", show_default=False, err=True)).strip().lower()
        if said in ("", "?"):
            return None
        if not question.values or question.value(said):
            return said


# ------------------------------------------------------------------------------------------------ check, fix, undo


@cli.command(short_help="Look at devices; change nothing.")
@click.argument("host")
@_plan_options
@_host_options
@click.option("-D", "--diff", is_flag=True, help="Show what a fix would change.")
def check(
    host: str,
    codes: tuple[str, ...],
    names: tuple[str, ...],
    everything: bool,
    parameters: tuple[str, ...],
    diff: bool,
    **options: Any,
) -> int:
    """Looks at HOST (an Ansible host pattern) in one round trip and says what is so. Changes nothing."""
    from teamsmedic import treatment

    plan = _make_plan(codes, names, everything, parameters)
    session = _Session("check", host, plan, {**options, "parameters": parameters})
    context = treatment.Context(session.folder.id, session.by)
    hosts = session.treat(lambda _: treatment.check(plan, context))
    return session.finish(session.result(hosts), diff=diff)


@cli.command(short_help="Keep what devices report, for a lab to replay.")
@click.argument("host")
@click.option("--remediation", "names", multiple=True, metavar="ID", help="Only this remediation (default: all).")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="ID.NAME=VALUE", help="A remediation's parameter."
)
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), default="cases", show_default=True,
    help="The folder of your recorded devices.",
)  # fmt: skip
@click.option("--name", "called", metavar="NAME", help="What to call it (one host only; default: a pseudonym).")
@_host_options
def record(
    host: str, names: tuple[str, ...], parameters: tuple[str, ...], folder: Path, called: str | None, **options: Any
) -> int:
    """Checks HOST (an Ansible host pattern) and keeps the facts, without names, as files that a lab replays.

    Changes nothing on a device. Names are replaced by pseudonyms; facts that would mean something else without names
    are left out, with the reason. In a lab inventory `lab_case: NAME` then is that device.
    """
    from teamsmedic import content, remediation, treatment
    from teamsmedic.lab import recorded

    plan = _make_plan((), names or tuple(remediation.load(content.root())), False, parameters)
    if called and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", called):
        raise RequestError("named the recorded device", f"{called!r} is no file's name", "use letters, digits, - and .")
    session = _Session("check", host, plan, {**options, "parameters": parameters})
    if called and len(session.specs) > 1:
        session.folder.end(int(ExitCode.USAGE))
        raise RequestError("named the recorded device", f"{host} is {len(session.specs)} hosts", "leave --name out")
    context = treatment.Context(session.folder.id, session.by)
    hosts = session.treat(lambda _: treatment.check(plan, context))
    told = [recorded.keep(one, plan.items, folder, called, session.names(), reporting.key()) for one in hosts]
    code = ExitCode.worst([one.exit_code for one in told])
    session.folder.end(int(code))
    document = recorded.document(told, int(code), session.folder.id)
    if options["redact"]:
        from teamsmedic.redact import Redactor

        document = Redactor(session.names(), reporting.key()).data(document)
    if options["as_json"]:
        _print_json(document)
        return int(code)
    for line in recorded.render(document):
        _say(line)
    return int(code)


@cli.command(short_help="Repair what has drifted, and prove it.")
@click.argument("host")
@_plan_options
@_host_options
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["disruptive", "irreversible"]),
    help="What people notice, or what cannot be undone.",
)
@click.option(
    "-C", "--dry-run", "--check", "dry_run", is_flag=True, help="Check, and say what would change; change nothing."
)
@click.option("--because", metavar="TEXT", help="Why: kept with the run and on the device; a Teams Room asks for it.")
@click.option("-D", "--diff", is_flag=True, help="Show what changed.")
@_wave_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def fix(
    host: str, codes: tuple[str, ...], names: tuple[str, ...], everything: bool, parameters: tuple[str, ...],
    allow: tuple[str, ...], dry_run: bool, diff: bool, yes: bool, **options: Any,
) -> int:  # fmt: skip
    """Repairs HOST (an Ansible host pattern): shows the plan, asks, checks, guards, fixes, checks again.

    Several hosts are let in wave by wave; the next wave begins when enough of the last one is verified.
    """
    from teamsmedic import asked, runfolder, treatment
    from teamsmedic.outcome import Status
    from teamsmedic.resume import Earlier
    from teamsmedic.waves import Policy

    plan = _make_plan(codes, names, everything, parameters)
    policy = Policy.read(options)
    earlier = None
    if options["resume"]:
        wanted = [item.remediation.id for item in plan.items]
        where = runfolder.base(options["run_dir"])
        earlier = Earlier.find(where, options["resume"], wanted, asked.parameters(parameters), policy)
    session = _Session("fix", host, plan, {**options, "dry_run": dry_run, "parameters": parameters})
    verified = session.resume(earlier) if earlier else []
    agreed: dict[str, Mapping[str, Sequence[Change]]] | None = None
    if dry_run or not yes:
        look = functools.partial(treatment.rehearse, allow=allow) if dry_run else treatment.check
        hosts = session.treat(lambda name: look(plan, session.context(name)))
        for one in hosts if not dry_run else ():
            if one.report:
                treatment.withhold(one.report, plan, allow, session.context(one.host).terms)
        todo = [one for one in hosts if any(outcome.status is Status.DRIFTED for outcome in one.outcomes)]
        if dry_run or not todo or session.stop.is_set():
            return session.finish(session.result([*verified, *hosts], dry_run=dry_run), diff=diff)
        count = sum(outcome.status is Status.DRIFTED for one in todo for outcome in one.outcomes)
        if not session.ask(
            todo,
            f"Carry out {count} fix{'es' if count != 1 else ''} on {len(todo)} host{'s' if len(todo) != 1 else ''}?",
            "fix",
        ):
            click.echo("nothing was changed.", err=True)
            return session.finish(session.result([*verified, *hosts], dry_run=True))
        agreed = {one.host: {outcome.remediation: outcome.changes for outcome in one.outcomes} for one in todo}
        rest = [one for one in hosts if one not in todo]
        session.in_waves(policy, earlier, len(todo) + len(verified))
        done = session.treat(
            lambda name: treatment.fix(plan, session.context(name), allow=allow, confirmed=(agreed or {})[name]),
            only=agreed,
        )
        hosts = [*rest, *done]
    else:
        session.in_waves(policy, earlier, len(session.order))
        hosts = session.treat(lambda name: treatment.fix(plan, session.context(name), allow=allow))
    return session.finish(session.result([*verified, *hosts]), diff=diff)


@cli.command(short_help="Put back what a run changed.")
@click.argument("host_or_run", metavar="HOST|RUN")
@_host_options
@click.option("--run", "run", default="last", show_default=True, metavar="ID", help="Which run to undo on HOST.")
@click.option("--remediation", "names", multiple=True, metavar="ID", help="Only this remediation.")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="ID.NAME=VALUE", help="A parameter that lifts a guard."
)
@click.option("--forget", is_flag=True, help="Give up the way back instead: remove the copies that were set aside.")
@click.option("-C", "--dry-run", "--check", "dry_run", is_flag=True, help="Say what would be put back; change nothing.")
@click.option("--because", metavar="TEXT", help="Why: kept with the run and on the device; a Teams Room asks for it.")
@click.option("-D", "--diff", is_flag=True, help="Show what was put back.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def undo(
    host_or_run: str,
    run: str,
    names: tuple[str, ...],
    parameters: tuple[str, ...],
    forget: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    **options: Any,
) -> int:
    """Puts back what a run changed on HOST (an Ansible host pattern), or on all hosts of RUN.

    The journal on the device is enough; where the run folder is still here, its hash must agree.
    """
    from teamsmedic import asked, runfolder

    where = runfolder.base(options["run_dir"])
    pattern, run = asked.undo_target(host_or_run, run, where)
    given = asked.parameters(parameters)
    asked.undo_parameters(given, names, time.time())
    session = _Session("undo", pattern, None, {**options, "dry_run": dry_run})

    def walk(name: str, *, dry: bool, pinned: str = run) -> Walk:
        return asked.undo(
            session.context(name), name, run=pinned, names=names, where=where, dry_run=dry, forget=forget,
            parameters=given,
            now=time.time(),
        )  # fmt: skip

    if dry_run or not yes:
        hosts = session.treat(functools.partial(walk, dry=True))
        todo = [one for one in hosts if any(outcome.changes for outcome in one.outcomes)]
        if dry_run or not todo or session.stop.is_set():
            return session.finish(session.result(hosts, dry_run=dry_run), diff=diff)
        question = "Remove this for good" if forget else "Put this back"
        verb = "forget" if forget else "undo"
        if not session.ask(todo, f"{question} on {len(todo)} host{'s' if len(todo) != 1 else ''}?", verb):
            click.echo("nothing was changed.", err=True)
            return session.finish(session.result(hosts, dry_run=True))
        pins = {one.host: one.report.undone or run for one in todo if one.report}
        done = session.treat(lambda name: walk(name, dry=False, pinned=pins[name]), only=pins)
        hosts = [next((two for two in done if two.host == one.host), one) for one in hosts]
    else:
        hosts = session.treat(functools.partial(walk, dry=False))
    return session.finish(session.result(hosts), diff=diff)


@cli.command(short_help="The runs so far.")
@click.option("--run-dir", metavar="FOLDER", help="Where run folders lie (TEAMSMEDIC_RUN_DIR).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-n", "--most", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@reporting.redact_option
def runs(run_dir: str | None, as_json: bool, most: int, redact: bool) -> int:
    """Lists run folders, newest first: when, what, on how many hosts, with which outcomes."""
    from teamsmedic import asked, runfolder, view

    listed = asked.runs(runfolder.base(run_dir), most)
    if redact:
        from teamsmedic.redact import Redactor

        listed = Redactor([("host", host) for one in listed for host in one["hosts"]], reporting.key()).data(listed)
    if as_json:
        _print_json({"version": 1, "runs": listed})
    elif listed:
        _print(view.runs(listed))
    else:
        click.echo(f"no runs in {runfolder.base(run_dir)}", err=True)
    return int(ExitCode.OK)


for _command in reporting.COMMANDS:
    cli.add_command(_command)


# ------------------------------------------------------------------------------------------------ content


@cli.command(short_help="Hold content, playbooks and inventories to their rules.")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--playbooks", multiple=True, metavar="DIR", type=click.Path(path_type=Path, exists=True),
    help="A folder (or file) of your playbooks, group_vars and host_vars.",
)  # fmt: skip
@click.option("--inventory", multiple=True, metavar="SOURCE", help="An inventory of yours, as after Ansible's -i.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def validate(folder: Path | None, playbooks: tuple[Path, ...], inventory: tuple[str, ...], as_json: bool) -> int:
    """Checks catalog/ and remediations/ in FOLDER (default: the content in use). Exit code 3 where a rule is broken.

    With --playbooks or --inventory it checks your own files instead: each unknown code, remediation, option, parameter
    or variable, and each value that will not be taken. Nothing is run; templates and vaulted values are left alone.

    Each problem is one line: the file and line, what is wrong there, and how to mend it.
    """
    from teamsmedic import content
    from teamsmedic import validate as validating

    if folder and (playbooks or inventory):
        raise click.UsageError("FOLDER is content, --playbooks and --inventory are yours: check one after the other")
    if playbooks or inventory:
        from teamsmedic import playbooks as sites

        report = sites.check(playbooks, inventory)
    else:
        report = validating.check(folder or content.root())
    if as_json:
        _print_json(validating.document(report))
    else:
        for problem in report.problems:
            _say(str(problem))
        for left in report.left_alone:
            click.echo(f"{left}.", err=True)
        click.echo(validating.summary(report), err=True)
    return int(ExitCode.USAGE if report.problems else ExitCode.OK)


@cli.command(short_help="Hashes of the scripts that run in people's sessions.")
@click.option("--write", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write the files there, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def hashes(folder: Path | None, as_json: bool) -> int:
    """Prints the SHA-256 of every script that a check or a fix can run in people's sessions: to allow, or to find.

    They change with the version of teamsmedic and with nothing else. With --write also the files, for tools that sign,
    or that compute another hash of a script (Get-AppLockerFileInformation).
    """
    import hashlib

    from teamsmedic import payload
    from teamsmedic.hosts.base import Verb

    scripts = {
        (str(verb), name): data for verb in (Verb.CHECK, Verb.FIX) for name, data in payload.desk_scripts(verb).items()
    }
    rows = [
        {"verb": verb, "file": name, "sha256": hashlib.sha256(data).hexdigest()}
        for (verb, name), data in scripts.items()
    ]
    if folder:
        try:
            for (verb, name), data in scripts.items():
                (folder / verb).mkdir(parents=True, exist_ok=True)
                (folder / verb / name).write_bytes(data)
        except OSError as error:
            found = error.strerror or type(error).__name__
            raise RequestError(f"wrote scripts to {folder}", found, "name a folder where you may write") from error
    if as_json:
        _print_json({"version": 1, "scripts": rows})
    for row in () if as_json else rows:
        _say(f"{row['sha256']}  {row['verb']}/{row['file']}")
    return int(ExitCode.OK)


@cli.group(cls=_Group, short_help="Start a new code or remediation.")
def new() -> None:
    """Writes the files of a new code or remediation, with a TODO where a person has to write."""


@new.command("code", context_settings={"ignore_unknown_options": True}, short_help="A new code in a family.")
@click.argument("code")
@click.option("--family", metavar="ID", help="Its family (default: that of its code space).")
@click.option("--source", "sources", multiple=True, metavar="ID", help="A page of catalog/sources.yaml it rests on.")
def new_code(code: str, family: str | None, sources: tuple[str, ...]) -> int:
    """Adds CODE to its family's file; what its code space knows is filled in."""
    from teamsmedic import scaffold

    _say(str(scaffold.code(code, family, sources)))
    return int(ExitCode.OK)


@new.command("remediation", short_help="A new remediation's folder.")
@click.argument("path", metavar="LAYER/STATE")
@click.option("--cures", multiple=True, metavar="CAUSE", help="A cause of catalog/causes.yaml that it cures.")
def new_remediation(path: str, cures: tuple[str, ...]) -> int:
    """Makes the folder of a new remediation, named for the state it guarantees, as in client/client_cache_fresh."""
    from teamsmedic import scaffold

    _say(str(scaffold.new_remediation(path, cures)))
    return int(ExitCode.OK)


@cli.command(short_help="Write a page for every code, cause and remediation.")
@click.argument("folder", default="docs/reference", type=click.Path(path_type=Path, file_okay=False))
def reference(folder: Path) -> int:
    """Writes the reference as web pages to FOLDER: one for every code, cause and remediation, with a search.

    FOLDER is made anew; one that holds anything else is left alone.
    """
    from teamsmedic import reference as referencing

    _say(str(referencing.write(folder)))
    return int(ExitCode.OK)


# ------------------------------------------------------------------------------------------------ lab


@cli.group(cls=_Group, short_help="Simulated devices on this machine.")
def lab() -> None:
    """Simulated devices on loopback: replayed ones need only Python, windows ones run PowerShell under Wine."""


def _lab_options(command: F) -> F:
    options = [
        click.option(
            "--state", type=click.Path(path_type=Path, file_okay=False), help="The lab's folder, for several labs."
        ),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


@lab.command(short_help="Start the devices of an inventory.")
@click.option(
    "-i", "--inventory", type=click.Path(path_type=Path), help="Lab inventory (default: three replayed devices)."
)
@_lab_options
def up(inventory: Path | None, state: Path | None, as_json: bool) -> int:
    """Starts simulated devices on loopback and writes an Ansible inventory for them."""
    from teamsmedic.lab import cli as labs

    return _lab_told(labs.up(inventory, state), as_json)


@lab.command(short_help="Stop them.")
@_lab_options
def down(state: Path | None, as_json: bool) -> int:
    """Stops the simulated devices; does nothing where none run."""
    from teamsmedic.lab import cli as labs

    return _lab_told(labs.down(state), as_json)


@lab.command(short_help="What runs.")
@_lab_options
def status(state: Path | None, as_json: bool) -> int:
    """Says which simulated devices run, of which kind, and where their inventory is."""
    from teamsmedic.lab import cli as labs

    return _lab_told(labs.status(state), as_json)


def _lab_told(it: Lab, as_json: bool) -> int:
    if as_json:
        _print_json({"version": 1, **it.to_json()})
        return int(ExitCode.OK)
    from teamsmedic import view

    _print(view.lab(it))
    return int(ExitCode.OK)
