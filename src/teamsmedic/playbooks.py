"""Holds a site's playbooks, variables and inventories to what teamsmedic knows, before any of them runs.

Files are read as YAML (inventories as INI, too), never evaluated: a template, a vaulted value and what a program makes
are left alone, and named as such. A variable that an option of the module is filled from is held to what that option
takes, wherever it is set.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from teamsmedic import asked, catalog, content, questions, remediation, rooms
from teamsmedic.ansible import action
from teamsmedic.ansible import vars as connections
from teamsmedic.errors import ContentError, InventoryError, RequestError, TeamsMedicError
from teamsmedic.lab import inventory as lab
from teamsmedic.text import clean
from teamsmedic.validate import Report

COLLECTION = content.ANSIBLE_MODULE.rpartition(".")[0]
_YAML = (".yml", ".yaml")
_NOT_OURS = {"collections", "node_modules", "molecule"}
_FACTS = ("set_fact", "ansible.builtin.set_fact")
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")
_FILLED = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*(\|\s*default\([^{}]*\)\s*)?\}\}")
_WORD = re.compile(r"[A-Za-z_]\w*")
_READ = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
_NO_VARIABLES = {"default", "omit", "lookup", "said", "weighed", "repaired", "msg", "triage", "groups", "dict2items"}
"""Words in the templates of our playbooks that nobody sets."""
_VAULTED = "$ANSIBLE_VAULT"
_CONNECTIONS = {
    name: kind for kind, options in connections.NAMES.items() for names in options.values() for name in names
}

_FOR_CONNECTION = re.compile(r"(ansible_(?:psrp|winrm)_)(\w+)")
_BESIDE = {
    f"ansible_winrm_{one}" for one in ("kinit_args", "kinit_cmd", "kinit_env_vars", "kinit_mode", "realm", "keytab")
}
"""What ansible.builtin.winrm and pywinrm read besides, and this project has no use for."""


@dataclass(frozen=True)
class _Place:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class _Set:
    """A variable where it is set; `playbook`: the shipped playbook that it is given to."""

    name: str
    node: yaml.Node
    place: _Place
    playbook: str = ""


class _LeftAloneError(Exception):
    """A value that only a run knows; the message says what it is."""


@dataclass
class _Site:
    """All that was read: the values of the module's options, the variables, and what stands in templates."""

    catalog: catalog.Catalog
    known: Mapping[str, remediation.Remediation]
    looked_at: Counter[str] = field(default_factory=Counter)
    problems: list[ContentError] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    variables: list[_Set] = field(default_factory=list)
    fills: dict[str, set[str]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    tasks: list[tuple[yaml.MappingNode, str]] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def wrong(self, place: _Place, found: str, todo: str) -> None:
        self.problems.append(ContentError(f"checked {place}", found, todo))

    def leave(self, place: _Place, what: str) -> None:
        self.left.append(clean(f"{place}: {what}", 300))


def check(playbooks: Sequence[Path], inventories: Sequence[str]) -> Report:
    """The report on the playbooks (folders or files) and inventory sources of a site."""
    root = content.root()
    site = _Site(catalog.load(root), remediation.load(root))
    for given in playbooks:
        for path in _files(given):
            _file(site, path)
    for source in inventories:
        _source(site, source)
    for task, file in site.tasks:
        _task(site, task, file)
    for one in site.variables:
        _variable(site, one)
    counts = {name: site.looked_at[name] for name in ("files", "tasks", "variables")}
    unique = {str(one): one for one in site.problems}
    return Report(counts, tuple(unique.values()), tuple(dict.fromkeys(site.left)))


# ------------------------------------------------------------------------------------------------ reading


def _files(given: Path) -> Iterator[Path]:
    if given.is_file():
        yield given
        return
    for folder, below, names in os.walk(given):
        below[:] = sorted(one for one in below if not one.startswith(".") and one not in _NOT_OURS)
        for name in sorted(names):
            if name.endswith((*_YAML, ".j2")) or Path(folder).name in ("group_vars", "host_vars"):
                yield Path(folder, name)


def _text(site: _Site, path: Path) -> str | None:
    """The text of a file that was not read before; None where there is nothing to look at."""
    resolved = path.resolve()
    if resolved in site.seen:
        return None
    site.seen.add(resolved)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        site.wrong(_Place(str(path), 1), getattr(error, "strerror", None) or "it is no UTF-8 text", "mend the file")
        return None
    if text.startswith(_VAULTED):
        site.leave(_Place(str(path), 1), "the file is vaulted")
        return None
    site.looked_at["files"] += 1
    return text


def _compose(site: _Site, path: Path, text: str) -> list[yaml.Node]:
    """The documents of a YAML file; a problem where it is none."""
    try:
        return content.nodes(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it is no YAML"
        site.wrong(_Place(str(path), mark.line + 1 if mark else 1), f"YAML ends here: {clean(said)}", "mend the YAML")
        return []


def _file(site: _Site, path: Path) -> None:
    """A file of a playbook folder: a playbook, tasks, variables, a template."""
    text = _text(site, path)
    if text is None:
        return
    if path.suffix == ".j2":
        site.read.update(word for part in _READ.findall(text) for word in _WORD.findall(part))
        return
    for node in _compose(site, path, text):
        _walk(site, node, path)
        if isinstance(node, yaml.MappingNode):
            _inventory_or_variables(site, node, path)


def _walk(site: _Site, top: yaml.Node, path: Path) -> None:
    """Finds the module's options, variables and templates, however deep they stand."""
    nodes, seen = [top], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:str":
                site.read.update(word for part in _READ.findall(node.value) for word in _WORD.findall(part))
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            pairs = {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, yaml.ScalarNode):
                    _key(site, key, value, path, pairs)


def _key(site: _Site, key: yaml.ScalarNode, value: yaml.Node, path: Path, beside: Mapping[str, yaml.Node]) -> None:
    name, place = str(key.value), _at(path, key)
    if name in ("vars", *_FACTS) and isinstance(value, yaml.MappingNode):
        if not any(one in beside for one in _IMPORTS):
            _define(site, value, str(path))
    elif name == content.ANSIBLE_MODULE and isinstance(value, yaml.MappingNode):
        site.looked_at["tasks"] += 1
        site.tasks.append((value, str(path)))
        for option, given in _pairs(value):
            filled = _FILLED.fullmatch(given.value.strip()) if isinstance(given, yaml.ScalarNode) else None
            if filled:
                site.fills.setdefault(filled[1], set()).add(str(option.value))
    elif name == content.ANSIBLE_MODULE and value.value:
        site.leave(place, "options in one text are not looked at: write them as a dictionary")
    elif name in ("action", "local_action", f"group/{COLLECTION}.all") and _asks(name, value):
        site.leave(place, f"options below {name} are not looked at: write them below {content.ANSIBLE_MODULE}")
    elif name.startswith(f"{COLLECTION}.") and name != content.ANSIBLE_MODULE and path.suffix in _YAML:
        site.wrong(place, f"there is no module {clean(name)}", f"use {content.ANSIBLE_MODULE}")
    elif name in ("when", "failed_when", "changed_when", "until", "that", "loop", "var"):
        texts = value.value if isinstance(value, yaml.SequenceNode) else [value]
        site.read.update(word for one in texts for word in _WORD.findall(str(one.value)))
    elif name in _IMPORTS and isinstance(value, yaml.ScalarNode):
        _import(site, value, path, beside.get("vars"))


def _asks(name: str, value: yaml.Node) -> bool:
    """Whether what stands below an `action`, or below all modules of the collection, is meant for our module."""
    if isinstance(value, yaml.MappingNode):
        module = [str(given.value) for key, given in _pairs(value) if key.value == "module"]
        return name.startswith("group/") or content.ANSIBLE_MODULE in module
    return str(value.value).split()[:1] == [content.ANSIBLE_MODULE]


def _import(site: _Site, value: yaml.ScalarNode, path: Path, given: yaml.Node | None) -> None:
    """Another playbook: one of ours by its name, or a file; and the variables that it is given."""
    name, ours = str(value.value), ""
    if name.startswith(f"{COLLECTION}."):
        ours = name.rpartition(".")[2]
        there = sorted(one.stem for one in (content.root() / "playbooks").glob("*.yml"))
        if ours not in there:
            near = _meant(ours, there)
            site.wrong(
                _at(path, value),
                f"there is no playbook {clean(name)}",
                f"{near}use one of {', '.join(f'{COLLECTION}.{one}' for one in there)}",
            )
            return
        _shipped(site, content.root() / "playbooks" / f"{ours}.yml")
    elif "{{" not in name and (file := path.parent / name).is_file():
        _file(site, file)
    if isinstance(given, yaml.MappingNode):
        _define(site, given, str(path), playbook=ours)


def _shipped(site: _Site, file: Path) -> None:
    """What a playbook of ours fills its options from."""
    other = _Site(site.catalog, site.known)
    _file(other, file)
    for name, options in other.fills.items():
        site.fills.setdefault(name, set()).update(options)


@functools.cache
def _reads(playbook: str) -> frozenset[str]:
    """The variables that a playbook of ours reads."""
    text = content.read_text(content.root() / "playbooks" / f"{playbook}.yml")
    words = {word for part in _READ.findall(text) for word in _WORD.findall(re.sub(r"'[^']*'", "", part))}
    words |= {"target"} if "lookup('teamsmedic.teams.devices')" in text else set()
    return frozenset(words - _NO_VARIABLES)


def _define(site: _Site, node: yaml.MappingNode, file: str, *, playbook: str = "") -> None:
    for key, value in _pairs(node):
        site.looked_at["variables"] += 1
        site.variables.append(_Set(str(key.value), value, _Place(file, key.start_mark.line + 1), playbook))


def _inventory_or_variables(site: _Site, node: yaml.MappingNode, path: Path) -> None:
    """A mapping at the top: the groups of an inventory, or variables (group_vars, host_vars, vars, defaults)."""
    groups = [(key, value) for key, value in _pairs(node) if isinstance(value, yaml.MappingNode)]
    if any({"hosts", "children"} & {str(key.value) for key, _ in _pairs(value)} for _, value in groups):
        for _, value in groups:
            _group(site, value, path)
    elif any(str(key.value) == "plugin" for key, _ in _pairs(node)):
        site.leave(_at(path, node), "an inventory plugin makes its hosts: their variables are not looked at")
    else:
        _define(site, node, str(path))


def _group(site: _Site, node: yaml.MappingNode, path: Path) -> None:
    for key, value in _pairs(node):
        if not isinstance(value, yaml.MappingNode):
            continue
        if key.value == "children":
            for _, child in _pairs(value):
                if isinstance(child, yaml.MappingNode):
                    _group(site, child, path)
        elif key.value == "hosts":  # `vars` is found wherever it stands
            for _, given in _pairs(value):
                if isinstance(given, yaml.MappingNode):
                    _define(site, given, str(path))


def _source(site: _Site, source: str) -> None:
    """One inventory source, as after Ansible's -i, with the group_vars and host_vars beside it."""
    path = Path(source)
    if not path.exists():
        if "," not in source:
            raise InventoryError(
                f"read the inventory {clean(source)}", "there is no such file", "mend the path after --inventory"
            )
        return
    folder = path if path.is_dir() else path.parent
    for name in ("group_vars", "host_vars"):
        for file in sorted(one for one in (folder / name).rglob("*") if one.is_file() and not one.name.startswith(".")):
            _file(site, file)
    if path.is_dir():
        for file in sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")):
            _inventory(site, file)
    else:
        _inventory(site, path)


def _inventory(site: _Site, path: Path) -> None:
    if os.access(path, os.X_OK):
        site.leave(_Place(str(path), 1), "a program makes its hosts: their variables are not looked at")
    elif path.suffix in _YAML:
        _file(site, path)
    elif path.suffix in ("", ".ini", ".cfg"):
        text = _text(site, path)
        for number, line in enumerate((text or "").splitlines(), 1):
            _line(site, path, number, line)
    else:
        site.leave(_Place(str(path), 1), "it is neither YAML nor INI")


def _line(site: _Site, path: Path, number: int, line: str) -> None:
    """A line of an INI inventory: `NAME=VALUE` words, each after a host or alone below `[GROUP:vars]`."""
    bare = line.strip()
    if not bare or bare[0] in "#;[":
        return
    try:
        words = shlex.split(bare, comments=True)
    except ValueError:
        words = [bare]
    first = re.match(r"([A-Za-z_]\w*)\s*=\s*(.*)", bare)
    pairs = [first.groups()] if first else [word.partition("=")[::2] for word in words[1:] if "=" in word]
    for name, value in pairs:
        try:
            [node] = content.nodes(value)
        except (yaml.YAMLError, ValueError):
            node = yaml.ScalarNode("tag:yaml.org,2002:str", value)
        site.looked_at["variables"] += 1
        site.variables.append(_Set(name, node, _Place(str(path), number)))


# ------------------------------------------------------------------------------------------------ judging


def _task(site: _Site, node: yaml.MappingNode, file: str) -> None:
    """The options of one task; where it is known what is asked for, also whether a plan comes of it."""
    there = action.Options.names()
    asks = {"codes", "remediations", "all", "state"} & {str(key.value) for key, _ in _pairs(node)}
    values: dict[str, Any] = {}
    for key, given in _pairs(node):
        name, place = str(key.value), _Place(file, key.start_mark.line + 1)
        before = len(site.problems)
        if name not in there:
            site.wrong(
                place, f"there is no option {clean(name)}", f"{_meant(name, there)}use one of {', '.join(there)}"
            )
        elif _option(site, name, given, place) and len(site.problems) == before and name in asks:
            values[name] = _plain(given)
    if asks - {"state"} and asks == set(values) and values.get("state", "checked") in ("checked", "fixed"):
        options = action.Options.read(values)
        try:
            asked.plan(options.codes, names=options.remediations, everything=options.all, now=0.0)
        except TeamsMedicError as error:
            site.wrong(_Place(file, node.start_mark.line + 1), error.found, error.todo)


def _variable(site: _Site, one: _Set) -> None:
    """A variable where it is set: whether anything reads it, and whether it can be read."""
    if one.playbook and one.name not in _reads(one.playbook) | set(VARIABLES) and not one.name.startswith("ansible_"):
        there = sorted(_reads(one.playbook))
        site.wrong(
            one.place,
            f"{COLLECTION}.{one.playbook} reads no variable {clean(one.name)}",
            f"{_meant(one.name, there)}use one of {', '.join(there)}",
        )
    elif one.name.startswith("teamsmedic_") and one.name not in (*VARIABLES, *site.read):
        site.wrong(
            one.place,
            f"nothing reads the variable {clean(one.name)}",
            f"{_meant(one.name, VARIABLES)}use {', '.join(VARIABLES)}, or remove it",
        )
    elif one.name.startswith("lab_"):
        _judge(site, one.node, one.place, functools.partial(_lab, one.name, Path(one.place.file)))
    elif one.name in VARIABLES:
        _judge(site, one.node, one.place, VARIABLES[one.name])
    elif one.name in _CONNECTIONS:
        _judge(site, one.node, one.place, functools.partial(_connection, one.name))
    elif (match := _FOR_CONNECTION.fullmatch(one.name)) and one.name not in (*site.read, *_BESIDE):
        # pywinrm takes whatever its signature has: only what is nearly a known name is taken for a slip.
        there = [name.removeprefix(match[1]) for name in _CONNECTIONS if name.startswith(match[1])]
        if near := difflib.get_close_matches(match[2], there, 1, 0.7):
            found = f"no connection reads the variable {clean(one.name)}"
            site.wrong(one.place, found, f"did you mean {match[1]}{near[0]}? or remove it")
    for option in sorted(site.fills.get(one.name, ())):
        if option in action.Options.names():
            _option(site, option, one.node, one.place)


def _option(site: _Site, name: str, node: yaml.Node, place: _Place) -> bool:
    """Holds a value to what an option takes, part by part; False where some of it is only known in a run."""
    if name in ("codes", "remediations", "tried") and isinstance(node, yaml.SequenceNode):
        known = [_option(site, name, one, _within(place, one)) for one in node.value]  # all, also after one that is not
        return all(known)
    if name in ("parameters", "answers") and isinstance(node, yaml.MappingNode):
        part = _parameters if name == "parameters" else _answer
        known = [part(site, key, value, _within(place, key)) for key, value in _pairs(node)]
        return all(known)

    def read(value: Any) -> None:
        if name == "codes":
            site.catalog.resolve(value)
            return
        options = action.Options.read(
            {name: [value] if name in ("remediations", "tried") and not isinstance(value, str) else value}
        )
        for one in getattr(options, name) if name in ("remediations", "tried") else ():
            if one not in site.known:
                raise _unknown("remediation", one, site.known)

    return _judge(site, node, place, read, name)


def _parameters(site: _Site, key: yaml.ScalarNode, node: yaml.Node, place: _Place) -> bool:
    name = str(key.value)
    if name not in site.known:
        error = _unknown("remediation", name, site.known)
        site.wrong(place, error.found, error.todo)
        return True
    one = site.known[name]
    if not isinstance(node, yaml.MappingNode):
        return _judge(site, node, place, lambda value: action.Options.read({"parameters": {name: value}}), "parameters")
    known = True
    for inner, value in _pairs(node):
        parameter, where = str(inner.value), _within(place, inner)
        if parameter not in one.parameters:
            error = _unknown(f"parameter of {name}", parameter, one.parameters)
            site.wrong(where, error.found, error.todo)
        else:
            read = functools.partial(_one_parameter, one, parameter)
            known = _judge(site, value, where, read) and known
    return known


def _one_parameter(one: remediation.Remediation, name: str, value: Any) -> None:
    one.values({name: value}, 2.0**33)  # a moment long after any that is meant: nothing lies in the future


def _answer(site: _Site, key: yaml.ScalarNode, node: yaml.Node, place: _Place) -> bool:
    name = str(key.value)
    if name not in questions.BY_ID:
        error = _unknown("question", name, questions.BY_ID)
        site.wrong(place, error.found, error.todo)
        return True
    words = questions.BY_ID[name].words

    def read(value: Any) -> None:
        word = str({True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value)
        if words and word not in words:
            raise RequestError("", f"{name} is {clean(word, 60)}", f"use {' or '.join(words)}")
        if not words:
            site.catalog.resolve(word)

    return _judge(site, node, place, read, name)


def _folder(value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise RequestError("", f"it is {clean(repr(value), 60)}", "give a folder's path as a text")


def _window(value: Any) -> None:
    rooms.window(value, "it")


VARIABLES: Mapping[str, Callable[[Any], None]] = {"teamsmedic_run_dir": _folder, rooms.VARIABLE: _window}
"""Variables that are read by themselves, and what refuses a value; the others reach the module through its options."""


def _lab(name: str, file: Path, value: Any) -> None:
    lab.variable(name, value, file).chosen()


def _connection(name: str, value: Any) -> None:
    """A connection variable alone: only what is wrong with itself counts, not what is missing beside it."""
    given = {"ansible_connection": _CONNECTIONS[name], name: value}
    if name.startswith("ansible_winrm_"):
        given["ansible_connection"] = "winrm"
    try:
        connections.read("it", given.get)
    except InventoryError as error:
        if name in error.found:
            raise RequestError("", error.found.removeprefix("its "), error.todo) from None


def _judge(site: _Site, node: yaml.Node, place: _Place, read: Callable[[Any], object], name: str = "") -> bool:
    """Reads a value as it will be read; False where it is only known in a run."""
    try:
        value = _plain(node)
    except _LeftAloneError as left:
        text = str(getattr(node, "value", ""))
        filled = _FILLED.fullmatch(text.strip()) if isinstance(node, yaml.ScalarNode) else None
        if not (filled and (filled[2] or any(one.name == filled[1] for one in site.variables))):
            site.leave(place, f"{f'{name}: ' if name else ''}{left} is left alone")
        return False
    try:
        read(value)
    except TeamsMedicError as error:
        given = f"{name}: " if name and name not in error.found else ""
        tried = f"{error.tried}: " if error.tried and "code" in error.tried else ""
        site.wrong(place, f"{given}{tried}{error.found}", error.todo)
    return True


def _plain(node: yaml.Node) -> Any:
    """The data of a node; `_LeftAloneError` for a template and for a tag such as !vault."""
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise _LeftAloneError(f"a value with the tag {clean(node.tag)}")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one) for one in node.value]
    if isinstance(node, yaml.MappingNode):
        return {_plain(key): _plain(value) for key, value in _pairs(node)}
    if node.tag.endswith(":str") and ("{{" in node.value or "{%" in node.value):
        raise _LeftAloneError("a template")
    return content.data(node)


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values, those that are merged in by `<<` as well."""
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(one, yaml.MappingNode):
                    yield from _pairs(one)
        elif isinstance(key, yaml.ScalarNode):
            yield key, value


def _at(path: Path, node: yaml.Node) -> _Place:
    return _Place(str(path), node.start_mark.line + 1)


def _within(place: _Place, node: yaml.Node) -> _Place:
    """The node's own line; one made of a line of an INI file has none."""
    mark = getattr(node, "start_mark", None)
    return _Place(place.file, max(place.line, mark.line + 1)) if mark else place


def _unknown(what: str, name: str, there: Iterable[str]) -> RequestError:
    known = list(there)
    return RequestError(
        "", f"there is no {what} {clean(name, 80)}", f"{_meant(name, known)}use one of {', '.join(known) or 'none'}"
    )


def _meant(name: str, there: Iterable[str]) -> str:
    """`did you mean …? ` where one of the names is near."""
    near = difflib.get_close_matches(name, list(there), 1, 0.6)
    return f"did you mean {near[0]}? " if near else ""
