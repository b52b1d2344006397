"""Finds catalog/, remediations/, library/, playbooks/ and inventories/, in a checkout and in a wheel alike."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from teamsmedic.errors import ContentError

ANSIBLE_MODULE = "teamsmedic.teams.remediation"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def root() -> Path:
    """The folder that holds the content.

    In order: TEAMSMEDIC_CONTENT, the wheel's own copy, the checkout around this file.
    """
    if named := os.environ.get("TEAMSMEDIC_CONTENT"):
        folder = Path(named)
        if not (folder / "catalog").is_dir():
            raise ContentError(
                "looked for the content",
                f"TEAMSMEDIC_CONTENT names {named}, which holds no catalog/",
                "unset it or name the right folder",
            )
        return folder
    here = Path(__file__).resolve().parent
    for folder in (here / "_content", here.parent.parent):
        if (folder / "catalog").is_dir():
            return folder
    raise ContentError("looked for the content", f"there is no catalog/ beside {here}", "install teamsmedic again")


def read_text(path: Path) -> str:
    """The text of a content file with LF line ends and no byte-order mark: its bytes are the same from everywhere."""
    try:
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise ContentError(f"read {path}", found, "restore the file from the release") from error


def read_yaml(path: Path) -> Any:
    """The data of a YAML file; ContentError with the place where it cannot be read."""
    return _read(path, yaml.load)


def _read(path: Path, how: Callable[..., Any]) -> Any:
    try:
        return how(read_text(path), Loader=_Loader)
    except yaml.YAMLError as error:
        raise ContentError(f"read {path}", " ".join(str(error).split()), "mend the YAML there") from error


def line(path: Path, keys: Sequence[str | int]) -> int:
    """The line of a YAML file, counted from 1, where the value below these keys begins; that of the last one found."""
    node = _read(path, yaml.compose)
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            below = [(name, value) for name, value in node.value if name.value == str(key)]
            if not below:
                break
            if not isinstance(below[-1][1], yaml.CollectionNode):
                return int(below[-1][0].start_mark.line) + 1
            node = below[-1][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
        else:
            break
    return int(node.start_mark.line) + 1 if node else 1


def twice(path: Path) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping of a YAML file, with their lines: YAML's readers silently take the last."""
    nodes = [_read(path, yaml.compose)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for name, value in node.value:
                if name.value in seen and name.value != "<<":
                    yield int(name.start_mark.line) + 1, str(name.value)
                seen.add(name.value)
                nodes.append(value)
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
