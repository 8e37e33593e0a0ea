"""The sources that the settings allow, each made when it is first asked for: a folder needs no TLS."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from weighlock.settings import Settings
from weighlock.source.interface import Source


class Sources(Mapping[str, Source]):
    """Sources by scheme; a context manager that closes the connections that they share.

    Args:
        settings: what is allowed.
        environ: proxies, certificates, credentials and pip's configuration.
        home: the folder of the lock; local sources in it are locked relative to it.
        folder: where the person is.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, home: Path, folder: Path) -> None:
        self._settings = settings
        self._environ = environ
        self._home = home
        self._base = settings.file.absolute().parent if settings.file else folder
        self._made: dict[str, Source] = {}
        self._closing = ExitStack()

    def __getitem__(self, scheme: str) -> Source:
        if scheme not in self._made:
            self._made[scheme] = _MAKERS[scheme](self)
        return self._made[scheme]

    def __iter__(self) -> Iterator[str]:
        return iter(_MAKERS)

    def __len__(self) -> int:
        return len(_MAKERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._closing.close()

    def allowed(self, scheme: str) -> tuple[str, ...]:
        """Return what the settings allow of a scheme."""
        return self._settings.sources.get(scheme, ())

    def local(self) -> Source:
        """Return the source of local files."""
        from weighlock.source.local import LocalSource  # noqa: PLC0415  # as for all: few are needed

        return LocalSource(home=self._home, allowed=self.allowed("path"), settings_folder=self._base)

    def pypi(self) -> Source:
        """Return the source of wheels."""
        from weighlock.source.pip import Pip  # noqa: PLC0415
        from weighlock.source.pypi import PypiSource  # noqa: PLC0415

        return PypiSource(Pip(self._environ), allowed=self.allowed("pypi"))


_MAKERS: Final[Mapping[str, Callable[[Sources], Source]]] = {
    "path": Sources.local,
    "pypi": Sources.pypi,
}
