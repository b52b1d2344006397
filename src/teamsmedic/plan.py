"""From what was asked for to the remediations that one host is treated with. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from teamsmedic.errors import RequestError, UnknownRemediation
from teamsmedic.outcome import Json
from teamsmedic.remediation import Remediation
from teamsmedic.text import clean


@dataclass(frozen=True)
class Item:
    """One remediation of a plan. `symptom`: whether somebody sees the trouble that it cures (a code, or its name).
    `moments`: the parameters that were given as a time, with its zone, as people read it."""

    remediation: Remediation
    parameters: Mapping[str, Json]
    symptom: bool
    moments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What one host is treated with, harmless before disruptive; `codes`: canonical forms that led here."""

    items: tuple[Item, ...]
    codes: tuple[str, ...] = ()


def make(
    known: Mapping[str, Remediation],
    *,
    causes: Collection[str] = (),
    codes: Sequence[str] = (),
    names: Sequence[str] = (),
    everything: bool = False,
    parameters: Mapping[str, Mapping[str, Json]] | None = None,
    spare: bool = False,
    now: float,
) -> Plan:
    """The plan for causes (of codes), for remediations by name, or for everything.

    `parameters`: remediation id to values; `spare`: also of remediations that are not planned, as a site's variables
    hold them for all of its runs. RequestError where nothing is asked for or applies, a name or a value cannot be, or a
    parameter is none of the plan's.
    """
    given = parameters or {}
    for name in (*names, *given):
        if name not in known:
            raise UnknownRemediation(
                "looked for the remediation", f"there is no {clean(name)}", f"use one of {', '.join(known)}"
            )
    if not (codes or names or everything):
        raise RequestError(
            "made a plan", "neither a code nor a remediation is named", "name a code, a remediation, or all"
        )
    asked = {one.id for one in known.values() if set(one.cures) & set(causes) or one.id in names}
    chosen = [one for one in known.values() if everything or one.id in asked]
    if not chosen:
        raise RequestError(
            f"made a plan for {', '.join(codes)}",
            "no remediation on a device cures its causes",
            f"see who must act: teamsmedic explain {codes[0] if codes else ''}".rstrip(),
        )
    chosen.sort(key=lambda one: one.risk != "safe")
    planned = [one.id for one in chosen]
    for name, values in given.items():
        if spare:
            known[name].values(values, now)
        elif name not in planned:
            raise RequestError(
                f"read the parameters of {name}",
                f"the plan is {', '.join(planned)}",
                "leave them out, or name it as well",
            )
    items = []
    for one in chosen:
        mine = given.get(one.id, {})
        items.append(Item(one, one.values(mine, now), one.id in asked, one.moments(mine)))
    return Plan(tuple(items), tuple(codes))
