"""Hosts, their variables and vaulted secrets from Ansible inventories. The one module that uses ansible's Python API.

Stricter than Ansible, which only warns: a source that cannot be read, a name that matches nothing and a value that is
needed and cannot be decrypted are errors, before any connection.
"""

from __future__ import annotations

import contextlib
import getpass
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teamsmedic.ansible import vars as connections
from teamsmedic.ansible.vars import HostSpec
from teamsmedic.errors import InventoryError
from teamsmedic.text import clean

if TYPE_CHECKING:
    from teamsmedic.hosts.winrm import Connection

__all__ = ["HostSpec", "ask", "connection", "resolve"]

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_VAULT_ERROR = re.compile(r"\w*Vault\w*Error")
"""ansible-core 2.18 has AnsibleVaultError; what later ones raise while templating is in no public module."""
_VAULT = "give the vault's password: -J, --vault-id or --vault-password-file"


def resolve(
    pattern: str,
    *,
    sources: Sequence[str] = (),
    limit: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ask_vault_pass: bool = False,
    vault_ids: Sequence[str] = (),
    vault_password_files: Sequence[str] = (),
    extra_vars: Sequence[str] = (),
) -> list[HostSpec]:
    """The hosts that an Ansible host pattern names, in the inventory's order, each with its connection.

    `sources`: inventories (files, folders, scripts, `host,`); where none is given, those of ansible.cfg or
    ANSIBLE_INVENTORY. Only where there is none at all are bare names taken as addresses. `user` and `password` serve
    hosts whose variables name none. Not for several threads: ansible keeps vault secrets and options process-wide.
    """
    tried, todo = "prepared to read inventories", "mend Ansible's settings: ansible-config dump says more"
    with _told(tried, todo):
        from ansible import constants  # noqa: F401, PLC0415 - reads ansible.cfg and makes Ansible's own folders
    with _quiet() as said:
        with _told(tried, todo):
            read = _Inventory(said, extra_vars)
        read.unlock(ask_vault_pass, vault_ids, vault_password_files)
        read.open(pattern, sources)
        found = [read.host(name, user, password) for name in read.match(pattern, limit)]
    _refuse_twins(found)
    return found


def connection(spec: HostSpec) -> Connection:
    """The host's connection as the pypsrp door takes it."""
    from teamsmedic.hosts.winrm import Connection  # noqa: PLC0415 - reading an inventory needs no pypsrp

    return Connection(
        server=spec.address,
        port=spec.port,
        ssl=spec.protocol == "https",
        path=spec.path,
        auth=spec.auth,
        username=spec.user,
        password=spec.password,
        cert_validation=spec.ca_cert or True if spec.validate else False,
        encryption=spec.encryption,
        no_proxy=spec.ignore_proxy,
        connection_timeout=spec.connection_timeout,
        configuration=spec.configuration,
        extra=spec.options,
    )


