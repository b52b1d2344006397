"""The run folder: what a run did, host by host, on the controller's disk. `runreader` reads it.

    <runs>/<UTC time>-<short id>/manifest.json        who, when, what was asked for, at its end the hash of each file
                                 hosts/<host>.jsonl   one record a line: way_back, outcome, unreachable, stopped
                                 devices/             links from where a device is reached to its host (Ansible door)
                                 waves.json           how far the waves of a fix have come

Every record is flushed to disk before the call returns, and chained to the one before it (`chain`). Both doors write
the same files (schemas/run-manifest.schema.json, schemas/run-record.schema.json). Folders are 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from teamsmedic import __version__, chain, content
from teamsmedic.errors import RunFolderError
from teamsmedic.outcome import Json
from teamsmedic.text import clean

FORMAT = 2
"""Format 1 had no hashes, no process, no groups and no digest of the content."""
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
LONGEST = 200
"""Characters of a file's name; more than 255 bytes no file system takes."""


def base(named: str | os.PathLike[str] | None = None) -> Path:
    """Where run folders lie: the named folder, TEAMSMEDIC_RUN_DIR, or `runs` below `state()`."""
    if named or os.environ.get("TEAMSMEDIC_RUN_DIR"):
        given = Path(named or os.environ["TEAMSMEDIC_RUN_DIR"])
        with told("looked for the run folders", given):
            return given.expanduser()
    return state() / "runs"


def state() -> Path:
    """The folder for what must outlive a run: ${XDG_STATE_HOME:-~/.local/state}/teamsmedic; a relative one is unset."""
    given = Path(os.environ.get("XDG_STATE_HOME") or "")
    return (given if given.is_absolute() else Path.home() / ".local/state") / "teamsmedic"


def new_id() -> str:
    """A run's id, of a run that begins now."""
    return run_id(time.time(), secrets.randbits(18))


def run_id(moment: float, rest: int) -> str:
    """A run's id: its UTC time and six hexadecimal digits, which hold the 64th of the second and 18 further bits.

    Devices and people take the greatest id for the newest run, also of two in one second.
    """
    ticks = int(moment * 64)
    return f"{datetime.fromtimestamp(ticks / 64, UTC):%Y%m%dT%H%M%SZ}-{ticks % 64 << 18 | rest:06x}"


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @classmethod
    def create(cls, where: Path, run: str, manifest: Mapping[str, Json]) -> RunFolder:
        """Makes the folder of a run, or joins it where another worker of the same run has made it."""
        folder = cls(where / run)
        with told("made the run folder", folder.path):
            where.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder.path / "hosts").mkdir(parents=True, exist_ok=True, mode=0o700)
            for one in (folder.path, folder.path / "hosts"):
                one.chmod(0o700)
            if not (folder.path / "manifest.json").exists():
                about = {"teamsmedic": __version__, "content": content.digest(), "process": process()}
                folder.save_manifest({"format": FORMAT, "run": run, **about, "started": _now(), **manifest})
        return folder

    def save_manifest(self, data: Mapping[str, Json]) -> None:
        """Writes the manifest whole, by rename."""
        target = self.path / "manifest.json"
        with told("wrote", target):
            draft = target.with_suffix(f".{os.getpid()}.tmp")
            text = json.dumps({name: one for name, one in data.items() if name != "hash"}, sort_keys=True)
            _write(draft, (chain.seal(text) + "\n").encode())
            draft.replace(target)
            _flush_folder(self.path)

    def end(self, exit_code: int, **more: Json) -> None:
        """Completes the manifest when the run is over: when, with which exit code, and what each file holds by then."""
        files = {}
        with told("read", self.path):
            for file in sorted((self.path / "hosts").glob("*.jsonl")):
                data = file.read_bytes()
                files[file.name] = {"lines": data.count(b"\n"), "sha256": chain.sha256(data)}
        self.save_manifest({**self.manifest(), **more, "ended": _now(), "exit_code": exit_code, "files": files})

    def write(self, host: str, kind: str, data: Mapping[str, Json]) -> None:
        """Appends one record to the host's file."""
        record = {"type": kind, "at": _now(), "host": host, **data}
        target = self._file(host)
        with told("wrote", target):
            if _append(target, record, f"{self.id}/{target.name}"):
                _flush_folder(target.parent)

    def claim(self, device: str, host: str) -> str:
        """The host of this run that a device belongs to: this one, or another name that came before it.

        `device`: where it is reached, as text. A link: made whole or not at all, whichever worker comes first.
        """
        target = self.path / "devices" / hashlib.sha256(device.encode()).hexdigest()[:16]
        with told("wrote", target):
            target.parent.mkdir(exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):
                target.symlink_to(file_name(host))
            held = str(target.readlink())
        return host if held == file_name(host) else held

    def has(self, host: str) -> bool:
        """Whether anything is recorded of that host."""
        return self._file(host).exists()

    def _file(self, host: str) -> Path:
        return self.path / "hosts" / f"{file_name(host)}.jsonl"

    def manifest(self) -> dict[str, Json]:
        """The manifest; empty where there is none."""
        with contextlib.suppress(OSError):
            return chain.parsed((self.path / "manifest.json").read_bytes()) or {}
        return {}

    def hosts(self) -> dict[str, list[dict[str, Json]]]:
        """The records of each host. A line that was cut in the middle (a killed controller) is left out."""
        out: dict[str, list[dict[str, Json]]] = {}
        for file in sorted((self.path / "hosts").glob("*.jsonl")):
            if records := _records(file):
                out[str(records[0].get("host", file.stem))] = records
        return out

    def of(self, host: str) -> list[dict[str, Json]]:
        """The records of one host; none where there are none."""
        return _records(self._file(host)) if self.has(host) else []

    def hashes(self, host: str) -> dict[str, str]:
        """Remediation id to the SHA-256 of its journal text, as written before the change on that host."""
        out: dict[str, str] = {}
        for record in self.hosts().get(host, []):
            if record.get("type") == "way_back" and record.get("verb") == "fix":
                for name, about in record.get("remediations", {}).items():
                    out[name] = about["sha256"]
        return out


