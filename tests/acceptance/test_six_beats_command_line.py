"""The six beats of drifted cases through the command line (tests/windows/beats.py). A file a door: two processes take one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from beats import DRIFTED, Proved, prove, table

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def proved(windows_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Proved:
    return prove(DRIFTED, ["command line"], windows_lab, tmp_path_factory.mktemp("beats"))


@pytest.mark.parametrize("door", ["command line"])
@pytest.mark.parametrize("case", DRIFTED)
def test_beats(proved: Proved, case: str, door: str) -> None:
    one = proved[door][case]
    assert one.failures == [], "\n".join(one.failures)


def test_no_pair_is_skipped(proved: Proved, record_property: Callable[[str, str], None]) -> None:
    record_property("figure", table(proved))
    for several in proved.values():
        assert sorted(several) == sorted(DRIFTED)
        assert all(one.statuses for one in several.values())
