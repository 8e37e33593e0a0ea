"""The pickle engine twice: as it was imported, and from its sources, which differ where it is compiled."""

import importlib
import sys
from types import ModuleType

from weighlock.inspection import pickle as package

_NAMES = (*package.COMPILED_MODULES, "joblib", "nested", "stream")


def _import(folders: list[str]) -> dict[str, ModuleType]:
    """Import the engine anew from ``folders``, and leave the modules that others use as they were."""
    full = {name: f"{package.__name__}.{name}" for name in _NAMES}
    before = {name: sys.modules.pop(name) for name in full.values() if name in sys.modules}
    attributes = {name: vars(package)[name] for name in _NAMES if name in vars(package)}
    path, package.__path__ = package.__path__, folders
    try:
        return {name: importlib.import_module(path) for name, path in full.items()}
    finally:
        package.__path__ = path
        for name in full.values():
            sys.modules.pop(name, None)
        sys.modules.update(before)
        vars(package).update(attributes)


IN_USE: dict[str, ModuleType] = {
    name: importlib.import_module(f"{package.__name__}.{name}") for name in _NAMES
}
INTERPRETED: dict[str, ModuleType] = _import(
    [folder for folder in package.__path__ if "/compiled/" not in folder]
)
VARIANTS = [IN_USE, INTERPRETED]
