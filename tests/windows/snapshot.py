"""The whole state of a running device, read from outside its engine: all keys and values of the registry, all of C:.

    before = read(device); ...; print(report(difference(before, read(device))))

Registry: `labsnap.exe` lets the Wine server save its memory (its files are up to 30 s old and hold no desk users).
Files are read on this machine; one is hashed again only when its inode, size, mtime or ctime is new: no program can set
a ctime, so it betrays a byte that was changed under the old size and time. Permissions: Wine keeps a file's as mode
bits and its DOS attributes as an extended attribute; both are compared, and those of keys on request.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from teamsmedic.lab.device import Device

Snapshot = dict[str, tuple[Any, ...]]
"""`key HKLM\\...`, `value HKLM\\...\\name`, `file C:\\...`, `acl HKLM\\...` in lower case to what is there, names
as written: key (path, class and link marks), value (name, Wine's text of it), file (name, kind, mode, attributes,
content)."""
Difference = dict[str, tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]]
"""The same names to (before, after); None where it is not there."""
Ignore = Sequence[tuple[re.Pattern[str], str]]


def _patterns(*pairs: tuple[str, str]) -> Ignore:
    return tuple((re.compile(pattern, re.IGNORECASE), why) for pattern, why in pairs)


IGNORE = _patterns(
    (r"\w+ HKLM\\Software\\Lab\\Tokens(\\|$)", "the lab: users of desk users' processes"),
    (r"key HKLM\\Software\\Lab(\\Tasks)?$", "the lab: made at the first task, and empty after it"),
    (
        r"\w+ HKU\\[^\\]+\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders(\\|$)",
        "GetFolderPath on Wine writes what it was asked for, as Windows does",
    ),
    (
        r"\w+ HKLM\\System\\CurrentControlSet\\Control\\Video\\\{[-0-9a-f]{36}\}(\\|$)",
        "Wine's display driver, with the first window: a volatile key with a new GUID",
    ),
    (
        r"file C:\\Users\\[^\\]+\\AppData\\Local\\Microsoft\\(Windows\\)?PowerShell(\\|$)",
        "PowerShell's module analysis cache and start profile, if it writes them",
    ),
    (r"file C:\\Windows\\Temp\\winrs-[0-9a-f]{32}\.(cmd|rc)$", "a WinRS command that is running now"),
)
"""What changes although no script does anything, each with its reason."""

RESTARTED = _patterns(
    (r"file C:\\Users\\[^\\]+\\NTUSER\.DAT$", "the hive of somebody who was logged on went back into its file"),
    (
        r"value HKLM\\System\\CurrentControlSet\\Control\\Class\\\{[-0-9a-f]{36}\}\\\d{4}\\DriverDateData$",
        "Wine's display driver is set up at each start",
    ),
    (
        r"value HKLM\\System\\CurrentControlSet\\(Control\\ComputerName\\ActiveComputerName\\ComputerName|Services\\Tcpip\\Parameters\\(NV )?Hostname)$",
        "Wine writes the name of its own machine at a start, on a busy one after the lab wrote the device's",
    ),
)
"""What a restart of the device changes as well."""

_SAVED = (("hklm", "HKLM", "latin-1"), ("hku", "HKU", "latin-1"), ("volatile", "", "utf-8"))
_KEY = re.compile(r"\[(.*)\](?: \d+)?$")
_VALUE = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|@)=(.*)$')
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,4})|([0-7]{1,3})|(.))")
_FRESH_NS = 50_000_000
_hashes: dict[tuple[int, ...], str] = {}


def read(
    device: Device, *, times: bool = False, registry: bool = True, files: bool = True, acl: bool = False
) -> Snapshot:
    """All of it in about 0.4 s (the first one of a device 1 s).

    `times`: also the times of keys, files and folders; `acl`: also the permissions of keys.
    """
    with ThreadPoolExecutor(1) as pool:
        tree = pool.submit(_files, device.prefix, times) if files else None
        found = _registry(device, times, acl) if registry else {}
        if tree:
            found |= tree.result()
    return found


def difference(before: Snapshot, after: Snapshot, ignore: Ignore = IGNORE) -> Difference:
    """What is not the same."""
    return {
        item: (before.get(item), after.get(item))
        for item in sorted(before.keys() | after.keys())
        if before.get(item) != after.get(item) and not any(pattern.match(item) for pattern, _ in ignore)
    }


def report(changes: Difference) -> str:
    """A difference for people."""

    def short(value: Any) -> str:
        return "-" if value is None else repr(value)[:110]

    lines = (f"{item}\n      {short(old)}\n   -> {short(new)}" for item, (old, new) in changes.items())
    return "\n".join(lines) or "no change"


def value(text: str) -> tuple[int, bytes]:
    """Wine's text of a value as (type number, bytes): `dword:00000001` is (4, b"\\1\\0\\0\\0")."""
    if text.startswith("dword:"):
        return 4, int(text[6:], 16).to_bytes(4, "little")
    if match := re.match(r"hex(?:\(([0-9a-f]+)\))?:(.*)", text):
        return int(match[1], 16) if match[1] else 3, bytes.fromhex(match[2].replace(",", ""))
    match = re.fullmatch(r'(?:str(?:\(([0-9a-f]+)\))?:)?"(.*)"', text, re.DOTALL)
    assert match, text
    return int(match[1], 16) if match[1] else 1, (unescape(match[2]) + "\0").encode("utf-16-le", "surrogatepass")