def _records(file: Path) -> list[dict[str, Json]]:
    with told("read", file):
        lines = file.read_bytes().split(b"\n")
    return [record for record in map(chain.parsed, lines) if record is not None]


def find(where: Path, run: str) -> RunFolder | None:
    """The folder of that run, or None."""
    return RunFolder(where / run) if RUN_ID.fullmatch(run) and (where / run).is_dir() else None


def every(where: Path) -> list[RunFolder]:
    """All run folders, oldest first."""
    if not where.is_dir():
        return []
    with told("listed", where):
        return [RunFolder(one) for one in sorted(where.iterdir()) if RUN_ID.fullmatch(one.name) and one.is_dir()]


def user() -> str:
    """Who runs this: the account's name, or its number where it has none (containers)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _now() -> float:
    return round(time.time(), 3)


def process() -> dict[str, Json]:
    """This process, so that a reader on the same machine can tell whether it still runs.

    `began`: clock ticks after the machine's start (field 22 of /proc/PID/stat), null where there is no such file.
    """
    return {"node": os.uname().nodename, "pid": os.getpid(), "began": _began(os.getpid())}


def runs_still(said: Json) -> bool | None:
    """Whether a process that `process` told of still runs; None where that cannot be known here."""
    if not isinstance(said, dict) or said.get("node") != os.uname().nodename or not isinstance(said.get("pid"), int):
        return None
    began = _began(said["pid"])
    return began is not None and began == said.get("began") if Path("/proc/self/stat").exists() else None


def _began(pid: int) -> int | None:
    try:
        # The second field is a name in brackets, which may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def file_name(host: str) -> str:
    """The host's name as its file's, less the end: what is not harmless becomes %XX, and what is too long its hash."""
    name = re.sub(r"[^A-Za-z0-9_.-]|^\.", lambda m: "".join(f"%{b:02X}" for b in m[0].encode("utf-8", "replace")), host)
    return (
        name if len(name) <= LONGEST else f"{name[: LONGEST - 17]}%{chain.sha256(host.encode('utf-8', 'replace'))[:16]}"
    )


def _append(path: Path, record: Mapping[str, Json], name: str) -> bool:
    """Appends a record to a chained file, whoever else does, and tells whether the file is new."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with open(handle, "rb", closefd=False) as reader:
            written = reader.read()
        torn = b"" if not written or written.endswith(b"\n") else b"\n"  # whoever wrote here was killed
        before = chain.lines(written)[-1] if written else name.encode()
        _put(handle, torn + chain.line(record, before).encode() + b"\n")
        return not written
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _put(handle, data)
    finally:
        os.close(handle)


def _put(handle: int, data: bytes) -> None:
    while data:  # a disk that is nearly full takes a part
        data = data[os.write(handle, data) :]
    os.fsync(handle)


def _flush_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def told(tried: str, path: Path) -> Iterator[None]:
    """Turns what the disk refuses into one sentence."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: `~name` where there is no such account
        raise RunFolderError(
            f"{tried} {clean(path)}",
            getattr(error, "strerror", None) or clean(error).rstrip("."),
            "name a folder that can be written: --run-dir or TEAMSMEDIC_RUN_DIR",
        ) from error
