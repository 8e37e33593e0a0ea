"""Uploads: over broken connections and forgetful registries, and never under a wrong digest."""

import hashlib
import os
from collections.abc import Callable, Iterator

import pytest

from registry_server import RegistryServer
from unit.transport.registry.conftest import Connect, Logins, Serve
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.transport.registry import upload
from weighlock.transport.registry.client import Blob, Repository

NAME = "org/model"
CHUNK = 10_000
DATA = os.urandom(3 * CHUNK + 1234)
DIGEST = Digest.of(DATA)
WHOLE = Blob(DIGEST, len(DATA))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK_BYTES", CHUNK)


@pytest.fixture
def repository(server: RegistryServer, connect: Connect) -> Repository:
    return connect(server).repository(NAME)


def pieces(data: bytes = DATA, size: int = 7_777) -> Iterator[memoryview]:
    """Yield ``data`` in one buffer that is used again, as stores do."""
    buffer = bytearray(size)
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]


def pieces_from(start: int) -> Iterator[memoryview]:
    return pieces(DATA[start:])


def is_there(server: RegistryServer, data: bytes = DATA) -> bool:
    return server.content.blobs.get(str(Digest.of(data))) == data


def nothing_is_left(server: RegistryServer) -> bool:
    repository = server.content.repository(NAME)
    return not repository.uploads and not repository.blobs


def sent(server: RegistryServer) -> int:
    """Return how many bytes of blobs came to the server."""
    return sum(
        each.body_bytes[0] for method in ("PATCH", "PUT") for each in server.asked(method, "/uploads/")
    )


def refusal(call: Callable[[], object]) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        call()
    return caught.value


def test_bytes_that_come_once(server: RegistryServer, repository: Repository) -> None:
    assert repository.upload(pieces()) == WHOLE
    assert is_there(server)
    assert [each.headers.get("content-range") for each in server.asked("PATCH")] == [
        "0-9999",
        "10000-19999",
        "20000-29999",
        "30000-31233",
    ]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK])
def test_small_blobs_go_in_one_request(server: RegistryServer, repository: Repository, size: int) -> None:
    assert repository.upload(pieces(DATA[:size])) == Blob(Digest.of(DATA[:size]), size)
    assert is_there(server, DATA[:size])
    assert [each.method for each in server.requests] == ["POST", "PUT"]


@pytest.mark.parametrize("size", [CHUNK + 1, 2 * CHUNK])
def test_larger_blobs_go_in_chunks(server: RegistryServer, repository: Repository, size: int) -> None:
    repository.upload(pieces(DATA[:size]), digest=Digest.of(DATA[:size]), size=size)
    assert is_there(server, DATA[:size])
    assert [each.method for each in server.requests] == ["POST", "PATCH", "PATCH", "PUT"]


def test_bytes_that_can_be_read_again_go_in_one_request(
    server: RegistryServer, repository: Repository
) -> None:
    assert repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)) == WHOLE
    assert is_there(server)
    assert [each.method for each in server.requests] == ["POST", "PUT"]


def test_an_empty_blob_that_can_be_read_again(server: RegistryServer, repository: Repository) -> None:
    repository.upload_from(lambda _: [], digest=Digest.of(b""), size=0)
    assert is_there(server, b"")


def test_another_algorithm(server: RegistryServer, repository: Repository) -> None:
    long = Digest("sha512", hashlib.sha512(DATA).hexdigest())
    assert repository.upload(pieces(), digest=long) == Blob(long, len(DATA))
    repository.upload_from(pieces_from, digest=long, size=len(DATA))
    assert server.content.blobs[str(long)] == DATA


@pytest.mark.parametrize("minimum", [CHUNK + 1, 2 * CHUNK, len(DATA)])
def test_a_registry_that_wants_large_chunks(
    server: RegistryServer, repository: Repository, minimum: int
) -> None:
    server.switches.chunk_minimum = minimum
    repository.upload(pieces())
    assert is_there(server)


