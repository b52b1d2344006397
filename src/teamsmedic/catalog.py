"""The catalogue of codes and causes, loaded from catalog/ and held to its form.

catalog/<family>.yaml   codes of one family; the file's name is the family
catalog/causes.yaml     what can be wrong; the only thing that codes and remediations both name
catalog/spaces.yaml     how a code that no family lists is decoded: an ordered list of spaces, the first match wins
catalog/sources.yaml    the pages that statements rest on
catalog/retired.yaml    codes that are listed no more, so that an old playbook gets a sentence

Nothing here names a remediation. Every statement carries its confidence and its sources.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from teamsmedic import content
from teamsmedic.codes import Code, Kind, canonical, parse_list, shown
from teamsmedic.errors import ContentError, UnknownCode


class Who(StrEnum):
    """Who must act: the values of a verdict."""

    DEVICE = "device"
    USER = "user"
    NETWORK = "network"
    TENANT = "tenant"
    SBC = "sbc"
    CARRIER = "carrier"
    NONE = "none"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure a statement is, the surest first.

    documented: Microsoft or a standard says so. observed: seen in public logs, issues or articles.
    derived: follows from a documented rule. guess: nothing better was found.
    """

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    DERIVED = "derived"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Source:
    """A page that statements rest on; `dated` is the date that the page bore when it was read."""

    id: str
    title: str
    url: str
    dated: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence with how sure it is and the ids of its sources; `as_of` dates a fact that is known to change."""

    text: str
    confidence: Confidence
    sources: tuple[str, ...]
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who must act, with how sure that is."""

    who: Who
    confidence: Confidence
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedCause:
    """A cause as a code names it, with how sure that connection is."""

    cause: str
    confidence: Confidence
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is wrong; `manual` is what an administrator does about it by hand, where nothing cures it."""

    id: str
    title: str
    verdict: Who
    manual: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a code means in another place, which words around it show.

    `signs`: groups of words, in small letters; one group whose words all stand near the code is enough, where none of
    `unless` does. With `instead_of` it holds only where the verdict would be one of these; an entry keeps only what can
    hold for it.
    """

    signs: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...]
    meaning: Statement
    verdict: Verdict
    instead_of: tuple[Who, ...] = ()

    def applies(self, text: str) -> bool:
        """Whether a text, the lines around the code, shows that place; in any case, quotes and separators."""
        said = _evened(text)
        shown = any(all(_stands(_evened(word), said) for word in group) for group in self.signs)
        return shown and not any(_stands(_evened(word), said) for word in self.unless)


@lru_cache(maxsize=1024)
def _evened(text: str) -> str:
    """A text in small letters without quotes, every separator a comma: `"408","0"`, `408#0` and `408 / 0` are one."""
    return _SEPARATOR.sub(",", text.lower())


_SEPARATOR = re.compile(r"[ \t]{0,4}[\"'`*]{0,2}[ \t]{0,4}[:=#,;|/\t(][ \t]{0,4}[\"'`*]{0,2}")


def _possible(places: Iterable[Elsewhere], who: Who) -> tuple[Elsewhere, ...]:
    """Those that can hold where a verdict is `who`."""
    return tuple(one for one in places if not one.instead_of or who in one.instead_of)


