"""The six beats through the playbook (tests/windows/beats.py). A file a door: two processes take one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from beats import IDS, Subject, prove, table

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def proved(windows_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    return prove("playbook", windows_lab, tmp_path_factory.mktemp("beats"))


@pytest.mark.parametrize("pair", IDS)
def test_beats(proved: dict[str, Subject], pair: str) -> None:
    assert proved[pair].failures == [], "\n".join(proved[pair].failures)


def test_no_pair_is_skipped(proved: dict[str, Subject], record_property: Callable[[str, str], None]) -> None:
    record_property("figure", table("playbook", proved))
    assert sorted(proved) == sorted(IDS)
    assert all(one.statuses for one in proved.values())