@pytest.mark.parametrize("minimum", [str(1 << 29), "-1", "x", "9" * 20, ""])
def test_a_registry_that_wants_too_much_memory(
    server: RegistryServer, repository: Repository, minimum: str
) -> None:
    server.switches.headers["OCI-Chunk-Min-Length"] = minimum
    assert refusal(lambda: repository.upload(pieces())).code == "registry_answer_invalid"


def test_relative_locations(server: RegistryServer, repository: Repository) -> None:
    server.switches.upload_base = ""
    repository.upload(pieces())
    assert is_there(server)


@pytest.mark.parametrize("after", [0, 1, 5_000, CHUNK - 1])
def test_a_chunk_that_breaks_off(server: RegistryServer, repository: Repository, after: int) -> None:
    server.cut("PATCH", "_state=10000", after=after)
    assert repository.upload(pieces()) == WHOLE
    assert is_there(server)
    assert sent(server) == len(DATA)  # nothing twice
    assert len(server.asked("GET", "/uploads/")) == 1


def test_every_chunk_breaks_off(server: RegistryServer, repository: Repository) -> None:
    for start in range(0, len(DATA), CHUNK):
        server.cut("PATCH", f"_state={start}$", after=3)
    repository.upload(pieces())
    assert is_there(server)
    assert sent(server) == len(DATA)


@pytest.mark.parametrize("after", [0, 2, 20_000, len(DATA) - 1])
def test_one_request_that_breaks_off(server: RegistryServer, repository: Repository, after: int) -> None:
    server.cut("PUT", "/uploads/", after=after)
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert is_there(server)
    assert sent(server) == len(DATA)
    assert len(server.asked("POST")) == 1


def test_a_chunk_that_always_breaks_off(server: RegistryServer, connect: Connect) -> None:
    waits: list[float] = []
    server.cut("PATCH", "_state=10000", after=0, times=99)
    repository = connect(server, waits=waits).repository(NAME)
    assert refusal(lambda: repository.upload(pieces())).code == "host_unreachable"
    assert nothing_is_left(server)
    assert 1 < len(server.asked("PATCH")) < 10
    assert len(waits) >= 3


def test_a_registry_that_is_overloaded(server: RegistryServer, repository: Repository) -> None:
    server.answer("PATCH", "_state=20000", 503, times=2)
    server.answer("PUT", "/uploads/", 500)
    server.answer("PUT", "/uploads/", 429, headers={"Retry-After": "1"})
    repository.upload(pieces())
    assert is_there(server)


@pytest.mark.parametrize("once", [True, False])
def test_an_answer_that_gets_lost(server: RegistryServer, repository: Repository, once: bool) -> None:
    """The registry has the blob and has forgotten the upload: it is done, and nothing is sent again."""

    def finish() -> None:
        server.content.put_blob(NAME, DATA)
        server.content.repository(NAME).uploads.clear()

    server.before("PUT", "/uploads/", finish)
    if once:
        repository.upload(pieces())
    else:
        repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert len(server.asked("POST")) == len(server.asked("PUT")) == 1


def test_a_connection_that_breaks_when_all_is_done(server: RegistryServer, repository: Repository) -> None:
    server.content.put_blob(NAME, DATA)
    server.cut("PUT", "/uploads/", after=0)
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert sent(server) == 0


def test_a_forgetful_registry_gets_what_can_be_read_again(server: RegistryServer, connect: Connect) -> None:
    waits: list[float] = []
    repository = connect(server, waits=waits).repository(NAME)
    server.switches.resumable = False
    server.cut("PUT", "/uploads/", after=12_000, times=2)
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert is_there(server)
    assert len(server.asked("POST")) == 3
    assert waits


def test_a_forgetful_registry_gets_a_small_blob_again(server: RegistryServer, repository: Repository) -> None:
    server.switches.resumable = False
    server.cut("PUT", "/uploads/", after=5)
    repository.upload(pieces(DATA[:CHUNK]))
    assert is_there(server, DATA[:CHUNK])


