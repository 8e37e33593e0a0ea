"""One file of a server, asked for in parts: where its bytes are now, and whether they are all of one version.

Where a redirect led is remembered, so that not every part begins with a detour. That address may be signed
and expire, or its host may fail: then the first address is asked again, which leads to a new one.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.text import shown
from weighlock.transport.client import Client, Request, Response
from weighlock.transport.credential import Credential
from weighlock.transport.range import Version, read_content_range, read_total, write_range
from weighlock.transport.url import parse_url

MAX_LOST: Final = (
    4  # addresses in a row that did not work a second time: each is for one request, so none is kept
)
_WHOLE: Final = frozenset({200})
_PART: Final = frozenset({200, 206, 416})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch: how to ask for all of it, its size as promised, and what to call it in messages."""

    request: Request = field(repr=False)
    size: int
    name: str


class Part(NamedTuple):
    """An answer, unread, and which byte of the file it begins with."""

    response: Response
    begin: int


class Remote:
    """A ``RemoteFile`` while it is fetched; for any thread."""

    def __init__(self, client: Client, file: RemoteFile) -> None:
        self.file = file
        self.has_ranges = True  # until a server answers with the whole file where a part was asked for
        self._client = client
        self._first = parse_url(file.request.url)
        self._lock = threading.Lock()
        self._asking_first = threading.Lock()
        self._kept: str | None = None  # where a redirect led
        self._was_redirected = False
        self._lost = 0
        self._version: Version | None = None

    def open(self, begin: int, end: int) -> Part:
        """Return the bytes from ``begin`` to before ``end``; or all bytes, from a server without ranges.

        Raises as ``Client.open``; DeniedError ``content_changed``, ``size_mismatch``, ``range_invalid``.
        """
        while True:
            with self._address() as address:
                try:
                    response = self._client.open(self._request(address, begin, end))
                except WeighlockError as error:
                    if self._may_detour(address, error):
                        continue
                    raise
                self._remember(address, response)
            try:
                return self._examine(response, begin, end)
            except BaseException:
                response.close()
                raise

    @contextlib.contextmanager
    def _address(self) -> Iterator[str | None]:
        """Give the kept address, or None for the first one; one thread at a time finds out where that leads."""
        kept = self._kept
        if kept is not None or not self._was_redirected or self._lost >= MAX_LOST:
            yield kept
            return
        with self._asking_first:
            yield self._kept  # another thread may have found out meanwhile

    def _request(self, kept: str | None, begin: int, end: int) -> Request:
        request = self.file.request
        headers = dict(request.headers)
        if kept is not None:
            origin = parse_url(kept).origin
            hosts = request.hosts | request.redirects
            request = replace(request, url=kept, hosts=hosts)
            if origin != self._first.origin:
                headers.clear()
                # no headers at all: with None, netrc would be asked, and a signature needs no other proof
                request = replace(request, credential=Credential(origin, {}))
        if (begin, end) == (0, self.file.size):
            return replace(request, headers=headers, accept=_WHOLE)
        headers["Range"] = write_range(begin, end)
        if self._version is not None and self._version.etag is not None:
            headers["If-Range"] = self._version.etag
        return replace(request, headers=headers, accept=_PART)

    def _may_detour(self, address: str | None, error: WeighlockError) -> bool:
        """Return whether to ask the first address again, because the one that it led to does not work (any more)."""
        passing = isinstance(error, UndecidedError) or error.code == "remote_missing"
        if address is None or not passing or error.code == "rate_limited":
            return False
        with self._lock:
            if self._kept == address:
                self._kept = None
                self._lost += 1
        return True

    def _remember(self, address: str | None, response: Response) -> None:
        with self._lock:
            if address is not None:
                self._lost = 0
            elif response.url != str(self._first):
                self._was_redirected = True
                self._kept = response.url if self._lost < MAX_LOST else None

    def _examine(self, response: Response, begin: int, end: int) -> Part:
        version = Version.of(response.headers)
        with self._lock:
            known = self._version
            if known is not None and not known.agrees_with(version):
                raise self._changed("another version of it")
            at = self._begin_of(response, begin, end)
            self._version = known.joined(version) if known is not None else version
        return Part(response, at)

    def _begin_of(self, response: Response, begin: int, end: int) -> int:
        """Return which byte of the file the answer begins with, after checking that it is what was asked for."""
        if response.status == 416:
            self._check_total(read_total(response.headers))
            raise self._invalid_range("says that there are no such bytes")
        if response.status == 206:
            self._check_part(response, begin, end)
            return begin
        self._check_total(response.length)
        if (begin, end) != (0, self.file.size):
            self.has_ranges = False
        return 0

    def _check_part(self, response: Response, begin: int, end: int) -> None:
        found = read_content_range(response.headers)
        if found is None:
            # also several parts in one answer, which say it elsewhere: nobody asked for those
            raise self._invalid_range("does not say which bytes it sends")
        self._check_total(found.total)
        if (found.first, found.last) != (begin, end - 1):
            raise self._invalid_range(f"sends the bytes {found.first} to {found.last}")
        if response.length not in {None, end - begin}:
            raise self._invalid_range(f"sends {response.length} bytes and says that they are {end - begin}")

    def _check_total(self, total: int | None) -> None:
        if total in {None, self.file.size}:
            return
        if self._version is not None:
            raise self._changed(f"{total} bytes of it instead of {self.file.size}")
        raise wrong_size(self.file, f"{total}")

    def _changed(self, what: str) -> DeniedError:
        return DeniedError(
            "content_changed",
            f"the server of {shown(self.file.name)!r} began to send {what} in the middle of it",
            hint="pull again; if that does not help, several servers behind that name disagree",
            details={"host": self._first.origin.host},
        )

    def _invalid_range(self, what: str) -> DeniedError:
        return DeniedError(
            "range_invalid",
            f"asked for a part of {shown(self.file.name)!r}, the server {what}",
            hint="a server or proxy between is broken or hostile; another mirror may help",
            details={"host": self._first.origin.host},
        )


def wrong_size(file: RemoteFile, found: str) -> DeniedError:
    """Return the error for a server that has more or fewer bytes than were promised."""
    return DeniedError(
        "size_mismatch",
        f"the server has {found} bytes of {shown(file.name)!r}, and {file.size} were promised",
        hint="the bytes are refused; ask whoever promised the size, or whoever runs the mirror",
        details={"host": parse_url(file.request.url).origin.host},
    )
