"""A small content of its own, so that the lab's tests hold whatever remediations come and go; a lab in this process."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest

from teamsmedic import content, payload
from teamsmedic.hosts.base import Verb
from teamsmedic.lab import cases, demo, http, replay, wsman

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "remediations/_prelude.ps1": "param([string] $TMJson)\nWrite-Stub\n",
    "remediations/_change.ps1": "Write-Change\n",
    "remediations/office/lamp_on/remediation.yaml": """
title: The lamp is on
summary: A switch in the registry.
cures: [dark]
context: machine
parameters: {}
desired: {switch: {equals: 1}}
reasons: {switch: "{object} is {value}"}
objects: ['HKLM\\\\Lamp.*']
references: [https://example.org/lamp]
user_notices: Light.
""",
    "remediations/office/lamp_on/detect.ps1": "param([object] $Parameters)\n[ordered]@{ switch = Get-Switch }\n",
    "remediations/office/lamp_on/fix.ps1": "param([object] $Parameters, [object[]] $Drift)\nSet-Switch\n",
    "remediations/office/lamp_on/undo.ps1": "param([object] $Parameters, [object[]] $Items)\nReset-Switch\n",
    "remediations/office/lamp_on/tests/cases.yaml": r"""
cases:
  lit:
    summary: As it should be.
    facts: {switch: {object: 'HKLM\Lamp\Switch', value: {kind: DWord, data: 1}}}
    status: healthy
  dark:
    summary: Switched off.
    facts: {switch: {object: 'HKLM\Lamp\Switch', value: {kind: DWord, data: 0}}}
    status: drifted
    reasons: ['HKLM\Lamp\Switch is 0']
  stuck:
    summary: The fix finds it in use.
    facts: {switch: {object: 'HKLM\Lamp\Switch', value: {kind: DWord, data: 0}}}
    status: drifted
    fix: {blocked: {reason: in_use, detail: HAND.EXE}}
""",
    "remediations/office/shelf_tidy/remediation.yaml": """
title: The shelf is tidy
summary: Boxes in a row.
cures: [mess]
context: machine
parameters: {}
desired: {boxes: {each: {open: false}}}
reasons: {boxes: "{object} is open"}
objects: ['.*']
references: [https://example.org/shelf]
user_notices: Nothing.
""",
    "remediations/office/shelf_tidy/detect.ps1": "param([object] $Parameters)\n[ordered]@{ boxes = Get-Box }\n",
    "remediations/office/shelf_tidy/fix.ps1": "param([object] $Parameters, [object[]] $Drift)\nClose-Box\n",
    "remediations/office/shelf_tidy/undo.ps1": "param([object] $Parameters, [object[]] $Items)\nOpen-Box\n",
    "remediations/office/shelf_tidy/tests/cases.yaml": """
cases:
  tidy:
    summary: All closed.
    facts: {boxes: [{object: a, open: false}]}
    status: healthy
  messy:
    summary: One of two is open.
    facts: {boxes: [{object: a, open: true}, {object: b, open: false}]}
    status: drifted
  in_a_room:
    summary: A room has one box.
    role: room
    facts: {boxes: [{object: room, open: false}]}
    status: healthy
  named:
    summary: The case says itself what a fix leaves.
    facts: {boxes: [{object: a, open: true}]}
    status: drifted
    after: {facts: {boxes: [], swept: true}}
""",
    "catalog/causes.yaml": "{}\n",
}
RUN = "20260102T030405Z-abcdef"


@pytest.fixture(scope="session")
def content_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("content")
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def lab_content(content_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TEAMSMEDIC_CONTENT", str(content_folder))
    content.root.cache_clear()
    yield content_folder
    content.root.cache_clear()


@dataclass
class Payload:
    """What a door sends, made by the product's own composer."""

    verb: Verb
    ids: list[str]
    about: dict[str, dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        return [one.text for one in payload.build(self.ids, self.verb)]

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [vars(one) for one in payload.build(self.ids, self.verb)]

    @property
    def argument(self) -> str:
        return json.dumps({"protocol": 1, "run": RUN, "verb": str(self.verb), "by": "t", "remediations": self.about})


@pytest.fixture
def payloads(lab_content: Path) -> Callable[..., Payload]:
    def make(verb: str = "check", **about: dict[str, Any]) -> Payload:
        about = about or {"lamp_on": {"parameters": {}}, "shelf_tidy": {"parameters": {}}}
        return Payload(Verb(verb), list(about), about)

    return make


class InProcess:
    """A front with devices in a thread of this process."""

    USERS = {"labadmin": "Pass-word_1", "other": "Pass-word_2"}  # noqa: RUF012 - never changed

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.devices: dict[str, http.Device] = {}
        self.accounts = http.Accounts(self.USERS, folder)
        self.certificate = http.Certificate.make()
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self.certificate.pem)
        self.front = http.Front(self.accounts, self.devices, self.certificate)
        self.port = self.call(self.front.listen())
        self.tls_port = self.call(self.front.listen(tls=True))

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def add(
        self, name: str, *, role: str = "desktop", limits: wsman.Limits = wsman.DEFAULTS, **named: Any
    ) -> http.Device:
        device = {key: named.pop(key) for key in ("schemes", "unencrypted", "clock_offset") if key in named}
        backend = named.pop("backend", None) or replay.ReplayDevice(
            name, role, cases.choose(content.root(), role, named)
        )
        self.devices[name] = http.Device(name, backend, limits=limits, **device)
        return self.devices[name]

    def close(self) -> None:
        self.call(self.front.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
        self.accounts.close()


@pytest.fixture(scope="session")
def python_path() -> str:
    """PYTHONPATH of any ansible-playbook: this checkout, and pipes for its locks where no semaphore can be made."""
    return os.pathsep.join([str(ROOT / "src"), *([] if demo.semaphores() else [str(demo.NOSHM)])])


def forms(secret: str) -> dict[str, bytes]:
    """What a secret may look like where it was written down: by name."""
    out: dict[str, bytes] = {}
    for name, raw in (("UTF-8", secret.encode()), ("UTF-16", secret.encode("utf-16-le"))):
        out |= {name: raw, f"{name} as hex": raw.hex().encode(), f"{name} as HEX": raw.hex().upper().encode()}
        for shift in range(3):  # base64 of a longer text: the letters that are the secret's alone, by where it begins
            first, last = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
            out[f"{name} in base64, {shift}"] = base64.b64encode(bytes(shift) + raw)[first:last]
    quoted = {"URL": quote(secret), "form": quote_plus(secret), "JSON": json.dumps(secret)[1:-1], "XML": escape(secret)}
    return out | {name: text.encode() for name, text in quoted.items()}


def _unseen(secrets: Iterable[str], places: Mapping[str, str | bytes]) -> None:
    for place, text in places.items():
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        for name, form in ((name, form) for secret in secrets for name, form in forms(secret).items()):
            assert form not in data, f"a secret as {name} is in {place}"


@pytest.fixture
def unseen() -> Callable[[Iterable[str], Mapping[str, str | bytes]], None]:
    """Fails where a secret is found in a place, in any form."""
    return _unseen


@pytest.fixture
def lab(lab_content: Path, tmp_path: Path) -> Iterator[InProcess]:
    one = InProcess(tmp_path)
    yield one
    one.close()
