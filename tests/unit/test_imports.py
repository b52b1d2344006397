"""Imports point one way, and what decides knows no network, no Ansible and no command line library."""

from __future__ import annotations

import subprocess
import sys

import pytest

EDGES = (
    "pypsrp",
    "requests",
    "ansible",
    "click",
    "rich",
    "psrpcore",
    "spnego",
    "cryptography",
    "subprocess",
    "socket",
    "asyncio",
)


def imported(module: str) -> set[str]:
    script = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "errors",
        "outcome",
        "text",
        "content",
        "codes",
        "catalog",
        "recognise",
        "signs",
        "remediation",
        "plan",
        "payload",
        "answer",
        "dsregcmd",
        "treatment",
        "run",
        "result",
        "questions",
        "evidence",
        "triage",
        "checklist",
        "redact",
        "handover",
        "validate",
        "scaffold",
        "reference",
        "chain",
        "runreader",
        "report.model",
        "report.differs",
        "report.machines",
        "report.text",
        "report.html",
        "report.history",
        "recording",
    ],
)
def test_what_decides_knows_no_edge(module):
    assert imported(f"teamsmedic.{module}").isdisjoint(EDGES)


def test_help_and_explain_load_neither_pypsrp_nor_ansible():
    loaded = imported("teamsmedic.cli")

    assert loaded.isdisjoint({"pypsrp", "ansible", "rich", "psrpcore", "cryptography", "asyncio", "hyperscan"})


def test_explaining_a_code_loads_no_search_engine():
    script = (
        "import sys; from teamsmedic.explain import document; document(['0xCAA70007']); print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "hyperscan" not in done.stdout.split()
