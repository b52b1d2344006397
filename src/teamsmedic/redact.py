"""Takes names and addresses out of a text, each replaced by a stable placeholder. No I/O.

The same name is the same placeholder in all texts of one Redactor, so that a reader can tell people and hosts apart
without knowing them. What stands in Microsoft's own domains is nobody's name and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PUBLIC = r"(?:[a-z0-9-]+\.)*(?:microsoft|microsoftonline|office|office365|windows|skype|lync|teams|live)\.(?:com|net)"
_KINDS = r"""
    (?P<user>  sips? : [^\s;>@]+ @ [^\s;>]+ | [\w.+'\#-]{1,64} @ [\w-]{1,63} (?: \. [\w-]{1,63} )* )
  | (?P<id>    \b [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12} \b )
  | (?P<sid>   \b S-1-[0-9-]{5,} )
  | (?P<share> \\\\ [\w.$-]+ (?: \\ [^\s\\,;]+ )* )
  | (?P<profile> (?<=\\Users\\) [^\\\r\n,;:]+ )
  | (?P<login> (?<![\\\w]) [\w.-]{2,20} \\ (?! \\ ) [\w.$-]{1,64} (?! [\w\\] ) )
  | (?P<mac>   \b (?: [0-9a-f]{2} [:-] ){5} [0-9a-f]{2} \b )
  | (?P<address> \b (?: [0-9]{1,3} \. ){3} [0-9]{1,3} \b
               | (?<![\w:]) (?: [0-9a-f]{1,4} : ){3,7} [0-9a-f]{1,4} (?![\w:])
               | (?<![\w:]) (?: [0-9a-f]{1,4} (?: : [0-9a-f]{1,4} ){0,6} )? ::
                 (?: [0-9a-f]{1,4} (?: : [0-9a-f]{1,4} ){0,6} )? (?![\w:]) )
  | (?P<phone> (?<![\w+]) (?: tel: )? (?: \+ | 00 ) [1-9] (?: [\s().-]? [0-9] ){6,14} (?! [\w] )
             | (?<!\w) \(? [0-9]{3} \)? [\s.-] [0-9]{3} [\s.-] [0-9]{4} (?! [\w] )
             | (?<![\w.]) 0 [1-9][0-9]{1,4} [\s/-]? [0-9]{4,9} (?! [\w.] ) )
  | (?P<host>  \b (?: [a-z0-9] [a-z0-9-]{0,62} \. ){1,8} [a-z]{2,24} \b )
"""
_FORMS = re.compile(_KINDS, re.I | re.X)
_STAYS = re.compile(_PUBLIC, re.I)
_FILES = re.compile(r".*\.(?:exe|dll|ps1|log|txt|json|ya?ml|js|sys|net)$", re.I)
_SAME = {"login": "user", "sid": "user", "profile": "user", "mac": "address"}
SHORTEST = 2
"""Characters of a name that is taken out where it is known: a shorter one stands in too many words."""
NOBODYS = frozenset({"administrator", "admin", "guest", "defaultaccount", "skype", "system", "user", "teams"})
"""Names of accounts that every device has: nobody is known by them, and they are words."""


class Redactor:
    """Replaces names and addresses. `known`: names that have no form of their own, by kind (user, host, tenant)."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        """Numbers are given in the order in which names are met."""
        self._given: dict[tuple[str, str], str] = {}
        self._kinds: dict[str, str] = {}
        for kind, name in known:
            if len(name.strip()) >= SHORTEST and name.strip().lower() not in NOBODYS:
                self._kinds.setdefault(name.strip().lower(), kind)
        words = "|".join(re.escape(one) for one in sorted(self._kinds, key=len, reverse=True))
        self._known = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I) if words else None

    def __call__(self, text: str) -> str:
        """The text without names and addresses; placeholders look like `[user-1]`."""
        out = _FORMS.sub(self._formed, text)
        return self._known.sub(self._named, out) if self._known else out

    def _formed(self, match: re.Match[str]) -> str:
        kind, found = str(match.lastgroup), match[0]
        if kind == "host" and (_STAYS.fullmatch(found) or _FILES.fullmatch(found) or found.startswith("Microsoft.")):
            return found
        return self._placeholder(_SAME.get(kind, kind), found)

    def _named(self, match: re.Match[str]) -> str:
        return self._placeholder(self._kinds[match[0].lower()], match[0])

    def _placeholder(self, kind: str, found: str) -> str:
        key = kind, re.sub(r"^(?:sips?|tel):|[\s().-]" if kind == "phone" else r"^(?:sips?|tel):", "", found.lower())
        if key not in self._given:
            number = sum(one == kind for one, _ in self._given) + 1
            self._given[key] = f"[{kind}-{number}]"
        return self._given[key]