class _Inventory:
    """One reading of inventories with ansible's classes. `said` collects what ansible would have printed."""

    def __init__(self, said: list[str], extra_vars: Sequence[str]) -> None:
        from ansible import constants, context  # noqa: PLC0415 - costs 0.3 s
        from ansible.module_utils.common.collections import ImmutableDict  # noqa: PLC0415
        from ansible.parsing.dataloader import DataLoader  # noqa: PLC0415
        from ansible.plugins.loader import init_plugin_loader  # noqa: PLC0415
        from ansible.utils.collection_loader import AnsibleCollectionConfig  # noqa: PLC0415

        self.said, self.constants = said, constants
        context.CLIARGS = ImmutableDict(extra_vars=tuple(extra_vars), verbosity=0)
        if AnsibleCollectionConfig.collection_finder is None:
            init_plugin_loader()
        self.loader: Any = DataLoader()
        self.manager: Any = None
        self.variables: Any = None
        self.source = ""

    def unlock(self, prompt: bool, ids: Sequence[str], files: Sequence[str]) -> None:
        """Loads vault passwords, in Ansible's order, for everything that is read afterwards."""
        from ansible.parsing import vault  # noqa: PLC0415

        default = self.constants.DEFAULT_VAULT_IDENTITY
        wanted = [*self.constants.DEFAULT_VAULT_IDENTITY_LIST, *ids, *(f"{default}@{one}" for one in files)]
        if self.constants.DEFAULT_VAULT_PASSWORD_FILE:
            wanted.append(f"{default}@{self.constants.DEFAULT_VAULT_PASSWORD_FILE}")
        if prompt:
            wanted.append(f"{default}@prompt")
        secrets: list[tuple[str, Any]] = []
        for one in wanted:
            name, _, source = one.rpartition("@")
            tried = f"read the vault password {clean(one)}"
            if source in ("prompt", "prompt_ask_vault_pass"):
                secret: Any = vault.VaultSecret(
                    ask("the vault password", f"Vault password ({name or default}): ", _VAULT).encode()
                )
            else:
                with _told(tried, "name a file that holds it, or a script that prints it", sealed=False):
                    secret = vault.get_file_vault_secret(filename=source, vault_id=name or None, loader=self.loader)
                    secret.load()
            if not secret.bytes:
                raise InventoryError(tried, "it is empty", "give the password that the values were encrypted with")
            secrets.append((name or default, secret))
            self.loader.set_vault_secrets(secrets)
        # ansible-core 2.18 knows only the loader's; later ones decrypt by this context, which can be set only once.
        if shared := getattr(vault, "VaultSecretsContext", None):
            if current := shared.current(optional=True):
                current.secrets = secrets
            else:
                shared.initialize(shared(secrets))

    def open(self, pattern: str, sources: Sequence[str]) -> None:
        """Reads the inventories; without any, makes one of the bare names in the pattern."""
        from ansible.errors import AnsibleError  # noqa: PLC0415
        from ansible.inventory.manager import InventoryManager  # noqa: PLC0415
        from ansible.utils.vars import load_extra_vars  # noqa: PLC0415
        from ansible.vars.hostvars import HostVars  # noqa: PLC0415
        from ansible.vars.manager import VariableManager  # noqa: PLC0415

        wanted = list(sources) or self._configured()
        bare = not wanted
        self.constants.INVENTORY_ANY_UNPARSED_IS_FAILED = True
        self.constants.HOST_PATTERN_MISMATCH = "error"
        for one in wanted:
            if "," not in one and not Path(one).exists():
                raise InventoryError(
                    f"read the inventory {clean(one)}", "there is no such file", "mend the path after -i"
                )
        vars(load_extra_vars).pop("extra_vars", None)  # ansible keeps them for the whole process
        with _told("read the variables after -e", "write NAME=VALUE, JSON or @FILE"):
            load_extra_vars(self.loader)
        self.source = ", ".join(wanted)
        tried = f"read the inventory {clean(self.source)}" if wanted else "read the variables"
        self.said.clear()
        with _told(tried, f"mend it: ansible-inventory -i {clean(self.source)} --list says more"):
            try:
                self.manager = InventoryManager(loader=self.loader, sources=wanted or None, parse=not bare)
            except AnsibleError as error:
                raise _unread(error, self.said) from error
        with _told(tried, "mend its variables"):
            self.variables = VariableManager(loader=self.loader, inventory=self.manager)
        HostVars(inventory=self.manager, variable_manager=self.variables, loader=self.loader)
        if bare:
            for name in _bare(pattern):
                self.manager._inventory.add_host(name)  # a source `a,b` would not take IPv6 addresses

    def _configured(self) -> list[str]:
        named, origin = self.constants.config.get_config_value_and_origin("DEFAULT_HOST_LIST")
        return [one for one in named if origin != "default" or Path(one).exists()]

    def match(self, pattern: str, limit: str | None) -> list[str]:
        """The names of the hosts that the pattern and the limit leave."""
        for one in (pattern, limit):
            if one is not None and not one.strip(",: "):  # to Ansible an empty pattern is every host
                raise InventoryError(
                    "looked for hosts", "the pattern is empty", "name a host, a group, or all of the inventory"
                )
        what = clean(pattern if limit is None else f"{pattern} limited to {limit}", 200)
        tried = f"looked for {what} in the inventory {clean(self.source)}" if self.source else f"looked for {what}"
        graph = f"mend the name: ansible-inventory -i {clean(self.source) or '…'} --graph shows what there is"
        try:
            if limit is not None:
                self.manager.subset(limit)
            found = self.manager.list_hosts(pattern)
        except Exception as error:
            missing = re.search(r"Could not match supplied host pattern, ignoring: (.*)", str(error))
            said = f"there is no host or group {clean(missing[1], 200)}" if missing else _first(error)
            raise InventoryError(tried, said, graph) from error
        if not found:
            raise InventoryError(tried, "no host is left", graph)
        return [str(host.name) for host in found]

    def host(self, name: str, user: str | None, password: str | None) -> HostSpec:
        """One host with its connection, from its variables."""
        from ansible.template import Templar  # noqa: PLC0415

        with _told(f"read the variables of {name}", "mend them: ansible-inventory --host says more"):
            found: Mapping[str, Any] = self.variables.get_vars(host=self.manager.get_host(name))
        templar = Templar(loader=self.loader, variables=found)

        def lookup(variable: str) -> Any:
            if variable not in found:
                return self._default(variable)
            with _told(f"read {variable} of {name}", "mend its template", hide="pass" in variable):
                return _plain(templar.template(found[variable]))

        read = connections.read(name, lookup, user=user or self.constants.DEFAULT_REMOTE_USER, password=password)
        return replace(read, groups=tuple(str(one) for one in found.get("group_names") or ()))

    def _default(self, variable: str) -> Any:
        """ansible.cfg's `transport` where it names one; ansible's own default, ssh, never leads to Windows."""
        if variable == "ansible_connection":
            named, origin = self.constants.config.get_config_value_and_origin("DEFAULT_TRANSPORT")
            return None if origin == "default" else named
        return None


