"""Hosts from real Ansible inventories: what is read, what is mapped, what is refused, and that no secret is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teamsmedic.ansible import inventory
from teamsmedic.ansible import vars as connections
from teamsmedic.errors import ExitCode, InventoryError

SECRET = "Plant3d-Passw0rd"
VAULT_PASSWORD = "vault-Passw0rd"

pytestmark = pytest.mark.filterwarnings("default")  # ansible's own deprecations are not ours to mend


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No inventory of this machine reaches a test."""
    from ansible import constants

    monkeypatch.chdir(tmp_path)
    before = dict(vars(constants))
    real = constants.config.get_config_value_and_origin

    def nothing(name: str, *args: Any, **kwargs: Any) -> tuple[Any, str]:
        value, origin = real(name, *args, **kwargs)
        return ([], "default") if name == "DEFAULT_HOST_LIST" and origin == "default" else (value, origin)

    monkeypatch.setattr(constants.config, "get_config_value_and_origin", nothing)
    yield
    for name, value in before.items():
        setattr(constants, name, value)


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def vault(text: str, password: str = VAULT_PASSWORD) -> str:
    """The text as ansible-vault encrypts it."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    return str(VaultLib([("default", VaultSecret(password.encode()))]).encrypt(text).decode())


def tagged(text: str, indent: int) -> str:
    return "!vault |\n" + "".join(" " * indent + line + "\n" for line in vault(text).splitlines())


@pytest.fixture
def fleet(tmp_path: Path) -> str:
    """An inventory as a site has it: groups, nested groups, group_vars, a vaulted password, templates."""
    write(
        tmp_path / "inv/group_vars/windows.yml",
        "ansible_connection: psrp\nansible_user: admin\n"
        f"ansible_password: {tagged(SECRET, 2)}"
        'ansible_host: "{{ inventory_hostname }}.{{ domain }}"\n',
    )
    write(tmp_path / "inv/group_vars/rooms.yml", "ansible_psrp_auth: ntlm\n")
    return write(
        tmp_path / "inv/hosts.yml",
        "all:\n  vars: {domain: example.com}\n  children:\n"
        "    windows:\n      children:\n"
        "        desktops: {hosts: {pc1: , pc2: }}\n"
        "        rooms: {hosts: {room1: {ansible_psrp_protocol: http}}}\n"
        "    linux: {hosts: {web1: }, vars: {ansible_connection: ssh}}\n",
    )


@pytest.fixture
def key(tmp_path: Path) -> str:
    return write(tmp_path / "vault-password", VAULT_PASSWORD + "\n")


def refused(pattern: str, **options: Any) -> str:
    """The one sentence of an InventoryError."""
    with pytest.raises(InventoryError) as caught:
        inventory.resolve(pattern, **options)
    assert caught.value.exit_code is ExitCode.USAGE
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert SECRET not in sentence
    assert VAULT_PASSWORD not in sentence
    return sentence


def test_groups_variables_templates_and_vault_are_ansibles(fleet: str, key: str) -> None:
    specs = {one.name: one for one in inventory.resolve("windows", sources=[fleet], vault_password_files=[key])}

    assert list(specs) == ["pc1", "pc2", "room1"]
    assert specs["pc1"].address == "pc1.example.com"
    assert (specs["pc1"].protocol, specs["pc1"].port, specs["pc1"].auth) == ("https", 5986, "negotiate")
    assert (specs["room1"].protocol, specs["room1"].port, specs["room1"].auth) == ("http", 5985, "ntlm")
    assert (specs["pc1"].user, specs["pc1"].password) == ("admin", SECRET)
    assert type(specs["pc1"].password) is str
    assert SECRET not in repr(specs)


@pytest.mark.parametrize(
    ("pattern", "limit", "expected"),
    [
        ("desktops", None, ["pc1", "pc2"]),
        ("windows", "rooms", ["room1"]),
        ("windows:!rooms", None, ["pc1", "pc2"]),
        ("windows:&rooms", None, ["room1"]),
        ("pc*", None, ["pc1", "pc2"]),
        ("~pc[2-9]", None, ["pc2"]),
        ("desktops[0]", None, ["pc1"]),
        ("pc1,room1", None, ["pc1", "room1"]),
        ("windows", "@limit", ["pc2"]),
    ],
)
def test_patterns_and_limits_are_ansibles(
    *, fleet: str, key: str, tmp_path: Path, pattern: str, limit: str | None, expected: list[str]
) -> None:
    write(tmp_path / "limit", "pc2\n")

    found = inventory.resolve(pattern, sources=[fleet], limit=limit, vault_password_files=[key])

    assert [one.name for one in found] == expected


@pytest.mark.parametrize(
    ("pattern", "limit", "named"),
    [
        ("dekstops", None, "no host or group dekstops"),
        ("desktops,rooomz", None, "no host or group rooomz"),
        ("desktops", "rooomz", "no host or group rooomz"),
        ("desktops", "rooms", "no host is left"),
        ("desktops", "@nowhere", "nowhere"),
    ],
)
def test_what_matches_nothing_is_an_error(fleet: str, pattern: str, limit: str | None, named: str) -> None:
    assert named in refused(pattern, sources=[fleet], limit=limit)


def test_a_bare_name_is_an_address_only_without_an_inventory(fleet: str) -> None:
    (spec,) = inventory.resolve("pc9.example.com", user="me", password=SECRET)
    assert (spec.address, spec.port, spec.protocol, spec.auth) == ("pc9.example.com", 5986, "https", "negotiate")
    assert (spec.user, spec.password) == ("me", SECRET)

    assert [one.address for one in inventory.resolve("10.0.0.7,fe80::1")] == ["10.0.0.7", "fe80::1"]
    assert "no host or group pc9.example.com" in refused("pc9.example.com", sources=[fleet])


def test_a_configured_inventory_counts_as_given(fleet: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible import constants

    real = constants.config.get_config_value_and_origin
    monkeypatch.setattr(
        constants.config,
        "get_config_value_and_origin",
        lambda name, **more: ([fleet], "env: ANSIBLE_INVENTORY") if name == "DEFAULT_HOST_LIST" else real(name, **more),
    )

    assert [one.name for one in inventory.resolve("rooms", vault_password_files=[key])] == ["room1"]
    assert "no host or group pc9" in refused("pc9")


@pytest.mark.parametrize("pattern", ["all", "*", "rooms:!x", "a b", "-x", ""])
def test_a_pattern_without_an_inventory_is_an_error(pattern: str) -> None:
    assert "inventory" in refused(pattern)


def test_a_host_list_is_an_inventory() -> None:
    assert [one.address for one in inventory.resolve("all", sources=["pc1,pc2,"])] == ["pc1", "pc2"]
    assert "no host or group pc3" in refused("pc3", sources=["pc1,"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broken.yml", f"all:\n  hosts:\n    x:\n      ansible_password: {SECRET}: bar\n"),
        ("broken.ini", f"x ansible_password={SECRET} {SECRET}\n"),
        ("list.yml", "all:\n  hosts: [x]\n"),
        ("plugin.yml", "plugin: nope.nope\n"),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    """Ansible only warns, and quotes the line with the password."""
    broken = write(tmp_path / name, text)

    assert name in refused("x", sources=[broken])
    assert name in refused("pc1", sources=["pc1,", broken])


def test_the_line_is_named(tmp_path: Path) -> None:
    assert "line 4" in refused("x", sources=[write(tmp_path / "b.yml", "all:\n  hosts:\n    x:\n      a: b: c\n")])


def test_a_script_that_fails_is_an_error(tmp_path: Path) -> None:
    script = tmp_path / "inventory.sh"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)

    assert "inventory.sh" in refused("x", sources=[str(script)])


def test_a_broken_file_in_a_folder_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "inv/good", "pc1\n")
    write(tmp_path / "inv/bad", "pc2 a b\n")

    assert "inv/bad:" in refused("pc1", sources=[str(tmp_path / "inv")])


def test_a_missing_source_is_an_error() -> None:
    assert "no such file" in refused("x", sources=["/nowhere/hosts.yml"])


def test_a_value_that_is_needed_and_cannot_be_decrypted_is_an_error(fleet: str, tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong", "not the one\n")

    for options in ({}, {"vault_password_files": [wrong]}, {"vault_ids": [f"site@{wrong}"]}):
        sentence = refused("pc1", sources=[fleet], **options)
        assert "ansible_password of pc1" in sentence
        assert "--vault-password-file" in sentence


def test_a_value_that_is_not_needed_may_stay_encrypted(tmp_path: Path) -> None:
    hosts = write(tmp_path / "hosts.yml", f"all:\n  hosts:\n    pc1:\n      other: {tagged(SECRET, 8)}")

    (spec,) = inventory.resolve("pc1", sources=[hosts])

    assert spec.address == "pc1"


def test_a_vaulted_file_needs_its_password(tmp_path: Path, key: str) -> None:
    hosts = write(tmp_path / "inv/hosts.ini", "[rooms]\nroom1\n")
    write(tmp_path / "inv/group_vars/rooms/vault.yml", vault(f"ansible_password: {SECRET}\n"))

    assert inventory.resolve("rooms", sources=[hosts], vault_password_files=[key])[0].password == SECRET
    assert inventory.resolve("rooms", sources=[hosts], vault_ids=[f"any@{key}"])[0].password == SECRET
    assert "--vault-password-file" in refused("rooms", sources=[hosts])


def test_the_vault_password_can_be_typed(fleet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _: VAULT_PASSWORD)

    assert inventory.resolve("pc1", sources=[fleet], ask_vault_pass=True)[0].password == SECRET
    assert inventory.resolve("pc1", sources=[fleet], vault_ids=["site@prompt"])[0].password == SECRET
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    assert "is empty" in refused("pc1", sources=[fleet], ask_vault_pass=True)


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_a_vault_password_file_that_serves_nothing_is_an_error(fleet: str, tmp_path: Path, what: str) -> None:
    file = tmp_path / "password"
    if what == "empty":
        file.write_text("\n")

    assert "vault password" in refused("pc1", sources=[fleet], vault_password_files=[str(file)])


def test_winrm_is_mapped_to_psrp(tmp_path: Path) -> None:
    hosts = write(
        tmp_path / "hosts.yml",
        "all:\n  vars: {ansible_connection: winrm, ansible_user: a, ansible_winrm_password: p}\n  hosts:\n"
        "    default: \n"
        "    http: {ansible_port: 5985, ansible_winrm_transport: ntlm, ansible_winrm_path: /custom/}\n"
        "    cert: {ansible_winrm_scheme: https, ansible_winrm_transport: certificate, ansible_winrm_cert_pem: /c,\n"
        "           ansible_winrm_cert_key_pem: /k, ansible_winrm_server_cert_validation: ignore}\n"
        "    both: {ansible_winrm_transport: [kerberos, ntlm], ansible_winrm_kerberos_delegation: true}\n"
        "    ssl: {ansible_winrm_transport: ssl, ansible_winrm_ca_trust_path: /ca.pem, ansible_winrm_host: other,\n"
        "          ansible_winrm_operation_timeout_sec: 40, ansible_winrm_read_timeout_sec: 50}\n",
    )
    specs = {one.name: one for one in inventory.resolve("all", sources=[hosts])}

    assert (specs["default"].auth, specs["default"].port, specs["default"].password) == ("negotiate", 5986, "p")
    assert (specs["http"].auth, specs["http"].protocol, specs["http"].path) == ("ntlm", "http", "custom")
    assert (specs["cert"].auth, specs["cert"].validate) == ("certificate", False)
    assert specs["cert"].options == {"certificate_pem": "/c", "certificate_key_pem": "/k"}
    assert (specs["both"].auth, specs["both"].options["negotiate_delegate"]) == ("negotiate", True)
    assert (specs["ssl"].auth, specs["ssl"].ca_cert, specs["ssl"].address) == ("basic", "/ca.pem", "other")
    assert specs["ssl"].options == {"operation_timeout": 40, "read_timeout": 50}


@pytest.mark.parametrize("named", ["ssh", "local", "community.general.lxc"])
def test_another_connection_is_an_error(tmp_path: Path, named: str) -> None:
    hosts = write(tmp_path / "hosts.ini", f"web1 ansible_connection={named}\n")

    assert f"its ansible_connection is {named}" in refused("web1", sources=[hosts])


@pytest.mark.parametrize("named", ["psrp", "ansible.builtin.psrp", "winrm", "ansible.legacy.winrm"])
def test_full_names_of_the_connections_are_known(tmp_path: Path, named: str) -> None:
    hosts = write(tmp_path / "hosts.ini", f"pc1 ansible_connection={named}\n")

    assert inventory.resolve("pc1", sources=[hosts])[0].address == "pc1"


@pytest.mark.parametrize(
    ("variables", "refusal"),
    [
        ("ansible_psrp_auth=basic ansible_psrp_protocol=http", "in the clear"),
        ("ansible_psrp_auth=basic ansible_port=5985", "in the clear"),
        ("ansible_connection=winrm ansible_winrm_transport=plaintext ansible_port=5985", "in the clear"),
        ("ansible_psrp_auth=basic", None),
        ("ansible_psrp_auth=basic ansible_port=5985 ansible_host=127.0.0.1", None),
        ("ansible_psrp_auth=basic ansible_port=5985 ansible_host=localhost", None),
        ("ansible_psrp_auth=basic ansible_port=5985 ansible_host=localhost.example.com", "in the clear"),
        ("ansible_psrp_auth=digest", "use one of basic"),
        ("ansible_psrp_protocol=ftp", "use one of http, https"),
        ("ansible_port=abc", "no number"),
        ("ansible_psrp_ignore_proxy=perhaps", "neither true nor false"),
        ("ansible_psrp_message_encryption=sometimes", "use one of auto"),
    ],
)
def test_a_login_that_shows_the_password_or_a_value_that_is_none_is_refused(
    tmp_path: Path, variables: str, refusal: str | None
) -> None:
    hosts = write(tmp_path / "hosts.ini", f"pc1 ansible_user=u ansible_password={SECRET} {variables}\n")

    if refusal:
        assert refusal in refused("pc1", sources=[hosts])
    else:
        assert inventory.resolve("pc1", sources=[hosts])[0].auth == "basic"


@pytest.mark.parametrize(
    ("auth", "package"), [("kerberos", "teamsmedic[kerberos]"), ("credssp", "teamsmedic[credssp]")]
)
def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, auth: str, package: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(InventoryError, match=f"pip install '{package}'".replace("[", r"\[")):
        connections.refuse_login("pc1", auth, "https", "pc1")


def test_loopback_ignores_proxies(tmp_path: Path) -> None:
    hosts = write(
        tmp_path / "hosts.ini", "a ansible_host=127.0.0.1\nb ansible_host=::1\nc\nd ansible_psrp_ignore_proxy=yes\n"
    )

    assert [one.ignore_proxy for one in inventory.resolve("all", sources=[hosts])] == [True, True, False, True]


def test_variables_win_over_options_and_extra_variables_over_all(fleet: str, key: str) -> None:
    (spec,) = inventory.resolve(
        "pc1", sources=[fleet], vault_password_files=[key], user="me", password="other", extra_vars=["domain=corp.test"]
    )
    assert (spec.user, spec.password, spec.address) == ("admin", SECRET, "pc1.corp.test")

    (spec,) = inventory.resolve("pc1", extra_vars=['{"ansible_user": "x"}', "ansible_port=5985"], user="me")
    assert (spec.user, spec.protocol) == ("x", "http")


def test_a_template_that_fails_is_an_error(tmp_path: Path) -> None:
    hosts = write(
        tmp_path / "hosts.yml",
        "all:\n  hosts:\n    pc1: {ansible_host: '{{ nowhere }}'}\n"
        f"    pc2: {{ansible_password: \"{{{{ '{SECRET}' | nofilter }}}}\"}}\n",
    )

    assert "ansible_host of pc1" in refused("pc1", sources=[hosts])
    assert "ansible_password of pc2" in refused("pc2", sources=[hosts])


def test_other_hosts_variables_can_be_named_in_templates(tmp_path: Path) -> None:
    hosts = write(
        tmp_path / "hosts.yml",
        "all:\n  hosts:\n    pc1: {zone: one.test}\n    pc2: {ansible_host: 'x.{{ hostvars.pc1.zone }}'}\n",
    )

    assert inventory.resolve("pc2", sources=[hosts])[0].address == "x.one.test"


def test_the_pypsrp_door_gets_what_the_inventory_says(tmp_path: Path) -> None:
    hosts = write(
        tmp_path / "hosts.ini",
        f"pc1 ansible_user=u ansible_password={SECRET} ansible_psrp_ca_cert=/ca.pem ansible_psrp_read_timeout=60\n",
    )
    made = inventory.connection(inventory.resolve("pc1", sources=[hosts])[0])

    assert (made.server, made.port, made.ssl, made.cert_validation) == ("pc1", 5986, True, "/ca.pem")
    assert (made.username, made.password, made.extra) == ("u", SECRET, {"read_timeout": 60})
    assert SECRET not in repr(made)


def test_nothing_of_ansibles_is_printed(fleet: str, key: str, capfd: pytest.CaptureFixture[str]) -> None:
    inventory.resolve("pc1", sources=[fleet], vault_password_files=[key])
    refused("nobody", sources=[fleet])

    assert capfd.readouterr() == ("", "")


def test_several_readings_in_one_process_do_not_share_vault_passwords(fleet: str, key: str) -> None:
    inventory.resolve("pc1", sources=[fleet], vault_password_files=[key])

    assert "ansible_password of pc1" in refused("pc1", sources=[fleet])


def test_two_names_of_one_device_are_an_error(tmp_path: Path) -> None:
    hosts = "a ansible_host=192.0.2.1\nb ansible_host=192.0.2.1\nc ansible_host=192.0.2.1 ansible_port=5985\n"
    source = write(tmp_path / "hosts", f"[desks]\n{hosts}[again]\na\n")

    with pytest.raises(InventoryError, match=r"both lead to 192\.0\.2\.1, port 5986; .*-l '!b'"):
        inventory.resolve("desks", sources=[source])
    assert [one.name for one in inventory.resolve("all", sources=[source], limit="!b")] == ["a", "c"]
