"""Lines of settings that a hint proposes, to be pasted as they are."""

import re
from typing import Final

from weighlock.core.text import shown

_PLAIN: Final = re.compile(r"[A-Za-z./][A-Za-z0-9/_.:-]*[A-Za-z0-9/_.-]", re.ASCII)
_WORDS: Final = frozenset(
    {"true", "false", "yes", "no", "on", "off", "null"}
)  # YAML 1.1 reads no text in them
_LIMIT: Final = 4096  # characters; a path is no longer


def lines_for(section: str, *names: str, entry: str) -> str:
    """Return "write in weighlock.yaml:" and the YAML that puts ``entry`` in the lists ``names`` of ``section``."""
    told = ["write in weighlock.yaml:", f"    {section}:"]
    for name in names:
        told += [f"      {name}:", f"        - {as_yaml(entry)}"]
    return "\n".join(told)


def as_yaml(text: str) -> str:
    """Return ``text`` as a YAML scalar that every reader takes for this text."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else "'" + shown(text, limit=_LIMIT).replace("'", "''") + "'"
