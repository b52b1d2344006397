"""Inputs of any kind as UTF-8 in pieces."""

from __future__ import annotations

import gzip
import io
import os
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teamsmedic import reading
from teamsmedic.errors import RequestError

TEXT = "Z\u00fcrich \u30a8\u30e9\u30fc 0xCAA70007\r\nAADSTS50076\n" * 500


def read(place: Path) -> dict[str, str]:
    return {one.name: b"".join(one.pieces()).decode() for one in reading.path(str(place))}


def one(place: Path) -> str:
    (text,) = read(place).values()
    return text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_file_is_read_in_every_encoding(tmp_path: Path, encoding: str, pack: type) -> None:
    place = tmp_path / "x.log"
    place.write_bytes(pack(TEXT.encode(encoding)))

    assert one(place) == TEXT


@given(
    st.text(st.characters(codec="utf-16", exclude_characters="\0\u00ad\u200b\u200c\u200d\u2060\ufeff"), min_size=1),
    st.integers(1, 9),
)
def test_utf_16_is_the_same_text_however_it_is_cut(text: str, size: int) -> None:
    data = text.encode("utf-16")
    head, rest = data[:4], data[4:]

    class Cut(io.RawIOBase):
        parts: Iterator[bytes] = iter([head, *(rest[low : low + size] for low in range(0, len(rest), size))])

        def read(self, _size: int = -1) -> bytes:
            return next(self.parts, b"")

    assert b"".join(reading.stream("x", Cut()).pieces()).decode() == text


def test_what_was_appended_in_another_encoding_is_read_too(tmp_path: Path) -> None:
    place = tmp_path / "x.log"
    place.write_bytes(b"first\r\n" * 1000 + "0xCAA70007\r\n".encode("utf-16-le"))

    assert one(place).endswith("first\r\n0xCAA70007\r\n")


def test_signs_that_cannot_be_seen_are_left_out() -> None:
    assert b"".join(reading.text("AADSTS\u200b500\u00ad76")) == b"AADSTS50076"


def test_a_zip_gives_its_members_and_those_that_are_gz(tmp_path: Path) -> None:
    place = tmp_path / "logs.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.log", "one")
        archive.writestr("two.log", "two".encode("utf-16"))
        archive.writestr("three.log.gz", gzip.compress(b"three"))

    assert read(place) == {f"{place}/a/one.log": "one", f"{place}/two.log": "two", f"{place}/three.log.gz": "three"}


def test_gz_of_several_members_and_with_zeros_behind_is_read(tmp_path: Path) -> None:
    place = tmp_path / "x.gz"
    place.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two") + bytes(512))

    assert one(place) == "one two"


def test_a_folder_is_read_once_however_links_lead(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.log").write_text("x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b.log").symlink_to(tmp_path / "a" / "x.log")
    (tmp_path / "nowhere.log").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")

    found = {}
    failed = []
    for source in reading.path(str(tmp_path)):
        try:
            found[Path(source.name).name] = b"".join(source.pieces())
        except RequestError as error:
            failed.append(str(error))

    assert list(found.values()) == [b"x"]
    assert len(failed) == 1
    assert "nowhere.log: No such file" in failed[0]


def test_a_file_that_grows_is_read_to_where_it_ended(tmp_path: Path) -> None:
    place = tmp_path / "x.log"
    place.write_bytes(b"a" * 3_000_000)
    (source,) = reading.path(str(place))

    total = 0
    for piece in source.pieces():
        total += len(piece)
        with place.open("ab") as file:
            file.write(b"b" * 2 * len(piece))

    assert total == 3_000_000


def _corrupt() -> bytes:
    data = bytearray(gzip.compress(os.urandom(200_000)))
    data[1000:1010] = b"0123456789"
    return bytes(data)


def _zip(**about: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.log", "text " * 1000)
    data = bytearray(out.getvalue())
    if about.get("encrypted"):
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    if about.get("damaged"):
        data[60:70] = b"0123456789"
    if about.get("cut"):
        del data[-30:]
    return bytes(data)


HOSTILE = {
    "gz cut": (gzip.compress(TEXT.encode())[:-20], "the archive ends early"),
    "gz corrupt": (_corrupt(), "the archive is damaged"),
    "gz of nothing but its head": (b"\x1f\x8b\x08", "the archive ends early"),
    "gz in gz in gz": (gzip.compress(gzip.compress(gzip.compress(os.urandom(9)))), "it holds no text"),
    "zip cut": (_zip(cut=True), "the archive is damaged"),
    "zip corrupt": (_zip(damaged=True), "the archive is damaged"),
    "zip encrypted": (_zip(encrypted=True), "it is encrypted"),
    "zip of nothing but its head": (b"PK\x03\x04", "the archive is damaged"),
    "zip in gz": (gzip.compress(_zip()), "it is an archive within an archive"),
    "event log": (b"ElfFile\0" + bytes(4096), "it is an event log in binary form"),
    "program": (b"MZ\x90\0" + bytes(range(256)) * 40, "it holds no text"),
    "noise": (os.urandom(9000), "it holds no text"),
    "zeros": (bytes(9000), "it holds no text"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_one_sentence_of_three_parts(tmp_path: Path, name: str) -> None:
    data, found = HOSTILE[name]
    place = tmp_path / "x"
    place.write_bytes(data)

    with pytest.raises(RequestError, match=found) as error:
        read(place)

    assert (error.value.tried.split()[0], bool(error.value.todo)) == ("read", True)


def test_a_file_without_leave_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="No such file"):
        read(tmp_path / "gone")
    with pytest.raises(RequestError, match=r"read .*: .*; give a file that can be read"):
        read(tmp_path / ("x" * 300))


def test_an_archive_that_explodes_is_left_early(tmp_path: Path) -> None:
    place = tmp_path / "bomb.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"a" * (1 << 22)
    place.write_bytes(b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush())
    (source,) = reading.path(str(place))

    total = 0

    def count() -> None:
        nonlocal total
        for piece in source.pieces():
            total += len(piece)

    with pytest.raises(RequestError, match="it grows to more than"):
        count()
    assert reading.BOMB_FROM <= total < 2 * reading.BOMB_FROM


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_memory_does_not_grow_with_one_endless_line(encoding: str) -> None:
    piece = ("x" * 999 + " ").encode(encoding)[-1000:] * 260

    class Endless(io.RawIOBase):
        left = 100

        def read(self, _size: int = -1) -> bytes:
            self.left -= 1
            return piece if self.left >= 0 else b""

    tracemalloc.start()
    try:
        for _ in reading.stream("x", Endless()).pieces():
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 << 20


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)
    writer = threading.Thread(target=lambda: place.write_bytes(b"0xCAA70007"))
    writer.start()
    try:
        assert one(place) == "0xCAA70007"
    finally:
        writer.join(10)
