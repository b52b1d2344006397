"""Windows devices behind a front in a thread of the test's own process, for tests that look at one from all sides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import reader  # noqa: F401 - registers the backend
import testinfra
import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from snapshot import IGNORE, Difference, Ignore, Snapshot, difference, read

from teamsmedic.lab import http, inventory, wsman
from teamsmedic.lab.device import Device
from teamsmedic.lab.seed import ADMIN, Role
from teamsmedic.lab.windows import WindowsDevice

T = TypeVar("T")


class WindowsLab:
    """A front on loopback; `add` puts a booted device behind it."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the devices and the CA file."""
        self.folder = folder
        self.password = secrets.token_urlsafe(16)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.fronted: dict[str, http.Device] = {}
        self.accounts = http.Accounts({ADMIN: self.password}, folder)
        certificate = http.Certificate.make()
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(certificate.pem)
        self.front = http.Front(self.accounts, self.fronted, certificate)
        self.http = self.call(self.front.listen())
        self.https = self.call(self.front.listen(tls=True))
        self._made = 0
        # Two processes of tests whose devices took processors in turn would often share one and leave the other idle.
        self.cpu: int | None = None
        if worker := os.environ.get("PYTEST_XDIST_WORKER"):
            processors = sorted(os.sched_getaffinity(0))
            self.cpu = processors[int(worker.removeprefix("gw")) % len(processors)]

    def call(self, work: Coroutine[Any, Any, T], seconds: float = 120) -> T:
        """Run something in the front's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def add(
        self,
        role: Role = "desktop",
        seeds: tuple[str, ...] = (),
        breaks: str | None = None,
        *,
        name: str | None = None,
        limits: wsman.Limits = wsman.DEFAULTS,
        shared: bool = False,
    ) -> LabDevice:
        """A new device, booted; `breaks` is a script that the administrator runs on it then; `shared` is WindowsDevice's."""
        self._made += 1
        name = name or f"{role}-{self._made}"
        made = Device.create(self.folder / name, role, seeds, name=name, cpu=self.cpu)
        backend = WindowsDevice(made, shared=shared)
        self.call(backend.start())
        self.fronted[name] = http.Device(name, backend, limits=limits)
        device = LabDevice(self, name, backend)
        if breaks:
            device.admin(breaks)
        return device

    def close(self) -> None:
        """End everything."""
        for fronted in list(self.fronted.values()):
            backend = fronted.backend
            assert isinstance(backend, WindowsDevice)
            self.call(backend.stop())
        self.call(self.front.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
        self.accounts.close()


class LabDevice:
    """One device: by the product's road (`variables`, `pool`), by another one (`reader`), and from behind."""

    def __init__(self, lab: WindowsLab, name: str, backend: WindowsDevice) -> None:
        self.lab, self.name, self.backend = lab, name, backend
        self.device = backend.device
        self._reader: Any = None

    @property
    def front(self) -> http.Device:
        """Its place in the front: `requests` counts, `cut_after` fails the network."""
        return self.lab.fronted[self.name]

    def admin(self, script: str, timeout: float = 60) -> str:
        """What a script writes that runs as the administrator, not over the network."""
        return self.device.run(script, timeout=timeout)

    def user(self, folder: str, script: str, timeout: float = 60) -> str:
        """What a script writes that runs in the session of whoever has that profile folder; SYSTEM is one, too."""
        return self.device.run(script, folder, timeout=timeout)

    def spawn(self, image: str, *arguments: str, user: str | None = None) -> int:
        """A real process of that image path; its process id on the device."""
        return self.device.spawn(image, *arguments, user=user)

    def runs(self, process_id: int) -> bool:
        """Whether a process of `spawn` still runs."""
        return self.device.runs(process_id)

    def snapshot(self, **wanted: bool) -> Snapshot:
        """The whole device; see `snapshot.read`."""
        return read(self.device, **wanted)

    def changes(self, before: Snapshot, ignore: Ignore = IGNORE) -> Difference:
        """What is not as it was."""
        return difference(before, self.snapshot(), ignore)

    def restart(self) -> None:
        """Restart it; its shells end."""
        self.lab.call(self.front.control({"restart": True}))

    def remove(self) -> None:
        """End it and take it out of the front."""
        fronted = self.lab.fronted.pop(self.name)
        self.lab.call(fronted.endpoint.close())
        self.lab.call(self.backend.stop())

    def variables(self, transport: str = "ntlm") -> dict[str, Any]:
        """Ansible's connection variables; `transport` as in a lab inventory."""
        host = inventory.LabHost(self.name, "windows", self.device.role, transport=transport)
        return {
            "ansible_connection": "psrp",
            "ansible_host": http.LOOPBACK,
            "ansible_user": ADMIN,
            "ansible_password": self.lab.password,
            "ansible_psrp_ignore_proxy": True,
            **inventory.connection(host, self.lab.http, self.lab.https, self.lab.ca),
        }

    def inventory(self, file: Path, transport: str = "ntlm") -> Path:
        """Write an Ansible inventory that holds this device alone."""
        file.write_text(yaml.safe_dump({"all": {"hosts": {self.name: self.variables(transport)}}}), encoding="utf-8")
        return file

    @contextlib.contextmanager
    def pool(self, *, secure: bool = False, auth: str = "ntlm", **options: Any) -> Iterator[RunspacePool]:
        """An open runspace pool of pypsrp."""
        with (
            WSMan(
                http.LOOPBACK,
                port=self.lab.https if secure else self.lab.http,
                ssl=secure,
                path=f"{self.name}/wsman",
                username=ADMIN,
                password=self.lab.password,
                auth=auth,
                cert_validation=str(self.lab.ca),
                no_proxy=True,
                **options,
            ) as connection,
            RunspacePool(connection) as pool,
        ):
            yield pool

    def reader(self) -> Any:
        """testinfra's host, over WinRS and NTLM. Kept: it first asks a device what kind of system it is."""
        user = f"{ADMIN}:{quote(self.lab.password)}"
        where = f"labwinrm://{user}@{http.LOOPBACK}:{self.lab.http}?no_ssl=true"
        self._reader = self._reader or testinfra.get_host(where, device=self.name)
        return self._reader


def invoke(pool: RunspacePool, script: str, *arguments: Any) -> list[Any]:
    """What one pipeline writes; it must not have had errors."""
    shell = PowerShell(pool)
    shell.add_script(script)
    for argument in arguments:
        shell.add_argument(argument)
    output: list[Any] = shell.invoke()
    assert not shell.had_errors, [str(error) for error in shell.streams.error]
    return output
