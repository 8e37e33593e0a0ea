"""The routes of the test registry (OCI distribution-spec v1.1), on http.server."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from registry_access import Access
from registry_content import Content, RefusedError, check_digest, digest_of

INDEX: Final = "application/vnd.oci.image.index.v1+json"
READ_BYTES: Final = 1 << 16
_ROUTE: Final = re.compile(
    r"/v2/(?P<name>.+?)/(?P<kind>blobs|manifests|tags|referrers)/(?P<rest>.+)", re.DOTALL
)


class Recorded(NamedTuple):
    """A request as it came: ``path`` with its query; ``body_bytes`` counts what was read of its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body_bytes: list[int]


@dataclass
class Switches:
    """How the registry behaves; to be changed at any time."""

    referrers_api: bool = True
    deletion: bool = True
    tag_deletion: bool = True
    mounting: bool = True
    ranges: bool = True
    chunk_minimum: int = 0
    page: int = 1000
    blob_redirect: str = ""  # a blob's bytes are at this address + its digest
    upload_base: str | None = None  # what uploads' locations begin with; None: the address that was asked
    filters: bool = True  # the referrers API filters by artifact type, and says so
    resumable: bool = True  # False: a broken chunk ends the upload, as in docker-registry 2.8
    largest_body: int = 1 << 40
    headers: dict[str, str] = field(default_factory=dict)  # sent with every answer, over the true ones


class Registry(Protocol):
    """What the routes need of the server."""

    content: Content
    switches: Switches
    access: Access
    url: str

    def record(self, request: Recorded) -> None: ...

    def fault(self, handler: "Handler") -> bool: ...


class CutError(Exception):
    """The connection is to be closed now."""


