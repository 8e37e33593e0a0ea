"""Upload blobs: in one request where the bytes can be had again, else in chunks that are kept until they arrived.

Source: OCI distribution-spec v1.1, "Pushing blobs". After a break the registry is asked what it has, and
that is not sent again; a registry that has forgotten the upload gets it from the start.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final
from urllib.parse import quote

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.text import shown
from weighlock.transport.failure import PassingError
from weighlock.transport.message import Document
from weighlock.transport.registry.auth import Scopes, scopes_for
from weighlock.transport.registry.content import Again, Blob, OneWay, Part, Piece, Segment
from weighlock.transport.registry.header import invalid_answer, parse_range
from weighlock.transport.registry.manifest import DIGEST_HEADER, read_digest_header, wrong_digest_header
from weighlock.transport.registry.session import Ask, Session
from weighlock.transport.timing import Timing
from weighlock.transport.url import Url, join_url, parse_url

CHUNK_BYTES: Final = (
    16 * 1024 * 1024
)  # kept in memory until it arrived; larger ones were no faster on loopback
MAX_CHUNK_BYTES: Final = 256 * 1024 * 1024  # what a registry may ask us to keep in memory
MAX_RESTARTS: Final = 3  # of one blob, after the registry forgot what it had of it
CANCEL_ATTEMPTS: Final = 2  # a kept connection may have been closed; a person who interrupts does not wait
MAX_ANSWER_BYTES: Final = 64 * 1024  # answers to uploads are empty
ANSWER_S: Final = 600.0  # some registries digest the blob again before they answer: 1 TB at 2 GB/s
MINIMUM_HEADER: Final = "oci-chunk-min-length"
TOO_LARGE: Final = 413
BAD_REQUEST: Final = 400
RANGE_NOT_SATISFIABLE: Final = 416
_BYTES: Final = {"Content-Type": "application/octet-stream"}


class Uploader:
    """Puts blobs into one repository. For any thread."""

    def __init__(self, session: Session, repository: str, timing: Timing) -> None:
        self._session = session
        self._repository = repository
        self._timing = timing

    def send(self, chunks: Iterable[Piece], digest: Digest | None, size: int | None) -> Blob:
        """Upload bytes that come once; see ``Repository.upload``."""
        source = OneWay(chunks, digest, size)
        upload = self._begin()
        with upload.cancelled_on_failure():
            segments = source.segments(upload.chunk_bytes)
            first, second = next(segments), next(segments, None)
            if second is None:
                blob = source.finish()
            else:
                try:
                    for segment in chain([first, second], segments):
                        upload.send_piece(segment)
                    blob = source.finish()
                    upload.finish(blob)
                except _LostError as lost:
                    raise _failed(lost) from lost.__cause__
                return blob
        self._deliver(lambda again: again.send_whole(first, blob), upload)
        return blob

    def send_again(self, chunks_from: Callable[[int], Iterable[Piece]], digest: Digest, size: int) -> Blob:
        """Upload bytes that can be read again; see ``Repository.upload_from``."""
        source = Again(chunks_from, digest, size)
        (whole,) = source.segments(max(size, 1))
        try:
            self._deliver(lambda upload: upload.send_whole(whole, source.blob), self._begin())
        except WeighlockError as error:
            if error.details.get("status") != TOO_LARGE or size <= CHUNK_BYTES:
                raise
            self._deliver(lambda upload: upload.send_pieces(source), self._begin())
        return source.blob

    def mount(self, digest: Digest, from_repository: str) -> bool:
        """Take over a blob of another repository; see ``Repository.mount``."""
        query = f"?mount={digest}&from={quote(from_repository, safe='')}"
        scopes = self._scopes | scopes_for(from_repository, "pull")
        document = self._post(query, scopes, frozenset({201, 202}))
        if document.status == 201:
            check_stored(document, digest)
            return True
        self._upload(document).cancel()
        return False

    @property
    def _scopes(self) -> Scopes:
        return scopes_for(self._repository, "pull", "push")

    def _begin(self) -> "_Upload":
        return self._upload(self._post("", self._scopes, frozenset({202})))

    def _post(self, query: str, scopes: Scopes, accept: frozenset[int]) -> Document:
        url = self._session.endpoint.url(f"/v2/{self._repository}/blobs/uploads/{query}")
        # An upload that was begun twice is harmless: the registry forgets what nobody goes on with.
        return self._session.document(
            Ask("POST", url, scopes, accept, retry=True), limit_bytes=MAX_ANSWER_BYTES
        )

    def _upload(self, document: Document) -> "_Upload":
        return _Upload(self._session, self._repository, self._timing, document)

    def _deliver(self, send: Callable[["_Upload"], None], upload: "_Upload") -> None:
        """Send a blob that can be had again, from the start as often as the registry forgets it."""
        for restart in range(1, MAX_RESTARTS + 2):
            with upload.cancelled_on_failure():
                try:
                    send(upload)
                except _LostError as lost:
                    if restart > MAX_RESTARTS:
                        raise _failed(lost) from lost.__cause__
                    upload.cancel()  # it may only be unusable
                else:
                    return
            self._timing.sleep(self._timing.delay(restart))
            upload = self._begin()


class _LostError(Exception):
    """The registry does not know the upload any more; the cause says what came before."""


class _Upload:
    """One upload session: where it goes on, and how many bytes have arrived."""

    def __init__(self, session: Session, repository: str, timing: Timing, begun: Document) -> None:
        self._session = session
        self._repository = repository
        self._scopes = scopes_for(repository, "pull", "push")
        self._timing = timing
        self.arrived = 0
        self._resumed = False
        self._location = self._follow(begun)
        self.chunk_bytes = _chunk_bytes(begun)

    def send_whole(self, segment: Segment, blob: Blob) -> None:
        """Send a blob in one request; after a break only what the registry lacks. Raises _LostError."""
        try:
            self._put(blob, Part(segment, 0))
        except WeighlockError as error:
            if (_passing(error) or _forgotten(error)) and self._has(blob):
                return  # the answer got lost, not the request
            self._recover(error, segment)
        else:
            return
        self.send_piece(segment)
        self.finish(blob)

    def send_pieces(self, source: Again) -> None:
        """Send a blob in chunks; raises _LostError."""
        for segment in source.segments(self.chunk_bytes):
            self.send_piece(segment)
        self.finish(source.blob)

    def send_piece(self, segment: Segment) -> None:
        """Send what is lacking of one segment, until it has arrived; raises _LostError."""
        failures = 0
        while self.arrived < segment.end:
            before = self.arrived
            try:
                self._patch(Part(segment, before), segment.end)
            except WeighlockError as error:
                failures += 1
                if failures >= self._timing.attempts:
                    raise
                self._timing.sleep(self._timing.delay(failures))
                self._recover(error, segment)
            if self.arrived > before:
                failures = 0

    def finish(self, blob: Blob) -> None:
        """Give the bytes that have arrived their digest; raises _LostError."""
        for failures in range(1, self._timing.attempts + 1):
            try:
                self._put(blob, None)
            except WeighlockError as error:
                if self._has(blob):
                    return  # the answer got lost, not the request
                if self._is_lost(error):
                    raise _LostError from error
                if not _passing(error) or failures == self._timing.attempts:
                    raise
                self._timing.sleep(self._timing.delay(failures))
            else:
                return

    def cancel(self) -> None:
        """Tell the registry to forget the upload; it does so by itself, later, if it does not hear that."""
        for _ in range(CANCEL_ATTEMPTS):
            with contextlib.suppress(WeighlockError):
                self._ask("DELETE", self._location, frozenset({200, 202, 204, 404}))
                return

    @contextlib.contextmanager
    def cancelled_on_failure(self) -> Iterator[None]:
        """Cancel the upload if anything is raised, an interrupt too."""
        try:
            yield
        except BaseException:
            self.cancel()
            raise

    def _patch(self, part: Part, end: int) -> None:
        headers = {**_BYTES, "Content-Range": f"{part.start}-{end - 1}"}
        document = self._ask("PATCH", self._location, frozenset({202}), headers, part)
        self._location = self._follow(document)
        self.arrived = self._stated(document, end) if "range" in document.headers else end
        if self.arrived <= part.start:
            raise invalid_answer("it took a chunk of an upload and has nothing of it")

    def _put(self, blob: Blob, part: Part | None) -> None:
        joint = "&" if self._location.query else "?"
        url = parse_url(f"{self._location}{joint}digest={quote(str(blob.digest), safe='')}")
        check_stored(self._ask("PUT", url, frozenset({201, 204}), _BYTES, part), blob.digest)

    def _recover(self, error: WeighlockError, segment: Segment) -> None:
        """Ask what has arrived; raises ``error`` if asking is no use, _LostError."""
        if self._is_lost(error):
            raise _LostError from error
        if not _passing(error):
            raise error
        self._resumed = True
        try:
            document = self._ask("GET", self._location, frozenset({204}), retry=True)
        except WeighlockError as second:
            if _forgotten(second):
                raise _LostError from error
            raise
        self._location = self._follow(document)
        arrived = self._stated(document, segment.read_to)
        if arrived < segment.start:
            raise _LostError from error  # what came before has arrived once, and is not kept here
        self.arrived = arrived

    def _is_lost(self, error: WeighlockError) -> bool:
        """Return whether only a new upload can help.

        After a break, what was under way may still arrive behind our back: then nothing fits any more.
        """
        return _forgotten(error) or (self._resumed and error.details.get("status") == BAD_REQUEST)

    def _has(self, blob: Blob) -> bool:
        """Return whether the blob is there after all."""
        url = self._session.endpoint.url(f"/v2/{self._repository}/blobs/{blob.digest}")
        try:
            with self._session.open(Ask("HEAD", url, self._scopes, redirects=True)) as response:
                return response.headers.get("content-length") == str(blob.size)
        except WeighlockError as error:
            if _forgotten(error):
                return False
            raise

    def _ask(
        self,
        method: str,
        url: Url,
        accept: frozenset[int],
        headers: dict[str, str] | None = None,
        body: Part | None = None,
        *,
        retry: bool = False,
    ) -> Document:
        ask = Ask(method, url, self._scopes, accept, headers or {}, body, retry, answer_s=ANSWER_S)
        return self._session.document(ask, limit_bytes=MAX_ANSWER_BYTES)

    def _follow(self, document: Document) -> Url:
        """Return where the upload goes on; raises DeniedError ``upload_elsewhere``, ``registry_answer_invalid``."""
        location = document.headers.get("location")
        if location is None:
            raise invalid_answer("it does not say where an upload goes on")
        url = join_url(parse_url(document.url), location)
        if not self._session.endpoint.may_redirect_to(url.origin):
            raise DeniedError(
                "upload_elsewhere",
                f"the registry wants the upload sent to {shown(str(url.origin))}, which is not allowed",
                hint="if that host belongs to the registry, add it to `network.hosts`",
                details={"host": url.origin.host},
            )
        return url

    def _stated(self, document: Document, limit: int) -> int:
        """Return how many bytes the registry says it has, ``limit`` being what was sent at most."""
        stated = parse_range(document.headers.get("range", ""))
        # "0-0" is what registries also say when they have nothing: one byte is sent again then
        if stated is None or stated[0] != 0 or stated[1] > max(limit - 1, 0):
            raise invalid_answer(
                f"it says that it has {shown(repr(document.headers.get('range')))} of an upload of which"
                f" {limit} bytes were sent"
            )
        return stated[1] + 1 if stated[1] else 0


def check_stored(document: Document, digest: Digest) -> None:
    """Return if the registry stored what it was sent; raises DeniedError ``digest_header_wrong``."""
    text = document.headers.get(DIGEST_HEADER)
    if text is None:
        return
    stated = read_digest_header(text)
    if stated.algorithm == digest.algorithm and stated != digest:
        raise wrong_digest_header(stated)


def _chunk_bytes(begun: Document) -> int:
    text = begun.headers.get(MINIMUM_HEADER, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 16) or int(text) > MAX_CHUNK_BYTES:
        raise invalid_answer(
            f"it wants chunks of at least {shown(repr(text))} bytes; the limit is {MAX_CHUNK_BYTES}"
        )
    return max(CHUNK_BYTES, int(text))


def _passing(error: WeighlockError) -> bool:
    """Return whether asking again may help: a break, an overload, or a chunk at another place than it should be."""
    return (
        isinstance(error, PassingError)
        or error.code == "server_failed"
        or error.details.get("status") == RANGE_NOT_SATISFIABLE
    )


def _forgotten(error: WeighlockError) -> bool:
    return error.code == "remote_missing"


def _failed(lost: _LostError) -> WeighlockError:
    why = f": {lost.__cause__}" if lost.__cause__ else ""
    return UndecidedError(
        "upload_failed",
        f"the registry forgot an upload that broke off{why}",
        hint="try again; blobs that arrived whole are not sent again",
    )
