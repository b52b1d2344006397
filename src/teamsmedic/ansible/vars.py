"""What an inventory's connection variables mean, and which are refused: the same for both doors. No I/O, no Ansible.

`ansible_connection: psrp` is taken as it is; `winrm`, which most inventories of Windows hosts name, is mapped to it.
Names, order and defaults are those of ansible.builtin.psrp and ansible.builtin.winrm.
"""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from teamsmedic import rooms
from teamsmedic.errors import InventoryError
from teamsmedic.rooms import Window
from teamsmedic.text import clean

Lookup = Callable[[str], Any]
"""A host's variable by name, templated and decrypted; None where it is not set."""

CONNECTIONS = ("psrp", "winrm")
AUTHS = ("basic", "certificate", "credssp", "kerberos", "negotiate", "ntlm")


@dataclass(frozen=True)
class HostSpec:
    """One host of an inventory and how to reach it.

    `options`: further options of pypsrp by its own names, only those that are set. `vars`: the host's variables of ours
    (`lab_*`, `teamsmedic_*`). `night_window`: when it may be changed where it is a Teams Room.
    """

    name: str
    address: str
    port: int
    protocol: str
    connection: str = "psrp"
    path: str = "wsman"
    auth: str = "negotiate"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    validate: bool = True
    ca_cert: str | None = None
    encryption: str = "auto"
    ignore_proxy: bool = False
    connection_timeout: int = 30
    configuration: str = "Microsoft.PowerShell"
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    groups: tuple[str, ...] = ()
    night_window: Window | None = None