def test_a_registry_that_forgets_again_and_again(server: RegistryServer, repository: Repository) -> None:
    server.switches.resumable = False
    server.cut("PUT", "/uploads/", after=12_000, times=99)
    error = refusal(lambda: repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)))
    assert error.code == "upload_failed"
    assert len(server.asked("POST")) == upload.MAX_RESTARTS + 1
    assert nothing_is_left(server)


def test_a_forgetful_registry_and_bytes_that_come_once(
    server: RegistryServer, repository: Repository
) -> None:
    server.switches.resumable = False
    server.cut("PATCH", "_state=10000", after=5)
    assert refusal(lambda: repository.upload(pieces())).code == "upload_failed"
    assert nothing_is_left(server)


def test_an_upload_that_vanishes_between_two_chunks(server: RegistryServer, repository: Repository) -> None:
    server.before("PATCH", "_state=20000", server.content.repository(NAME).uploads.clear)
    assert refusal(lambda: repository.upload(pieces())).code == "upload_failed"


def test_a_registry_with_a_limit_for_bodies(server: RegistryServer, repository: Repository) -> None:
    server.switches.largest_body = CHUNK
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert is_there(server)
    assert len(server.asked("PATCH")) == 4


def test_a_registry_with_too_small_a_limit(server: RegistryServer, repository: Repository) -> None:
    server.switches.largest_body = CHUNK - 1
    error = refusal(lambda: repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)))
    assert (error.code, error.details["status"]) == ("request_refused", 413)
    assert nothing_is_left(server)


def test_a_small_blob_is_too_large(server: RegistryServer, repository: Repository) -> None:
    server.switches.largest_body = CHUNK - 1
    data = DATA[:CHUNK]
    error = refusal(lambda: repository.upload_from(lambda _: [data], digest=Digest.of(data), size=CHUNK))
    assert error.details["status"] == 413
    assert len(server.asked("POST")) == 1


def test_a_chunk_at_another_place(server: RegistryServer, repository: Repository) -> None:
    """Half of a chunk arrived behind our back, as after a retry by a proxy."""
    half = DATA[10_000:15_000]

    def arrive() -> None:
        for begun in server.content.repository(NAME).uploads.values():
            begun.extend(half)

    server.before("PATCH", "_state=10000", arrive)
    repository.upload(pieces())
    assert is_there(server)
    assert sent(server) == len(DATA) + 5_000  # the first try is read by the server to its end, and refused


def test_a_resumed_upload_that_does_not_fit_is_begun_again(
    server: RegistryServer, repository: Repository
) -> None:
    """What was under way when the connection broke arrives after we asked what had arrived."""

    def arrive() -> None:
        for begun in server.content.repository(NAME).uploads.values():
            begun.extend(b"late")

    server.cut("PUT", "/uploads/", after=12_000)
    server.before("PUT", "/uploads/", arrive)
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert is_there(server)
    assert len(server.asked("POST")) == 2


def test_a_registry_that_lost_chunks_that_had_arrived(server: RegistryServer, repository: Repository) -> None:
    server.cut("PATCH", "_state=20000", after=1)
    claim = {"Location": f"/v2/{NAME}/blobs/uploads/x", "Range": "0-9999"}
    server.answer("GET", "/uploads/", 204, headers=claim)
    assert refusal(lambda: repository.upload(pieces())).code == "upload_failed"


@pytest.mark.parametrize(("method", "path"), [("GET", "/uploads/"), ("HEAD", "/blobs/sha256")])
def test_a_registry_that_stays_down_after_a_break(
    server: RegistryServer, repository: Repository, method: str, path: str
) -> None:
    server.cut("PUT", "/uploads/", after=12_000)
    server.answer(method, path, 503, times=99)
    error = refusal(lambda: repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)))
    assert error.code == "server_failed"
    assert nothing_is_left(server)


def test_a_registry_that_states_no_digest(server: RegistryServer, repository: Repository) -> None:
    server.answer("PUT", "/uploads/", 201)
    assert repository.upload(pieces()) == WHOLE


