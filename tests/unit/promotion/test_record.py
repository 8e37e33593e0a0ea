"""Records as they are written and what is refused: candidate, release, state, revocation."""

import copy
import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.reference import Reference
from weighlock.promotion import record
from weighlock.promotion.candidate import ROLES, Candidate, Installation, Sandbox
from weighlock.promotion.release import Release
from weighlock.promotion.revocation import (
    Revocation,
    check_not_revoked,
    check_value,
    is_value,
    revoked_keys,
)
from weighlock.promotion.state import Entry, State

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
A, B, C, D = (Digest.of(text) for text in (b"a", b"b", b"c", b"d"))
KEY = "key:" + "0" * 64

CANDIDATE = Candidate(
    name="minilm",
    environment="production",
    artifacts={"model": A, "tokenizer": B},
    serving=Installation(C, D),
    argv=("/bin/serve", "{model}"),
    env={"LANG": "C"},
    sandbox=Sandbox(8000, True, 1_000_000, 4),
    evaluation=B,
    policy=C,
    requester="cem",
    made_at=NOW,
)
RELEASE = Release("minilm", 2, "production", A, B, C, (D,), 1, NOW)
STATE = State(
    3, "production", NOW, NOW + dt.timedelta(days=7), 1, (Entry("minilm", 2, A, B, C),), (str(D), KEY)
)
REVOCATION = Revocation(str(A), "malware", NOW)
IMAGE = Reference.parse(f"registry.test/serve@{A}").pinned


def test_each_is_read_as_it_was_written() -> None:
    assert Candidate.parse(CANDIDATE.to_bytes()) == CANDIDATE
    assert Release.parse(RELEASE.to_bytes()) == RELEASE
    assert State.parse(STATE.to_bytes()) == STATE
    assert Revocation.parse(REVOCATION.to_bytes()) == REVOCATION


def test_a_candidate_with_an_image_and_nothing_optional() -> None:
    made = Candidate(
        name="m",
        environment="production",
        artifacts={"model": A},
        serving=IMAGE,
        argv=("serve",),
        env={},
        sandbox=Sandbox(),
        evaluation=None,
        policy=B,
        requester="cem",
        made_at=NOW,
    )
    assert Candidate.parse(made.to_bytes()) == made
    assert made.model == A


def test_a_candidate_with_every_role() -> None:
    made = dataclasses.replace(CANDIDATE, artifacts=dict.fromkeys(ROLES, A))
    assert Candidate.parse(made.to_bytes()).artifacts == made.artifacts


Path = tuple[str | int, ...]


def changed(raw: bytes, path: Path, value: Any) -> bytes:
    document = copy.deepcopy(json.loads(raw))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(document).encode()


INVALID, DIGEST, TIME = "record_invalid", "digest_invalid", "time_invalid"
COMMON: list[tuple[Path, Any, str]] = [
    (("version",), 2, INVALID),
    (("version",), True, INVALID),
    (("version",), "1", INVALID),
    (("version",), ..., INVALID),
    (("extra",), 1, INVALID),
    (("madeAt",), "2026-06-01", TIME),
    (("madeAt",), "2026-06-01T12:00:00+00:00", TIME),
    (("madeAt",), None, TIME),
]
CANDIDATES: list[tuple[Path, Any, str]] = [
    *(
        (("name",), name, INVALID)
        for name in ("", "A", "a b", "a@1", "a/b", "-a", ".a", "a" * 64, "é", 1, None)
    ),
    (("environment",), "", INVALID),
    (("environment",), 1, INVALID),
    (("requester",), "", INVALID),
    (("requester",), None, INVALID),
    (("artifacts",), {}, INVALID),
    (("artifacts",), {"tokenizer": str(A)}, INVALID),
    (("artifacts",), [], INVALID),
    (("artifacts",), ["model"], INVALID),
    (("artifacts", "weights"), str(A), INVALID),
    (("artifacts", "model"), "sha256:12", DIGEST),
    (("artifacts", "model"), None, DIGEST),
    (("argv",), [], INVALID),
    (("argv",), "serve", INVALID),
    (("argv",), [1], INVALID),
    (("argv",), ["serve", "a\0b"], INVALID),
    (("env",), [], INVALID),
    (("env",), {"": "x"}, INVALID),
    (("env",), {"A=B": "x"}, INVALID),
    (("env",), {"A": "x\0"}, INVALID),
    (("env",), {"A\0": "x"}, INVALID),
    (("env",), {"A": 1}, INVALID),
    (("serving",), {}, INVALID),
    (("serving",), None, INVALID),
    (("serving",), {"packageLock": str(A)}, INVALID),
    (("serving",), {"packageLock": str(A), "packages": str(B), "image": "x"}, INVALID),
    (("serving",), {"packageLock": str(A), "packages": "x"}, DIGEST),
    (("serving",), {"image": "registry.test/serve:latest"}, "reference_not_pinned"),
    (("serving",), {"image": "registry.test/serve"}, "reference_not_pinned"),
    (("serving",), {"image": ""}, INVALID),
    (("serving",), {"image": None}, INVALID),
    (("sandbox",), {}, INVALID),
    (("sandbox",), None, INVALID),
    (("sandbox", "network"), True, INVALID),
    (("sandbox", "port"), ..., INVALID),
    (("sandbox", "port"), 0, INVALID),
    (("sandbox", "port"), -1, INVALID),
    (("sandbox", "port"), 65536, INVALID),
    (("sandbox", "port"), "80", INVALID),
    (("sandbox", "port"), True, INVALID),
    (("sandbox", "port"), 80.0, INVALID),
    (("sandbox", "allowExec"), 1, INVALID),
    (("sandbox", "allowExec"), None, INVALID),
    (("sandbox", "memoryBytes"), 0, INVALID),
    (("sandbox", "processes"), "4", INVALID),
    (("evaluation",), "", DIGEST),
    (("evaluation",), 0, DIGEST),
    (("policy",), None, DIGEST),
]
RELEASES: list[tuple[Path, Any, str]] = [
    (("name",), "A", INVALID),
    (("number",), 0, INVALID),
    (("number",), -1, INVALID),
    (("number",), "1", INVALID),
    (("number",), True, INVALID),
    (("number",), 1.0, INVALID),
    (("environment",), "", INVALID),
    (("trust",), 0, INVALID),
    (("trust",), None, INVALID),
    (("candidate",), "x", DIGEST),
    (("model",), "sha1:" + "0" * 40, DIGEST),
    (("policy",), None, DIGEST),
    (("evidence",), None, INVALID),
    (("evidence",), [1], INVALID),
    (("evidence",), ["x"], DIGEST),
]
STATES: list[tuple[Path, Any, str]] = [
    (("number",), 0, INVALID),
    (("number",), True, INVALID),
    (("environment",), "", INVALID),
    (("expiresAt",), "never", TIME),
    (("expiresAt",), None, TIME),
    (("trust",), 0, INVALID),
    (("releases",), None, INVALID),
    (("releases",), {}, INVALID),
    (("releases", 0), "minilm@1", INVALID),
    (("releases", 0, "extra"), 1, INVALID),
    (("releases", 0, "model"), ..., INVALID),
    (("releases", 0, "name"), "Mini", INVALID),
    (("releases", 0, "number"), 0, INVALID),
    (("releases", 0, "release"), "x", DIGEST),
    (("releases", 0, "candidate"), None, DIGEST),
    (("releases", 0, "model"), "x", DIGEST),
    (("revoked",), None, INVALID),
    (("revoked",), [1], INVALID),
    (("revoked",), "x", INVALID),
]
REVOCATIONS: list[tuple[Path, Any, str]] = [
    (("value",), "", INVALID),
    (("value",), "minilm", INVALID),
    (("value",), None, INVALID),
    (("reason",), "", INVALID),
    (("reason",), None, INVALID),
]


