"""Finds catalog/, remediations/, library/, playbooks/ and inventories/, in a checkout and in a wheel alike."""

from __future__ import annotations

import functools
import os
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
    try:
        return yaml.load(read_text(path), Loader=_Loader)  # noqa: S506 - a safe loader, C or Python
    except yaml.YAMLError as error:
        raise ContentError(f"read {path}", " ".join(str(error).split()), "mend the YAML there") from error
