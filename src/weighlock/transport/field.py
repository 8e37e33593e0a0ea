"""What headers are made of, and the one header that several kinds of servers send: links. No I/O.

Sources: RFC 9110, section 5.6 (tokens and quoted strings); RFC 8288, section 3 (Link).
"""

import re
from typing import Final

from weighlock.core.text import shown

MAX_FIELD_CHARACTERS: Final = 16_384  # several challenges with long scopes have about 1,000
TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # a grammar, no password
QUOTED: Final = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e])*"'
_BLANKS: Final = re.compile(r"[ \t,]*", re.ASCII)
# Possessive throughout: blanks between semicolons could otherwise be divided in exponentially many ways.
_LINK: Final = re.compile(
    rf"<([^<>\x00-\x20\x7f]*)>((?:[ \t]*+;[ \t]*+(?:{TOKEN}(?:[ \t]*+=[ \t]*+(?:{TOKEN}|{QUOTED}))?+)?+)*+)[ \t]*+(?=,|\Z)",
    re.ASCII,
)
_LINK_PARAMETER: Final = re.compile(rf";[ \t]*({TOKEN})(?:[ \t]*=[ \t]*({TOKEN}|{QUOTED}))?", re.ASCII)


def next_link(field: str) -> str | None:
    """Return the target of the first link whose relation is ``next``, or None; raises ValueError if it is malformed."""
    if len(field) > MAX_FIELD_CHARACTERS:
        raise ValueError(f"a Link header has more than {MAX_FIELD_CHARACTERS} characters")
    position = skip_blanks(field, 0)
    while position < len(field):
        found = _LINK.match(field, position)
        if found is None:
            raise ValueError(f"the Link header {shown(repr(field))} is malformed")
        if "next" in _relations(found[2]):
            return found[1]
        position = skip_blanks(field, found.end())
    return None


def unquote(value: str) -> str:
    """Return a token as it is, or what a quoted string stands for."""
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def skip_blanks(field: str, position: int) -> int:
    """Return where what comes next in a list begins."""
    found = _BLANKS.match(field, position)
    return position if found is None else found.end()


def _relations(parameters: str) -> list[str]:
    for name, value in _LINK_PARAMETER.findall(parameters):
        if name.lower() == "rel":
            return unquote(value).lower().split()  # the first one counts (RFC 8288, section 3.3)
    return []