def test_a_refusal_without_a_break_is_final(server: RegistryServer, repository: Repository) -> None:
    server.answer("PATCH", "_state=10000", 400)
    assert refusal(lambda: repository.upload(pieces())).code == "request_refused"
    assert len(server.asked("POST")) == 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Range": "0-99999999"}, "registry_answer_invalid"),
        ({"Range": "5-9999"}, "registry_answer_invalid"),
        ({"Range": "x"}, "registry_answer_invalid"),
        ({"Range": "0-0"}, "registry_answer_invalid"),
        ({"Location": ""}, "registry_answer_invalid"),
    ],
)
def test_lies_about_what_has_arrived(
    server: RegistryServer, repository: Repository, headers: dict[str, str], code: str
) -> None:
    location = {"Location": f"/v2/{NAME}/blobs/uploads/x?_state=1"}
    answer = {name: value for name, value in {**location, **headers}.items() if value}
    server.answer("PATCH", "_state=0", 202, headers=answer)
    assert refusal(lambda: repository.upload(pieces())).code == code


def test_a_registry_that_claims_more_than_was_sent(server: RegistryServer, repository: Repository) -> None:
    server.cut("PUT", "/uploads/", after=12_000)
    claim = {"Location": f"/v2/{NAME}/blobs/uploads/x", "Range": f"0-{len(DATA)}"}
    server.answer("GET", "/uploads/", 204, headers=claim)
    error = refusal(lambda: repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)))
    assert error.code == "registry_answer_invalid"


def test_an_upload_without_a_location(server: RegistryServer, repository: Repository) -> None:
    server.answer("POST", "/uploads/", 202)
    assert refusal(lambda: repository.upload(pieces())).code == "registry_answer_invalid"


def test_an_upload_to_another_host(serve: Serve, server: RegistryServer, connect: Connect) -> None:
    elsewhere = serve()
    server.switches.upload_base = elsewhere.url
    repository = connect(server, Logins(), realms=(elsewhere,)).repository(NAME)
    for call in (
        lambda: repository.upload(pieces()),
        lambda: repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA)),
        lambda: repository.mount(DIGEST, "org/other"),
    ):
        assert refusal(call).code == "upload_elsewhere"
    assert elsewhere.requests == []


def test_an_upload_to_an_allowed_host(serve: Serve, guarded: RegistryServer, connect: Connect) -> None:
    elsewhere = serve()
    elsewhere.content = guarded.content
    guarded.switches.upload_base = elsewhere.url
    elsewhere.switches.upload_base = ""
    repository = connect(guarded, Logins(), redirects=(elsewhere,)).repository(NAME)
    repository.upload(pieces())
    assert is_there(guarded)
    assert len(elsewhere.requests) == 5
    assert not any("authorization" in each.headers for each in elsewhere.requests)


def test_wrong_bytes_never_get_a_name(server: RegistryServer, repository: Repository) -> None:
    wrong = Digest.of(b"other")
    for data in (DATA, DATA[:CHUNK]):
        error = refusal(lambda data=data: repository.upload(pieces(data), digest=wrong))  # type: ignore[misc]  # a lambda's default
        assert error.code == "digest_mismatch"
    error = refusal(lambda: repository.upload_from(pieces_from, digest=wrong, size=len(DATA)))
    assert error.code == "digest_mismatch"
    assert nothing_is_left(server)
    assert not any(each.body_bytes[0] == len(DATA) for each in server.asked("PUT"))


def test_nothing_under_the_digest_of_something(server: RegistryServer, repository: Repository) -> None:
    error = refusal(lambda: repository.upload_from(lambda _: [], digest=DIGEST, size=0))
    assert error.code == "digest_mismatch"
    assert nothing_is_left(server)


@pytest.mark.parametrize("change", [-1, 1])
def test_another_size_never_gets_a_name(server: RegistryServer, repository: Repository, change: int) -> None:
    size = len(DATA) + change
    assert refusal(lambda: repository.upload(pieces(), size=size)).code == "size_mismatch"
    assert (
        refusal(lambda: repository.upload_from(pieces_from, digest=DIGEST, size=size)).code == "size_mismatch"
    )
    assert nothing_is_left(server)


