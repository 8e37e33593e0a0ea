"""How people write a name that a pickle may import."""

from weighlock.core.text import shown


def split_name(text: str) -> tuple[str, str]:
    """Return (module, name) of ``module.name``, or of ``module:Outer.inner`` for a name with dots; raises ValueError."""
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ValueError(f"{shown(text)!r} is not a name such as package.module.Class")
    return module, name


def read_allowed(text: str) -> tuple[tuple[str, str], str]:
    """Return the name and the reason of ``module.name: reason``; raises ValueError."""
    name, colon, reason = text.partition(": ")
    if not colon or not reason.strip():
        raise ValueError(f"{shown(text)!r} is not NAME: REASON")
    return split_name(name), reason.strip()
