"""What `teamsmedic validate --playbooks --inventory` finds in a site's files, each mistake made once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from teamsmedic import cli, content, playbooks, validate
from teamsmedic.errors import InventoryError

SCHEMA = json.loads((content.root() / "src/teamsmedic/schemas/validate.schema.json").read_text(encoding="utf-8"))

SITE = {
    "playbooks/morning.yml": """\
- name: Repair the rooms
  hosts: rooms
  gather_facts: false
  vars:
    seen: [0xCAA70007]
  tasks:
    - name: Look
      block:
        - name: Repair what the code points at
          teamsmedic.teams.remediation:
            codes: "{{ seen }}"
            parameters:
              client_cache_fresh:
                symptom_since: 4h
                users: "{{ people }}"
            state: fixed
            allow: [disruptive]
            fail_on: blocked,unknown
            waves: [1, 10%]
- name: Put everything back
  ansible.builtin.import_playbook: teamsmedic.teams.undo
  vars:
    target: rooms
    run: last
- name: As shipped
  ansible.builtin.import_playbook: teamsmedic.teams.check
""",
    "playbooks/roles/room/tasks/main.yml": """\
- name: Say who must act
  teamsmedic.teams.remediation:
    state: triaged
    codes: ["AADSTS53003", sip:403]
    answers: {web: yes, affected: one}
    tried: [client_cache_fresh]
- name: Theirs
  ansible.builtin.debug:
    msg: "{{ teamsmedic_greeting }}"
""",
    "playbooks/roles/room/defaults/main.yml": "teamsmedic_greeting: hello\n",
    "playbooks/secret.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    "inventories/prod/hosts.yml": """\
all:
  children:
    rooms:
      vars:
        ansible_psrp_auth: ntlm
        ansible_winrm_kinit_mode: manual
      hosts:
        room-1: {ansible_port: 5986}
        room-2: {lab_case: {tls12_usable: room_off}, lab_role: room}
""",
    "inventories/prod/group_vars/rooms.yml": """\
teamsmedic_run_dir: /srv/runs
remediations: [tls12_usable]
teamsmedic_night_window: 22:00-05:00
ansible_password: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  6162
""",
    "inventories/prod/host_vars/room-1": "codes: 0xCAA70007\n",
    "inventories/old.ini": """\
