"""Finds catalog/, remediations/, library/, playbooks/ and inventories/, in a checkout and in a wheel alike."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Sequence
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


@functools.cache
def digest() -> str:
    """SHA-256 of all files that decide what is said and done: catalog/ and remediations/, without tests and pages."""
    total = hashlib.sha256()
    for folder in ("catalog", "remediations"):
        for path in sorted((root() / folder).rglob("*")):
            name = path.relative_to(root())
            if path.suffix in (".yaml", ".ps1") and "tests" not in name.parts:
                total.update(f"{name.as_posix()}\0{hashlib.sha256(read_text(path).encode()).hexdigest()}\n".encode())
    return total.hexdigest()


def read_yaml(path: Path) -> Any:
    """The data of a YAML file; ContentError with the place where it cannot be read."""
    try:
        return yaml.load(read_text(path), Loader=_Loader)  # noqa: S506 - a safe loader, C or Python
    except yaml.YAMLError as error:
        raise ContentError(f"read {path}", " ".join(str(error).split()), "mend the YAML there") from error


def nodes(text: str) -> list[yaml.Node]:
    """The documents of a YAML text, each value with its place; yaml.YAMLError where it is none."""
    return [one for one in yaml.compose_all(text, Loader=_Loader) if one is not None]


def data(node: yaml.Node) -> Any:
    """The data of such a value."""
    return _Loader("").construct_object(node, deep=True)


def named(path: Path) -> str:
    """A content file's name for messages: from catalog/ or remediations/ on, else the last two parts of its path."""
    parts = path.parts
    start = max(
        (len(parts) - 1 - parts[::-1].index(one) for one in ("catalog", "remediations") if one in parts), default=-2
    )
    return "/".join(parts[start:])


def place(path: Path, trail: Sequence[object]) -> str:
    """Where in a YAML file a value stands, for messages: `catalog/file.yaml:LINE`, and an editor jumps there.

    `trail` holds keys and list indexes from the top. Where it leads no further, the line of the last part that is there
    is given; a file that cannot be read has only its name.
    """
    name = named(path)
    try:
        loader = _Loader(read_text(path))
        node, line = loader.get_single_node(), 0
        for step in trail:
            found = _step(loader, node, step)
            if found is None:
                break
            node, line = found
    except (yaml.YAMLError, ContentError):
        return name
    return f"{name}:{line + 1}"


def _step(loader: Any, node: Any, step: object) -> tuple[Any, int] | None:
    """The node that a key or an index leads to, with its line counted from 0."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if loader.construct_object(key, deep=True) == step:
                return value, key.start_mark.line
    return None


def twice(path: Path) -> Iterator[tuple[str, int]]:
    """Keys that stand twice in one mapping of a YAML file, each with the line of its second place.

    YAML's readers keep the last one in silence.
    """
    loader = _Loader(read_text(path))
    open_nodes, seen = [loader.get_single_node()], set()
    while open_nodes:
        node = open_nodes.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            open_nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[object] = set()
            for key, value in node.value:
                name = key.value
                if name in keys:
                    yield str(name), key.start_mark.line + 1
                keys.add(name)
                open_nodes.append(value)
