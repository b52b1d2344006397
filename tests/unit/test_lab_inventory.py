"""The lab's inventory, and the cases of remediations."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from teamsmedic.errors import ContentError, InventoryError
from teamsmedic.lab import cases, inventory

TEXT = """
all:
  vars: {lab_kind: replay, everywhere: 1}
  children:
    desktops:
      vars: {lab_role: desktop, note: "ü"}
      hosts:
        desk-[08:11]: {lab_transport: https}
        desk-a: {lab_case: {x: y}, everywhere: 2, lab_schemes: [ntlm]}
      children:
        berlin:
          hosts: {desk-a: , desk-b: {lab_transport: basic}}
    rooms:
      vars: {lab_role: room}
      hosts: {room-1: {lab_faults: {x: garbage}, lab_delay: 1.5}}
"""


@pytest.fixture
def read(tmp_path):
    def go(text: str) -> inventory.LabInventory:
        file = tmp_path / "hosts.yml"
        file.write_text(text, encoding="utf-8")
        return inventory.read(file)

    return go


def test_ranges_groups_and_variables_mean_what_they_mean_to_ansible(read):
    lab = read(TEXT)
    assert list(lab.hosts) == ["desk-08", "desk-09", "desk-10", "desk-11", "desk-a", "desk-b", "room-1"]
    a = lab.hosts["desk-a"]
    assert (a.role, a.groups, a.cases, a.schemes) == ("desktop", ("desktops", "berlin"), {"x": "y"}, ("ntlm",))
    assert a.variables["everywhere"] == 2
    assert lab.hosts["desk-b"].groups == ("desktops", "berlin")
    assert lab.hosts["desk-09"].transport == "https"
    room = lab.hosts["room-1"]
    assert (room.role, room.faults, room.delay) == ("room", {"x": "garbage"}, 1.5)


def test_what_ansible_makes_of_the_written_inventory_reaches_every_device(read, tmp_path):
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.manager import VariableManager

    text = inventory.render(read(TEXT), "pass", 1111, 2222, Path("/ca.pem"))
    file = tmp_path / "inventory.yml"
    file.write_text(text, encoding="utf-8")
    loader = DataLoader()
    manager = InventoryManager(loader, [str(file)])
    variables = VariableManager(loader, manager)
    assert [host.name for host in manager.list_hosts("berlin")] == ["desk-a", "desk-b"]
    assert {host.name for host in manager.list_hosts("desktops")} == {
        "desk-08",
        "desk-09",
        "desk-10",
        "desk-11",
        "desk-a",
        "desk-b",
    }
    got = variables.get_vars(host=manager.get_host("desk-a"))
    assert got["ansible_connection"] == "psrp"
    assert (got["ansible_host"], got["ansible_port"], got["ansible_psrp_path"]) == ("127.0.0.1", 1111, "desk-a/wsman")
    assert (got["ansible_psrp_auth"], got["ansible_psrp_protocol"], got["note"]) == ("ntlm", "http", "ü")
    assert "ansible_psrp_message_encryption" not in got
    basic = variables.get_vars(host=manager.get_host("desk-b"))
    assert (basic["ansible_psrp_auth"], basic["ansible_psrp_message_encryption"]) == ("basic", "never")
    secure = variables.get_vars(host=manager.get_host("desk-08"))
    assert (secure["ansible_port"], secure["ansible_psrp_ca_cert"]) == (2222, "/ca.pem")
    assert "replay" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no groups"),
        ("[a, b]", "no groups"),
        ("all: {}", "no devices"),
        ("all: {hosts: {a: {lab_kind: magic}}}", "lab_kind of a is 'magic'"),
        ("all: {hosts: {a: {lab_role: cellar}}}", "lab_role of a"),
        ("all: {hosts: {a: {lab_transport: pigeon}}}", "lab_transport of a"),
        ("all: {hosts: {a: {lab_colour: red}}}", "lab_colour"),
        ("all: {hosts: {a: {lab_delay: -1}}}", "lab_delay"),
        ("all: {hosts: {a: {lab_case: [x]}}}", "lab_case"),
        ("all: {hosts: {a: {lab_schemes: [kerberos]}}}", "lab_schemes"),
        ("all: {hosts: {a: {lab_use: perhaps}}}", "lab_use of a is 'perhaps'"),
        ("all: {hosts: {a: {lab_utc_offset: 2h}}}", "lab_utc_offset of a is '2h'"),
        ("all: {hosts: {a: {lab_off: 1}}}", "lab_off of a is 1"),
        ("all: {hosts: {a: {lab_clock: yes}}}", "lab_clock of a is True"),
        ("all: {hosts: {a: {lab_utc_offset: 900}}}", "lab_utc_offset of a is 900"),
        ("all: {hosts: {'a/../b': }}", "no name for a device"),
        ("all: {hosts: {'a[1:99999]': }}", "more than"),
        ("all: {hosts: {'a[9:1]': }}", "names no devices"),
        ("all: {things: {}}", "something else"),
        ("all: {hosts: [a, b]}", "no mapping"),
        ("all: {hosts: {a: text}}", "no mapping of variables"),
        ("all: [", "while parsing"),
    ],
)
def test_a_broken_inventory_is_one_sentence_that_says_where(read, text, found):
    with pytest.raises(InventoryError) as caught:
        read(text)
    assert found in str(caught.value)
    assert "hosts.yml" in str(caught.value)


def test_a_missing_inventory_is_one_sentence(tmp_path):
    with pytest.raises(InventoryError, match=r"nothing\.yml"):
        inventory.read(tmp_path / "nothing.yml")


@pytest.mark.parametrize("name", ["hosts.yml", "windows.yml"])
def test_the_shipped_inventories_can_be_read(name):
    lab = inventory.read(inventory.default().parent / name)
    assert {host.role for host in lab.hosts.values()} == {"desktop", "room"}
    assert {"desktops", "rooms"} <= set(lab.groups)
    assert {host.kind for host in lab.hosts.values()} == {"windows" if name == "windows.yml" else "replay"}


def test_the_shipped_inventories_name_cases_that_exist():
    root = inventory.default().parent.parent.parent
    for file in inventory.default().parent.glob("*.yml"):
        for host in inventory.read(file).hosts.values():
            cases.choose(root, host.role, host.cases)


def case_file(tmp_path: Path, data: object) -> Path:
    folder = tmp_path / "layer" / "thing"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "cases.yaml").write_text(yaml.safe_dump(data) if not isinstance(data, str) else data)
    return folder


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({}, "no cases"),
        ({"cases": {"a": {"status": "healthy"}}}, "needs facts"),
        ({"cases": {"a": {"facts": {}, "status": "fine"}}}, "'fine'"),
        ({"cases": {"a": {"facts": {}, "status": "healthy", "role": "car"}}}, "'car'"),
        ({"cases": {"a": {"facts": {}, "status": "healthy", "colour": 1}}}, "unknown key colour"),
        ({"cases": {"a": {"facts": {}, "status": "healthy", "after": {}}}}, "after"),
        ("cases: {on: {facts: {}, status: healthy}}", "no text for YAML"),
    ],
)
def test_a_broken_case_says_what_to_mend(tmp_path, data, found):
    with pytest.raises(ContentError) as caught:
        cases.read(case_file(tmp_path, data))
    assert found in str(caught.value)
