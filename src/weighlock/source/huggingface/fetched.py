"""The files of a repository at one commit, and who serves which."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.text import shown
from weighlock.source.huggingface.file import (
    MAX_POINTER_BYTES,
    HubFile,
    check_answer,
    is_pointer,
    pointer_served,
)
from weighlock.source.huggingface.hub import Hub
from weighlock.source.huggingface.refusal import REFUSED
from weighlock.source.interface import Item, Material, Ranges
from weighlock.transport.client import Client, Request
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts


class Place(NamedTuple):
    """Where the bytes of one commit are: ``proven`` serves what a SHA-256 proves, ``origin`` the rest."""

    repository: str
    commit: str
    origin: Hub
    proven: Hub
    redirects: Hosts

    def request(self, file: HubFile) -> Request:
        """Return the request for a file, which holds each answer against what is known of the file."""
        hub = self.origin if file.digest is None else self.proven
        return Request(
            "GET",
            hub.endpoint.file(self.repository, self.commit, file.path),
            hub.endpoint.hosts,
            credential=hub.credential,
            redirects=self.redirects,
            watch=functools.partial(self._watch, file, hub),
        )

    def _watch(self, file: HubFile, hub: Hub, status: int, headers: Mapping[str, str]) -> None:
        if status in REFUSED and "x-error-code" in headers:
            what = f"{self.repository}@{self.commit}, {shown(file.path)!r},"
            raise hub.explain(what, status, headers)
        check_answer(file, self.commit, headers)


class HubFiles:
    """The files, each fetched when it is read."""

    materials: Sequence[Material] = ()  # the revision says where they are from

    def __init__(
        self, client: Client, downloader: Downloader, place: Place, files: Sequence[HubFile]
    ) -> None:
        self.items = [_item(file) for file in files]
        self._client = client
        self._downloader = downloader
        self._place = place
        self._files = {file.path: file for file in files}

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of one file from byte ``start`` on.

        Raises DeniedError ``revision_mixed``, ``metadata_conflict``, ``pointer_served``, and the errors of
        ``Downloader.chunks``.
        """
        file = self._files[path]
        request = self._place.request(file)
        chunks = self._downloader.chunks(RemoteFile(request, file.size, path), start)
        if file.digest is None and start == 0 and file.size < MAX_POINTER_BYTES:
            yield self._read_small(file, chunks)
            return
        try:
            yield from chunks
        except DeniedError as error:
            if error.code == "size_mismatch" and file.size >= MAX_POINTER_BYTES and self._is_pointer(request):
                raise pointer_served(path) from error
            raise

    def ranges(self, path: str) -> Ranges:
        """Return what reads parts of one file."""
        file = self._files[path]
        return self._downloader.ranges(RemoteFile(self._place.request(file), file.size, path))

    def _read_small(self, file: HubFile, chunks: Iterator[memoryview]) -> memoryview:
        content = b"".join(bytes(chunk) for chunk in chunks)
        if is_pointer(content):  # committed as it is: git's name of it is right, and it is no model
            raise pointer_served(file.path)
        return memoryview(content)

    def _is_pointer(self, request: Request) -> bool:
        """Return whether what came instead of a larger file is a pointer; only to say so."""
        try:
            return is_pointer(self._client.document(request, limit_bytes=MAX_POINTER_BYTES).raw)
        except WeighlockError:
            return False


def _item(file: HubFile) -> Item:
    # where there is a SHA-256, git's name of the bytes adds nothing
    return Item(file.path, file.size, file.digest, file.git_sha1 if file.digest is None else None)