# Of several variables for one option the last that is set wins, as in Ansible.
_ADDRESS = ("ansible_host",)
_USER = ("ansible_user",)
_PASSWORD = ("ansible_password", "ansible_winrm_pass", "ansible_winrm_password")
_PORT = ("ansible_port",)
NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "psrp": {
        "address": (*_ADDRESS, "ansible_psrp_host"),
        "user": (*_USER, "ansible_psrp_user"),
        "password": _PASSWORD,
        "port": (*_PORT, "ansible_psrp_port"),
        "protocol": ("ansible_psrp_protocol",),
        "path": ("ansible_psrp_path",),
        "auth": ("ansible_psrp_auth",),
        "validate": ("ansible_psrp_cert_validation",),
        "ca_cert": ("ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert"),
        "encryption": ("ansible_psrp_message_encryption",),
        "ignore_proxy": ("ansible_psrp_ignore_proxy",),
        "connection_timeout": ("ansible_psrp_connection_timeout",),
        "configuration": ("ansible_psrp_configuration_name",),
        "proxy": ("ansible_psrp_proxy",),
        "read_timeout": ("ansible_psrp_read_timeout",),
        "operation_timeout": ("ansible_psrp_operation_timeout",),
        "reconnection_retries": ("ansible_psrp_reconnection_retries",),
        "reconnection_backoff": ("ansible_psrp_connection_backoff", "ansible_psrp_reconnection_backoff"),
        "max_envelope_size": ("ansible_psrp_max_envelope_size",),
        "certificate_pem": ("ansible_psrp_certificate_pem",),
        "certificate_key_pem": ("ansible_psrp_certificate_key_pem",),
        "certificate_key_password": ("ansible_psrp_certificate_key_password",),
        "credssp_auth_mechanism": ("ansible_psrp_credssp_auth_mechanism",),
        "credssp_disable_tlsv1_2": ("ansible_psrp_credssp_disable_tlsv1_2",),
        "credssp_minimum_version": ("ansible_psrp_credssp_minimum_version",),
        "negotiate_delegate": ("ansible_psrp_negotiate_delegate",),
        "negotiate_hostname_override": ("ansible_psrp_negotiate_hostname_override",),
        "negotiate_send_cbt": ("ansible_psrp_negotiate_send_cbt",),
        "negotiate_service": ("ansible_psrp_negotiate_service",),
    },
    "winrm": {
        "address": (*_ADDRESS, "ansible_winrm_host"),
        "user": (*_USER, "ansible_winrm_user"),
        "password": _PASSWORD,
        "port": (*_PORT, "ansible_winrm_port"),
        "protocol": ("ansible_winrm_scheme",),
        "path": ("ansible_winrm_path",),
        "auth": ("ansible_winrm_transport",),
        "validate": ("ansible_winrm_server_cert_validation",),
        "ca_cert": ("ansible_winrm_ca_trust_path",),
        "encryption": ("ansible_winrm_message_encryption",),
        "proxy": ("ansible_winrm_proxy",),
        "connection_timeout": ("ansible_winrm_connection_timeout",),
        "read_timeout": ("ansible_winrm_read_timeout_sec",),
        "operation_timeout": ("ansible_winrm_operation_timeout_sec",),
        "certificate_pem": ("ansible_winrm_cert_pem",),
        "certificate_key_pem": ("ansible_winrm_cert_key_pem",),
        "credssp_auth_mechanism": ("ansible_winrm_credssp_auth_mechanism",),
        "credssp_disable_tlsv1_2": ("ansible_winrm_credssp_disable_tlsv1_2",),
        "negotiate_delegate": ("ansible_winrm_kerberos_delegation",),
        "negotiate_hostname_override": ("ansible_winrm_kerberos_hostname_override",),
        "negotiate_send_cbt": ("ansible_winrm_send_cbt",),
        "negotiate_service": ("ansible_winrm_service",),
    },
}
_NUMBERS = (
    "port", "connection_timeout", "read_timeout", "operation_timeout", "reconnection_retries", "reconnection_backoff",
    "max_envelope_size", "credssp_minimum_version",
)  # fmt: skip
_FLAGS = ("ignore_proxy", "credssp_disable_tlsv1_2", "negotiate_delegate", "negotiate_send_cbt")
_CHOICES = {
    "protocol": ("http", "https"),
    "auth": AUTHS,
    "validate": ("validate", "ignore"),
    "encryption": ("auto", "always", "never"),
}
_OPTIONS = tuple(NAMES["psrp"])[tuple(NAMES["psrp"]).index("proxy") :]
"""Those that go to pypsrp by their own names."""
_TRUE, _FALSE = ("true", "yes", "on", "1", "y", "t"), ("false", "no", "off", "0", "n", "f")
_SPOKEN = {"kerberos": "Kerberos", "credssp": "CredSSP"}
_TRANSPORTS = {"plaintext": "basic", "ssl": "basic"}
"""pywinrm's older names: both are Basic, without and with TLS."""


def read(name: str, lookup: Lookup, *, user: str | None = None, password: str | None = None) -> HostSpec:
    """The host's connection by its variables; `user` and `password` serve where these name none, as in Ansible.

    InventoryError in one sentence for another connection, a value that is none, or a login that is refused.
    """
    connection = kind(name, lookup("ansible_connection"))
    values = {option: _value(name, option, names, lookup) for option, names in NAMES[connection].items()}
    protocol, port = _endpoint(values.pop("protocol"), values.pop("port"))
    address = str(values.pop("address") or name)
    auth = values.pop("auth") or "negotiate"
    if connection == "winrm" and auth == "basic" and values.get("certificate_pem"):
        auth = "certificate"  # pywinrm's transport `ssl` signs in with the certificate where one is named
    refuse_login(name, auth, protocol, address)
    return HostSpec(
        name,
        address,
        port,
        protocol,
        connection,
        path=str(values.pop("path") or "wsman").strip("/"),
        auth=auth,
        user=_text(values.pop("user")) or user,
        password=_text(values.pop("password")) or password,
        validate=(values.pop("validate") or "validate") == "validate",
        ca_cert=_text(values.pop("ca_cert")),
        encryption=values.pop("encryption") or "auto",
        ignore_proxy=bool(values.pop("ignore_proxy", None)) or is_loopback(address),
        connection_timeout=values.pop("connection_timeout") or 30,
        configuration=_text(values.pop("configuration", None)) or "Microsoft.PowerShell",
        options={key: value for key, value in values.items() if key in _OPTIONS and value is not None},
        night_window=rooms.window(lookup(rooms.VARIABLE), name),
    )


