"""Treats several hosts at once; one that fails stops none of the others."""

from __future__ import annotations

import contextlib
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from teamsmedic.errors import ExitCode, RunFolderError, TeamsMedicError
from teamsmedic.gatekeeper import Gatekeeper
from teamsmedic.hosts.base import Host
from teamsmedic.hosts.winrm import Interrupted
from teamsmedic.result import HostResult
from teamsmedic.run import drive
from teamsmedic.runfolder import RunFolder
from teamsmedic.treatment import Walk
from teamsmedic.waves import standing


class Internal(TeamsMedicError):
    """A fault of ours, with the report that tells it."""

    exit_code = ExitCode.INTERNAL


@dataclass(frozen=True)
class Task:
    """One host's part of a run: how to open its door, what to do there, and its groups in the inventory."""

    host: str
    open: Callable[[], Host]
    walk: Callable[[], Walk]
    groups: Sequence[str] = ()


def treat(
    tasks: Sequence[Task],
    folder: RunFolder,
    *,
    forks: int,
    stop: threading.Event,
    gate: Gatekeeper | None = None,
    seen: Callable[[HostResult], None] = lambda _: None,
) -> list[HostResult]:
    """Carries out the tasks, `forks` at a time, and returns their results in the order of the tasks.

    Every result is in the run folder when it is `seen`. `stop` (set by Ctrl-C) lets hosts under way free their shells
    and marks those that were not come to. `gate` lets hosts in, wave by wave.
    """
    results: dict[str, HostResult] = {}
    with _ctrl_c(stop), ThreadPoolExecutor(max_workers=max(1, min(forks, len(tasks)))) as pool:
        waiting: set[Future[HostResult]] = {pool.submit(_one, task, folder, stop, gate) for task in tasks}
        while waiting:
            done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                results[result.host] = result
                seen(result)
    return [results[task.host] for task in tasks]


@contextlib.contextmanager
def _ctrl_c(stop: threading.Event) -> Iterator[None]:
    """Lets Ctrl-C set `stop`, wherever the main thread is just then; not where it is ignored or somebody else's."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _one(task: Task, folder: RunFolder, stop: threading.Event, gate: Gatekeeper | None) -> HostResult:
    result = HostResult(task.host)
    if stop.is_set():
        result.interrupted = True
        return result
    try:
        result.wave = gate.enter(task.host) if gate else None
        host = task.open()
        try:
            result.report = drive(
                task.walk(), host, lambda kind, data: folder.write(task.host, kind, data), sleep=_sleeper(stop)
            )
        finally:
            host.close()
    except Interrupted:
        result.interrupted = True
    except TeamsMedicError as error:
        result.error = error
    except Exception:
        result.error = internal(folder, traceback.format_exc())
    try:
        kind, data = result.record()
        folder.write(task.host, kind, {**data, "groups": list(task.groups)})
    except RunFolderError as error:
        result.error = result.error or error
    if gate and result.wave is not None and not result.interrupted:
        with contextlib.suppress(RunFolderError):  # whoever waits is told
            gate.settle(task.host, standing(result.outcomes, result.error))
    return result


def _sleeper(stop: threading.Event) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Interrupted

    return sleep


def internal(folder: RunFolder | None, text: str) -> Internal:
    """The error for a fault of ours: its traceback goes into a file beside the run, never to a terminal."""
    import tempfile  # noqa: PLC0415 - start-up is counted
    from pathlib import Path  # noqa: PLC0415

    found, reason = "a fault inside teamsmedic", ""
    for where in (folder.path, None) if folder else (None,):
        try:
            report = (where or Path(tempfile.mkdtemp(prefix="teamsmedic-"))) / "internal-error.txt"
            with report.open("a", encoding="utf-8", errors="backslashreplace") as out:
                out.write(text + "\n")
            return Internal("went on", found, f"send {report} with your report")
        except OSError as error:
            reason = error.strerror or type(error).__name__
    return Internal("went on", f"{found}, and its report cannot be written ({reason})", "make room and run it again")