@pytest.mark.parametrize(
    ("raw", "parse", "path", "value", "code"),
    [
        (made.to_bytes(), kind.parse, *row)
        for kind, made, rows in (
            (Candidate, CANDIDATE, CANDIDATES),
            (Release, RELEASE, RELEASES),
            (State, STATE, STATES),
            (Revocation, REVOCATION, REVOCATIONS),
        )
        for row in [*COMMON, *rows]
    ],
)
def test_what_is_refused(
    raw: bytes, parse: Callable[[bytes], object], path: Path, value: Any, code: str
) -> None:
    with pytest.raises(DeniedError) as caught:
        parse(changed(raw, path, value))
    assert caught.value.code == code


@pytest.mark.parametrize("parse", [Candidate.parse, Release.parse, State.parse, Revocation.parse])
@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff", b'{"version": 1, "version": 1}'])
def test_what_is_no_record(parse: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        parse(raw)
    assert caught.value.code == "json_invalid"


def test_a_record_at_the_limit_of_its_size() -> None:
    fields = frozenset({"version", "text"})

    def raw(size: int) -> bytes:
        made = b'{"version":1,"text":"%s"}'
        return made % (b"x" * (size - len(made) + 2))

    assert len(raw(record.MAX_RECORD_BYTES)) == record.MAX_RECORD_BYTES
    record.read_record(raw(record.MAX_RECORD_BYTES), what="it", fields=fields)
    with pytest.raises(DeniedError) as caught:
        record.read_record(raw(record.MAX_RECORD_BYTES + 1), what="it", fields=fields)
    assert caught.value.code == "json_invalid"


@pytest.mark.parametrize("name", ["a", "0", "a.b", "a_b-c", "a" * 63])
def test_names_of_releases(name: str) -> None:
    assert record.check_name(name, what="it") == name


def test_ports_at_their_limits() -> None:
    for port in (1, 65535):
        raw = changed(CANDIDATE.to_bytes(), ("sandbox", "port"), port)
        assert Candidate.parse(raw).sandbox.port == port


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (str(A), True),
        (KEY, True),
        ("key:" + "0" * 63, False),
        ("key:" + "0" * 65, False),
        ("key:" + "A" * 64, False),
        (KEY + "\n", False),
        ("sha256:" + "0" * 63, False),
        (A.hex, False),
        ("", False),
    ],
)
def test_what_can_be_revoked(value: str, expected: bool) -> None:
    assert is_value(value) is expected
    if expected:
        assert check_value(value) == value
        return
    with pytest.raises(UsageError) as caught:
        check_value(value)
    assert caught.value.code == "revocation_invalid"


def test_revoked_keys_and_digests_are_told_apart() -> None:
    revoked = {str(A), KEY}
    assert revoked_keys(revoked) == {"0" * 64}
    check_not_revoked([B, C], revoked, what="it")
    check_not_revoked([], revoked, what="it")
    with pytest.raises(DeniedError) as caught:
        check_not_revoked([B, A], revoked, what="it")
    assert (caught.value.code, caught.value.details) == ("revoked", {"digest": str(A)})