def kind(host: str, connection: Any) -> str:
    """`psrp` or `winrm`; InventoryError for any other connection."""
    short = str(connection or "psrp").removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if short not in CONNECTIONS:
        raise InventoryError(
            f"read how to reach {host}",
            f"its ansible_connection is {clean(short, 60)}",
            "set psrp (or winrm), the connections to Windows, or leave the host out with -l",
        )
    return short


def refuse_login(host: str, auth: str, protocol: str, address: str) -> None:
    """Raises InventoryError for a login that shows the password to the network, or that this machine cannot make."""
    if auth == "basic" and protocol == "http" and not is_loopback(address):
        raise InventoryError(
            f"read how to sign in to {host}",
            "Basic over plain HTTP would send the password in the clear",
            "use HTTPS, or negotiate, NTLM or Kerberos",
        )
    needs: Mapping[str, tuple[tuple[str, ...], str]] = {
        "kerberos": (("gssapi", "krb5"), " (Debian: first apt install gcc python3-dev libkrb5-dev)"),
        "credssp": (("requests_credssp",), ""),
    }
    modules, first = needs.get(auth, ((), ""))
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise InventoryError(
            f"read how to sign in to {host}",
            f"it asks for {_SPOKEN[auth]}, and here {' and '.join(missing)} cannot be imported",
            f"install it: pip install 'teamsmedic[{auth}]'{first}",
        )


def is_loopback(address: str) -> bool:
    """Whether the address is this machine by its form; names are not resolved."""
    bare = address.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def winrm_auth(transports: Any) -> str | None:
    """pypsrp's auth for `ansible_winrm_transport`: one name, several with commas, or a list.

    None where none is named. pywinrm would then guess Basic; psrp's own default, negotiate, never shows the password.
    """
    if transports is None or transports == "":
        return None
    given = transports.split(",") if isinstance(transports, str) else list(transports)
    known = [_TRANSPORTS.get(one, one) for one in (str(one).strip().lower() for one in given)]
    if "kerberos" in known and "ntlm" in known:
        return "negotiate"
    return known[0] if known else None


def _value(host: str, option: str, names: Sequence[str], lookup: Lookup) -> Any:
    found = [(name, value) for name in names if (value := lookup(name)) is not None and value != ""]
    if not found:
        return None
    variable, value = found[-1]
    if variable == "ansible_winrm_transport":
        value = winrm_auth(value)
    if option in _NUMBERS:
        try:
            return float(value) if option == "reconnection_backoff" else int(value)
        except (TypeError, ValueError):
            raise _wrong(host, variable, "no number", "give a whole number") from None
    if option in _FLAGS:
        told = str(value).lower()
        if told not in (*_TRUE, *_FALSE):
            raise _wrong(host, variable, "neither true nor false", "give true or false")
        return told in _TRUE
    if option in _CHOICES:
        told = str(value).lower()
        if told not in _CHOICES[option]:
            raise _wrong(host, variable, f"{clean(told, 60)}", f"use one of {', '.join(_CHOICES[option])}")
        return told
    return value


def _wrong(host: str, variable: str, found: str, todo: str) -> InventoryError:
    return InventoryError(f"read how to reach {host}", f"its {variable} is {found}", todo)


def _endpoint(protocol: str | None, port: int | None) -> tuple[str, int]:
    """As in psrp and winrm: HTTPS unless the port is 5985 or HTTP is named."""
    if protocol is None:
        protocol = "http" if port == 5985 else "https"
    return protocol, port or (5986 if protocol == "https" else 5985)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
