"""Takes names and addresses out of a text, each replaced by a stable placeholder. No I/O.

The same name is the same placeholder in all texts of one Redactor, so that a reader can tell people and hosts apart
without knowing them. With a key, it is the same in all texts made with that key, so that two reports of one site can
be laid side by side. What stands in Microsoft's own domains is nobody's name and stays.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TypeVar

_PUBLIC = r"(?:[a-z0-9-]+\.)*(?:microsoft|microsoftonline|office|office365|windows|skype|lync|teams|live"
_PUBLIC += r"|msauth|msftauth|msidentity|microsoftonline-p|skypeforbusiness|sfbassets)\.(?:com|net)"
_KINDS = r"""
    (?P<user>  sips? : [^\s;>@]+ @ [^\s;>]+ | (?<=://) [^\s/@]{1,128} @ [\w.-]+
             | [\w.+'\u2019\#-]{1,64}+ (?: [@\uff20] | %40 ) [\w-]{1,63} (?: \. [\w-]{1,63} )*
             | (?: \b (?: CN | OU | DC ) = [^,;\r\n"<>]{1,64} , \s? ){1,12} DC = [\w-]+ )
  | (?P<id>    \b [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12} \b )
  | (?P<sid>   \b S-1-[0-9-]{5,} )
  | (?P<share> \\\\ (?: [?.] \\ UNC \\ )? [\w.$-]+ (?: \\ [^\s\\,;]+ )* )
  | (?P<profile> (?<=\\Users\\) [^\\\r\n,;:]+ )
  | (?P<home> (?: (?<=/home/) | (?<=/Users/) | (?<=/personal/) ) [^/\s,;:?]+ )
  | (?P<login> (?<![\\\w.-]) (?= [\d.]* [^\W\d] ) (?! (?: AUTHORITY | BUILTIN | SERVICE ) \\ )
               [\w.-]{2,20} \\ (?! \\ ) [\w.$-]{1,64}+ (?! [\w\\] ) )
  | (?P<mac>   \b (?: [0-9a-f]{2} [:-] ){5} [0-9a-f]{2} \b | \b (?: [0-9a-f]{4} \. ){2} [0-9a-f]{4} \b )
  | (?P<address> (?<![\w:]) (?: [0-9a-f]{0,4} : ){2,7} (?: [0-9]{1,3} \. ){3} [0-9]{1,3} \b
               | \b (?: [0-9]{1,3} \. ){3} [0-9]{1,3} \b
               | (?<![\w:]) (?: [0-9a-f]{1,4} : ){3,7} [0-9a-f]{1,4} (?![\w:])
               | (?<![\w:]) (?: [0-9a-f]{1,4} (?: : [0-9a-f]{1,4} ){0,6} )? ::
                 (?: [0-9a-f]{1,4} (?: : [0-9a-f]{1,4} ){0,6} )? (?![\w:]) )
  | (?P<phone> (?<![\w+]) (?: tel: )? (?: \+ | 00 ) [1-9] (?: [\s()./-]{0,3} [0-9] ){6,15} (?! [\w] )
             | (?<!\w) \(? [0-9]{3} \)? [\s.-] [0-9]{3} [\s.-] [0-9]{4} (?! [\w] )
             | (?<![\w.]) \(? 0 [1-9][0-9]{1,4} \)? [\s/-]{0,3} [0-9]{4,9} (?: [\s-] [0-9]{2,6} ){0,3} (?! \w | \. \w )
             | (?<![\w.]) 0 [1-9] (?: [\s.-] [0-9]{2} ){4} (?! \w | \. \w ) )
  | (?P<host>  \b (?: (?: [^\W_]++ -*+ ){1,32}+ \. ){1,8} [^\W\d_]{2,24} \b
             | (?<=://) (?! localhost \b ) [\w-]{2,63} (?= [:/?\s] | $ )
             | \b (?-i: (?: DESKTOP | LAPTOP ) - [0-9A-Z]{7,8} | WIN - [0-9A-Z]{11} ) \b )
"""
_FORMS = re.compile(_KINDS, re.I | re.X)
_STAYS = re.compile(_PUBLIC, re.I)
_FILES = re.compile(r".*\.(?:exe|dll|ps1|log|txt|json|ya?ml|js|sys)$|(?:asp|system)\.net$", re.I)
_UNSEEN = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
"""What stands in a text without being seen there: a name with such a thing in or beside it is still that name."""
_SAME = {"login": "user", "sid": "user", "profile": "user", "home": "user", "mac": "address"}
_MEANT = ("remediation", "status", "verdict", "action", "kind", "state", "run", "undone", "version", "seal", "content")
"""Keys and fields that hold our own words and ids: one that reads like a name is none."""
_THEIRS = ("facts", "facts_after", "before", "after")
"""Keys and fields below which everything is a device's word, whatever it is called there."""
LONGEST_NAME = 256
"""Characters of the longest name that is one: a UPN has at most 113, a host 253."""
LONGEST = 20_000
"""Characters of a text among data that are kept: a device that fills megabytes must not hold up a report."""
T = TypeVar("T")
SHORTEST = 2
"""Characters of a name that is taken out where it is known: a shorter one stands in too many words."""
NOBODYS = frozenset(
    {"administrator", "admin", "guest", "defaultaccount", "skype", "system", "user", "teams", "none is known"}
)
"""Names of accounts that every device has, and what scripts say in their place: words, and nobody is known by them."""


class Redactor:
    """Replaces names and addresses. `known`: names that have no form of their own, by kind (user, host, tenant)."""

    def __init__(
        self, known: Iterable[tuple[str, str]] = (), key: bytes | None = None, keep: Iterable[str] = (),
        stays: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """Without a key, numbers are given in the order in which names are met.

        `keep`: further keys of our own; `stays`: texts of our own, such as addresses of pages, whatever is in them.
        """
        self._key = key
        self._keep = {*_MEANT, *keep}
        self._given: dict[tuple[str, str], str] = {}
        self._kinds: dict[str, str] = {}
        words: dict[str, None] = {}
        for kind, name in known:
            one = " ".join(unicodedata.normalize("NFC", name).split())
            if SHORTEST <= len(one) <= LONGEST_NAME and _folded(one) not in NOBODYS:
                self._kinds.setdefault(_folded(one), kind)
                words |= dict.fromkeys((one.lower(), one, _folded(one)))
        # In one pass, so that no placeholder is taken for a name; forms first, because they are longer.
        every = rf"|(?P<known> (?<!\w) {_any(words)} (?!\w) )" if words else ""
        ours = dict.fromkeys(stays)
        first = rf"(?P<stays> {_any(ours)} (?! [\w/] ) ) |" if ours else ""
        self._all = re.compile(first + _KINDS + every, re.I | re.X)

    def __call__(self, text: str) -> str:
        """The text without names and addresses; placeholders look like `[user-1]`."""
        return self._all.sub(self._replaced, unicodedata.normalize("NFC", _UNSEEN.sub("", text)))

    def data(self, it: T, field: str = "", *, theirs: bool = False) -> T:
        """The same strings, lists, mappings and dataclasses with every text in them replaced, keys included.

        What `_MEANT` and `keep` name stays, as do enums, numbers, and whatever else is none of these. A text longer
        than `LONGEST` is cut.
        """
        theirs = theirs or field in _THEIRS
        out: object = it
        if isinstance(it, str) and not isinstance(it, Enum):
            # A command of several words names hosts; one word is the name of a command of ours.
            ours = field in self._keep or (field == "command" and " " not in it)
            cut = it if len(it) <= LONGEST else it[: LONGEST - 1] + "…"
            out = cut if ours and not theirs else self(cut)
        elif isinstance(it, list | tuple):
            out = type(it)(self.data(one, field, theirs=theirs) for one in it)
        elif isinstance(it, Mapping):
            out = {self.data(name): self.data(one, str(name), theirs=theirs) for name, one in it.items()}
        elif isinstance(it, BaseException):
            out = type(it).__new__(type(it))
            out.__dict__.update(self.data(vars(it)))
            out.args = self.data(it.args)
        elif dataclasses.is_dataclass(it) and not isinstance(it, type):
            out = copy.copy(it)
            for one in dataclasses.fields(it):
                object.__setattr__(out, one.name, self.data(getattr(it, one.name), one.name, theirs=theirs))
        return out  # type: ignore[return-value] # the same type as what was given

    def _replaced(self, match: re.Match[str]) -> str:
        kind, found = str(match.lastgroup), match[0]
        if kind == "stays":
            return found
        if kind == "host" and (_STAYS.fullmatch(found) or _FILES.fullmatch(found) or found.startswith("Microsoft.")):
            return found
        folded = _folded(" ".join(found.split()))
        kind = self._kinds.get(folded, "user") if kind == "known" else _SAME.get(kind, kind)
        name = re.sub(r"^(?:sips?|tel):|[\s()./-]" if kind == "phone" else r"^(?:sips?|tel):", "", folded)
        if (kind, name) not in self._given:
            self._given[kind, name] = f"[{kind}-{self._number(kind, name)}]"
        return self._given[kind, name]

    def _number(self, kind: str, name: str) -> str:
        if self._key is None:
            return str(sum(one == kind for one, _ in self._given) + 1)
        return hmac.new(self._key, f"{kind}\0{name}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:8]


def _folded(name: str) -> str:
    """One name however its letters are written: what `re.I` takes for the same, and more."""
    return name.casefold().replace("i\u0307", "i").replace("\u0131", "i")


def told(it: object) -> Iterator[tuple[str, str]]:
    """Names that the forms in some data give away: who has a profile's folder or an address is known by that name."""
    if isinstance(it, str):
        for match in _TELLING.finditer(it, 0, LONGEST):
            yield "user", match["profile"] or match["mail"]
    elif isinstance(it, list | tuple):
        for one in it:
            yield from told(one)
    elif isinstance(it, Mapping):
        for name, one in it.items():
            yield from told(name)
            yield from told(one)


_TELLING = re.compile(r"\\Users\\(?P<profile>[^\\\r\n,;:]+)|(?P<mail>[\w.+'-]{2,64})@[\w-]{1,63}\.", re.I)


def _any(words: Iterable[str]) -> str:
    """A pattern that finds any of the words, as a tree: thousands of them one by one would take minutes."""
    tree: dict[str, dict[str, object]] = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})  # type: ignore[assignment]
        node[""] = {}
    return _branch(tree)


def _branch(node: Mapping[str, Mapping[str, object]]) -> str:
    # Whole chains at once: a level of brackets for each letter of a long name is more than re can nest.
    parts = []
    for letter, below in node.items():
        chain = letter
        while len(below) == 1 and "" not in below:
            ((more, below),) = below.items()  # type: ignore[assignment] # noqa: PLW2901 - down the chain
            chain += more
        if letter:
            parts.append(re.escape(chain).replace("\\ ", r"\s{1,3}") + ("" if set(below) == {""} else _branch(below)))  # type: ignore[arg-type]
    return f"(?:{'|'.join(parts)}){'?' if '' in node else ''}"