def _stands(word: str, text: str) -> bool:
    """Whether a word stands in a text, and not as a part of a longer one."""
    # Most words stand nowhere, and asking for the letters alone is a hundred times as fast.
    return word in text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is known of one code.

    `causes` has the likeliest first; the first of `elsewhere` that applies speaks instead of `verdict`. Where no family
    lists the code and only its space speaks, `decoded` is true, `family` is the one it would belong to (None: none of
    them), `space` is that space's title, and `related` the listed code that shares its number, if any. `in_table`: how
    sure it is that the error table that people search lists the code (derived: it has a page of its own there, and the
    table could not be read; None: it does not list it). In a text with several codes the lowest `rank` decides, and
    one that `yields` (a wrapper, or a step before the real error) comes last.
    """

    code: Code
    family: str | None
    name: Statement | None
    meaning: tuple[Statement, ...]
    verdict: Verdict
    causes: tuple[NamedCause, ...]
    check_first: tuple[Statement, ...]
    do_not_assume: tuple[Statement, ...]
    also_written: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    in_table: Confidence | None = None
    yields: bool = False
    rank: int = 1
    decoded: bool = False
    space: str | None = None
    related: Code | None = None

    def statements(self) -> Iterator[Statement]:
        """Every sentence of the entry."""
        if self.name:
            yield self.name
        yield from (*self.meaning, *self.check_first, *self.do_not_assume, *(one.meaning for one in self.elsewhere))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a space's table: what a number means there, and what it changes of its space."""

    name: str | None
    text: str
    confidence: Confidence
    sources: tuple[str, ...]
    causes: tuple[str, ...]
    family: str | None
    yields: bool | None
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """A range of codes with one rule of decoding.

    A code is inside if its kind fits and its number agrees with `value` under `mask`, has its low word between the
    two numbers of `low`, and matches `pattern` with its decimal digits, as far as these are given. The number that
    tables and texts use as `n` is what the pattern's group caught, else the low word under a mask, else all of it.
    `same_as` and `related` are codes with fields in braces: `n`, `low`, `unmasked` (without the first hex digit).
    """

    title: str
    kind: Kind
    mask: int
    value: int
    low: tuple[int, int] | None
    pattern: re.Pattern[str] | None
    entry: Entry
    table: Mapping[int, Row]
    same_as: str | None
    related: str | None
    needs_sign: bool

    def numbers(self, code: Code) -> dict[str, int] | None:
        """The parts of a code's number, or None where the code lies outside."""
        low = code.number & 0xFFFF
        if code.kind is not self.kind or code.number & self.mask != self.value:
            return None
        if self.low and not self.low[0] <= low <= self.low[1]:
            return None
        n = low if self.mask else code.number
        if self.pattern:
            match = self.pattern.fullmatch(str(code.number))
            if match is None:
                return None
            n = int(match[1] or 0) if match.re.groups else code.number
        return {"n": n, "low": low, "unmasked": code.number & 0x0FFFFFFF}

    def code(self, row: int) -> Code | None:
        """The code whose number leads to a row of the table; None where none can."""
        if self.mask:
            # A mask leaves out the first digit, which tells the severity: the sign-in library shows C, Windows shows 8.
            first = (0xC0000000 if self.same_as else 0x80000000) & ~self.mask
            number = first | self.value | row
            found = canonical(f"0x{number:08X}")
        elif self.pattern and self.pattern.groups:
            prefix = self.pattern.pattern.partition("(")[0]
            found = canonical(f"{prefix}{row}") if prefix.isdecimal() else None
        elif self.kind is Kind.SHORT:
            found = canonical(f"0x{row:08X}")
        else:
            found = canonical(
                {Kind.AADSTS: "AADSTS", Kind.SIP: "SIP ", Kind.Q850: "Q.850 "}.get(self.kind, "") + str(row)
            )
        numbers = self.numbers(found) if found else None
        return found if numbers and numbers["n"] == row else None

    def decode(self, code: Code, numbers: Mapping[str, int], catalog: Catalog) -> Entry:
        """The entry that this space's rule gives to a code inside it."""
        if (
            self.same_as
            and (twin := canonical(self.same_as.format(**numbers)))
            and (listed := catalog.entries.get(twin))
        ):
            note = Statement(
                f"Read as {twin}: the first digit only tells how severe the failure is.",
                Confidence.DERIVED,
                self.entry.verdict.sources,
            )
            return replace(
                listed, code=code, meaning=(note, *listed.meaning), decoded=True, space=self.title, related=twin
            )
        related = canonical(self.related.format(**numbers)) if self.related else None
        found = replace(
            self.entry,
            code=code,
            meaning=tuple(replace(one, text=one.text.format(**numbers)) for one in self.entry.meaning),
            related=related if related in catalog.entries else None,
            elsewhere=_possible(self.entry.elsewhere, self.entry.verdict.who),
        )
        row = self.table.get(numbers["n"])
        if row is None:
            return found
        # What follows from a row's text is our reading of it, however well the text itself is documented.
        sure = Confidence.GUESS if row.confidence is Confidence.GUESS else Confidence.DERIVED
        who = catalog.causes[row.causes[0]].verdict if row.causes else found.verdict.who
        return replace(
            found,
            family=row.family or found.family,
            name=Statement(row.name, row.confidence, row.sources) if row.name else None,
            meaning=(Statement(row.text, row.confidence, row.sources, row.as_of), *found.meaning),
            verdict=Verdict(who, sure, row.sources),
            elsewhere=_possible(self.entry.elsewhere, who),
            causes=tuple(NamedCause(cause, sure, row.sources) for cause in row.causes) or found.causes,
            yields=found.yields if row.yields is None else row.yields,
        )


