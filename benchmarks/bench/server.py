"""Serve a folder of large files on loopback as a plain web server, a hub, a registry and nothing more.

    python -m bench.server FOLDER [--host HOST] [--port PORT]

Prints its port, then serves until its standard input ends. Bodies go out by sendfile, so that
what is measured is the client. Digests are read from ``digests.json`` in the folder.
"""

import argparse
import hashlib
import json
import re
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

REPOSITORY = "bench/model"
COMMIT = "c0" * 20
SUBJECT = {"X-Repo-Commit": COMMIT}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: Path
    digests: dict[str, tuple[str, int]]

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/files/"):
            self.file(path.removeprefix("/files/"), {})
        elif path.startswith("/api/"):
            self.hub(path)
        elif match := re.fullmatch(rf"/{REPOSITORY}/resolve/[^/]+/(.+)", path):
            digest, size = self.digests[match[1]]
            linked = {"X-Linked-Size": str(size), "X-Linked-Etag": f'"{digest}"', "ETag": f'"{digest}"'}
            self.file(match[1], SUBJECT | linked)
        elif path.startswith("/v2/"):
            self.registry(path)
        else:
            self.document({"error": "not here"}, status=404)

    def hub(self, path: str) -> None:
        now = "2026-01-01T00:00:00.000Z"
        if "/tree/" in path:
            self.document([self.leaf(name) for name in sorted(self.digests)])
        elif path.endswith("/refs"):
            head = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
            self.document({"branches": [head], "tags": [], "converts": []})
        elif path.endswith("/overview"):
            self.document({"_id": "1" * 24, "name": "bench", "user": "bench"})
        elif "/commits/" in path:
            self.document([{"id": COMMIT, "date": now, "title": "one"}])
        else:
            siblings = [{"rfilename": name} for name in sorted(self.digests)]
            about = {"_id": "2" * 24, "id": REPOSITORY, "modelId": REPOSITORY, "author": "bench"}
            self.document(
                about
                | {"sha": COMMIT, "siblings": siblings, "lastModified": now, "private": False, "gated": False}
            )

    def leaf(self, name: str) -> dict[str, Any]:
        digest, size = self.digests[name]
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()
        oid = hashlib.sha1(b"blob %d\0%s" % (len(pointer), pointer)).hexdigest()  # noqa: S324  # git's names
        lfs = {"oid": digest, "size": size, "pointerSize": len(pointer)}
        return {"type": "file", "path": name, "oid": oid, "size": size, "lfs": lfs}

    def registry(self, path: str) -> None:
        if path == "/v2/":
            self.document({})
        elif "/manifests/" in path:
            manifest, digest = self.manifest()
            self.document(manifest, kind=MANIFEST_TYPE, more={"Docker-Content-Digest": digest})
        elif path.endswith("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"):
            self.document({})
        else:
            digits = path.rpartition(":")[2]
            name = next(name for name, (digest, _) in self.digests.items() if digest == digits)
            self.file(name, {"Docker-Content-Digest": f"sha256:{digits}"})

    def manifest(self) -> tuple[bytes, str]:
        empty = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
        layers = [
            {
                "mediaType": "application/octet-stream",
                "digest": f"sha256:{digest}",
                "size": size,
                "annotations": {"org.opencontainers.image.title": name},
            }
            for name, (digest, size) in sorted(self.digests.items())
        ]
        raw = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "artifactType": "application/vnd.bench.model",
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
                "layers": layers,
            }
        ).encode()
        return raw, f"sha256:{hashlib.sha256(raw).hexdigest()}"

    def document(
        self,
        value: Any,
        *,
        status: int = 200,
        kind: str = "application/json",
        more: dict[str, str] | None = None,
    ) -> None:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {
            "Content-Type": kind,
            "Content-Length": str(len(raw)),
            **SUBJECT,
            **(more or {}),
        }.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(raw)

    def file(self, name: str, more: dict[str, str]) -> None:
        with (self.folder / name).open("rb") as file:
            size = self.digests[name][1]
            first, last = 0, size - 1
            ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if ranged:
                first, last = int(ranged[1]), min(int(ranged[2] or last), last)
                more = more | {"Content-Range": f"bytes {first}-{last}/{size}"}
            self.send_response(206 if ranged else 200)
            about = {"Content-Length": str(last - first + 1), "Accept-Ranges": "bytes"}
            about |= {"Content-Type": "application/octet-stream"}
            for key, text in (about | more).items():
                self.send_header(key, text)
            self.end_headers()
            if self.command == "GET" and last >= first:
                self.wfile.flush()
                try:
                    self.connection.sendfile(file, first, last - first + 1)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--congestion", help="TCP congestion control, as cubic; the system's by default")
    options = parser.parse_args()
    listed = json.loads((options.folder / "digests.json").read_bytes())
    digests = {name: (digest, size) for name, (digest, size) in listed.items()}
    handler = type("Bound", (Handler,), {"folder": options.folder, "digests": digests})
    with Server((options.host, options.port), handler) as server:
        if options.congestion:  # connections inherit it from the socket that listens
            server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, options.congestion.encode())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
