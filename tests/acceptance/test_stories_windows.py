"""Stories on Windows devices: broken, triaged, repaired by the command that the triage names, triaged again, undone.

One story for each remediation that can be offered; its other cases are proved by the six beats.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import story as stories

from teamsmedic import content, remediation
from teamsmedic.lab import cases

TEAMSMEDIC = Path(sys.executable).with_name("teamsmedic")
CURED = {
    story["cure"]["remediation"]: name for name in reversed(stories.names()) if "cure" in (story := stories.read(name))
}
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("cure", CURED)
def test_a_story_is_cured_and_undone(cure: str, device: Callable[..., Any], tmp_path: Path) -> None:
    story = stories.read(CURED[cure])
    about = remediation.load(content.root())[cure]
    case = cases.load(content.root())[cure][story["cure"]["case"]]
    broken = device(case.role, case.seeds, case.script(about.folder))
    reach = ["-i", str(broken.inventory(tmp_path / "hosts.yml")), "--run-dir", str(tmp_path / "runs")]

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [str(TEAMSMEDIC), *words, *reach, "--json"], capture_output=True, text=True, check=False, timeout=300
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def triage(*more: str) -> dict[str, Any]:
        web = ["--web", story["web"]] if "web" in story else []
        (result,) = run("triage", story["evidence"], *web, "--host", broken.name, *more)[1]["results"]
        return dict(result)

    first = triage()
    assert (first["verdict"], first["offered"][:1]) == ("device", [cure]), json.dumps(
        [first["causes"], first["ladder"], first["outcomes"]]
    )
    assert first["next"]["command"].split()[:3] == ["teamsmedic", "fix", broken.name]
    words = [one for one in shlex.split(first["next"]["command"])[1:] if one not in reach]

    fixed = run(*words, "--yes")
    assert fixed[0] == 0, fixed[1]
    assert [one["status"] for one in fixed[1]["hosts"][0]["outcomes"]] == ["fixed"]

    after = triage()
    assert after["offered"] == []
    assert f"{cure} was repaired in run {fixed[1]['run']} and is healthy now" in after["stopped"]
    assert triage("--still", "no")["solved"]

    if about.reversible:
        undone = run("undo", broken.name, "--yes")
        assert [one["status"] for one in undone[1]["hosts"][0]["outcomes"]] == ["reverted"]
        assert triage()["offered"][0] == cure, "what was undone may be offered again"
