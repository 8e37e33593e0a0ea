import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.store.storing import refused
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.store.index import Index, is_sealed

EMPTY = Index({})
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def descriptor(hex_digits: str, **annotations: str) -> Descriptor:
    return Descriptor(MANIFEST, Digest("sha256", hex_digits.ljust(64, "0")), 7, annotations, "a/b")


def index_of(*lines: dict[str, object], **fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": lines, **fields}).encode()


def line(hex_digits: str = "a", **annotations: str) -> dict[str, object]:
    return descriptor(hex_digits, **annotations).to_json()


def test_digits_that_fit_several_are_ambiguous() -> None:
    index = EMPTY
    for digits in ("aaaaaaaaaaaa1", "aaaaaaaaaaaa2", "bbbbbbbbbbbb"):
        index = index.add(descriptor(digits), name=None, subject=None)
    with refused("artifact_ambiguous") as caught:
        index.resolve("a" * 12)
    assert "aaaaaaaaaaaa1" in caught.value.message
    assert "aaaaaaaaaaaa2" in caught.value.message
    assert index.resolve("aaaaaaaaaaaa1").descriptor == descriptor("aaaaaaaaaaaa1")
    with refused(
        "name_invalid"
    ):  # eleven digits are too few to be digits; and "bbb…" is a name that nobody has
        index.resolve("sha256:bbbbbbbbbbb")
    with refused("artifact_unknown"):
        index.resolve("bbbbbbbbbbb")


def changed(index: Index, kind: str, *rest: Any) -> Index:
    if kind == "add":
        subject = None if rest[2] is None else descriptor(rest[2]).digest
        return index.add(descriptor(rest[0], note="x"), name=rest[1], subject=subject)
    return index.untag(rest[0]) if kind == "untag" else index.delete(descriptor(rest[0]).digest)


names = st.from_regex(r"[a-z]{1,8}(@[0-9])?", fullmatch=True)
digits = st.integers(0, 5).map(lambda number: f"{number}" * 12)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), digits, st.none() | names, st.none() | digits),
        st.tuples(st.just("untag"), names),
        st.tuples(st.just("delete"), digits),
    ),
    max_size=12,
)


@given(changes)
def test_any_index_is_read_as_it_was_written(steps: list[tuple[Any, ...]]) -> None:
    index = EMPTY
    for step in steps:
        with contextlib.suppress(UsageError):  # most random names are unknown
            index = changed(index, *step)
    raw = index.to_bytes()
    assert Index.parse(raw) == index
    assert is_sealed(raw)
    all_names = [name for entry in index.by_digest.values() for name in entry.names]
    assert len(all_names) == len(set(all_names))


@given(st.data())
def test_no_byte_of_an_index_can_change_unseen(data: st.DataObject) -> None:
    index = EMPTY.add(descriptor("a"), name="minilm", subject=None)
    index = index.add(descriptor("b", note="x"), name=None, subject=descriptor("a").digest)
    raw = bytearray(index.to_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    assert not is_sealed(bytes(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schemaVersion":2,"manifests":{}}',
        b'{"schemaVersion":1,"manifests":[]}',
        index_of({}),
        index_of(line() | {"digest": "sha256:../../../etc/passwd"}),
        index_of(line() | {"size": -1}),
        index_of(line() | {"urls": ["https://example.org"]}),
        index_of(line(**{"org.opencontainers.image.ref.name": "../a"})),
        index_of(line(**{"org.opencontainers.image.ref.name": "a" * 12})),
        index_of(line(**{"dev.weighlock.subject": "sha256:abc"})),
        index_of(
            line("a", **{"org.opencontainers.image.ref.name": "n"}),
            line("b", **{"org.opencontainers.image.ref.name": "n"}),
        ),
        index_of(line(), line() | {"size": 8}),
        index_of(line(), line() | {"artifactType": "a/c"}),
    ],
)
def test_damaged_indexes_are_refused(raw: bytes) -> None:
    with refused("index_damaged"):
        Index.parse(raw)


def test_what_other_tools_write_is_read() -> None:
    foreign = index_of(line(**{"org.opencontainers.image.ref.name": "v1.0"}), line("b"), extra=1)
    index = Index.parse(foreign)
    assert index.resolve("v1.0").descriptor == descriptor("a")
    assert len(index.by_digest) == 2
    assert not is_sealed(foreign)
