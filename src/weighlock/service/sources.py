"""The sources that the settings allow, each made when it is first asked for: a folder needs no TLS."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from weighlock.core.progress import Notify, tell_nobody
from weighlock.settings import Settings
from weighlock.source.interface import Source
from weighlock.source.permission import PLAIN_HTTP

if TYPE_CHECKING:
    from weighlock.transport.client import Client
    from weighlock.transport.download import Downloader


class Sources(Mapping[str, Source]):
    """Sources by scheme; a context manager that closes the connections that they share.

    Args:
        settings: what is allowed.
        environ: proxies, certificates, credentials and pip's configuration.
        home: the folder of the lock; local sources in it are locked relative to it.
        folder: where the person is.
        notify: told when a host makes it wait.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        home: Path,
        folder: Path,
        notify: Notify = tell_nobody,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._home = home
        self._notify = notify
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

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._closing.close()

    def interrupt(self) -> None:
        """End what other threads are fetching, for good; nothing is fetched after this."""
        if "downloader" in self.__dict__:  # made by now
            self.downloader.stop()

    def allowed(self, scheme: str) -> tuple[str, ...]:
        """Return what the settings allow of a scheme."""
        return self._settings.sources.get(scheme, ())

    @cached_property
    def client(self) -> "Client":
        """The client that all sources of the network share."""
        from weighlock.service.network import client_of  # noqa: PLC0415  # loaded for this kind of source only

        return self._closing.enter_context(client_of(self._settings, self._environ, self._notify))

    @cached_property
    def downloader(self) -> "Downloader":
        """What fetches files for all of them; it ends with the connections."""
        from weighlock.service.network import downloader_of  # noqa: PLC0415  # loaded for this kind of source only

        made = downloader_of(self._settings, self.client)
        self._closing.callback(made.stop)
        return made

    def local(self) -> Source:
        """Return the source of local files."""
        from weighlock.source.local import LocalSource  # noqa: PLC0415  # as for all: few are needed

        return LocalSource(home=self._home, allowed=self.allowed("path"), settings_folder=self._base)

    def pypi(self) -> Source:
        """Return the source of wheels."""
        from weighlock.source.pip import Pip  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.pypi import PypiSource  # noqa: PLC0415  # loaded for this kind of source only

        return PypiSource(Pip(self._environ), allowed=self.allowed("pypi"))

    def hf(self) -> Source:
        """Return the source of a hub's models; the mirror is the settings' or, as for the hub's own tools, HF_ENDPOINT."""
        from weighlock.service.network import hosts_of  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.huggingface.endpoint import VARIABLE, check_named, parse_endpoint  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.huggingface.source import HubOptions, HuggingFaceSource  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.huggingface.token import read_token  # noqa: PLC0415  # loaded for this kind of source only

        settings, environ, hosts = self._settings, self._environ, hosts_of(self._settings)
        origin = parse_endpoint(settings.text("hf.origin") or "", what="hf.origin")
        written, told = settings.text("hf.mirror"), environ.get(VARIABLE)
        mirror = None
        if written is not None:
            mirror = parse_endpoint(written, what="hf.mirror")
        elif told:
            mirror = parse_endpoint(told, what=VARIABLE)
            check_named(mirror, origin, hosts)
        options = HubOptions(
            origin=origin,
            mirror=mirror,
            credential=read_token(settings.file_of("hf.token_file"), environ, origin.origin),
            allowed=self.allowed("hf"),
            hosts=hosts,
            allow_unconfirmed=settings.flag("pull.unconfirmed"),
        )
        return HuggingFaceSource(self.client, self.downloader, options)

    def https(self) -> Source:
        """Return the source of files at addresses, with TLS, or without where the settings allow it."""
        from weighlock.service.network import hosts_of  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.https import HttpsSource  # noqa: PLC0415  # loaded for this kind of source only

        redirects = hosts_of(self._settings)
        return HttpsSource(self.client, self.downloader, allowed=self.allowed("https"), redirects=redirects)

    def s3(self) -> Source:
        """Return the source of buckets."""
        from weighlock.service.network import hosts_of  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.s3 import S3Source  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.s3_service import S3Service  # noqa: PLC0415  # loaded for this kind of source only

        service = S3Service(
            self.client,
            environ=self._environ,
            endpoint=self._settings.text("s3.endpoint"),
            region=self._settings.text("s3.region"),
            hosts=hosts_of(self._settings),
        )
        return S3Source(service, self.downloader, allowed=self.allowed("s3"))

    def oci(self) -> Source:
        """Return the source of registries."""
        from weighlock.service.network import registries_of  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.oci import OciSource  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.oci_remote import remotes_of  # noqa: PLC0415  # loaded for this kind of source only

        registries = registries_of(self._settings, self._environ, self.client)
        return OciSource(remotes_of(registries, self.downloader), allowed=self.allowed("oci"))

    def ollama(self) -> Source:
        """Return the source of Ollama's registry."""
        from weighlock.service.network import hosts_of  # noqa: PLC0415  # loaded for this kind of source only
        from weighlock.source.ollama import OllamaSource  # noqa: PLC0415  # loaded for this kind of source only

        return OllamaSource(
            self.client,
            self.downloader,
            registry=self._settings.text("ollama.registry") or "",
            allowed=self.allowed("ollama"),
            redirects=hosts_of(self._settings),
        )


_MAKERS: Final[Mapping[str, Callable[[Sources], Source]]] = {
    "path": Sources.local,
    "pypi": Sources.pypi,
    "hf": Sources.hf,
    "oci": Sources.oci,
    "ollama": Sources.ollama,
    "s3": Sources.s3,
    "https": Sources.https,
    PLAIN_HTTP: Sources.https,
}