def _unread(error: Exception, said: Sequence[str]) -> Exception:
    """What is wrong with a source, by file and line; ansible's own words quote the file, and with it secrets."""
    failed = re.search(r"Completely failed to parse inventory source (.*)", str(error))
    if failed is None:
        return error
    file = failed[1]
    text = " ".join(" ".join(said).split())
    line = re.search(rf"(?:{re.escape(file)}:|{re.escape(file)}': line )(\d+)", text)
    where = f", stopping at line {line[1]}" if line else ""
    return InventoryError(
        f"read the inventory {clean(file)}",
        f"no inventory plugin can read it{where}",
        f"mend it: ansible-inventory -i {clean(file)} --list says more",
    )


def _refuse_twins(hosts: Sequence[HostSpec]) -> None:
    """Raises InventoryError where two names lead to one device: its results would be told, and counted, twice."""
    seen: dict[tuple[str, int, str], str] = {}
    for one in hosts:
        first = seen.setdefault((one.address.lower(), one.port, one.path), one.name)
        if first != one.name:
            raise InventoryError(
                f"looked up {clean(first)} and {clean(one.name)} in the inventory",
                f"both lead to {clean(one.address)}, port {one.port}",
                f"take one out of it, or leave it out: -l '!{clean(one.name)}'",
            )


def _bare(pattern: str) -> list[str]:
    names = [one for one in pattern.split(",") if one]
    for name in names:
        if not _NAME.fullmatch(name) or name == "all":
            raise InventoryError(
                f"looked for {clean(name)}",
                "there is no inventory to look in, and it is no name or address of a device",
                "name an inventory with -i, or a device",
            )
    return names


def ask(what: str, prompt: str, otherwise: str) -> str:
    """What somebody types, unseen; InventoryError where there is no terminal or nothing is typed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except getpass.GetPassWarning:
        raise InventoryError(f"asked for {what}", "there is no terminal to answer on", otherwise) from None
    except EOFError:
        raise InventoryError(f"asked for {what}", "nothing was typed", otherwise) from None


def _plain(value: Any) -> Any:
    """The value in Python's own types: ansible's carry tags, or decrypt when they are read."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str.__str__(str(value))


def _first(error: BaseException) -> str:
    """The first line of what ansible says; the rest may quote the file, and with it a secret."""
    return clean(str(getattr(error, "message", None) or error).strip().split("\n")[0].rstrip("."), 200)


@contextlib.contextmanager
def _told(tried: str, todo: str, *, hide: bool = False, sealed: bool = True) -> Iterator[None]:
    """Turns whatever ansible, or a plugin of the site's, raises into one sentence.

    `hide`: without its words. `sealed`: an error of the vault means that no password opens the value.
    """
    try:
        yield
    except InventoryError:
        raise
    except Exception as error:
        inner: BaseException | None = error if sealed else None
        while inner is not None and not _VAULT_ERROR.fullmatch(type(inner).__name__):
            inner = inner.__cause__ or inner.__context__
        if inner is not None:
            raise InventoryError(tried, "it is encrypted, and no given password opens it", _VAULT) from error
        raise InventoryError(tried, "it cannot be evaluated" if hide else _first(error), todo) from error


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collects what ansible would print: its warnings stand beside our errors and would say the same in other words."""
    from ansible.utils.display import Display  # noqa: PLC0415

    display: Any = Display()
    said: list[str] = []
    display.display = lambda message, *_, **__: said.append(str(message))
    try:
        yield said
    finally:
        del display.display
