"""What no simulated device can be brought to, judged from the facts that it would report."""

from __future__ import annotations

import copy

import pytest

from teamsmedic import content, remediation
from teamsmedic.lab import cases
from teamsmedic.remediation import Finding

ABOUT = remediation.load(content.root())["client_cache_fresh"]
CASES = cases.load(content.root())["client_cache_fresh"]
LINK = r"C:\Users\amber\AppData\Local\Packages"


def judged(case: str, **amber: object) -> Finding:
    facts = copy.deepcopy(dict(CASES[case].facts))
    facts["users"] = [{**one, **amber} if one["name"] == "amber" else one for one in facts["users"]]
    return ABOUT.judge(facts, ABOUT.values({}, 0))


@pytest.mark.parametrize(("state", "detail", "reason"), [
    ("reparse_point", LINK, f"reparse point: {LINK} (amber)"),
    ("profile_container", r"C:\Users\amber is a link", r"profile container: amber (C:\Users\amber is a link)"),
    ("unreadable", "access denied", "cannot look at amber: access denied"),
])  # fmt: skip
def test_whoever_cannot_be_looked_at_blocks_also_where_nothing_drifted(state: str, detail: str, reason: str) -> None:
    for case in ("absent", "two_users"):
        found = judged(case, state=state, detail=detail)
        assert (str(found.status), found.reasons) == ("blocked", [reason])


def test_a_cache_on_another_volume_than_its_copy_is_blocked() -> None:
    facts = copy.deepcopy(dict(CASES["classic"].facts))
    facts["caches"][0]["space"] = "other_volume"
    found = ABOUT.judge(facts, ABOUT.values({}, 0))
    assert str(found.status) == "blocked"
    assert found.reasons[0].startswith(r"C:\Users\amber\AppData\Roaming\Microsoft\Teams lies on another volume")
