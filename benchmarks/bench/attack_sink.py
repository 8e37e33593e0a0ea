"""Pickles that call one name with arguments for which it does harm: one file a line of ``attack_sinks.tsv``.

Sources: the documentation and source of CPython's standard library and of the packages named; public advisories on
names that pickle scanners did not know (the reasons cite those).
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.attack_case import SYSTEM, Attack, call, dump

TABLE = Path(__file__).with_name("attack_sinks.tsv")


def attacks() -> Iterator[Attack]:
    """Yield one pickle for each line; protocols 2 to 5 take turns."""
    family = "pickle: standard library"
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines()):
        if line.startswith("#"):
            family = "pickle: packages" if line == "# package" else family
            continue
        module, name, arguments, why = line.split("\t")
        data = dump(call(module, name, *_filled(ast.literal_eval(arguments))), protocol=2 + number % 4)
        yield Attack(family, f"{number:03}-{module}.{name}.pkl", data, f"{module}.{name} {why}")


def _filled(value: Any) -> Any:
    """Return the arguments with ``os.system`` for each ``!``."""
    if value == "!":
        return SYSTEM
    if isinstance(value, list | tuple):
        return type(value)(map(_filled, value))
    return value
