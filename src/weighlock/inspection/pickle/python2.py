"""Python 2's names of modules and functions, as readers map them below protocol 3.

Source: CPython, Lib/_compat_pickle.py, which is the table that the C reader uses as well.
"""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING


def renamed(module: str, name: str) -> tuple[str, str]:
    """Return what a reader imports for a name below protocol 3."""
    mapped = NAME_MAPPING.get((module, name))
    return mapped or (IMPORT_MAPPING.get(module, module), name)
