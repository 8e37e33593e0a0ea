"""Addresses as people write them: ``https://host[:port][/path][#…]``, in one spelling.

On top of what ``transport.url`` refuses: queries, empty components, encoded slashes and invisible
characters. RFC 3986, section 6.2.2: what is encoded without need is decoded, hexadecimal digits
are upper case; so paths can be compared component by component.
"""

import re
import urllib.parse
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.error import DeniedError
from weighlock.transport.url import Origin, parse_url

MAX_ADDRESS_CHARACTERS: Final = 2048  # fits the lock's limit for a source, digest included
_ENCODED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", re.ASCII)  # section 3.3
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is: ``components`` are the path's, percent-encoded, without the slashes."""

    origin: Origin
    components: tuple[str, ...] = ()
    fragment: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that ``text`` writes; a slash at its end means nothing.

        Raises ValueError with a sentence in which no text is shown that could be a credential.
        """
        if len(text) > MAX_ADDRESS_CHARACTERS:
            raise ValueError(f"it has more than {MAX_ADDRESS_CHARACTERS} characters")
        written, mark, fragment = text.partition("#")
        if "?" in written:
            raise ValueError("it has a query (`?…`), which may be a credential")
        if "@" in written.partition("://")[2].partition("/")[0]:
            raise ValueError("it has a user name or password in it")
        try:
            url = parse_url(written)
        except DeniedError as error:
            raise ValueError(error.message) from error
        return cls(url.origin, _read_path(url.path), fragment if mark else None)

    @property
    def url(self) -> str:
        """What is asked for: no fragment."""
        return "/".join([str(self.origin), *self.components])

    @property
    def names(self) -> tuple[str, ...]:
        """The path's components as they read: decoded."""
        return tuple(map(urllib.parse.unquote, self.components))


def _read_path(path: str) -> tuple[str, ...]:
    if not _PATH.fullmatch(path):
        raise ValueError("its path has a character that must be percent-encoded")
    parts = path.removeprefix("/").removesuffix("/")
    components = tuple(map(_normalise, parts.split("/"))) if parts else ()
    for component in components:
        _check_component(component)
    return components


def _normalise(component: str) -> str:
    def once(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0].upper()

    return _ENCODED.sub(once, component)


def _check_component(component: str) -> None:
    try:
        name = urllib.parse.unquote(component, errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("its path is not percent-encoded UTF-8") from error
    if name in {"", ".", ".."}:
        raise ValueError("its path has an empty component, `.` or `..`")
    if "/" in name or "\\" in name or not name.isprintable():
        raise ValueError("its path has an encoded slash, backslash or invisible character")
