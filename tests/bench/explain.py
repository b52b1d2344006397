"""MB/s on one core and peak memory of `teamsmedic explain FILE`: `python tests/bench/explain.py [MB] [what ...]`.

Prints; asserts nothing. 1000 MB of each where nothing else is said; what: log, lookalikes, line, utf16, gz.

  log         a Teams log: a time, a GUID and five numbers on every line, a code on 1 % of the lines
  lookalikes  the same lines; on each of them something out of the tests' table of what is no code
  line        the log without an end of line
  utf16, gz   the log in UTF-16, and packed; MB/s count what the file holds, and for gz the text

The time is the command's processor time, its start included. The file is 1/16 of random lines, sixteen times over.
"""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
from recognise_tables import NOT_FOUND

REPEATED = 16
CODES = [
    "Error: 0xCAA82EE7 (server name not resolved)",
    "AADSTS50076: Due to a configuration change made by your administrator",
    '{"errorCode": 53003, "failureReason": "Access has been blocked"}',
    "ssoErr status code 4c7",
    "hr=-894947609",
    "SIP/2.0 403 Forbidden",
    "DiagCode: 480#10076",
]


def lines(tail: Callable[[int], str]) -> Iterator[str]:
    number = 0
    while True:
        seconds = number // 7
        yield (
            f"2026-11-{1 + seconds // 86400 % 28:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            f".{random.randrange(1000):03}Z <{random.randrange(100, 99999)}> -- info -- "
            f"{uuid.UUID(int=random.getrandbits(128))} request {random.randrange(10**6)} took {random.randrange(9000)} ms, "
            f"{random.randrange(10**5)} bytes, status {random.randrange(200, 600)}{tail(number)}\n"
        )
        number += 1


def seldom(number: int) -> str:
    return f" {random.choice(CODES)}" if number % 100 == 50 else ""


def always(_number: int) -> str:
    return f" {random.choice(NOT_FOUND)}".replace("\r", "").replace("\n", " ")


def block(size: int, tail: Callable[[int], str]) -> bytes:
    made, length = [], 0
    for line in lines(tail):
        made.append(line.encode())
        length += len(made[-1])
        if length >= size:
            return b"".join(made)
    raise AssertionError


def measure(what: str, place: Path, size: int) -> None:
    command = str(Path(sys.executable).parent / "teamsmedic")
    process = subprocess.Popen([command, "explain", "--json", str(place)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    used = usage.ru_utime + usage.ru_stime
    print(
        f"{what:<11} {size / 1e6:7.0f} MB {used:7.2f} s {size / 1e6 / used:7.1f} MB/s "
        f"peak {usage.ru_maxrss / 1024:5.0f} MB   exit {process.returncode}",
        flush=True,
    )


def make(what: str, place: Path, total: int) -> None:
    part = block(total // REPEATED, always if what == "lookalikes" else seldom)
    if what == "line":
        part = part.replace(b"\n", b" ")
    if what == "utf16":
        part = part.decode().encode("utf-16-le")[: total // REPEATED & ~1]
    with gzip.open(place, "wb", 5) if what == "gz" else place.open("wb") as file:
        for _ in range(REPEATED):
            file.write(part)


def main() -> None:
    random.seed(6)
    if sys.argv[1:2] == ["make"]:
        make(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    words = sys.argv[1:]
    total = int(words.pop(0)) * 1_000_000 if words and words[0].isdecimal() else 1_000_000_000
    for what in words or ["log", "lookalikes", "line", "utf16", "gz"]:
        with tempfile.TemporaryDirectory(prefix="teamsmedic-bench-") as folder:
            place = Path(folder) / "x.log"
            # By another process: the peak of a child counts what its parent held when it was started.
            subprocess.run([sys.executable, __file__, "make", what, str(place), str(total)], check=True)
            measure(what, place, total)


if __name__ == "__main__":
    main()
