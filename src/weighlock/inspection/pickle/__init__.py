"""Pickles: what a stream would import, call and change, found without running it.

The modules that follow a stream are compiled where a compiler is at hand (``tools/compile.py``). What that gives
lies in a folder of its own, beside a copy of the sources that it was made from, and is imported only if the
sources here are the same to the byte: so what runs is what is written, compiled or not. The
interpreter's option ``-X weighlock_interpreted`` leaves it aside.
"""

import sys
from typing import Any, Final

COMPILED_MODULES: Final = (
    "value", "opcode", "effect", "literal", "lexer", "memory", "action", "machine",
)  # fmt: skip


def _compiled_folder(package: str, loader: Any) -> str | None:
    """Return the folder with the compiled modules, if they are of these sources."""
    folder = f"{package}/compiled/{sys.implementation.cache_tag}"
    try:
        made_from = loader.get_data(f"{folder}/sources")
        sources = b"".join(loader.get_data(f"{package}/{name}.py") for name in COMPILED_MODULES)
    except (AttributeError, OSError):
        return None
    return folder if made_from == sources else None


if "weighlock_interpreted" not in sys._xoptions:  # noqa: SLF001  # the documented way to read -X
    _found = _compiled_folder(__path__[0], __spec__.loader)
    if _found is not None:
        __path__.insert(0, _found)


def is_compiled() -> bool:
    """Return whether the compiled modules are in use."""
    from weighlock.inspection.pickle import machine  # noqa: PLC0415  # only who asks needs it

    return not (machine.__file__ or "").endswith(".py")
