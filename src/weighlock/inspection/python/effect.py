"""What names of Python's world do to the machine: the table ``python_name.tsv`` and the arguments that decide."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from weighlock.inspection.python.value import UNKNOWN_NAME, Value

_TABLE: Final = Path(__file__).parents[1] / "rulebook" / "data" / "python_name.tsv"
# modules that others import and thereby carry: torch.os.system is os.system
_CARRIED: Final = frozenset(
    {"os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "pickle", "ctypes", "posix", "nt",
     "__builtins__", "_os", "_sys", "pty", "urllib", "requests"}
)  # fmt: skip
_ALIASES: Final = {
    "__builtins__": "builtins",
    "_os": "os",
    "_sys": "sys",
    "posix": "os",
    "nt": "os",
    "__builtin__": "builtins",
}
_RISKY: Final = frozenset(
    {"os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "ctypes", "pty", "sys.modules"}
)
# calls of something unknown whose name leaves no doubt
_TELLING: Final = frozenset(
    {"system", "popen", "check_output", "Popen", "execv", "execve", "spawnv", "b64decode"}
)
_CREDENTIALS: Final = re.compile(
    r"\.ssh/|\bid_(?:rsa|ed25519|ecdsa)\b|\.aws/credentials|\.netrc\b|\.git-credentials|/etc/shadow|\.kube/config"
    r"|\.docker/config\.json|\.pypirc|\.npmrc|/proc/(?:self|\d+)/environ|gcloud/(?:credentials|application_default)"
    r"|Login Data\b|\.gnupg|huggingface/(?:token|stored_tokens)|169\.254\.169\.254|metadata\.google\.internal"
    r"|\.bash_history|wallet\.dat"
)
_WRITES: Final = re.compile(r"[wax+]")


@cache
def _table() -> dict[str, str]:
    rows = [
        line.split("\t")
        for line in _TABLE.read_text(encoding="utf-8").splitlines()
        if line and line[0] != "#"
    ]
    return {row[0]: row[1] for row in rows}


def effect_of(name: str) -> tuple[str, str] | None:
    """Return (effect, the name as it is known) of calling a dotted name; None if nothing is known of it."""
    for plain in _readings(name.removesuffix(".__call__")):
        found = _look_up(plain)
        if found:
            return found, plain
    return None


def _readings(name: str) -> list[str]:
    """Return a name as it is and, where another module's import is walked through, as that module's own."""
    if name.startswith(("@", ".")):
        return []
    parts = [_ALIASES.get(part, part) for part in name.split(".")]
    found = [".".join(parts)]
    found += [".".join(parts[at:]) for at in range(1, len(parts) - 1) if parts[at] in _CARRIED]
    return found


def _look_up(name: str) -> str | None:
    table = _table()
    if name in table:
        return table[name]
    owner, _, last = name.rpartition(".")
    # constants and exceptions do nothing, and what a result does was told of the call that gave it
    if last.isupper() or last.endswith(("Error", "Exception", "Expired", "()")):
        return None
    return table.get(f"{owner}.*")


def is_risky_module(name: str) -> bool:
    """Return whether a name is a module whose attributes may not be chosen by computed text."""
    return any(reading in _RISKY for reading in _readings(name))


def is_telling(name: str) -> bool:
    """Return whether the last part of a name that begins unknown is a sink's."""
    head, _, last = name.rpartition(".")
    return last in _TELLING and (UNKNOWN_NAME in head.split("."))


def names_credentials(text: str) -> bool:
    """Return whether a text is the path of something that only its owner should read."""
    return _CREDENTIALS.search(text) is not None


def by_arguments(effect: str, plain: str, arguments: list[Value], keywords: dict[str, Value]) -> str | None:
    """Return the effect of a call that its arguments decide, None if it has none then."""
    check = _CHECKS.get(effect)
    return check(plain, arguments, keywords) if check else effect


def _argument(arguments: list[Value], keywords: dict[str, Value], at: int, name: str) -> Value | None:
    return keywords.get(name) or (arguments[at] if len(arguments) > at else None)


def _open(plain: str, arguments: list[Value], keywords: dict[str, Value]) -> str | None:
    mode = _argument(arguments, keywords, 0 if plain.startswith("pathlib.") else 1, "mode")
    return "file" if mode and mode.text and _WRITES.search(mode.text) else None


def _torch_load(_: str, __: list[Value], keywords: dict[str, Value]) -> str | None:
    only = keywords.get("weights_only")
    return None if only is not None and only.constant == 1 else "unpickle"


def _numpy_load(_: str, arguments: list[Value], keywords: dict[str, Value]) -> str | None:
    allowed = _argument(arguments, keywords, 2, "allow_pickle")
    return "unpickle" if allowed is not None and allowed.constant == 1 else None


def _yaml_load(_: str, arguments: list[Value], keywords: dict[str, Value]) -> str | None:
    loader = _argument(arguments, keywords, 1, "Loader")
    names = loader.names if loader else ()
    safe = any("Safe" in name or "Base" in name for name in names)
    return None if safe else "unpickle"


_CHECKS: Final = {
    "open": _open,
    "torch-load": _torch_load,
    "numpy-load": _numpy_load,
    "yaml-load": _yaml_load,
}
