"""What many runs tell together, from runs as a disk holds them."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from recorded import DAY, START, put

from teamsmedic import cli, runreader
from teamsmedic.outcome import Change, Outcome, Status
from teamsmedic.report import history, history_view, past
from teamsmedic.runreader import End, HostRun, Run, State

SCHEMA = json.loads((resources.files("teamsmedic") / "schemas/history.schema.json").read_text(encoding="utf-8"))


def tell(where: Path) -> dict[str, Any]:
    document: dict[str, Any] = past.tell(past.find((), where), None)
    jsonschema.validate(document, SCHEMA)
    return document


def test_a_repair_that_comes_back_within_a_week_is_told_with_both_times(tmp_path: Path) -> None:
    for day, status in ((0, "fixed"), (3, "drifted"), (3.5, "drifted"), (4, "fixed"), (12, "fixed")):
        put(tmp_path, day, {"desk": status})

    told = tell(tmp_path)

    (one,) = told["came_back"]
    assert (one["host"], one["remediation"], one["groups"]) == ("desk", "tls12_usable", ["berlin"])
    assert one["back"] == {"fixed": START + 5, "seen": START + 3 * DAY + 5}
    # Drift began three times; what was seen twice in a row began once; eight days later is later than a week.
    assert (one["drift"], one["fixed"], one["came_back"], one["drifting"]) == (3, 3, 1, False)
    assert [event["what"] for event in one["events"]] == ["drift", "fixed", "drift", "fixed", "drift", "fixed"]
    assert [pair["host"] for pair in told["recurring"]] == ["desk"]


QUIET = {
    "a healthy look between": ["fixed", "healthy"],
    "an undo that somebody wanted": ["fixed", "reverted", "drifted"],
    "a fix that waits for a restart": ["healthy", "pending", "pending"],
    "what could not be told": ["fixed", "unknown", "blocked"],
    "one drift seen each day": ["drifted", "drifted", "failed"],
}


@pytest.mark.parametrize("statuses", QUIET.values(), ids=QUIET)
def test_what_did_not_come_back_is_not_said_to(statuses: list[str]) -> None:
    book = history.History(lambda _: ["token_transport"])
    for day, status in enumerate(statuses):
        made = Outcome("it", Status("fixed" if status == "pending" else status))
        if status in ("drifted", "fixed", "failed"):
            made.changes = [Change("object", "write", 0, 1)]
        at = START + day * DAY
        book.add(
            Run(
                "r",
                Path(),
                "run_folder",
                State.ENDED,
                started=at,
                hosts={"d": HostRun("d", End.OUTCOME, [made], at=at)},
            )
        )

    told = book.to_json({})
    assert (told["came_back"], told["recurring"]) == ([], [])


def test_who_never_answered_and_what_could_never_be_told(tmp_path: Path) -> None:
    for day in range(3):
        put(
            tmp_path,
            day,
            {"off": "!connected to off: no answer; look.", "blind": "unknown", "late": "!no" if day else "healthy"},
        )

    told = tell(tmp_path)

    assert [(one["host"], one["asked"], one["error"]) for one in told["never_reached"]] == [
        ("off", 3, "connected to off: no answer; look.")
    ]
    assert told["never_told"] == [
        {"host": "blind", "remediation": "tls12_usable", "times": 3, "reason": "because unknown"}
    ]
    assert {row["name"]: row["not_reached"] for row in told["by"]["device"]} == {"off": 3, "late": 2, "blind": 0}


def test_what_an_earlier_run_verified_and_a_device_without_people_are_no_news(tmp_path: Path) -> None:
    put(tmp_path, 0, {"d": "fixed", "empty": "unknown"})
    put(tmp_path, 1, {"d": "fixed", "empty": "unknown"})
    file, empty = (next(tmp_path.glob(f"20261002*/hosts/{name}.jsonl")) for name in ("d", "empty"))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"verified_in": "the first", "verified_at": START}))
    empty.write_text(json.dumps(json.loads(empty.read_text()) | {"type": "unreachable"}))

    told = tell(tmp_path)

    assert (told["came_back"], told["recurring"], told["never_reached"]) == ([], [], [])
    assert [(row["name"], row["drift"], row["unknown"]) for row in told["by"]["device"]] == [
        ("d", 1, 0),
        ("empty", 0, 2),
    ]


def test_counts_are_told_by_device_family_site_and_remediation(tmp_path: Path) -> None:
    put(tmp_path, 0, {"a": "fixed", "b": ["drifted", "healthy"]})
    put(tmp_path, 1, {"c": "drifted"}, codes=("560403",), group="oslo")
    put(tmp_path, 2, {"a": "drifted", "c": "!gone"}, codes=(), group="oslo")

    by = {kind: {row["name"]: row for row in rows} for kind, rows in tell(tmp_path)["by"].items()}

    assert list(by["device"]) == ["a", "c", "b"]
    assert {name: (row["drift"], row["came_back"]) for name, row in by["family"].items()} == {
        "no code given": (1, 1), "token_transport": (2, 0), "sip_4xx": (1, 0),
    }  # fmt: skip
    assert (by["site"]["oslo"]["hosts"], by["site"]["oslo"]["drift"], by["site"]["berlin"]["hosts"]) == (2, 2, 2)
    assert (by["remediation"]["tls12_usable"]["drift"], by["remediation"]["tls12_usable"]["fixed"]) == (4, 1)


def test_what_is_kept_does_not_grow_with_runs() -> None:
    book = history.History(lambda _: ["f"])

    def add(first: int, last: int) -> int:
        for number in range(first, last):
            at = START + number * 600
            made = Outcome("it", Status.FIXED, changes=[Change("o", "write", 0, 1)])
            hosts = {f"d{one}": HostRun(f"d{one}", End.OUTCOME, [made], at=at) for one in range(5)}
            book.add(Run("r", Path(), "run_folder", State.ENDED, started=at, hosts=hosts))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        few = add(0, 300) - before
        many = add(300, 3000) - before
    finally:
        tracemalloc.stop()

    assert book.runs == 3000
    assert many < 2 * few


def test_runs_are_read_oldest_first_wherever_they_lie_and_what_is_none_is_named(tmp_path: Path) -> None:
    put(tmp_path / "b", 0, {"d": "fixed"})
    put(tmp_path / "a", 2, {"d": "drifted"})
    [run] = (tmp_path / "b").iterdir()
    (tmp_path / "a/20261001T000000Z-ffffff").mkdir()

    paths = past.find([str(tmp_path / "a"), str(run), str(run)], tmp_path)
    told = past.tell(paths, None)

    assert (told["runs"], len(told["came_back"])) == (2, 1)
    assert [one["path"] for one in told["skipped"]] == [str(tmp_path / "a/20261001T000000Z-ffffff")]
    with pytest.raises(runreader.RequestError, match="neither such a run"):
        past.find(["nowhere"], tmp_path)


def test_a_copy_of_a_run_is_not_counted_twice(tmp_path: Path) -> None:
    put(tmp_path / "a", 0, {"desk": "drifted"})
    [run] = (tmp_path / "a").iterdir()
    shutil.copytree(run, tmp_path / "b" / run.name)

    told = past.tell(past.find([str(tmp_path / "a"), str(tmp_path / "b")], tmp_path), None)

    assert told["runs"] == 1
    assert [one["why"] for one in told["skipped"]] == [f"run {run.name} is told of already"]


def test_the_picture_holds_every_count_within_its_frame() -> None:
    days = [
        {"day": f"2026-{month:02}-{day:02}", "drift": day % 4, "came_back": day % 2 and day % 4 and 1, "fixed": day % 3}
        for month in range(1, 7) for day in range(1, 28)
    ]  # fmt: skip

    picture = history.columns(days)

    assert picture is not None
    assert (picture.days, len(picture.columns)) == (7, 26)
    for name in ("drift", "came_back", "fixed"):
        assert sum(one.counts[name] for one in picture.columns) == sum(one[name] for one in days)
    for one in picture.columns:
        assert -0.01 <= one.x <= one.x + one.width <= history.WIDTH
        for top, tall in one.bars.values():
            assert tall >= 0
            assert -0.01 <= top <= top + tall <= history.HEIGHT + 0.01
    assert history.columns([{"day": "2026-01-01", "drift": 0, "came_back": 0, "fixed": 0}]) is None


HOSTILE = "<script>alert(1)</script>\x1b[31m'\"&{{7*7}}"


def test_text_and_page_are_harmless_whatever_a_device_said(tmp_path: Path) -> None:
    for day in range(2):
        put(tmp_path, day, {"d": "unknown", "off": f"!{HOSTILE}"}, group=HOSTILE)
    for file in tmp_path.glob("*/hosts/d.jsonl"):
        file.write_text(file.read_text().replace("because unknown", json.dumps(HOSTILE)[1:-1]))
    told = tell(tmp_path)

    page, text = history_view.page(told), history_view.render(told)

    assert "<script" not in page
    assert "49" not in re.findall(r"alert\(1\).{0,80}", page)[0]
    assert "\x1b" not in page + text
    assert "alert(1)" in text


def test_the_command_tells_in_80_columns_as_json_and_as_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    runs = tmp_path / "runs"
    for day in range(12):
        put(
            runs,
            day,
            {f"desk-{one:02}": "drifted" if (one + day) % 5 == 0 else "fixed" for one in range(12)}
            | {"off": "!no answer", "blind": "unknown"},
        )
    for file in runs.glob("*/hosts/blind.jsonl"):
        facts = json.dumps({"users": [{"name": "amber"}]})
        file.write_text(
            file.read_text().replace("because unknown", "amber says").replace('"facts": null', f'"facts": {facts}')
        )

    assert cli._main(["history", "--run-dir", str(runs)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "On 12 devices a repair lasted less than a week; 1 device never answered"
    assert max(map(len, out.splitlines())) <= 80
    assert "  and 2 more: --json, --html" in out
    assert cli._main(["history", "--run-dir", str(runs), "--json", "--redact"]) == 0
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, SCHEMA)
    assert told["redacted"]
    assert not re.search("desk-|amber", json.dumps(told))
    assert "says" in told["never_told"][0]["reason"]
    assert cli._main(["history", str(runs), "--html", str(tmp_path / "history.html")]) == 0
    page = (tmp_path / "history.html").read_text()
    assert page.count('class="strip"') == 12
    assert "http" not in page.replace("http-equiv", "")


def test_without_runs_there_is_nothing_to_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["history", "--run-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("There is nothing to tell yet")
    assert "There is nothing to tell yet" in history_view.page(tell(tmp_path))
