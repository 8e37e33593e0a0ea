"""CPython's own unpickler, which imports nothing: what it asks for is written down, and gets an inert class."""

import io
import pickle
import warnings
from typing import Any, Self


class Inert:
    """Stands for everything that a stream imports: takes anything, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        return self

    def __setstate__(self, _: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass

    def add(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass


class Recorder(pickle.Unpickler):
    """The C unpickler, noting the names it is asked to import."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), buffers=[b""] * 20)
        self.names: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.names.append((module, name))
        return Inert

    def persistent_load(self, _: Any) -> Any:
        return Inert()

    def try_load(self) -> bool:
        """Load, and return whether that worked: what was imported before an error is noted all the same."""
        try:
            with warnings.catch_warnings(action="ignore"):  # C warns of escapes that it takes
                self.load()
        except Exception:  # noqa: BLE001  # C raises whatever its operands raise
            return False
        return True
