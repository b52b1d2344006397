"""Reads what may hold codes: files, folders, gz, zip, standard input; gives it as UTF-8 in pieces of bounded size.

Whatever is wrong with an input is a `RequestError` at the place where it was met; what was read before stays read.
"""

from __future__ import annotations

import codecs
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from teamsmedic.errors import RequestError

PIECE = 1 << 18
"""Bytes that are read at once."""

BOMB = 500
"""An archive that grows more than so many times is none of logs; deflate itself stops at about 1000."""

BOMB_FROM = 1 << 28
"""Bytes from which on it counts how much an archive grew."""

MEMBERS = 10_000
"""Members of a zip, and files of a folder, that are read."""

_HEAD = 4096
_UNSIZED = 1 << 26
"""Bytes that are read of a file that says it is empty, as those of /proc do."""

_MAGIC = (
    (
        b"ElfFile\0",
        "it is an event log in binary form",
        "export it: wevtutil query-events FILE /lf:true /f:xml > events.xml",
    ),
    (b"PK\x03\x04", "it is an archive within an archive", "unpack the outer one first"),
    (b"7z\xbc\xaf", "it is a 7z archive", "unpack it first"),
    (b"Rar!", "it is a rar archive", "unpack it first"),
    (b"MSCF", "it is a cabinet", "unpack it first"),
)
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27})
_INVISIBLE = tuple(one.encode() for one in "\u00ad\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True)
class Input:
    """Something that can be read once; `asked` says whether it was named itself, not met in a folder or an archive."""

    name: str
    pieces: Callable[[], Iterator[bytes]]
    asked: bool = True


def path(name: str) -> Iterator[Input]:
    """What a path names: a file, the members of a zip, the files of a folder and of those below it."""
    place = Path(name)
    try:
        about = place.stat()
        if stat.S_ISDIR(about.st_mode):
            yield from _folder(place)
        elif stat.S_ISREG(about.st_mode) and _starts(place) == b"PK\x03\x04":
            yield from _zip(place, asked=True)
        else:
            yield Input(name, lambda: _file(place))
    except OSError as error:
        yield _failing(name, _unreadable(name, error), asked=True)


def stream(name: str, source: BinaryIO) -> Input:
    """What comes from a stream, such as standard input."""
    return Input(name, lambda: _plain(name, _chunks(source, None), packed=True))


def text(said: str) -> Iterator[bytes]:
    """A text as if it had been read."""
    yield from _utf8(iter([said.encode("utf-8", "replace")]))


def _unreadable(name: str, error: OSError) -> RequestError:
    return RequestError(f"read {name}", error.strerror or type(error).__name__, "give a file that can be read")


def _failing(name: str, error: RequestError, *, asked: bool) -> Input:
    def pieces() -> Iterator[bytes]:
        raise error
        yield b""  # a generator, so that the error comes when it is read

    return Input(name, pieces, asked)


def _starts(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(4)


def _folder(place: Path) -> Iterator[Input]:
    failed: list[OSError] = []
    seen: set[tuple[int, int]] = set()
    count = 0
    for folder, folders, names in os.walk(place, onerror=failed.append):
        folders.sort()
        for name in sorted(names):
            one = Path(folder, name)
            try:
                about = one.stat()
                # Pipes and devices would never end; a file that two names lead to is one file.
                if not stat.S_ISREG(about.st_mode) or (about.st_dev, about.st_ino) in seen:
                    continue
                seen.add((about.st_dev, about.st_ino))
                zipped = _starts(one) == b"PK\x03\x04"
            except OSError as error:
                yield _failing(str(one), _unreadable(str(one), error), asked=False)
                continue
            count += 1
            if count > MEMBERS:
                found = f"it holds more than {MEMBERS} files"
                yield _failing(str(place), RequestError(f"read {place}", found, "name folders below it"), asked=True)
                return
            if zipped:
                yield from _zip(one, asked=False)
            else:
                yield Input(str(one), lambda one=one: _file(one), asked=False)  # type: ignore[misc]  # the default binds the loop's value
    for closed in failed:
        name = str(closed.filename or place)
        yield _failing(name, _unreadable(name, closed), asked=name == str(place))


def _zip(place: Path, *, asked: bool) -> Iterator[Input]:
    damaged = RequestError(f"read {place}", "the archive is damaged", "fetch it again, or unpack it first")
    try:
        with zipfile.ZipFile(place) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            for one in members[:MEMBERS]:
                name = f"{place}/{one.filename}"
                yield Input(name, lambda archive=archive, one=one, name=name: _member(archive, one, name), asked)  # type: ignore[misc]  # ditto
            if len(members) > MEMBERS:
                found = f"it holds more than {MEMBERS} members"
                yield _failing(str(place), RequestError(f"read {place}", found, "unpack it, name folders"), asked=asked)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        yield _failing(str(place), damaged, asked=asked)
    except OSError as error:
        yield _failing(str(place), _unreadable(str(place), error), asked=asked)


def _member(archive: zipfile.ZipFile, one: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    if one.flag_bits & 1:
        raise RequestError(f"read {name}", "it is encrypted", "unpack it first")

    def chunks() -> Iterator[bytes]:
        total = 0
        try:
            with archive.open(one) as file:
                while chunk := file.read(PIECE):
                    total += len(chunk)
                    _no_bomb(name, one.compress_size, total)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise RequestError(
                f"read {name}", "the archive is damaged", "fetch it again, or unpack it first"
            ) from error
        except OSError as error:
            raise _unreadable(name, error) from error

    yield from _plain(name, chunks(), packed=True)


def _file(place: Path) -> Iterator[bytes]:
    try:
        with place.open("rb", buffering=0) as file:
            about = os.fstat(file.fileno())
            limit = (about.st_size or _UNSIZED) if stat.S_ISREG(about.st_mode) else None
            yield from _plain(str(place), _chunks(cast("BinaryIO", file), limit), packed=True)
    except OSError as error:
        raise _unreadable(str(place), error) from error


def _chunks(source: BinaryIO, limit: int | None) -> Iterator[bytes]:
    """Pieces of a stream up to a limit: a log that is written to while it is read would have no end."""
    read = getattr(source, "read1", source.read)
    left = limit
    while left is None or left > 0:
        chunk = read(PIECE if left is None else min(PIECE, left))
        if not chunk:
            return
        if left is not None:
            left -= len(chunk)
        yield chunk


def _no_bomb(name: str, packed: int, total: int) -> None:
    if total > BOMB_FROM and total > BOMB * max(packed, 1):
        found = f"it grows to more than {BOMB} times its size"
        raise RequestError(f"read {name}", found, "unpack it yourself if you trust it")


def _plain(name: str, chunks: Iterator[bytes], *, packed: bool) -> Iterator[bytes]:
    """The text of what was read: unpacked if it is gz, as UTF-8."""
    head, wrong = b"", None
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= _HEAD:
                break
    except RequestError as error:
        if not head:
            raise
        wrong = error
    again = _chain(head, chunks, wrong)
    if packed and head.startswith(b"\x1f\x8b"):
        yield from _plain(name, _gunzip(name, again), packed=False)
        return
    for magic, found, todo in _MAGIC:
        if head.startswith(magic):
            raise RequestError(f"read {name}", found, todo)
    if _binary(head[:_HEAD]):
        raise RequestError(f"read {name}", "it holds no text", "give a log, or export what it holds as text")
    yield from _utf8(again)


def _chain(head: bytes, chunks: Iterator[bytes], wrong: RequestError | None) -> Iterator[bytes]:
    """What was read ahead, and the rest; `wrong` came up while the head was read."""
    if head:
        yield head
    if wrong:
        raise wrong
    yield from chunks


def _gunzip(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    packed = total = 0
    unpacker = zlib.decompressobj(31)
    begun = False
    for chunk in chunks:
        packed += len(chunk)
        left = chunk
        while left:
            if unpacker.eof:
                if not left.startswith(b"\x1f"):
                    return  # zeros or a signature behind the last member
                unpacker = zlib.decompressobj(31)
            try:
                out = unpacker.decompress(left, PIECE)
            except zlib.error as error:
                raise RequestError(
                    f"read {name}", f"the archive is damaged after {total} bytes of text", "fetch it again"
                ) from error
            begun = True
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            total += len(out)
            _no_bomb(name, packed, total)
            if out:
                yield out
    if begun and not unpacker.eof:
        raise RequestError(f"read {name}", f"the archive ends early, after {total} bytes of text", "fetch it again")


def _binary(head: bytes) -> bool:
    if not head or _wide(head):
        return False
    control = len(head) - len(head.translate(None, _CONTROL))
    # Runs of zeros stand in logs after a power loss; half of a text they are not.
    return control * 20 > len(head) * (10 if head.count(0) == control else 1)


def _wide(head: bytes) -> str | None:
    """The encoding if the text is in UTF-16: by its mark, or because every second byte is often zero."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = head[::2].count(0), head[1::2].count(0)
    if second * 40 > len(head) and first * 8 <= second:
        return "utf-16-le"
    if first * 40 > len(head) and second * 8 <= first:
        return "utf-16-be"
    return None


def _utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8 without a mark, without zeros, and without signs that cannot be seen."""
    decoder: codecs.IncrementalDecoder | None = None
    first = True
    for chunk in chunks:
        if first:
            first = False
            encoding = _wide(chunk[:_HEAD])
            decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        one = decoder.decode(chunk).encode("utf-8", "replace") if decoder else chunk
        if b"\0" in one:  # a log in UTF-8 to which somebody appended in UTF-16, or a run of zeros
            one = one.replace(b"\0", b"")
        if not one.isascii():
            for sign in _INVISIBLE:
                if sign in one:
                    one = one.replace(sign, b"")
        yield one
