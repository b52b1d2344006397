"""The lab's inventory: which devices there are, and the Ansible inventory by which both doors reach them.

A lab inventory is a static YAML inventory of Ansible (`hosts`, `children`, `vars`, ranges like `desk-[01:20]`). It is
read here without Ansible, whose import alone would cost the lab's process more than all its devices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from teamsmedic import content
from teamsmedic.answer import MAX_OFFSET
from teamsmedic.errors import ContentError, InventoryError
from teamsmedic.lab import recorded as recordings
from teamsmedic.lab.cases import ROLES, USES, Case, choose
from teamsmedic.lab.http import LOOPBACK
from teamsmedic.lab.recorded import Recorded

KINDS = ("replay", "windows")
TRANSPORTS = ("ntlm", "basic", "https", "https_ntlm")
"""How a device is reached: sealed NTLM over HTTP, Basic over HTTP, Basic over HTTPS, NTLM with channel binding over
HTTPS. Every device answers all of them; this is what its inventory says."""
USER = "labadmin"
MAX_HOSTS = 5000
_RANGE = re.compile(r"\[(\d+):(\d+)\]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_OWN = {
    "lab_kind", "lab_role", "lab_case", "lab_transport", "lab_delay", "lab_faults", "lab_shells", "lab_schemes",
    "lab_use", "lab_utc_offset", "lab_off", "lab_clock",
}  # fmt: skip


@dataclass(frozen=True)
class LabHost:
    """One device as its inventory describes it; `variables` are all its variables, groups' included.

    `cases`: remediation id to case name; or `recorded`, the device that it replays as a whole. `delay` (seconds) and
    `faults` (statement name to what is wrong with its answer) are for replay devices, as are `use` (whether a Room is
    in use), `offset` (minutes that local time is ahead of UTC), `off` (it answers nothing) and `ahead` (seconds that
    its clock is); `shells` is the limit a user; `schemes` the logins that it offers, empty for all.
    """

    name: str
    kind: str
    role: str
    groups: tuple[str, ...] = ()
    cases: Mapping[str, str] = field(default_factory=dict)
    transport: str = "ntlm"
    delay: float = 0.0
    faults: Mapping[str, str] = field(default_factory=dict)
    use: str = "free"
    offset: int = 0
    off: bool = False
    ahead: float = 0.0
    shells: int = 30
    schemes: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    recorded: Recorded | None = None

    def chosen(self) -> tuple[dict[str, Case], Mapping[str, str]]:
        """The case of every remediation, and why a recorded device has none of some."""
        if self.recorded:
            return dict(self.recorded.cases), self.recorded.missing
        return choose(content.root(), self.role, self.cases), {}


@dataclass(frozen=True)
class LabInventory:
    """The devices by name, and the groups: name to (hosts, children)."""

    hosts: Mapping[str, LabHost]
    groups: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass
class _Reading:
    file: Path
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    member: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)

    def error(self, found: str, todo: str) -> InventoryError:
        return InventoryError(f"read the lab's inventory {self.file}", found, todo)

    def group(self, name: str, about: Any, above: Mapping[str, Any], path: tuple[str, ...]) -> None:
        if about is None:
            about = {}
        if not isinstance(about, dict) or set(about) - {"hosts", "children", "vars"}:
            raise self.error(f"the group {name} holds something else than hosts, children and vars", "remove it")
        variables = {**above, **self._mapping(about, "vars", name)}
        own = path if name == "all" else (*path, name)
        hosts, children = self.groups.setdefault(name, ([], []))
        for pattern, given in self._mapping(about, "hosts", name).items():
            if given is not None and not isinstance(given, dict):
                raise self.error(f"the host {pattern} has no mapping of variables", "indent its variables below it")
            for host in self._expand(str(pattern)):
                self.variables[host] = {**variables, **self.variables.get(host, {}), **(given or {})}
                self.member.setdefault(host, [])
                self.member[host] += [one for one in own if one not in self.member[host]]
                hosts.append(host)
        for child, inner in self._mapping(about, "children", name).items():
            children.append(str(child))
            self.group(str(child), inner, variables, own)

    def _mapping(self, about: Mapping[str, Any], key: str, name: str) -> dict[Any, Any]:
        value = about.get(key) or {}
        if not isinstance(value, dict):
            raise self.error(f"{key} of {name} is no mapping", "write one name a line, each with a colon")
        return value

    def _expand(self, pattern: str) -> Iterator[str]:
        match = _RANGE.search(pattern)
        if match is None:
            if not _NAME.fullmatch(pattern):
                raise self.error(f"{pattern[:80]!r} is no name for a device", "use letters, digits, - and .")
            yield pattern
            return
        first, last = int(match[1]), int(match[2])
        if last < first or last - first >= MAX_HOSTS:
            raise self.error(f"{pattern} names no devices or more than {MAX_HOSTS}", "mend the range")
        for number in range(first, last + 1):
            yield from self._expand(pattern[: match.start()] + f"{number:0{len(match[1])}}" + pattern[match.end() :])


def default() -> Path:
    """The inventory that `lab up` takes where none is named."""
    return content.root() / "inventories" / "lab" / "hosts.yml"


def read(file: Path) -> LabInventory:
    """The devices of a lab inventory; InventoryError says what to mend."""
    reading = _Reading(file)
    try:
        data = content.read_yaml(file)
    except ContentError as error:
        raise reading.error(error.found, "name a readable YAML inventory") from None
    if not isinstance(data, dict) or not data:
        raise reading.error("it holds no groups", "see inventories/lab/hosts.yml")
    for name, about in data.items():
        reading.group(str(name), about, {}, ())
    if not reading.variables:
        raise reading.error("it names no devices", "see inventories/lab/hosts.yml")
    if len(reading.variables) > MAX_HOSTS:
        raise reading.error(f"it names more than {MAX_HOSTS} devices", "split it")
    hosts = {
        name: _host(reading, name, tuple(reading.member[name]), variables)
        for name, variables in reading.variables.items()
    }
    groups = {
        name: (tuple(dict.fromkeys(members)), tuple(dict.fromkeys(children)))
        for name, (members, children) in reading.groups.items()
    }
    return LabInventory(hosts, groups)


def _host(reading: _Reading, name: str, groups: tuple[str, ...], variables: Mapping[str, Any]) -> LabHost:
    if extra := sorted(key for key in variables if str(key).startswith("lab_") and key not in _OWN):
        raise reading.error(f"{name} has the variable {extra[0]}", f"use {', '.join(sorted(_OWN))}")

    def choice(key: str, choices: tuple[str, ...], otherwise: str) -> str:
        value = variables.get(key, otherwise)
        if value not in choices:
            raise reading.error(f"{key} of {name} is {value!r}", f"use one of {', '.join(choices)}")
        return str(value)

    def mapping(key: str) -> dict[str, str]:
        value = variables.get(key) or {}
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise reading.error(
                f"{key} of {name} is no mapping of names to names",
                "write `remediation: name` below it, or the name of a recorded device"
                if key == "lab_case"
                else "write `statement: fault` below it",
            )
        return {str(one): str(other) for one, other in value.items()}

    def number(key: str, otherwise: float) -> float:
        value = variables.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise reading.error(f"{key} of {name} is {value!r}", "give a number that is not negative")
        return value

    def offset(key: str) -> int:
        value = variables.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_OFFSET:
            raise reading.error(f"{key} of {name} is {value!r}", "give minutes, at most 840, as 120 or -300")
        return value

    off, ahead = variables.get("lab_off", False), variables.get("lab_clock", 0)
    if not isinstance(off, bool):
        raise reading.error(f"lab_off of {name} is {off!r}", "give true or false")
    if isinstance(ahead, bool) or not isinstance(ahead, int | float):
        raise reading.error(f"lab_clock of {name} is {ahead!r}", "give seconds, as 86400 or -86400")
    schemes = variables.get("lab_schemes") or []
    if not isinstance(schemes, list) or not set(schemes) <= {"negotiate", "ntlm", "basic"}:
        raise reading.error(f"lab_schemes of {name} is {schemes!r}", "give a list of negotiate, ntlm, basic")
    kind, recorded = choice("lab_kind", KINDS, "replay"), None
    if isinstance(given := variables.get("lab_case"), str):
        recorded = recordings.read(recordings.locate(given, reading.file))
        if kind != "replay":
            raise reading.error(f"{name} is recorded, and its lab_kind {kind}", "a recorded device is replayed")
    role = choice("lab_role", ROLES, recorded.role if recorded else "desktop")
    if recorded and role != recorded.role:
        raise reading.error(f"{name} was recorded as a {recorded.role}", "take its lab_role out")
    return LabHost(
        name=name,
        kind=kind,
        role=role,
        groups=groups,
        cases={} if recorded else mapping("lab_case"),
        recorded=recorded,
        transport=choice("lab_transport", TRANSPORTS, "ntlm"),
        delay=number("lab_delay", 0.0),
        faults=mapping("lab_faults"),
        use=choice("lab_use", USES, "free"),
        offset=offset("lab_utc_offset"),
        off=off,
        ahead=ahead,
        shells=int(number("lab_shells", 30)),
        schemes=tuple(schemes),
        variables=variables,
    )


def variable(name: str, value: Any, file: Path) -> LabHost:
    """A device with this one variable of a lab inventory; InventoryError where it is none, or its value."""
    return _host(_Reading(file), "it", (), {name: value})


def connection(host: LabHost, http_port: int, https_port: int, ca_file: Path) -> dict[str, Any]:
    """The connection variables of one device, but for user and password."""
    secure = host.transport.startswith("https")
    variables: dict[str, Any] = {
        "ansible_port": https_port if secure else http_port,
        "ansible_psrp_protocol": "https" if secure else "http",
        "ansible_psrp_path": f"{host.name}/wsman",
        "ansible_psrp_auth": "ntlm" if "ntlm" in host.transport else "basic",
    }
    if secure:
        variables["ansible_psrp_ca_cert"] = str(ca_file)
    if host.transport == "basic":
        # Without it pypsrp refuses before any request: Basic has no key to encrypt with.
        variables["ansible_psrp_message_encryption"] = "never"
    return variables


def render(lab: LabInventory, password: str, http_port: int, https_port: int, ca_file: Path) -> str:
    """The Ansible inventory of a running lab, as YAML text. It holds the password: keep it 0600."""
    kinds = sorted({host.kind for host in lab.hosts.values()})
    hosts = {
        name: {**host.variables, **connection(host, http_port, https_port, ca_file)} for name, host in lab.hosts.items()
    }
    children = {
        name: {key: dict.fromkeys(value) for key, value in (("hosts", members), ("children", below)) if value}
        for name, (members, below) in lab.groups.items()
        if name != "all"
    }
    data = {
        "all": {
            "vars": {
                "ansible_connection": "psrp",
                "ansible_host": LOOPBACK,
                "ansible_user": USER,
                "ansible_password": password,
                "ansible_psrp_ignore_proxy": True,
            },
            "hosts": hosts,
            "children": children,
        }
    }
    head = f"# Simulated devices ({' and '.join(kinds)}) on {LOOPBACK}, reachable while the lab is up.\n"
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
