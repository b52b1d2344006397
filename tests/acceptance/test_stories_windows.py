"""Stories on Windows devices: broken, triaged, repaired by the command that the triage names, triaged again, undone."""

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

from teamsmedic import content, questions, remediation
from teamsmedic.lab import cases

TEAMSMEDIC = Path(sys.executable).with_name("teamsmedic")
CURED = [name for name in stories.names() if "cure" in stories.read(name)]
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("name", CURED)
def test_a_story_is_cured_and_undone(name: str, device: Callable[..., Any], tmp_path: Path) -> None:
    story = stories.read(name)
    cure = story["cure"]["remediation"]
    about = remediation.load(content.root())[cure]
    case = cases.load(content.root())[cure][story["cure"]["case"]]
    broken = device(case.role, case.seeds, case.script(about.folder), shared=True)
    reach = ["-i", str(broken.inventory(tmp_path / "hosts.yml")), "--run-dir", str(tmp_path / "runs")]

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [str(TEAMSMEDIC), *words, *reach, "--json"], capture_output=True, text=True, check=False, timeout=300
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    answers = {**story.get("answers", {}), **({"web": story["web"]} if "web" in story else {})}
    answered = [part for name, word in answers.items() for part in (questions.BY_ID[name].option, word)]

    def triage() -> dict[str, Any]:
        (result,) = run("triage", story["evidence"], *answered, "--host", broken.name)[1]["results"]
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

    if about.reversible:
        undone = run("undo", broken.name, "--yes")
        assert [one["status"] for one in undone[1]["hosts"][0]["outcomes"]] == ["reverted"]
