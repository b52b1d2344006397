"""Treatments of one remediation on one device through the pypsrp door; a tester can put his hand in."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from harness import LabDevice

from teamsmedic import content, payload, remediation, treatment
from teamsmedic.hosts.base import End, Reply, Send, Verb
from teamsmedic.hosts.winrm import Connection, WinRMHost
from teamsmedic.lab import http
from teamsmedic.lab.seed import ADMIN
from teamsmedic.outcome import Outcome
from teamsmedic.plan import Item, Plan
from teamsmedic.run import drive


class Treater:
    """Check, fix and undo; a `hosts.base.Host` of its own.

    `before` is called before a fix is sent, `between` is a text of the tester's that runs after the prelude of whatever
    changes the device, and `cut` says whether the connection was lost in the last such pipeline. `runs` are the ids of
    the fixes.
    """

    def __init__(self, device: LabDevice, name: str) -> None:
        self.name = device.name
        self.remediation = remediation.load(content.root())[name]
        self.runs: list[str] = []
        self.before: Callable[[], object] = lambda: None
        self.between = ""
        self.cut = False
        self.entry = ""
        about = {"username": ADMIN, "password": device.lab.password, "no_proxy": True}
        self._host = WinRMHost(
            device.name,
            Connection(http.LOOPBACK, device.lab.http, False, f"{device.name}/wsman", "ntlm", **about),  # type: ignore[arg-type]  # a dict of two kinds
        )

    def run(self, request: Send) -> Reply:
        changes = request.verb in (Verb.FIX, Verb.UNDO, Verb.FORGET)
        if request.verb is Verb.FIX:
            self.before()
        if changes:
            first, *others = request.statements
            changed = dataclasses.replace(first, text=first.text + self.between)
            request = dataclasses.replace(request, statements=(changed, *others))
        reply = self._host.run(request)
        if changes:
            self.cut = reply.end is End.LOST
        return reply

    def close(self) -> None:
        self._host.close()

    def check(self, **parameters: Any) -> Outcome:
        return self._one(treatment.check(self._plan(parameters), self._context()))

    def fix(self, **parameters: Any) -> Outcome:
        if self.runs:
            time.sleep(1.1)  # a copy that was set aside in this very second counts as fresh, whatever the symptom
        context = self._context()
        self.runs.append(context.run)
        allow = {"disruptive", "irreversible"}
        return self._one(treatment.fix(self._plan(parameters), context, allow=allow))

    def undo(self, run: str = "last", **parameters: Any) -> Outcome:
        one = self.remediation
        walk = treatment.undo(
            {one.id: one}, self._context(), run=run, values=lambda _: one.values(parameters, 0),
            given={one.id: tuple(parameters)},
        )  # fmt: skip
        return self._one(walk)

    def forget(self) -> Outcome:
        one = self.remediation
        return self._one(treatment.forget({one.id: one}, self._context(), values=lambda _: one.values({}, 0)))

    def begin(self, drift: list[dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        """A fix alone, one pipeline: what the device answers, nothing where the connection was lost."""
        self.runs.append(self._context().run)
        one = self.remediation
        self.entry = json.dumps({"format": 1, "run": self.runs[-1], "drift": drift})
        return self._send(Verb.FIX, {
            "parameters": one.values(parameters, time.time()), "drift": drift, "journal": self.entry
        })  # fmt: skip

    def give_back(self, verb: Verb = Verb.UNDO) -> dict[str, Any]:
        """Undo (or forget) what `begin` did, one pipeline."""
        sha256 = hashlib.sha256(self.entry.encode()).hexdigest()
        about = {"run": self.runs[-1], "sha256": sha256, "items": json.loads(self.entry)["drift"]}
        return self._send(verb, {"parameters": self.remediation.values({}, 0), **about})

    def _send(self, verb: Verb, about: dict[str, Any]) -> dict[str, Any]:
        name = self.remediation.id
        argument = {"protocol": 1, "run": self.runs[-1], "verb": str(verb), "by": "tester"}
        asked = json.dumps(argument | {"remediations": {name: about}})
        reply = self.run(Send(verb, payload.build([name], verb), asked))
        answers = [json.loads(line) for line in reply.lines]
        return next((one for one in answers if one["statement"] == name), {})

    def _plan(self, parameters: Mapping[str, Any]) -> Plan:
        return Plan((Item(self.remediation, self.remediation.values(parameters, time.time()), True),))

    def _context(self) -> treatment.Context:
        # Runs are ordered by their names; two of a test may begin within one second.
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + len(self.runs)))
        return treatment.Context(f"{moment}-{os.urandom(3).hex()}", "tester@here")

    def _one(self, walk: treatment.Walk) -> Outcome:
        return drive(walk, self, lambda *_: None, sleep=lambda _: None).outcomes[0]
