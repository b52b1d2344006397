"""What announced changes mean for a snapshot: the state that a fix must leave behind, computed without it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from snapshot import Snapshot

from teamsmedic.outcome import Change


def expected(before: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """The snapshot `before`, with the changes carried out in their order.

    move: all at and below `before` is then at and below `after`. copy: `object` is then what `after` is. create: an
    empty folder. remove: nothing is there any more. stop: a process, which no snapshot holds. A folder on the way that
    is not there yet comes into being.
    """
    state = dict(before)
    for change in changes:
        if change.action == "move":
            _put(state, change.after, _take(state, change.before))
        elif change.action == "copy":
            _put(state, change.object, _all(state, change.after))
        elif change.action == "create":
            _put(state, change.object, {"": (change.object.rpartition("\\")[2], "folder", "0o755", ())})
        elif change.action in ("write", "restore"):
            _write(state, change)
        elif change.action == "remove" and ":\\" in change.object:
            _take(state, change.object)
        elif change.action == "remove":
            _take_credential(state, change)
        else:
            assert change.action == "stop", change
    return state


def _write(state: Snapshot, change: Change) -> None:
    """A value of the registry, below a key that is there already, under the name that it has there."""
    item = f"value {change.object.lower()}"
    assert f"key {change.object.lower().rpartition(chr(92))[0]}" in state, change
    if change.after is None:
        del state[item]
    else:
        name = state[item][0] if item in state else change.object.rpartition("\\")[2]
        assert change.after["kind"] == "DWord", change
        state[item] = (name, f"dword:{change.after['data']:08x}")


def _take_credential(state: Snapshot, change: Change) -> None:
    """`TARGET (PERSON)`: the key of it in the vault of whoever has it saved for the name that is announced."""
    target = change.object.rpartition(" (")[0].lower().replace("\\", "_")
    named = re.compile(rf"value (hku\\.*\\credential manager\\generic: {re.escape(target)})\\username")
    mine = [found[1] for item, value in state.items() if (found := named.match(item)) and change.before in value[1]]
    assert mine, change
    for item in list(state):
        if any(item == f"key {key}" or item.startswith(f"value {key}\\") for key in mine):
            del state[item]


def _all(state: Snapshot, path: str) -> Snapshot:
    """What lies at and below a path, by the rest of its name."""
    top = f"file {path.lower()}"
    return {item[len(top) :]: state[item] for item in state if item == top or item.startswith(f"{top}\\")}


def _take(state: Snapshot, path: str) -> Snapshot:
    taken = _all(state, path)
    for rest in taken:
        del state[f"file {path.lower()}{rest}"]
    return taken


def _put(state: Snapshot, path: str, tree: Snapshot) -> None:
    above = path.rpartition("\\")[0]
    if f"file {above.lower()}" not in state and "\\" in above:
        _put(state, above, {"": (above.rpartition("\\")[2], "folder", "0o755", ())})
    for rest, value in tree.items():
        state[f"file {path.lower()}{rest}"] = value if rest else (path.rpartition("\\")[2], *value[1:])
