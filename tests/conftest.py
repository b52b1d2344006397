"""Windows devices for whatever test wants one. They need Wine and an engine: without them a test skips, saying why."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from teamsmedic.lab.device import available, find_engine, template

if TYPE_CHECKING:
    from harness import LabDevice, WindowsLab

# With import mode importlib a folder of tests is no package; its helpers are found by name.
sys.path.insert(0, str(Path(__file__).parent / "windows"))
sys.path.insert(0, str(Path(__file__).parent / "stories"))
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def engine() -> Path:
    """The engine's folder; skips where there is none, fails where TEAMSMEDIC_WINDOWS_MUST_RUN is set."""
    if reason := available():
        if os.environ.get("TEAMSMEDIC_WINDOWS_MUST_RUN"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = find_engine()
    template(folder)
    return folder


@pytest.fixture(scope="session")
def windows_lab(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsLab]:
    """A front for the session's Windows devices."""
    from harness import WindowsLab

    lab = WindowsLab(tmp_path_factory.mktemp("windows"))
    yield lab
    lab.close()


@pytest.fixture
def device(windows_lab: WindowsLab) -> Iterator[Callable[..., LabDevice]]:
    """Makes booted devices that live for one test: `device(role, seeds, breaks)`; see `WindowsLab.add`."""
    made: list[LabDevice] = []

    def make(*given: object, **named: object) -> LabDevice:
        made.append(windows_lab.add(*given, **named))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.remove()


@pytest.fixture
def terminals() -> None:
    """Skips on a machine that gives an ordinary user no pseudo terminal, which ansible-runner needs as well."""
    try:
        ends = os.openpty()
    except OSError as error:
        pytest.skip(f"there is no pseudo terminal here: {error}")
    for one in ends:
        os.close(one)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests record as `figure`: counts and tables that a reader of the log must see, from all processes."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", []):
                if name == "figure" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(str(value))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where Windows tests must run, one that skips is a failure of the whole."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TEAMSMEDIC_WINDOWS_MUST_RUN") and reporter and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped where none may")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
