"""Reports that CI systems read: JUnit (Jenkins' schema) and SARIF 2.1.0."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from teamsmedic import __version__
from teamsmedic.outcome import Json, Outcome, Status
from teamsmedic.remediation import Remediation
from teamsmedic.report.model import HostState, Report
from teamsmedic.report.text import change, why
from teamsmedic.runreader import End, State
from teamsmedic.text import clean

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WELL = (Status.HEALTHY, Status.FIXED, Status.REVERTED)


def junit(report: Report) -> str:
    """One suite a run, one case an outcome. What could not be told is an error, never a pass; drift is a failure."""
    root = ET.Element("testsuites", name="teamsmedic")
    for run in report.runs:
        cases = [one for host in report.hosts for one in _cases(host, run.id)]
        cut = run.state in (State.CUT, State.UNTOLD)
        if cut or not cases:
            case = ET.Element("testcase", name="the run is complete", classname="teamsmedic", time="0")
            said = clean(" ".join(run.notes)) or "nothing is recorded in it"
            ET.SubElement(case, "error", message=_xml(said, 400), type=str(run.state)).text = _xml(said)
            cases.insert(0, case)
        about = {"tests": len(cases)} | {
            name: sum(one.find(tag) is not None for one in cases)
            for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
        }
        suite = ET.SubElement(root, "testsuite", name=_xml(clean(f"{run.command or 'run'} {run.id}", 200)), time="0")
        suite.attrib |= {name: str(count) for name, count in about.items()}
        if run.started is not None:
            suite.set("timestamp", f"{datetime.fromtimestamp(run.started, UTC):%Y-%m-%dT%H:%M:%S}")
        suite.extend(cases)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _cases(host: HostState, run: str) -> Iterator[ET.Element]:
    for one in host.outcomes.values():
        if host.runs[one.remediation] == run:
            yield _case(host, one)
    if host.run.id == run and (host.last.end is not End.OUTCOME or not host.outcomes):
        case = ET.Element("testcase", name="the device was treated", classname=_xml(clean(host.host, 200)), time="0")
        if host.last.end in (End.HELD_BACK, End.NOTHING_TO_UNDO):
            ET.SubElement(case, "skipped", message=_xml(why(host)))
        elif host.last.end is not End.OUTCOME:
            ET.SubElement(case, "error", message=_xml(why(host)), type=str(host.last.end)).text = _xml(why(host))
        elif not host.last.verdict:
            ET.SubElement(case, "skipped", message=_xml(why(host)))
        yield case


def _case(host: HostState, outcome: Outcome) -> ET.Element:
    name, host_name = (_xml(clean(one, 200)) for one in (outcome.remediation, host.host))
    case = ET.Element("testcase", name=name, classname=host_name, time="0")
    lines = [*map(clean, outcome.reasons), *map(clean, outcome.notes), *map(change, outcome.changes)]
    told, text = _xml(lines[0] if lines else outcome.status, 400), _xml("\n".join(lines), 100_000)
    if outcome.status in (Status.DRIFTED, Status.FAILED):
        ET.SubElement(case, "failure", message=told, type=str(outcome.status)).text = text
    elif outcome.status is Status.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", message=told)
    elif outcome.status not in _WELL:
        ET.SubElement(case, "error", message=told, type=str(outcome.status)).text = text
    elif lines:
        ET.SubElement(case, "system-out").text = text
    return case


def _xml(text: object, limit: int = 4000) -> str:
    """A text with only characters that XML can hold."""
    return _NO_XML.sub("\ufffd", str(text)[:limit])


def sarif(report: Report, remediations: Mapping[str, Remediation]) -> dict[str, Json]:
    """One result for each outcome that is not well, and each host without outcomes; the host is a logical location."""
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [_sarif_run(report, one.id, remediations) for one in report.runs],
    }


def _sarif_run(report: Report, run: str, remediations: Mapping[str, Remediation]) -> dict[str, Json]:
    about = next(one for one in report.runs if one.id == run)
    results = [one for host in report.hosts for one in _results(host, run)]
    rules = list(dict.fromkeys(one["ruleId"] for one in results))
    for one in results:
        one["ruleIndex"] = rules.index(one["ruleId"])
    invocation: dict[str, Json] = {"executionSuccessful": about.state is State.ENDED and about.exit_code in (0, 1)}
    for name, seconds in (("startTimeUtc", about.started), ("endTimeUtc", about.ended)):
        if seconds is not None:
            invocation[name] = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if about.exit_code is not None:
        invocation["exitCode"] = about.exit_code
    invocation["toolExecutionNotifications"] = [
        {"level": "warning", "message": {"text": clean(note, 1000)}} for note in about.notes
    ]
    driver = {
        "name": "teamsmedic",
        "semanticVersion": __version__,
        "rules": [_rule(one, remediations) for one in rules],
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"teamsmedic/{run}"},
        "invocations": [invocation],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }


def _rule(name: str, remediations: Mapping[str, Remediation]) -> dict[str, Json]:
    known = remediations.get(name)
    text = known.title if known else {"treated": "The device was treated to the end"}.get(name, name)
    rule: dict[str, Json] = {"id": clean(name, 200), "shortDescription": {"text": clean(text, 300)}}
    if known:
        rule["fullDescription"] = {"text": known.summary}
    return rule


def _results(host: HostState, run: str) -> Iterator[dict[str, Json]]:
    for one in host.outcomes.values():
        if host.runs[one.remediation] == run and one.status not in (*_WELL, Status.NOT_APPLICABLE):
            reasons = "; ".join(clean(reason, 300) for reason in one.reasons[:5]) or str(one.status)
            level = {Status.FAILED: "error", Status.DRIFTED: "error"}.get(one.status, "warning")
            yield _result(host, clean(one.remediation, 200), str(one.status), level, reasons)
    if host.run.id == run and host.last.end not in (End.OUTCOME, End.NOTHING_TO_UNDO):
        level = {End.NONE: "warning", End.HELD_BACK: "note"}.get(host.last.end, "error")
        yield _result(host, "treated", str(host.last.end), level, why(host))


def _result(host: HostState, rule: str, status: str, level: str, text: str) -> dict[str, Json]:
    name = clean(host.host, 200)
    mark = hashlib.sha256(f"{host.host}\0{rule}".encode("utf-8", "replace")).hexdigest()
    # A message of SARIF knows links in brackets; a backslash takes their meaning from them (3.11.6).
    said = re.sub(r"([\\\[\]])", r"\\\1", f"{name}: {status}: {text}")
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": said},
        "locations": [{"logicalLocations": [{"name": name, "fullyQualifiedName": name, "kind": "resource"}]}],
        "partialFingerprints": {"hostAndRemediation/v1": mark},
        "properties": {"status": status, "host": name},
    }
