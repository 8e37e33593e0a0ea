"""A network that breaks or lies, between ``weighlock pull`` and the bytes of ``hf:`` and ``https:`` sources.

In both cases one server sends the weights: the content host of a hub, or the host in the address. After each failure
no unverified byte has a final name; after each broken attempt the next asks for what is missing, and nothing else.
"""

import functools
import hashlib
import itertools
import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from http_house import Answer, Asked, House, Route, compressed, content, redirect
from hub import Hub
from hub_server import Exchange
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import Authority, common_authority
from weighlock.transport import client, download, stream, timing, window

WEIGHTS = b"GGUF" + os.urandom(1_999_996)
OTHER = WEIGHTS[:1_000_000] + bytes(1_000_000)
HALF = 1_000_000
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
PATH = "/models/tiny.gguf"
SIGNED = "/signed/tiny.gguf"
CONFIG = b'{"model_type": "tiny"}'
WHOLE = content(WEIGHTS)
LATER = "try again later; what has arrived is kept"
SIZE_ONLY = "bytes=0-0"  # what an https: source asks first


class Line:
    """A project, and the server that sends it the weights of one model."""

    def __init__(self, project: Project, house: House, authority: Authority, hub: Hub | None) -> None:
        self.project, self.house, self.authority, self.hub = project, house, authority, hub
        self.signatures = itertools.count(1)
        self.source = "hf:acme/tiny" if hub else f"{house.url(PATH)}#sha256={DIGEST}"
        self.values: dict[str, Any] = {
            "version": 1,
            "sources": {"hf": ["acme"], "https": [house.host]},
            "network": {"ca_file": str(authority.ca_file), "hosts": [house.host]},
        }
        if hub:
            hub.create("acme/tiny").commit({"config.json": CONFIG, "tiny.gguf": WEIGHTS})
            hub.alter.append(self._send_to_house)
            self.values["hf"] = {"origin": hub.url}
            both = project.root / "both.pem"
            both.write_bytes(authority.ca_file.read_bytes() + common_authority().ca_file.read_bytes())
            self.values["network"]["ca_file"] = str(both)
        self.write()
        self.serve(WHOLE)

    def _send_to_house(self, exchange: Exchange) -> None:
        if "/resolve/" in exchange.path and exchange.path.endswith(".gguf"):
            exchange.headers["Location"] = self.house.url(f"{PATH}?Signature=s3cret")

    def write(self) -> None:
        (self.project.root / "weighlock.yaml").write_text(json.dumps(self.values))

    def serve(self, *routes: Route, at: str = PATH) -> None:
        """Answer with ``routes`` in turn, the last for ever; how large the file is, is always told."""
        left = [content(route) if isinstance(route, bytes) else route for route in routes]

        def answer(asked: Asked) -> Answer:
            if asked.headers.get("range") == SIZE_ONLY and self.hub is None:
                return WHOLE(asked)
            route = left.pop(0) if len(left) > 1 else left[0]
            return route if isinstance(route, Answer) else route(asked)

        self.house.put(at, answer)

    def pull(self, *options: str) -> Ran:
        ran = self.project.run("pull", self.source, *options)
        assert "s3cret" not in ran.out + ran.err
        self.assert_only_verified_names()
        return ran

    def fails(self, code: str, *, status: int, hint: str) -> None:
        """Pull and assert that it ends with this code and hint, and that nothing is listed or locked."""
        ran = self.pull()
        assert (ran.status, f"[{code}]" in ran.err) == (status, True), ran
        assert hint in ran.err.partition("hint:")[2], ran
        self.project.assert_untouched()

    def succeeds(self, *, resumed: int = 0) -> None:
        """Pull and assert that every byte is right, and how much an earlier attempt had left."""
        ran = self.pull("--json")
        assert ran.status == 0, ran
        (facts,) = ran.facts["models"]
        assert {file["path"]: file["digest"] for file in facts["files"]}["tiny.gguf"] == f"sha256:{DIGEST}"
        assert facts["transfer"]["resumed"] == resumed
        assert "s3cret" not in self.project.lock.read_text()

    def assert_only_verified_names(self) -> None:
        for blob in (self.project.store_folder / "blobs" / "sha256").iterdir():
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name

    def kept(self) -> int:
        """Return how many bytes of the weights a broken attempt left."""
        return (self.project.store_folder / "ingest" / f"{DIGEST}.partial").stat().st_size

    def asked_for(self) -> list[str]:
        """Return the ranges of the weights that were asked for, in order."""
        asked = [each.headers.get("range", "all") for each in self.house.requests]
        return [each for each in asked if self.hub or each != SIZE_ONLY]

    def goes_on(self, kept: int) -> None:
        """Assert that an honest server is asked for what is missing after ``kept`` bytes, once, and nothing else."""
        assert self.kept() == kept
        self.serve(WHOLE)
        self.house.requests.clear()
        if self.hub:
            self.hub.server.exchanges.clear()
        self.succeeds(resumed=kept)
        assert self.asked_for() == [f"bytes={kept}-{len(WEIGHTS) - 1}"]
        if self.hub:
            assert [each.path for each in self.hub.requests if "/resolve-cache/" in each.path] == []