@dataclass(frozen=True)
class Catalog:
    """The whole catalogue; `load` builds it. `families` maps an id to its title."""

    entries: Mapping[Code, Entry]
    causes: Mapping[str, Cause]
    sources: Mapping[str, Source]
    families: Mapping[str, str]
    _also: Mapping[str, Code] = field(repr=False)
    _loader: _Loader = field(repr=False)

    @cached_property
    def spaces(self) -> tuple[Space, ...]:
        """The spaces in order of matching; read when first asked for, because a listed code needs none of them."""
        return tuple(self._loader.spaces(self.families))

    @cached_property
    def retired(self) -> Mapping[Code, str]:
        """Codes that are listed no more, with the reason as the middle of a sentence."""
        return dict(self._loader.retired(self.entries))

    @cached_property
    def retired_ids(self) -> Mapping[str, Mapping[str, str]]:
        """Ids that are no more and never come back: `causes` and `remediations`, each with the reason."""
        return {kind: dict(self._loader.retired_ids(kind)) for kind in ("causes", "remediations")}

    def title(self, family: str | None) -> str:
        """The title of a family, also for what belongs to none."""
        return self.families[family] if family else "Outside the families"

    @cached_property
    def words(self) -> frozenset[str]:
        """The codes that are words, for finding them in a text."""
        return frozenset(code.text for code in self.entries if code.kind is Kind.WORD)

    def read(self, given: object) -> Code | None:
        """The code that a text or an integer spells, the catalogue's own further spellings included."""
        if isinstance(given, str) and (code := self._also.get(given.strip().lower())):
            return replace(code, given=given.strip())
        return canonical(given)

    def space(self, code: Code) -> Space | None:
        """The space that holds a code, listed or not."""
        return next((space for space in self.spaces if space.numbers(code) is not None), None)

    def names(self, code: Code) -> bool:
        """Whether a family or a table's row names this very code, so that more than its space's rule is known."""
        if code in self.entries:
            return True
        space = self.space(code)
        numbers = space.numbers(code) if space else None
        return bool(space and numbers and numbers["n"] in space.table)

    def lookup(self, code: Code) -> Entry | None:
        """What is known of a code: its entry, or what its space says (`decoded`), or None."""
        if entry := self.entries.get(code):
            return replace(entry, code=code)
        for space in self.spaces:
            if (numbers := space.numbers(code)) is not None:
                return space.decode(code, numbers, self)
        return None

    def resolve(self, value: object) -> list[Entry]:
        """The entries of codes as people give them (`codes.parse_list`); UnknownCode where nothing is known."""
        found = []
        for code in parse_list(value, self.read):
            entry = self.lookup(code)
            if entry is None:
                why = self.retired.get(code, "no family lists it and no code space holds it")
                raise UnknownCode(f"looked up the code {shown(code)}", why, "compare it with the screen or the log")
            found.append(entry)
        return found


