"""What a whole ansible-playbook knows of a run, and whom it believes."""

from __future__ import annotations

from teamsmedic.ansible.callback import Runs
from teamsmedic.runfolder import RunFolder, new_id

RESULT = {"outcomes": [{"status": "healthy"}]}


def folder(tmp_path):
    return RunFolder.create(tmp_path, new_id(), {"hosts": ["desk", "late"]})


def test_waves_and_hosts_that_were_not_come_to_are_in_the_manifest(tmp_path):
    run, seen = folder(tmp_path), Runs()
    seen.wave()
    seen.told("desk", {**RESULT, "run_folder": str(run.path)})
    seen.told("late", {"msg": "no route"}, unreachable=True)
    run.write("desk", "outcome", {"outcomes": []})
    seen.end()

    assert run.manifest()["waves"] == [["desk"]]
    assert run.manifest()["exit_code"] == 4
    assert run.hosts()["late"][-1]["error"] == "no route"


def test_who_was_held_back_is_in_no_wave_and_has_not_failed(tmp_path):
    run, seen = folder(tmp_path), Runs()
    seen.wave()
    seen.told("desk", {**RESULT, "run_folder": str(run.path), "wave": 1})
    seen.told("late", {"outcomes": [], "run_folder": str(run.path), "without": "held back"}, failed=True)
    run.write("late", "stopped", {"outcomes": [], "without": "held back"})
    run.write("desk", "outcome", {"outcomes": []})
    seen.end()

    assert run.manifest()["waves"] == [["desk"]]
    assert run.manifest()["exit_code"] == 5


def test_a_run_folder_named_by_another_module_is_not_looked_at(tmp_path):
    run, seen = folder(tmp_path), Runs()
    seen.told("desk", {**RESULT, "run_folder": str(run.path)}, action="ansible.windows.win_shell")
    seen.told("desk", {"results": [{**RESULT, "run_folder": str(run.path)}]}, action="ansible.windows.win_shell")
    seen.end()

    assert "waves" not in run.manifest()
    assert run.hosts() == {}