@pytest.fixture(name="slept")
def slept_fixture(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait; return how long it would have been."""
    slept: list[float] = []
    monkeypatch.setattr(timing, "pause", slept.append)
    monkeypatch.setattr(download, "Downloader", functools.partial(download.Downloader, wait=slept.append))
    return slept


@pytest.fixture(params=["hf", "https"])
def line(
    request: pytest.FixtureRequest,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
) -> Iterator[Line]:
    assert slept == []
    monkeypatch.setenv("HOME", str(tmp_path))  # where netrc would be
    for name in ("HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    authority = Authority(tmp_path)
    hub = Hub().start() if request.param == "hf" else None
    with House(tls=authority) as house:
        yield Line(project, house, authority, hub)
    if hub:
        hub.stop()


# --- bodies


def test_an_honest_line(line: Line) -> None:
    line.succeeds()
    assert line.asked_for() == ["all"]


def broken_off(asked: Asked) -> Answer:
    """Send what was asked for up to the middle of the file, and break off."""
    answer = WHOLE(asked)
    start = len(WEIGHTS) - len(answer.body)
    return Answer(answer.status, answer.body, answer.headers, cut=max(0, HALF - start))


def test_a_body_that_breaks_off_is_gone_on_with(line: Line) -> None:
    line.serve(broken_off, WHOLE)
    line.succeeds()
    assert line.asked_for() == ["all", f"bytes={HALF}-{len(WEIGHTS) - 1}"]


def test_bodies_that_always_break_off(line: Line) -> None:
    line.serve(broken_off)
    line.fails("body_truncated", status=3, hint=LATER)
    line.goes_on(HALF)


def test_a_connection_that_is_reset(line: Line) -> None:
    line.serve(Answer(200, WEIGHTS, cut=HALF, reset=True), WHOLE)
    line.succeeds()
    assert len(line.asked_for()) == 2


@pytest.mark.parametrize(
    ("length", "code", "hint"),
    [
        (HALF, "size_mismatch", "nothing of it was kept"),
        (len(WEIGHTS) + 1, "size_mismatch", "nothing of it was kept"),
        (1 << 62, "response_invalid", "broken or hostile"),
    ],
)
def test_a_wrong_content_length(line: Line, length: int, code: str, hint: str) -> None:
    line.serve(Answer(200, WEIGHTS[:length], length=length))
    line.fails(code, status=1, hint=hint)


def test_a_body_without_a_length_that_does_not_end(line: Line) -> None:
    line.serve(Answer(200, WEIGHTS + b"x", length=-1))
    line.fails("size_mismatch", status=1, hint="nothing of it was kept")


def test_a_compressed_answer(line: Line) -> None:
    line.serve(compressed(WEIGHTS))
    line.fails("encoding_refused", status=1, hint="a proxy or server between changes answers")


# --- ranges


def version(number: int, body: bytes) -> Callable[[Asked], Answer]:
    """Return a handler that claims to send this version, and minds no If-Range."""
    serve = content(body, etag=f'"{number}"')

    def answer(asked: Asked) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name != "if-range"}
        return serve(Asked(asked.method, asked.target, headers, asked.body, asked.connection))

    return answer


def test_content_that_changes_between_ranges(line: Line) -> None:
    first = Answer(200, WEIGHTS, {"ETag": '"1"'}, cut=HALF)
    line.serve(first, version(2, OTHER))
    line.fails("content_changed", status=1, hint="again")
    line.serve(first, content(OTHER, etag='"2"'))  # which minds If-Range, and sends all of it
    line.fails("content_changed", status=1, hint="again")


def test_content_that_changes_between_ranges_without_a_word(line: Line) -> None:
    line.serve(Answer(200, WEIGHTS, {"ETag": '"1"'}, cut=HALF), version(1, OTHER))
    line.fails("digest_mismatch", status=1, hint="nothing of it was kept")
    assert list((line.project.store_folder / "ingest").glob("*.partial")) == []


@pytest.mark.parametrize("length", [len(WEIGHTS) - HALF, 5])
def test_a_range_that_is_another(line: Line, length: int) -> None:
    span = {"Content-Range": f"bytes 5-{4 + length}/{len(WEIGHTS)}"}
    line.serve(broken_off, Answer(206, WEIGHTS[5 : 5 + length], span))
    line.fails("range_invalid", status=1, hint="another mirror may help")


def test_the_whole_file_where_a_range_was_asked_for(line: Line) -> None:
    line.serve(broken_off, Answer(200, WEIGHTS))
    line.succeeds()


def test_the_next_pull_is_sent_the_whole_file_where_it_asked_for_a_range(line: Line) -> None:
    line.serve(broken_off)
    assert line.pull().status == 3
    line.serve(Answer(200, WEIGHTS))
    line.succeeds(resumed=HALF)


@pytest.fixture
def parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every link be one that is too slow for one connection."""
    monkeypatch.setattr(download, "SLOW_BYTES_PER_S", float("inf"))
    monkeypatch.setattr(download, "MEASURED_S", 1e-9)
    monkeypatch.setattr(download, "LEAST_BYTES", 1)
    monkeypatch.setattr(download, "READ_BYTES", 1 << 16)
    monkeypatch.setattr(window, "LEAST_PART_BYTES", 1 << 16)


@pytest.mark.usefixtures("parallel")
def test_parallel_ranges_of_one_file(line: Line) -> None:
    line.succeeds()
    parts = [each.removeprefix("bytes=").split("-") for each in line.asked_for() if each != "all"]
    assert len(parts) > 2
    spans = sorted((int(start), int(end)) for start, end in parts)
    assert spans[-1][1] == len(WEIGHTS) - 1
    for one, two in itertools.pairwise(spans):
        assert two[0] == one[1] + 1, "a part twice, or a gap"


@pytest.mark.usefixtures("parallel")
@pytest.mark.parametrize(("number", "code"), [(2, "content_changed"), (1, "digest_mismatch")])
def test_parallel_ranges_of_two_versions(line: Line, number: int, code: str) -> None:
    begin, rest = version(1, WEIGHTS), version(number, OTHER)
    line.serve(lambda asked: (rest if "range" in asked.headers else begin)(asked))
    ran = line.pull().denied(code)
    assert "hint:" in ran.err
    line.project.assert_untouched()


# --- slowness, refusals


def test_a_sender_of_drops(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "Timing", functools.partial(timing.Timing, window_s=0.1))
    monkeypatch.setattr(stream, "ATTEMPTS", 2)
    line.serve(Answer(200, WEIGHTS, drip=0.02))
    line.fails("timed_out", status=3, hint=LATER)


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "server_failed")])
def test_servers_that_want_time(line: Line, slept: list[float], status: int, code: str) -> None:
    busy = Answer(status, headers={"Retry-After": "7"})
    line.serve(busy, busy, WHOLE)
    line.succeeds()
    assert [each for each in slept if each >= 7] == slept
    assert len(slept) == 2
    line.project.lock.unlink()
    (line.project.store_folder / "blobs" / "sha256" / DIGEST).unlink()
    (line.project.store_folder / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    line.serve(Answer(status, headers={"Retry-After": "3600"}))
    line.fails(code, status=3, hint="3600" if status == 429 else LATER)


def test_a_server_that_fails(line: Line) -> None:
    line.serve(Answer(500))
    line.fails("server_failed", status=3, hint=LATER)


def test_a_server_that_fails_in_the_middle(line: Line) -> None:
    line.serve(broken_off, Answer(500))
    line.fails("server_failed", status=3, hint=LATER)
    line.goes_on(HALF)


@pytest.mark.parametrize("target", [PATH, f"{PATH}?once=more", "/elsewhere"])
def test_redirects_without_end(line: Line, target: str) -> None:
    line.serve(redirect(target))
    line.serve(redirect(PATH), at="/elsewhere")
    line.fails("redirect_refused", status=1, hint="misconfigured or not what it seems")


def test_a_redirect_to_a_host_that_nobody_named(line: Line) -> None:
    """The hint is the line that allows it; written into the settings, it does."""
    line.values["network"]["hosts"] = []
    line.write()
    with House(tls=line.authority) as elsewhere:
        if line.hub is None:
            line.house.put(PATH, redirect(elsewhere.url(PATH)))
            elsewhere.put(PATH, WEIGHTS)
        named = elsewhere if line.hub is None else line.house
        line.fails(
            "redirect_refused", status=1, hint=f"\n    network:\n      hosts:\n        - '{named.host}'"
        )
        assert elsewhere.requests == []
        line.values["network"]["hosts"] = [named.host]
        line.write()
        line.succeeds()


# --- names, certificates, signatures


def test_a_name_that_nobody_knows(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    line.values["sources"]["https"] = ["files.example"]
    line.values["hf"] = {"origin": "https://hub.example"}
    line.write()
    line.source = "hf:acme/tiny" if line.hub else f"https://files.example{PATH}#sha256={DIGEST}"
    line.fails("host_unreachable", status=3, hint="check the name")


def test_a_certificate_that_nobody_trusts(line: Line) -> None:
    line.values["network"]["ca_file"] = str(common_authority().ca_file)  # not that of the weights' host
    line.write()
    line.fails("tls_failed", status=3, hint="network.ca_file")
    assert line.house.requests == []


class Signed:
    """Leads each who asks to a new address, which works for as many answers as ``uses`` says."""

    def __init__(self, line: Line, uses: int, route: Route) -> None:
        self._left: dict[str, int] = {}
        self._line, self._uses, self._route = line, uses, route
        line.serve(self._lead)
        line.serve(self._send, at=SIGNED)

    def _lead(self, _: Asked) -> Answer:
        signature = f"s3cret{next(self._line.signatures)}"
        self._left[signature] = self._uses
        return redirect(f"{SIGNED}?Signature={signature}")

    def _send(self, asked: Asked) -> Answer:
        signature = asked.query["Signature"]
        self._left[signature] -= 1
        if self._left[signature] < 0:
            return Answer(403, b"Request has expired")
        route = self._route
        self._route = WHOLE
        assert callable(route)
        return route(asked)


def test_a_signed_address_that_expires(line: Line) -> None:
    Signed(line, 1, broken_off)
    line.succeeds()
    sent = [each.headers.get("range", "all") for each in line.house.asked(SIGNED)]
    assert sent == ["all", *[f"bytes={HALF}-{len(WEIGHTS) - 1}"] * 2]  # refused once, then sent


def test_signed_addresses_that_never_work(line: Line) -> None:
    Signed(line, 0, WHOLE)
    line.fails("access_refused", status=3, hint="check the token or password")


# --- disks


def test_a_disk_that_is_full(line: Line) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        ran = line.pull()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (ran.status, "[io_failed]" in ran.err, "hint:" in ran.err) == (3, True, True), ran
    assert line.project.names() == {}
    line.goes_on(HALF)
