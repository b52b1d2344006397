"""Every other case, through both doors: the same answer, and nothing changed (tests/windows/beats.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from beats import EQUAL, Proved, prove, table

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def proved(windows_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Proved:
    return prove(EQUAL, ["command line", "playbook"], windows_lab, tmp_path_factory.mktemp("beats"))


@pytest.mark.parametrize("door", ["command line", "playbook"])
@pytest.mark.parametrize("case", EQUAL)
def test_answers(proved: Proved, case: str, door: str) -> None:
    one = proved[door][case]
    assert one.failures == [], "\n".join(one.failures)


def test_no_pair_is_skipped(proved: Proved, record_property: Callable[[str, str], None]) -> None:
    record_property("figure", table(proved))
    for several in proved.values():
        assert sorted(several) == sorted(EQUAL)
        assert all(one.statuses for one in several.values())
