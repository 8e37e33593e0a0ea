"""A source that pulls from the test hub, and what it gives: shared by the tests of the source and its attacks."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from hub import Hub
from web_authority import common_authority
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.lock import LockedModel
from weighlock.core.progress import NO_PROGRESS
from weighlock.source.huggingface.endpoint import parse_endpoint
from weighlock.source.huggingface.source import HubOptions, HuggingFaceSource
from weighlock.source.huggingface.token import read_token
from weighlock.source.interface import Item, Resolved, SourceSpec
from weighlock.transport.client import Client, Network, Timing
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

NAME = "acme/tiny"
SPEC = SourceSpec("hf", f"{NAME}@main")
WEIGHTS = bytes(range(256)) * 5000
FILES = {
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "config.json": b'{"model_type": "tiny"}',
    "a folder/ünïcode+name.txt": b"text",
    "empty.txt": b"",
    "weights/model.safetensors": WEIGHTS,
}
TAKEN = {path: content for path, content in FILES.items() if path != ".gitattributes"}


class HubCase:
    """An origin, with TLS or without, a mirror, and sources for them."""

    def __init__(self, *, tls: bool = True) -> None:
        self.origin = Hub(tls=tls).start()
        self.mirror = Hub().start()
        self.repository = self.origin.create(NAME)
        self.waits: list[float] = []
        self.plain = [] if tls else [self.origin.server.host, self.origin.cdn.host]
        network = Network(plain_http=Hosts.of(self.plain), ca_file=common_authority().ca_file)
        self._client = Client(network, timing=Timing(sleep=self.waits.append, attempts=2))
        self._contents = Hosts.of([hub.cdn.host for hub in (self.origin, self.mirror)])

    def source(
        self, *, mirror: bool = False, token: str | None = None, unconfirmed: bool = False, hosts: bool = True
    ) -> HuggingFaceSource:
        """Return a source; with ``mirror`` bytes come from there, without ``hosts`` no content network is trusted."""
        origin = parse_endpoint(self.origin.url, what="hf.origin")
        options = HubOptions(
            origin=origin,
            mirror=parse_endpoint(self.mirror.url, what="hf.mirror") if mirror else None,
            credential=read_token(None, {"HF_TOKEN": token or ""}, origin.origin),
            allowed=["acme"],
            hosts=self._contents if hosts else Hosts(),
            allow_unconfirmed=unconfirmed,
        )
        return HuggingFaceSource(self._client, Downloader(self._client), options)

    def copy(self) -> None:
        """Let the mirror have what the origin has now."""
        self.mirror.repositories = dict(self.origin.repositories)
        self.mirror.owners = dict(self.origin.owners)

    def stop(self) -> None:
        self._client.close()
        self.origin.stop()
        self.mirror.stop()


@pytest.fixture(name="case")
def case_fixture() -> Iterator[HubCase]:
    made = HubCase()
    yield made
    made.stop()


@pytest.fixture(name="plain_case")
def plain_case_fixture() -> Iterator[HubCase]:
    made = HubCase(tls=False)
    yield made
    made.stop()


def fetch(
    source: HuggingFaceSource,
    resolved: Resolved,
    *,
    locked: LockedModel | None = None,
    spec: SourceSpec = SPEC,
) -> tuple[list[Item], dict[str, bytes]]:
    """Return the files that a source lists, and the bytes of each."""
    with source.fetch(spec, resolved, locked, _NoStaging(), NO_PROGRESS) as fetched:
        bytes_of = {
            item.path: b"".join(bytes(chunk) for chunk in fetched.chunks(item.path)) for item in fetched.items
        }
        return list(fetched.items), bytes_of


def pull(source: HuggingFaceSource, spec: SourceSpec = SPEC) -> dict[str, bytes]:
    """Return the bytes of the files that ``spec`` stands for now."""
    spec = source.canonical(spec, Path())
    return fetch(source, source.resolve(spec, {}), spec=spec)[1]


def lock(source: HuggingFaceSource, spec: SourceSpec = SPEC) -> LockedModel:
    """Return what a lock says of the model after a first pull."""
    spec = source.canonical(spec, Path())
    resolved = source.resolve(spec, {})
    items, bytes_of = fetch(source, resolved, spec=spec)
    files = {path: ArtifactFile(path, Digest.of(content), len(content)) for path, content in bytes_of.items()}
    return LockedModel(
        name="tiny",
        source=str(spec),
        revision=resolved.revision,
        owner=resolved.owner,
        origin_confirmed=resolved.origin_confirmed,
        manifest=Artifact.build(list(files.values()))[0].digest,
        files=files,
        facts=resolved.facts,
        git_sha1={item.path: item.git_sha1 for item in items if item.git_sha1},
    )


class _NoStaging:
    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        raise AssertionError(f"files of a hub are not containers: {digest}, {size}, {chunks_from}")