def unescape(text: str) -> str:
    """What Wine wrote with backslashes."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return chr(int(match[2], 8)) if match[2] else {"n": "\n", "r": "\r"}.get(match[3], match[3])

    return _ESCAPE.sub(one, text) if "\\" in text else text


def _registry(device: Device, times: bool, acl: bool) -> Snapshot:
    found: Snapshot = {}
    with tempfile.TemporaryDirectory(prefix="labsnap-") as folder:
        device.save_registry(Path(folder), acl=acl)
        for name, top, encoding in _SAVED:
            _parse(Path(folder, name).read_text(encoding), top, found, times)
        if acl:
            lines = Path(folder, "acl").read_text("utf-8", "surrogatepass").splitlines()
            found |= {f"acl {path.lower()}": (text,) for path, text in (line.split("\t") for line in lines)}
    return found


def _parse(text: str, top: str, found: Snapshot, times: bool) -> None:
    """Wine's text. Values stay as they are written: there is one writer, so equal text is an equal value."""
    path = ""
    for line in text.replace("\\\n  ", "").split("\n"):
        first = line[:1]
        if first in ('"', "@") and path:
            match = _VALUE.match(line)
            assert match, line[:200]
            name = unescape(match[1] or "")
            found[f"value {path}\\{name.lower()}"] = (name, match[2])
        elif first == "[":
            match = _KEY.match(line)
            assert match, line[:200]
            full = "\\".join(part for part in (top, unescape(match[1])) if part)
            _key(found, full)
            path = full.lower()
        elif first == "#" and path and (times or not line.startswith("#time=")):
            found[f"key {path}"] += (line,)  # class, link


def _key(found: Snapshot, full: str) -> None:
    """A key and those above it, which the text leaves out when they hold nothing but keys."""
    while full and f"key {full.lower()}" not in found:
        found[f"key {full.lower()}"] = (full,)
        full = full.rpartition("\\")[0]


def _files(prefix: Path, times: bool = False) -> Snapshot:
    root = prefix / "drive_c"
    mapped = set(_mapped(str(root)))
    found: Snapshot = {}
    hashing: dict[str, Future[str]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        folders = [(str(root), "C:")]
        while folders:
            folder, shown = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:  # gone meanwhile
                continue
            for entry in entries:
                name = f"{shown}\\{entry.name}"
                item = f"file {name.lower()}"
                while item in found:  # this machine can hold two names that differ in case only
                    item += "\0"
                try:
                    status = entry.stat(follow_symlinks=False)
                    attributes = tuple(
                        (one, os.getxattr(entry.path, one, follow_symlinks=False))
                        for one in sorted(os.listxattr(entry.path, follow_symlinks=False))
                    )
                    link = str(Path(entry.path).readlink()) if entry.is_symlink() else ""
                except FileNotFoundError:
                    continue
                kind = "link" if link else "folder" if stat.S_ISDIR(status.st_mode) else "file"
                found[item] = (entry.name, kind, oct(status.st_mode & 0o7777), attributes)
                if times:
                    found[item] += (status.st_mtime_ns,)
                if kind == "folder":
                    folders.append((entry.path, name))
                elif kind == "link":
                    found[item] += (link,)
                else:
                    found[item] += (status.st_size,)
                    hashing[item] = pool.submit(_hash, entry.path, status, entry.path not in mapped)
        for item, digest in hashing.items():
            try:
                found[item] += (digest.result(),)
            except FileNotFoundError:
                del found[item]
    return found


def _mapped(root: str) -> Iterator[str]:
    """Files that a process has mapped for shared writing: such a write does not always touch the ctime."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text(errors="surrogateescape").splitlines()
        except OSError:
            continue
        for line in lines:
            if root in line and re.search(r" .w.s ", line):
                yield line.split(None, 5)[5]


def _hash(path: str, status: os.stat_result, keep: bool) -> str:
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if keep and key in _hashes:
        return _hashes[key]
    now = time.time_ns()
    with Path(path).open("rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # Changed while or just before it was read: the next change could carry the same time.
    if keep and now - status.st_ctime_ns > _FRESH_NS and os.lstat(path).st_ctime_ns == status.st_ctime_ns:
        _hashes[key] = digest
    return digest
