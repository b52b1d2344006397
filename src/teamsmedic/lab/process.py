"""The lab's process: `python -m teamsmedic.lab.process --inventory FILE --state DIR`.

It reads `{"user", "password"}` as one line of JSON from standard input and writes one to standard output, `{"pid",
"http", "https"}` or `{"error": [tried, found, todo]}`; from then on it talks only to `DIR/lab.log`. SIGTERM ends it.
While it runs it holds a lock on `DIR/lab.lock`, which names its process id: a lock cannot be stale.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from teamsmedic.errors import TeamsMedicError
from teamsmedic.lab import http, inventory, replay, wsman

log = logging.getLogger(__name__)


class Running(wsman.Backend, Protocol):
    """A backend with something to end: processes, files."""

    async def stop(self) -> None:
        """End it; must not raise."""
        ...


def lock(state: Path) -> IO[str] | None:
    """The lab's lock, held while the file is open; None where another process holds it.

    Tried for a second: `holder` takes it for an instant to look.
    """
    file = (state / "lab.lock").open("a+", encoding="ascii")
    for _ in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            return file
    file.close()
    return None


def holder(state: Path) -> int | None:
    """The process id of the lab that is up in this folder, None where none is."""
    try:
        with (state / "lab.lock").open("r", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0)
    except FileNotFoundError:
        pass
    return None


def clear(state: Path) -> None:
    """Remove what a lab leaves, also one that was killed: its files, its Windows devices with their processes.

    Only for the holder of the lock. The log stays.
    """
    for file in (*(state / name for name in ("inventory.yml", "lab.json", "ca.pem")), *state.glob("users-*")):
        file.unlink(missing_ok=True)
    for folder in state.glob("devices/*"):
        from teamsmedic.lab import device  # noqa: PLC0415 - only where there were such devices

        device.end(folder)
        shutil.rmtree(folder, ignore_errors=True)


async def devices(lab: inventory.LabInventory, state: Path) -> tuple[dict[str, http.Device], list[Running]]:
    """The devices of an inventory, started; and those that must be stopped at the end.

    The `windows` kind is imported only where the inventory has such a device: it needs Wine and an engine.
    """
    backends: dict[str, wsman.Backend] = {}
    real = []
    for host in lab.hosts.values():  # all that costs nothing first: a wrong case shall not wait for other devices
        chosen, missing = host.chosen()
        if host.kind == "replay":
            backends[host.name] = replay.ReplayDevice(
                host.name,
                host.role,
                chosen,
                host.delay,
                dict(host.faults),
                use=host.use,
                offset=host.offset,
                missing=missing,
                off=host.off,
                ahead=host.ahead,
            )
        else:
            real.append(host)
    running: list[Running] = []
    if real:
        from teamsmedic.lab import windows  # noqa: PLC0415 - see above

        results = await asyncio.gather(*(windows.start(host, state) for host in real), return_exceptions=True)
        running = [one for one in results if not isinstance(one, BaseException)]
        if failed := [one for one in results if isinstance(one, BaseException)]:
            await stop(running)
            raise failed[0]
        backends |= {host.name: one for host, one in zip(real, running, strict=True)}
    found = {
        host.name: http.Device(
            host.name,
            backends[host.name],
            limits=wsman.Limits(shells_per_user=host.shells),
            schemes=host.schemes or ("negotiate", "ntlm", "basic"),
            clock_offset=host.ahead,
        )
        for host in lab.hosts.values()
    }
    return found, running


async def stop(running: list[Running]) -> None:
    """End all that was started."""
    await asyncio.gather(*(one.stop() for one in running), return_exceptions=True)


async def serve(file: Path, state: Path, users: Mapping[str, str], said: IO[str], ports: tuple[int, int]) -> None:
    """Serve the devices of an inventory until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    found, running = await devices(inventory.read(file), state)
    accounts = http.Accounts(users, state)
    certificate = http.Certificate.make()
    front = http.Front(accounts, found, certificate)
    try:
        answer: dict[str, Any] = {"pid": os.getpid()}
        answer |= {"http": await front.listen(ports[0]), "https": await front.listen(ports[1], tls=True)}
        (state / "ca.pem").write_bytes(certificate.pem)
        kinds = ", ".join(sorted({device.backend.kind for device in found.values()}))
        log.info("up: %d devices (%s), ports %d and %d", len(found), kinds, answer["http"], answer["https"])
        _say(said, answer)
        sweep = asyncio.ensure_future(front.sweep())
        await ended.wait()
        sweep.cancel()
    finally:
        await front.close()
        await stop(running)
        accounts.close()
        log.info("down")


def _say(said: IO[str], answer: Mapping[str, Any]) -> None:
    """The one line that whoever started this waits for; a reader that has gone is no reason to end."""
    with contextlib.suppress(OSError, ValueError):  # gone, or said before
        said.write(json.dumps(answer) + "\n")
        said.close()


def main() -> int:
    """Run until a signal; exit code 0, or 1 where the lab did not come up."""
    parser = argparse.ArgumentParser(prog="python -m teamsmedic.lab.process", description=__doc__)
    parser.add_argument("--inventory", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--http", type=int, default=0, help="port, 0: any that is free")
    parser.add_argument("--https", type=int, default=0, help="port, 0: any that is free")
    given = parser.parse_args()
    os.umask(0o077)
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    logging.basicConfig(
        filename=given.state / "lab.log",
        encoding="utf-8",
        level=logging.INFO,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    for name in ("spnego", "psrpcore"):  # their debug texts hold tokens; nobody may switch them on from outside
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        secret = json.loads(sys.stdin.readline())
        users = {str(secret["user"]): str(secret["password"])}
    except (ValueError, KeyError, TypeError):
        parser.error("standard input holds no line with user and password")
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    held = lock(given.state)
    if held is None:
        _say(said, {"error": ["started the lab", "another one is up in this folder", "end it, or use another folder"]})
        return 1
    with held:
        clear(given.state)
        os.truncate(given.state / "lab.log", 0)
        try:
            asyncio.run(
                serve(
                    given.inventory,
                    given.state,
                    users,
                    said,
                    (given.http, given.https),
                )
            )
        except TeamsMedicError as error:
            log.error("%s", error)
            _say(said, {"error": [error.tried, error.found, error.todo]})
            return 1
        except Exception as error:
            log.exception("ended")
            _say(said, {"error": ["started the lab", f"{type(error).__name__}: {error}", "see lab.log there"]})
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