class Handler(BaseHTTPRequestHandler):
    registry: ClassVar[Registry]
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    cut_after: int | None = None
    finished = False

    def log_message(self, *_: object) -> None:
        """Keep the tests' output quiet."""

    def do_GET(self) -> None:
        self.recorded = Recorded(
            self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, [0]
        )
        self.registry.record(self.recorded)
        self.cut_after = None
        self._begin_body()
        if self.remaining > self.registry.switches.largest_body:
            self.reply(413)
            self.close_connection = True
            return
        try:
            if not self.registry.fault(self):
                self._route()
        except RefusedError as error:
            self.drain()
            document = {"errors": [{"code": error.code, "message": str(error)}]}
            self.reply(error.status, json.dumps(document).encode(), {"Content-Type": "application/json"})
        except CutError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # http.server's names

    def _route(self) -> None:
        parts = urlsplit(self.path)
        self.query = {
            key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        self.route_path = parts.path
        if parts.path == "/token":
            self._json(self.registry.access.issue(self.command, parts.query, self.credentials, self.body()))
            return
        found = _ROUTE.fullmatch(parts.path)
        name = found["name"] if found else ""
        if not self._authorized(name):
            return
        if parts.path in ("/v2/", "/v2"):
            self._json({})
            return
        if found is None:
            raise RefusedError(404, "NOT_FOUND")
        kind, rest = found["kind"], found["rest"]
        if kind == "blobs" and rest.startswith("uploads/"):
            self._uploads(name, rest.removeprefix("uploads/"))
        else:
            getattr(self, f"_{kind}")(name, rest)

    def _authorized(self, name: str) -> bool:
        writes = self.command not in ("GET", "HEAD")
        challenge = self.registry.access.challenge(self.credentials, name, self.registry.url, writes=writes)
        if challenge is not None:
            self.drain()
            body = b'{"errors":[{"code":"UNAUTHORIZED"}]}'
            insufficient = "insufficient_scope" in challenge
            status = self.registry.access.insufficient_status if insufficient else 401
            self.reply(status, body, {"WWW-Authenticate": challenge})
        return challenge is None

    def _blobs(self, name: str, digest: str) -> None:
        content = self.registry.content
        if self.command == "DELETE":
            self._require(self.registry.switches.deletion)
            content.delete_blob(name, digest)
            self.reply(202)
            return
        data = content.blob(name, digest)
        if self.registry.switches.blob_redirect:
            self.reply(307, b"", {"Location": self.registry.switches.blob_redirect + digest})
            return
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or not self.registry.switches.ranges:
            self.reply(200, data, headers)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if start > end:
            raise RefusedError(416, "RANGE_INVALID")
        self.reply(
            206, data[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"}
        )

    def _manifests(self, name: str, reference: str) -> None:
        content, switches = self.registry.content, self.registry.switches
        if self.command == "PUT":
            raw, media_type = self.body(), self.headers.get("Content-Type", "")
            document = content.put_manifest(name, reference, media_type, raw)
            headers = {
                "Location": f"/v2/{name}/manifests/{digest_of(raw)}",
                "Docker-Content-Digest": digest_of(raw),
            }
            if "subject" in document and switches.referrers_api:
                headers["OCI-Subject"] = document["subject"]["digest"]
            self.reply(201, b"", headers)
        elif self.command == "DELETE":
            self._require(switches.deletion)
            content.delete_manifest(name, reference, tags=switches.tag_deletion)
            self.reply(202)
        else:
            digest, media_type, raw = content.manifest(name, reference)
            self.reply(200, raw, {"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _tags(self, name: str, rest: str) -> None:
        if rest != "list" or name not in self.registry.content.repositories:
            raise RefusedError(404, "NAME_UNKNOWN")
        tags = sorted(self.registry.content.repository(name).tags)
        page, link = self._page(tags, key=str)
        self._json({"name": name, "tags": page}, link)

    def _referrers(self, name: str, subject: str) -> None:
        if not self.registry.switches.referrers_api:
            raise RefusedError(404, "NOT_FOUND")
        listed, headers = self.registry.content.referrers(name, check_digest(subject)), {}
        wanted = self.query.get("artifactType")
        if wanted and self.registry.switches.filters:
            listed = [each for each in listed if each.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        page, link = self._page(listed, key=lambda each: str(each["digest"]))
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": page}
        self._json(document, {"Content-Type": INDEX, **headers, **link})

    def _page(self, items: list[Any], *, key: Callable[[Any], str]) -> tuple[list[Any], dict[str, str]]:
        size = min(int(self.query.get("n", self.registry.switches.page)), self.registry.switches.page)
        if "last" in self.query:
            keys = [key(each) for each in items]
            items = items[keys.index(self.query["last"]) + 1 :] if self.query["last"] in keys else []
        page = items[:size]
        if len(items) <= size or not page:
            return page, {}
        query = urlencode({**self.query, "n": size, "last": key(page[-1])})
        return page, {"Link": f'<{self.route_path}?{query}>; rel="next"'}

    def _uploads(self, name: str, identifier: str) -> None:
        if self.command == "POST":
            self._start_upload(name)
            return
        content = self.registry.content
        content.upload(name, identifier)
        with content.repository(name).busy[identifier]:
            upload = content.upload(name, identifier)
            if self.command == "DELETE":
                content.cancel_upload(name, identifier)
                self.reply(204)
            elif self.command == "GET":
                self.reply(204, b"", self._upload_headers(name, identifier, len(upload)))
            else:
                self._receive(name, identifier, upload)

    def _receive(self, name: str, identifier: str, upload: bytearray) -> None:
        repository = self.registry.content.repository(name)
        if self.remaining and identifier in repository.ended:
            raise RefusedError(400, "SIZE_INVALID", "only the last chunk may be short")
        stated = re.fullmatch(r"(\d+)-(\d+)", self.headers.get("Content-Range", ""))
        if stated is not None and int(stated[1]) != len(upload):
            raise RefusedError(416, "RANGE_INVALID")
        before = len(upload)
        try:
            for piece in self._pieces():
                upload += piece
        except CutError:
            if not self.registry.switches.resumable:
                self.registry.content.cancel_upload(name, identifier)
            raise
        if stated is not None and len(upload) - 1 != int(stated[2]):
            raise RefusedError(400, "SIZE_INVALID")
        if self.command == "PATCH":
            if len(upload) - before < self.registry.switches.chunk_minimum:
                repository.ended.add(identifier)
            self.reply(202, b"", self._upload_headers(name, identifier, len(upload)))
            return
        digest = self.query.get("digest", "")
        self.registry.content.finish_upload(name, identifier, digest)
        self.reply(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _start_upload(self, name: str) -> None:
        content, mount = self.registry.content, self.query.get("mount")
        if (
            mount
            and self.registry.switches.mounting
            and content.mount(name, check_digest(mount), self.query.get("from", ""))
        ):
            self.reply(201, b"", {"Location": f"/v2/{name}/blobs/{mount}", "Docker-Content-Digest": mount})
            return
        self.drain()
        headers = self._upload_headers(name, content.start_upload(name), 0)
        if self.registry.switches.chunk_minimum:
            headers["OCI-Chunk-Min-Length"] = str(self.registry.switches.chunk_minimum)
        self.reply(202, b"", headers)

    def _upload_headers(self, name: str, identifier: str, size: int) -> dict[str, str]:
        base = self.registry.switches.upload_base
        if base is None:  # as the client calls it, like docker-registry
            base = f"{urlsplit(self.registry.url).scheme}://{self.headers['Host']}"
        # the position is in the query, so that whoever drops it is found out
        location = f"{base}/v2/{name}/blobs/uploads/{identifier}"
        return {"Location": f"{location}?_state={size}", "Range": f"0-{max(size - 1, 0)}"}

    def _require(self, switch: bool) -> None:
        if not switch:
            raise RefusedError(405, "UNSUPPORTED")

    def _json(self, document: Any, headers: Mapping[str, str] | None = None) -> None:
        self.reply(
            200, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})}
        )

    def body(self) -> bytes:
        return b"".join(self._pieces())

    def drain(self) -> None:
        """Read what is left of the body, so that the answer is read."""
        for _ in self._pieces():
            pass

    def reply(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        own = {name.lower() for name in self.registry.switches.headers}
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in own:
                self.send_header(name, value)
        for name, value in self.registry.switches.headers.items():
            self.send_header(name, value)
        if status != 204 and "content-length" not in own:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pieces(self) -> Iterator[bytes]:
        """Yield what is left of the body; raises CutError when the test wants the connection to break there."""
        while not self.finished:
            if self.remaining == 0 and not self._next_chunk():
                self.finished = True
                return
            wanted = min(self.remaining, READ_BYTES)
            if self.cut_after is not None:
                wanted = min(wanted, self.cut_after - self.recorded.body_bytes[0])
            piece = self.rfile.read(wanted) if wanted else b""
            if not piece:
                raise CutError
            self.remaining -= len(piece)
            self.recorded.body_bytes[0] += len(piece)
            yield piece

    @property
    def credentials(self) -> str:
        return self.headers.get("Authorization", "")

    def _begin_body(self) -> None:
        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.remaining = 0 if self.chunked else int(self.headers.get("Content-Length", "0"))
        self.finished = not self.chunked and self.remaining == 0
        self.first_chunk = True

    def _next_chunk(self) -> bool:
        """Read the head of the next chunk of a chunked body; return whether there is one."""
        if not self.chunked:
            return False
        if not self.first_chunk:
            self.rfile.readline()
        self.first_chunk = False
        self.remaining = int(self.rfile.readline().split(b";")[0], 16)
        if self.remaining == 0:
            while self.rfile.readline().strip():
                pass  # trailers
        return self.remaining > 0