[rooms]
room-3 ansible_host=10.0.0.3 ansible_psrp_auth=ntlm  # by the door
[rooms:vars]
teamsmedic_run_dir = /srv/runs
fail_on = ['blocked']
""",
}
PLAY, ROLE = "playbooks/morning.yml", "playbooks/roles/room/tasks/main.yml"
HOSTS, VARS = "inventories/prod/hosts.yml", "inventories/prod/group_vars/rooms.yml"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in SITE.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report() -> validate.Report:
    return playbooks.check([Path("playbooks")], ["inventories/prod", "inventories/old.ini"])


def test_sound_files_have_no_problem_and_what_only_a_run_knows_is_named(site: Path) -> None:
    found = report()

    assert [str(one) for one in found.problems] == []
    assert found.looked_at == {"files": 7, "tasks": 2, "variables": 18}
    assert found.left_alone == (
        "playbooks/secret.yml:1: the file is vaulted",
        "playbooks/morning.yml:15: a template is left alone",
        "inventories/prod/group_vars/rooms.yml:4: a value with the tag !vault is left alone",
    )


BREAKS = {
    "a code that is none": (PLAY, "[0xCAA70007]", "[0xZZZZ]", 5, "0xZZZZ"),
    "a code in a task of a role": (ROLE, "sip:403", "sip:999", 4, "999"),
    "codes for which a device can do nothing": (PLAY, '"{{ seen }}"', "AADSTS53003", 11, "no remediation on a device"),
    "an option that is none": (PLAY, "fail_on:", "failon:", 18, "did you mean fail_on?"),
    "a state": (PLAY, "state: fixed", "state: fix", 16, "use one of checked, fixed"),
    "what is allowed": (PLAY, "[disruptive]", "[disruptiv]", 17, "use disruptive and irreversible"),
    "a wave": (PLAY, "10%]", "ten]", 19, "no number of devices"),
    "a status to fail on": (PLAY, "blocked,unknown", "blocked,failed", 18, "fail_on holds failed"),
    "a remediation": (VARS, "[tls12_usable]", "[tls12_useable]", 2, "did you mean tls12_usable?"),
    "a remediation that was tried": (ROLE, "[client_cache_fresh]", "[client_cache]", 6, "there is no remediation"),
    "a remediation with parameters": (PLAY, "client_cache_fresh:", "client_cache_frsh:", 13, "did you mean"),
    "a parameter": (PLAY, "symptom_since:", "symptom_sinc:", 14, "did you mean symptom_since?"),
    "a parameter's value": (PLAY, "4h", "yesterday", 14, "symptom_since is 'yesterday'"),
    "a parameter's type": (PLAY, "symptom_since: 4h", "allow_unknown_call: 3", 14, "which is no bool"),
    "a question": (ROLE, "{web: yes", "{wbe: yes", 5, "did you mean web?"),
    "an answer": (ROLE, "affected: one", "affected: none", 5, "affected is none"),
    "a module": (ROLE, "teams.remediation", "teams.remedation", 2, "use teamsmedic.teams.remediation"),
    "a playbook": (PLAY, "teams.undo", "teams.undoo", 21, "did you mean undo?"),
    "a playbook's variable": (PLAY, "target: rooms", "targets: rooms", 23, "did you mean target?"),
    "a run": (PLAY, "run: last", "run: lst", 24, "run is lst"),
    "a play variable": (VARS, "teamsmedic_run_dir", "teamsmedic_run_dri", 1, "did you mean teamsmedic_run_dir?"),
    "a play variable's type": (VARS, "/srv/runs", "[1]", 1, "give a folder's path"),
    "a night window": (VARS, "22:00-05:00", "22-5", 3, "write it as 22:00-05:00"),
    "a connection's variable": (HOSTS, "ansible_psrp_auth", "ansible_psrp_autth", 5, "did you mean ansible_psrp_auth?"),
    "a connection's value": (HOSTS, "ntlm", "ntml", 5, "use one of basic"),
    "a port": (HOSTS, "5986", "https", 8, "ansible_port is no number"),
    "a lab's variable": (HOSTS, "lab_role", "lab_roll", 9, "lab_roll"),
    "a lab's case": (HOSTS, "room_off", "room_of", 9, "use one of"),
    "a variable of an INI file": ("inventories/old.ini", "psrp_auth=ntlm", "psrp_auth=ntml", 2, "use one of basic"),
    "a group's variable of an INI file": ("inventories/old.ini", "'blocked'", "'red'", 5, "fail_on holds red"),
    "a host's variable": ("inventories/prod/host_vars/room-1", "0xCAA70007", "0xZZZZ", 1, "0xZZZZ"),
    "a broken file": (VARS, "[tls12_usable]", "[tls12_usable", 3, "YAML ends here"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "line", "said"), BREAKS.values(), ids=BREAKS)
def test_a_mistake_is_named_with_its_line_and_how_to_mend_it(
    site: Path, file: str, old: str, new: str, line: int, said: str
) -> None:
    path = site / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    [problem] = [str(one) for one in report().problems]

    assert problem.startswith(f"checked {file}:{line}: ")
    assert said in problem


@pytest.mark.parametrize(
    "task",
    [
        "action: teamsmedic.teams.remediation state=fix",
        "local_action: {module: teamsmedic.teams.remediation, state: fix}",
    ],
)
def test_a_task_in_another_form_is_named_as_not_looked_at(site: Path, task: str) -> None:
    (site / "playbooks/old.yml").write_text(f"- hosts: all\n  tasks:\n    - {task}\n")

    assert any(one.startswith("playbooks/old.yml:3: options below") for one in report().left_alone)


def test_an_inventory_that_is_not_there_is_no_sound_one(site: Path) -> None:
    with pytest.raises(InventoryError, match="there is no such file"):
        playbooks.check([], ["inventories/prd"])


def test_the_shipped_playbooks_and_inventories_are_sound() -> None:
    root = content.root()
    found = playbooks.check([root / "playbooks"], [str(root / "inventories/example"), str(root / "inventories/lab")])

    assert [str(one) for one in found.problems] == []
    assert found.looked_at["tasks"] == len(
        re.findall("remediation:", "".join(one.read_text() for one in (root / "playbooks").glob("*.yml")))
    )


def test_the_command_prints_problems_and_ends_with_3(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site / VARS
    path.write_text(path.read_text().replace("teamsmedic_run_dir", "teamsmedic_run_dri"))
    asked = ["validate", "--playbooks", "playbooks", "--inventory", "inventories/prod"]

    assert cli._main(asked) == 3
    assert capsys.readouterr().out == (
        f"checked {VARS}:1: nothing reads the variable teamsmedic_run_dri; "
        "did you mean teamsmedic_run_dir? use teamsmedic_run_dir, teamsmedic_night_window, or remove it.\n"
    )
    assert cli._main([*asked, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert [one["found"] for one in document["problems"]] == ["nothing reads the variable teamsmedic_run_dri"]
    assert cli._main(["validate", "--json"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)
