"""``https://HOST[:PORT]/PATH#sha256=DIGEST``: one file, which the person names by its digest.

So there is nothing to believe of the server: the digest of what arrives is compared. Its name is
the last component of the path; what a server says the file is called does not count. An address
with a query is refused, because what is in it may be a credential, and addresses are locked.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.path import check_path
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.address import Address
from weighlock.source.interface import Item, Material, Ranges, Resolved, SourceSpec, Staging
from weighlock.source.permission import check_address
from weighlock.transport.client import Client, Request
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts

DIGEST_KEY: Final = "sha256="
_TOTAL: Final = re.compile(r"bytes (?:0-0|\*)/([0-9]{1,15})", re.ASCII)  # RFC 9110, section 14.4


_HUB: Final = "huggingface.co"  # addresses of its pages are pasted, and name no file


class NamedFile(NamedTuple):
    """A file at an address, its name, and the digest that it must have."""

    address: Address
    name: str
    digest: Digest


def _hub_hint(address: Address) -> str:
    if address.origin.host != _HUB or len(address.names) < 2:
        return ""
    return f"; a model of the hub is written hf:{shown('/'.join(address.names[:2]))}"


def parse_file(spec: SourceSpec) -> NamedFile:
    """Return what ``spec`` names.

    Raises UsageError ``source_invalid``; DeniedError ``digest_missing``, ``digest_invalid``, ``path_invalid``.
    """
    try:
        address = Address.parse(str(spec))
        if not address.components:
            raise ValueError("it names a host and no file")
    except ValueError as error:
        raise UsageError(
            "source_invalid",
            f"the {spec.scheme}: source is refused: {error}",
            hint="write https://HOST/FILE#sha256=DIGEST; a password belongs in ~/.netrc, and what only a signed "
            "address gives is better pulled as s3://BUCKET/PREFIX",
        ) from error
    written = address.fragment or ""
    if not written.startswith(DIGEST_KEY):
        raise DeniedError(
            "digest_missing",
            f"{shown(address.url)} is named without its digest, so anyone who answers there could send anything",
            hint=f"append #{DIGEST_KEY} and the 64 digits that its publisher gives on another way; "
            f"sha256sum prints those of a copy that you trust{_hub_hint(address)}",
        )
    digest = Digest("sha256", written.removeprefix(DIGEST_KEY))
    return NamedFile(address, check_path(address.names[-1]), digest)


class HttpsSource:
    """Files of web servers.

    Args:
        allowed: hosts, with or without a path, that the settings trust.
        redirects: further hosts that such a server may send us on to.
    """

    remote = True

    def __init__(
        self, client: Client, downloader: Downloader, *, allowed: Sequence[str], redirects: Hosts
    ) -> None:
        self._client = client
        self._downloader = downloader
        self._allowed = allowed
        self._redirects = redirects

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source with its address in one spelling."""
        del base  # an address is absolute
        file = parse_file(spec)
        location = file.address.url.removeprefix(f"{spec.scheme}:")
        return SourceSpec(spec.scheme, f"{location}#{DIGEST_KEY}{file.digest.hex}")

    def name_of(self, spec: SourceSpec) -> str:
        """Return the name of the file."""
        return parse_file(spec).name

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the host, or the beginning of the path."""
        check_address(parse_file(spec).address, self._allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return what the person wrote: the digest is the revision, and nobody is asked."""
        del locked  # the source says everything
        file = parse_file(spec)
        return Resolved(
            revision=str(file.digest),
            owner=Owner("https", UNAVAILABLE, file.address.origin.authority),
            origin_confirmed=True,  # the digest is the person's own word
            pinned=True,
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: an address keeps no history, and the person names the bytes."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["_OneFile"]:
        """Yield the file, of the size that the lock or else the server says."""
        del resolved, staging, progress  # the source says which file it is
        file = parse_file(spec)
        known = locked.files.get(file.name) if locked else None
        size = known.size if known else self._ask_size(self._request(file), file)
        yield _OneFile(self._downloader, self._request(file), file, size)

    def _request(self, file: NamedFile) -> Request:
        hosts = Hosts.of([file.address.origin.authority])
        return Request("GET", file.address.url, hosts, redirects=self._redirects)

    def _ask_size(self, request: Request, file: NamedFile) -> int:
        """Return the size that the server claims; the bytes are held against it when they arrive."""
        # not HEAD: signed addresses, to which a server may send us on, are for GET only
        request = replace(request, headers={"Range": "bytes=0-0"}, accept=frozenset({200, 206, 416}))
        with self._client.open(request) as answer:
            total = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
            size = answer.length if answer.status == 200 else int(total[1]) if total else None
        if size is None or size > MAX_FILE_BYTES:
            raise UndecidedError(
                "size_unknown",
                f"{shown(file.address.origin.authority)} does not say how large {shown(file.name)!r} is, or nonsense",
                hint="a server of files says Content-Length; a proxy between may hide it",
            )
        return size


class _OneFile:
    def __init__(self, downloader: Downloader, request: Request, file: NamedFile, size: int) -> None:
        self.items = [Item(file.name, size, file.digest)]
        self.materials = [Material(file.name, file.digest, {})]
        self._downloader = downloader
        self._remote = RemoteFile(request, size, file.name)

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        del path  # there is one
        return self._downloader.chunks(self._remote, start)

    def ranges(self, path: str) -> Ranges:
        del path  # as above
        return self._downloader.ranges(self._remote)