_T = TypeVar("_T", bound=StrEnum)
_ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_OTHERS = frozenset({"causes", "spaces", "sources", "retired"})


class _Place:
    """A value in a YAML file and the way to it, for messages that say where and how to mend."""

    def __init__(self, path: Path, where: str, value: Any, trail: tuple[object, ...] = ()) -> None:
        self.path, self.where, self.value, self.trail = path, where, value, trail

    def fail(self, found: str, todo: str, key: object = None) -> NoReturn:
        """Raises the sentence with the line of this value, or of one of its keys."""
        line = content.place(self.path, self.trail if key is None else (*self.trail, key))
        raise ContentError(f"read {line}", f"{self.where}: {found}", todo)

    def mapping(self, required: str = "", optional: str = "") -> dict[str, _Place]:
        """The keys and their places; with neither list given any key of the form of an id or a code is fine."""
        if not isinstance(self.value, dict):
            self.fail(f"{_kind(self.value)} stands where keys are expected", "write `key: value` lines there")
        if required or optional:
            needed, allowed = required.split(), f"{required} {optional}".split()
            for key in self.value:
                if key not in allowed:
                    self.fail(f"the key {key!r} is unknown", f"use {', '.join(allowed)}", key)
            for key in needed:
                if key not in self.value:
                    self.fail(f"the key {key!r} is missing", f"add `{key}:`")
        return {
            key: _Place(self.path, f"{self.where}, {key}", value, (*self.trail, key))
            for key, value in self.value.items()
        }

    def items(self) -> list[_Place]:
        if not isinstance(self.value, list):
            self.fail(f"{_kind(self.value)} stands where a list is expected", "write `- ` items there")
        return [
            _Place(self.path, f"{self.where}[{index}]", item, (*self.trail, index))
            for index, item in enumerate(self.value)
        ]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail(
                f"{_kind(self.value)} stands where a text is expected",
                "write a text, in quotes if YAML reads it as something else",
            )
        return self.value.strip()

    def number(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail(f"{_kind(self.value)} stands where a number is expected", "write a number without quotes")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.fail(f"{_kind(self.value)} stands where true or false is expected", "write true or false")
        return self.value

    def date(self) -> str:
        if not isinstance(self.value, str) or not re.fullmatch(r"\d{4}(-\d\d){0,2}", self.value):
            self.fail(
                f"{_kind(self.value)} stands where a date is expected",
                'write "2024-11-25", "2024-11" or "2024", in quotes',
            )
        return self.value

    def pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(self.text(), re.ASCII)
        except re.error as error:
            self.fail(f"{self.value!r} is no pattern ({error})", "write a regular expression")

    def template(self) -> str:
        """A text whose fields a space can fill."""
        try:
            self.text().format(n=0, low=0, unmasked=0)
        except (LookupError, ValueError, AttributeError, TypeError):
            self.fail(f"{self.value[:60]!r} has a field that is not there", "use {n}, {low} and {unmasked} only")
        return self.text()

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def one_of(self, kind: type[_T]) -> _T:
        try:
            return kind(self.value)
        except ValueError:
            self.fail(f"{self.value!r} is none of its words", f"use {', '.join(kind)}")

    def known(self, names: Collection[str], what: str, file: str) -> str:
        if not isinstance(self.value, str) or self.value not in names:
            self.fail(f"{what} {self.value!r} is unknown", f"correct it or add it to {file}")
        return str(self.value)


def _kind(value: object) -> str:
    return "nothing" if value is None or value == "" else f"{type(value).__name__} {str(value)[:30]!r}"


class _Loader:
    """Reads one catalog folder; the names of sources and causes first, then what uses them.

    `errors`: None to stop at the first error, or a list that gets the error of every item, which is then left out.
    """

    def __init__(self, folder: Path, errors: list[ContentError] | None = None) -> None:
        self.folder, self.errors = folder, errors
        self.sources: dict[str, Source] = {}
        self.causes: dict[str, Cause] = {}
        for place in self._file("sources"):
            with self.kept():
                key = self._id(place)
                self.sources[key] = self._source(key, place)
        for place in self._file("causes"):
            with self.kept():
                key = self._id(place)
                self.causes[key] = self._cause(key, place)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """What is read inside is left out if it is wrong, where errors are collected."""
        try:
            yield
        except ContentError as error:
            if self.errors is None:
                raise
            self.errors.append(error)

    def _file(self, name: str) -> Collection[_Place]:
        path = self.folder / f"{name}.yaml"
        return _Place(path, name, content.read_yaml(path)).mapping().values()

    @staticmethod
    def _id(place: _Place) -> str:
        name = place.where.rpartition(", ")[2]
        if not _ID.fullmatch(name):
            place.fail("the name has not the form of an id", "use lower-case words joined by _")
        return name

    def _source(self, key: str, place: _Place) -> Source:
        keys = place.mapping("title url", "dated")
        url = keys["url"].text()
        if not re.fullmatch(r"https://\S+", url):
            keys["url"].fail(f"{url!r} is no address", "give the https:// address of the page")
        return Source(key, keys["title"].text(), url, keys["dated"].date() if "dated" in keys else None)

    def _sourced(self, keys: Mapping[str, _Place]) -> tuple[Confidence, tuple[str, ...]]:
        sources = tuple(item.known(self.sources, "the source", "sources.yaml") for item in keys["sources"].items())
        if not sources:
            keys["sources"].fail("no source is named", "name at least one of sources.yaml")
        return keys["confidence"].one_of(Confidence), sources

    def _statement(self, place: _Place) -> Statement:
        keys = place.mapping("text confidence sources", "as_of")
        return Statement(keys["text"].text(), *self._sourced(keys), keys["as_of"].date() if "as_of" in keys else None)

    def _statements(self, place: _Place | None) -> tuple[Statement, ...]:
        return tuple(self._statement(item) for item in place.items()) if place else ()

    def _cause(self, key: str, place: _Place) -> Cause:
        keys = place.mapping("title verdict", "manual")
        manual = self._statements(keys.get("manual"))
        if "manual" in keys and not manual:
            keys["manual"].fail("no step is given", "say what an administrator does by hand")
        return Cause(key, keys["title"].text(), keys["verdict"].one_of(Who), manual)

    def _cause_id(self, place: _Place) -> str:
        return place.known(self.causes, "the cause", "causes.yaml")

    def _named_causes(self, place: _Place) -> tuple[NamedCause, ...]:
        found = []
        for item in place.items():
            keys = item.mapping("cause confidence sources")
            found.append(NamedCause(self._cause_id(keys["cause"]), *self._sourced(keys)))
        return tuple(found)

    def _verdict(self, place: _Place) -> Verdict:
        keys = place.mapping("who confidence sources")
        return Verdict(keys["who"].one_of(Who), *self._sourced(keys))

    _ENTRY = "meaning verdict causes check_first"

    def _elsewhere(self, place: _Place) -> Elsewhere:
        keys = place.mapping("signs meaning verdict", "unless instead_of")
        groups = []
        for item in keys["signs"].items():
            group = tuple(word.strip().lower() for word in item.text().split(" + "))
            if not all(group):
                item.fail("a word is missing beside a +", "write words that stand together as `one + other`")
            groups.append(group)
        if not groups:
            keys["signs"].fail("no sign is given", "say which words near the code show that place")
        unless = tuple(word.lower() for word in keys["unless"].texts()) if "unless" in keys else ()
        instead_of = tuple(one.one_of(Who) for one in keys["instead_of"].items()) if "instead_of" in keys else ()
        meaning, verdict = self._statement(keys["meaning"]), self._verdict(keys["verdict"])
        return Elsewhere(tuple(groups), unless, meaning, verdict, instead_of)

    _ENTRY_MORE = "name do_not_assume elsewhere yields rank"

    def _entry(self, code: Code, family: str | None, keys: Mapping[str, _Place], **more: Any) -> Entry:
        meaning, check_first = self._statements(keys["meaning"]), self._statements(keys["check_first"])
        if not meaning:
            keys["meaning"].fail("no sentence is given", "say what the code means, as a guess if need be")
        verdict, causes = self._verdict(keys["verdict"]), self._named_causes(keys["causes"])
        if verdict.who not in {Who.UNKNOWN, *(self.causes[named.cause].verdict for named in causes)}:
            keys["verdict"].fail(
                f"{verdict.who} is the verdict of none of its causes",
                "name the cause that makes it so, or write unknown",
            )
        return Entry(
            code=code,
            family=family,
            name=self._statement(keys["name"]) if "name" in keys else None,
            meaning=meaning,
            verdict=verdict,
            causes=causes,
            check_first=check_first,
            do_not_assume=self._statements(keys.get("do_not_assume")),
            elsewhere=tuple(self._elsewhere(item) for item in keys["elsewhere"].items()) if "elsewhere" in keys else (),
            yields="yields" in keys and keys["yields"].flag(),
            rank=keys["rank"].number() if "rank" in keys else 1,
            **more,
        )

    def family(self, path: Path, entries: dict[Code, Entry], also: dict[str, Code]) -> str:
        """Adds the codes of one family's file; answers its title."""
        keys = _Place(path, path.stem, content.read_yaml(path)).mapping("title codes")
        for item in keys["codes"].items():
            with self.kept():
                self._listed(path.stem, item, entries, also)
        return keys["title"].text()

    def _listed(self, family: str, item: _Place, entries: dict[Code, Entry], also: dict[str, Code]) -> None:
        """Adds one item of a family."""
        parts = item.mapping(f"code {self._ENTRY}", f"{self._ENTRY_MORE} also_written signs in_table")
        written = parts["code"].text()
        item.where = f"{family}, {written}"
        parts = item.mapping(f"code {self._ENTRY}", f"{self._ENTRY_MORE} also_written signs in_table")
        code = canonical(written)
        if code is None or code.text != written:
            item.fail(
                "the code is not in canonical form",
                f"write {code.text!r}" if code else "give a code that codes.py can read",
                "code",
            )
        if code in entries:
            item.fail(f"the family {entries[code].family} lists it already", "keep it in one family", "code")
        entries[code] = self._entry(
            code,
            family,
            parts,
            also_written=parts["also_written"].texts() if "also_written" in parts else (),
            signs=parts["signs"].texts() if "signs" in parts else (),
            in_table=self._sourced(parts["in_table"].mapping("confidence sources"))[0] if "in_table" in parts else None,
        )
        for spelling in entries[code].also_written:
            if canonical(spelling) or also.setdefault(spelling.lower(), code) != code:
                item.fail(f"the spelling {spelling!r} is read already", "remove it from also_written", "also_written")

    def _table(self, place: _Place, families: Collection[str]) -> dict[int, Row]:
        rows = {}
        for number, row in place.mapping().items():
            keys = row.mapping("text confidence sources", "name causes family yields as_of")
            rows[_Place(row.path, row.where, number, row.trail).number()] = Row(
                keys["name"].text() if "name" in keys else None,
                keys["text"].text(),
                *self._sourced(keys),
                tuple(self._cause_id(item) for item in keys["causes"].items()) if "causes" in keys else (),
                keys["family"].known(families, "the family", "catalog/ as a file") if "family" in keys else None,
                keys["yields"].flag() if "yields" in keys else None,
                keys["as_of"].date() if "as_of" in keys else None,
            )
        return rows

    def spaces(self, families: Collection[str]) -> Iterator[Space]:
        """The spaces of spaces.yaml."""
        path = self.folder / "spaces.yaml"
        keys = _Place(path, "spaces", content.read_yaml(path)).mapping("spaces tables")
        tables = {name: self._table(place, families) for name, place in keys["tables"].mapping().items()}
        for item in keys["spaces"].items():
            with self.kept():
                yield self._space(item, tables, families)

    def _space(self, item: _Place, tables: Mapping[str, Mapping[int, Row]], families: Collection[str]) -> Space:
        parts = item.mapping(
            f"title kind {self._ENTRY}",
            f"{self._ENTRY_MORE} family mask value low pattern table same_as related needs_sign",
        )
        title, kind = parts["title"].text(), parts["kind"].one_of(Kind)
        low = tuple(number.number() for number in parts["low"].items()) if "low" in parts else None
        if low is not None and len(low) != 2:
            parts["low"].fail(f"{len(low)} numbers stand where two are expected", "write [first, last]")
        table = parts["table"].known(tables, "the table", "tables") if "table" in parts else None
        for sentence in parts["meaning"].items():
            sentence.mapping("text confidence sources", "as_of")["text"].template()
        return Space(
            title=title,
            kind=kind,
            mask=parts["mask"].number() if "mask" in parts else 0,
            value=parts["value"].number() if "value" in parts else 0,
            low=(low[0], low[1]) if low else None,
            pattern=parts["pattern"].pattern() if "pattern" in parts else None,
            entry=self._entry(
                Code(title, kind, 0, title),
                parts["family"].known(families, "the family", "catalog/ as a file") if "family" in parts else None,
                parts,
                decoded=True,
                space=title,
            ),
            table=tables[table] if table else {},
            same_as=parts["same_as"].template() if "same_as" in parts else None,
            related=parts["related"].template() if "related" in parts else None,
            needs_sign="needs_sign" in parts and parts["needs_sign"].flag(),
        )

    def retired(self, entries: Collection[Code]) -> Iterator[tuple[Code, str]]:
        """The codes of retired.yaml."""
        for item in self._retired("codes"):
            with self.kept():
                keys = item.mapping("code because")
                code = canonical(keys["code"].text())
                if code is None or code in entries:
                    item.fail("it is no code, or a family still lists it", "remove one of the two")
                yield code, keys["because"].text()

    def retired_ids(self, kind: str) -> Iterator[tuple[str, str]]:
        """The ids of retired.yaml below `causes` or `remediations`, each with why it is no more."""
        for item in self._retired(kind):
            with self.kept():
                keys = item.mapping("id because")
                name = keys["id"].text()
                if not _ID.fullmatch(name):
                    keys["id"].fail(f"{name!r} has not the form of an id", "use lower-case words joined by _")
                if name in self.causes and kind == "causes":
                    keys["id"].fail("causes.yaml still has it", "name the new one otherwise: an id is never reused")
                yield name, keys["because"].text()

    def _retired(self, kind: str) -> list[_Place]:
        path = self.folder / "retired.yaml"
        keys = _Place(path, "retired", content.read_yaml(path)).mapping("codes", "causes remediations")
        return keys[kind].items() if kind in keys else []


def load(root: Path | None = None, errors: list[ContentError] | None = None) -> Catalog:
    """The catalogue below a content root (default: `content.root()`); ContentError says where and how to mend it.

    With a list `errors` every item's error goes there, and the item is left out. spaces.yaml and retired.yaml are held
    to their form when `spaces` and `retired` are first asked for.
    """
    folder = (root or content.root()) / "catalog"
    loader = _Loader(folder, errors)
    entries: dict[Code, Entry] = {}
    also: dict[str, Code] = {}
    families: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in _OTHERS:
            with loader.kept():
                families[path.stem] = loader.family(path, entries, also)
    return Catalog(entries, loader.causes, loader.sources, families, also, loader)


@cache
def book(root: Path) -> Catalog:
    """The catalogue below a content root, read once."""
    return load(root)
