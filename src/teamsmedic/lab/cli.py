"""Up, down, status: what `teamsmedic lab` does, as functions that return data.

One lab lives in one state folder; labs in different folders do not know of each other.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from teamsmedic.errors import ExitCode, TeamsMedicError
from teamsmedic.lab import inventory, process
from teamsmedic.lab.http import LOOPBACK

START_SECONDS = {"replay": 30.0, "windows": 900.0}
"""The first Windows device of all also builds the template."""
STOP_SECONDS = 30.0


class LabError(TeamsMedicError):
    """The lab cannot be started, stopped or asked."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class LabDevice:
    """One device of a lab as people are told of it; `cases`: only those that the inventory names; `recorded`: when and
    by which version a recorded device was, with `notes` on what it lacks."""

    name: str
    kind: str
    role: str
    groups: tuple[str, ...]
    cases: Mapping[str, str]
    recorded: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """How a lab stands. `changed`: whether this call started or stopped it. `inventory` is for both doors' `-i`."""

    up: bool
    changed: bool
    state: Path
    inventory: Path | None = None
    log: Path | None = None
    pid: int | None = None
    http: int | None = None
    https: int | None = None
    devices: tuple[LabDevice, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The lab as an object for JSON."""
        data = asdict(self)
        return data | {key: data[key] and str(data[key]) for key in ("state", "inventory", "log")}


def default_state() -> Path:
    """`${XDG_STATE_HOME:-~/.local/state}/teamsmedic/lab`; a relative XDG_STATE_HOME counts as unset (its own rule)."""
    given = Path(os.environ.get("XDG_STATE_HOME") or "")
    base = given if given.is_absolute() else Path.home() / ".local" / "state"
    return base / "teamsmedic" / "lab"


def up(file: Path | None = None, state: Path | None = None, *, ports: tuple[int, int] = (0, 0)) -> Lab:
    """Start the lab of an inventory (the default one where None); where one is up already, say so and change nothing.

    `ports`: HTTP and HTTPS, 0 for any free one. LabError or InventoryError where it does not come up.
    """
    state = (state or default_state()).absolute()
    _folder(state)
    if process.holder(state) is not None:
        return status(state)
    file = (file or inventory.default()).absolute()
    lab = inventory.read(file)
    password = secrets.token_urlsafe(18)
    started = _start(file, state, password, lab, ports)
    text = inventory.render(lab, password, started["http"], started["https"], state / "ca.pem")
    _write(state / "inventory.yml", text)
    rows = [asdict(_device(one)) for one in lab.hosts.values()]
    _write(state / "lab.json", json.dumps({**started, "devices": rows}))
    return _read(state, changed=True)


def _device(one: inventory.LabHost) -> LabDevice:
    about = one.recorded
    by = f"{about.file.name}, {about.recorded}, teamsmedic {about.teamsmedic}" if about else None
    return LabDevice(one.name, one.kind, one.role, one.groups, one.cases, by, about.notes if about else ())


def down(state: Path | None = None) -> Lab:
    """End the lab, if one is up, and remove what it left but its log."""
    state = (state or default_state()).absolute()
    if not state.is_dir():
        return Lab(False, False, state)
    pid = process.holder(state)
    if pid:
        _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while process.holder(state) is not None:
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
                deadline = time.monotonic() + STOP_SECONDS
            time.sleep(0.02)
        with contextlib.suppress(ChildProcessError):  # where it was started by this very process
            os.waitpid(pid, 0)
    if held := process.lock(state):
        with held:
            process.clear(state)
    return Lab(False, pid is not None, state)


def status(state: Path | None = None) -> Lab:
    """How the lab in this folder stands."""
    state = (state or default_state()).absolute()
    if process.holder(state) is None:
        return Lab(False, False, state)
    return _read(state, changed=False)


def control(device: str, wanted: Mapping[str, Any] | None = None, state: Path | None = None) -> dict[str, Any]:
    """Ask a device of a lab that is up how it stands, or change it: see `Device.control` and `ReplayDevice.control`."""
    state = (state or default_state()).absolute()
    lab = status(state)
    if not lab.up or lab.http is None:
        raise LabError(f"asked the device {device}", "no lab is up", "start one: teamsmedic lab up")
    password = json.loads((state / "lab.json").read_text(encoding="utf-8"))["password"]
    token = base64.b64encode(f"{inventory.USER}:{password}".encode()).decode()
    answer = _post(lab.http, f"/{device}/lab", json.dumps(wanted or {}), {"Authorization": f"Basic {token}"})
    found: dict[str, Any] = json.loads(answer[1] or b"{}")
    if answer[0] != 200:
        raise LabError(f"asked the device {device}", str(found.get("error", f"HTTP {answer[0]}")), "mend the request")
    return found


def _post(port: int, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)  # no proxy: straight to loopback
    try:
        connection.request("POST", path, body.encode(), dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    except OSError as error:
        raise LabError(
            f"asked the lab at {LOOPBACK}:{port}",
            error.strerror or str(error),
            "see that loopback is up and not filtered",
        ) from None
    finally:
        connection.close()


def _folder(state: Path) -> None:
    tried = f"made the lab's folder {state}"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if state.stat().st_uid != os.geteuid():
            raise LabError(tried, "it belongs to somebody else", "name another one with --state")
        state.chmod(0o700)
        (state / "lab.lock").touch(mode=0o600)
    except OSError as error:
        raise LabError(tried, error.strerror or str(error), "name a folder that can be written with --state") from None


def _start(
    file: Path, state: Path, password: str, lab: inventory.LabInventory, ports: tuple[int, int]
) -> dict[str, Any]:
    """The process, started and answering; what it said."""
    tried = "started the lab"
    command = [sys.executable, "-P", "-m", "teamsmedic.lab.process", "--inventory", str(file), "--state", str(state)]
    command += ["--http", str(ports[0]), "--https", str(ports[1])]
    with (state / "lab.log").open("ab") as errors:  # for what goes wrong before the process has a voice
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=state,
            start_new_session=True,
        )
    assert child.stdin is not None
    assert child.stdout is not None
    seconds = max(START_SECONDS[host.kind] for host in lab.hosts.values())
    line, found = b"", "its process ended at once"
    try:
        with contextlib.suppress(BrokenPipeError), child.stdin as stdin, child.stdout as stdout:
            stdin.write(json.dumps({"user": inventory.USER, "password": password}).encode() + b"\n")
            stdin.flush()
            if select.select([stdout], [], [], seconds)[0]:
                line = stdout.readline()
            else:
                found = f"it did not answer within {seconds:.0f} s"
    except BaseException:
        child.terminate()
        raise
    said: dict[str, Any] = json.loads(line) if line else {}
    if "pid" not in said:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        raise LabError(*said.get("error", (tried, found, f"see {state / 'lab.log'}")))
    child.returncode = 0  # it lives on without us: no ResourceWarning when this object goes
    device = next((host.name for host in lab.hosts.values() if not host.off), None)
    if device is None:
        return {**said, "password": password}
    try:
        code, _ = _post(said["http"], f"/{device}/wsman", _IDENTIFY, {"WSMANIDENTIFY": "unauthenticated"})
    except LabError:
        _signal(said["pid"], signal.SIGTERM)
        raise
    if code != 200:
        raise LabError(tried, f"the device {device} answered HTTP {code}", f"see {state / 'lab.log'}")
    return {**said, "password": password}


_IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)


def _write(path: Path, text: str) -> None:
    """The file with its final rights from the start, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _read(state: Path, *, changed: bool) -> Lab:
    try:
        data = json.loads((state / "lab.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it is just starting, or was started by hand
        return Lab(True, changed, state, log=state / "lab.log", pid=process.holder(state))
    devices = tuple(
        LabDevice(**{**row, "groups": tuple(row["groups"]), "notes": tuple(row["notes"])}) for row in data["devices"]
    )
    return Lab(
        True,
        changed,
        state,
        state / "inventory.yml",
        state / "lab.log",
        data["pid"],
        data["http"],
        data["https"],
        devices,
    )


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise LabError("ended the lab", f"process {pid} belongs to somebody else", "end it as its owner") from None