def test_bytes_that_are_others_when_read_again(server: RegistryServer, repository: Repository) -> None:
    """The digest of the first reading was right; what the registry has of both readings has another one."""
    reads = iter([DATA, bytes(len(DATA)), bytes(len(DATA))])
    server.cut("PUT", "/uploads/", after=20_000)
    error = refusal(
        lambda: repository.upload_from(
            lambda start: pieces(next(reads)[start:]), digest=DIGEST, size=len(DATA)
        )
    )
    assert error.code in {"digest_mismatch", "request_refused"}
    assert nothing_is_left(server)


def test_a_source_that_fails_cancels_the_upload(server: RegistryServer, repository: Repository) -> None:
    def failing(start: int = 0) -> Iterator[bytes]:
        yield DATA[start:25_000]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.upload(failing())
    with pytest.raises(KeyboardInterrupt):
        repository.upload_from(failing, digest=DIGEST, size=len(DATA))
    assert nothing_is_left(server)
    assert len(server.asked("DELETE")) == 2


def test_a_registry_that_does_not_cancel(server: RegistryServer, repository: Repository) -> None:
    server.answer("DELETE", "/uploads/", 500, times=9)
    assert refusal(lambda: repository.upload(pieces(), digest=Digest.of(b""))).code == "digest_mismatch"


def test_a_registry_that_stores_something_else(server: RegistryServer, repository: Repository) -> None:
    headers = {"Docker-Content-Digest": str(Digest.of(b"other"))}
    server.answer("PUT", "/uploads/", 201, headers=headers)
    with pytest.raises(DeniedError) as caught:
        repository.upload(pieces())
    assert caught.value.code == "digest_header_wrong"


def test_a_token_that_ends_in_the_middle(guarded: RegistryServer, connect: Connect) -> None:
    repository = connect(guarded, Logins()).repository(NAME)
    guarded.before("PATCH", "_state=10000", guarded.access.issued.clear)
    guarded.before("PUT", "/uploads/", guarded.access.issued.clear)
    repository.upload(pieces())
    repository.upload_from(pieces_from, digest=DIGEST, size=len(DATA))
    assert is_there(guarded)
    assert len(guarded.access.asked) == 3


def test_no_right_to_push(guarded: RegistryServer, connect: Connect) -> None:
    with pytest.raises(UndecidedError) as caught:
        connect(guarded).repository(NAME).upload(pieces())
    assert caught.value.code == "access_refused"


def test_mounting(server: RegistryServer, connect: Connect) -> None:
    server.content.put_blob("org/source", DATA)
    repository = connect(server).repository(NAME)
    assert repository.mount(DIGEST, "org/source")
    assert repository.has_blob(DIGEST) == len(DATA)
    assert sent(server) == 0


@pytest.mark.parametrize("can_mount", [True, False])
def test_what_cannot_be_mounted(server: RegistryServer, repository: Repository, can_mount: bool) -> None:
    server.switches.mounting = can_mount
    server.content.repository("org/source")
    assert not repository.mount(DIGEST, "org/source")
    assert nothing_is_left(server)  # the upload that was begun instead is cancelled


def test_mounting_asks_for_both_repositories(guarded: RegistryServer, connect: Connect) -> None:
    guarded.content.put_blob("org/source", DATA)
    assert connect(guarded, Logins()).repository(NAME).mount(DIGEST, "org/source")
    assert guarded.access.asked[0]["scope"] == "repository:org/model:pull,push repository:org/source:pull"


def test_a_mount_of_something_else(server: RegistryServer, repository: Repository) -> None:
    server.answer("POST", "mount=", 201, headers={"Docker-Content-Digest": str(Digest.of(b"x"))})
    assert refusal(lambda: repository.mount(DIGEST, "org/source")).code == "digest_header_wrong"
    assert refusal(lambda: repository.mount(DIGEST, "../x")).code == "reference_invalid"
