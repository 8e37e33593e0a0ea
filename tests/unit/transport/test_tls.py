"""TLS: who is trusted, and what is said when it fails."""

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from http_house import LOOPBACK, Answer, House, ManualTime, authority, redirect, safe_house
from web_authority import Authority
from weighlock.core.error import UndecidedError, UsageError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.credential import bearer
from weighlock.transport.host import Hosts
from weighlock.transport.url import parse_url

__all__ = ["authority", "safe_house"]


def failure(network: Network, url: str, *, attempts: int = 1) -> UndecidedError:
    hosts = Hosts.of([url.split("/")[2]])
    timing = ManualTime().timing(silence_s=5, connect_s=2, attempts=attempts)
    with Client(network, timing=timing) as client:
        with pytest.raises(UndecidedError) as raised:
            client.open(Request("GET", url, hosts))
        return raised.value


def trusting(authority: Authority) -> list[tuple[str, Network]]:
    file = str(authority.ca_file)
    return [
        ("ca_file", Network(ca_file=authority.ca_file)),
        (
            "ca_file before others",
            Network(ca_file=authority.ca_file, environ={"SSL_CERT_FILE": "/nonexistent"}),
        ),
        ("SSL_CERT_FILE", Network(environ={"SSL_CERT_FILE": file, "REQUESTS_CA_BUNDLE": "/nonexistent"})),
        (
            "REQUESTS_CA_BUNDLE",
            Network(environ={"REQUESTS_CA_BUNDLE": file, "CURL_CA_BUNDLE": "/nonexistent"}),
        ),
        ("CURL_CA_BUNDLE", Network(environ={"CURL_CA_BUNDLE": file, "SSL_CERT_FILE": ""})),
    ]


def test_trust(authority: Authority, safe_house: House) -> None:
    safe_house.put("/", b"safe")
    hosts = Hosts.of([safe_house.host])
    for name, network in trusting(authority):
        with Client(network) as client:
            assert client.document(Request("GET", safe_house.url(), hosts), limit_bytes=9).raw == b"safe", (
                name
            )


def test_a_folder_of_certificates(
    authority: Authority, safe_house: House, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("openssl")
    safe_house.put("/", b"safe")
    # OpenSSL looks for a certificate in a folder under a digest of its subject
    asked = ["openssl", "x509", "-in", str(authority.ca_file), "-noout", "-subject_hash"]
    name = subprocess.run(asked, check=True, capture_output=True).stdout.decode().strip()
    (tmp_path / f"{name}.0").write_bytes(authority.ca_file.read_bytes())
    hosts = Hosts.of([safe_house.host])
    for environ in ({"SSL_CERT_DIR": f"/nonexistent:{tmp_path}"}, {"REQUESTS_CA_BUNDLE": str(tmp_path)}):
        with Client(Network(environ=environ)) as client:
            assert client.document(Request("GET", safe_house.url(), hosts), limit_bytes=9).raw == b"safe"


@pytest.mark.parametrize(
    "environ",
    [
        {"SSL_CERT_FILE": "/nonexistent"},
        {"SSL_CERT_DIR": "/nonexistent:/nowhere"},
        {"SSL_CERT_DIR": ":"},
        {"REQUESTS_CA_BUNDLE": "/dev/null"},
        {"CURL_CA_BUNDLE": "/etc/passwd"},
    ],
    ids=str,
)
def test_a_file_of_certificates_that_is_none(safe_house: House, environ: dict[str, str]) -> None:
    with Client(Network(environ=environ)) as client, pytest.raises(UsageError) as refused:
        client.open(Request("GET", safe_house.url(), Hosts.of([safe_house.host])))
    assert refused.value.code == "ca_invalid"
    assert next(iter(environ)) in refused.value.message
    assert safe_house.requests == []


def test_an_authority_that_nobody_trusts(safe_house: House) -> None:
    problem = failure(Network(), safe_house.url(), attempts=3)
    assert problem.code == "tls_failed"
    assert "authority that is not trusted" in problem.message
    assert "network.ca_file" in problem.hint
    assert safe_house.connections == 1, "it is not tried again"
    assert safe_house.requests == []


def test_a_certificate_that_signs_itself(authority: Authority) -> None:
    with House(tls=authority.context(LOOPBACK, signed_by_itself=True)) as house:
        problem = failure(Network(ca_file=authority.ca_file), house.url())
    assert "signed by itself" in problem.message
    assert "network.ca_file" in problem.hint


def test_a_certificate_that_has_expired(authority: Authority) -> None:
    with House(tls=authority.context(LOOPBACK, days=-1)) as house:
        problem = failure(Network(ca_file=authority.ca_file), house.url())
    assert problem.code == "tls_failed"
    assert "expired" in problem.message
    assert "clock" in problem.hint


@pytest.mark.parametrize(("names", "asked"), [(["other.example"], "localhost"), (["localhost"], LOOPBACK)])
def test_a_certificate_for_somebody_else(authority: Authority, names: list[str], asked: str) -> None:
    with House(tls=authority.context(*names)) as house:
        problem = failure(Network(ca_file=authority.ca_file), house.url("/", asked))
    assert problem.code == "tls_failed"
    assert "is for another" in problem.message


def test_a_server_without_tls(authority: Authority) -> None:
    def refuse() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(1 << 16)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server((LOOPBACK, 0)) as listener:
        speaking = threading.Thread(target=refuse, daemon=True)
        speaking.start()
        problem = failure(
            Network(ca_file=authority.ca_file), f"https://{LOOPBACK}:{listener.getsockname()[1]}/"
        )
        speaking.join(10)
    assert problem.code == "tls_failed"
    assert "TLS 1.2" in problem.hint


def test_a_server_with_old_tls_only(authority: Authority) -> None:
    context = authority.context(LOOPBACK)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with House(tls=context) as house:
        assert failure(Network(ca_file=authority.ca_file), house.url()).code == "tls_failed"
    assert Network(ca_file=authority.ca_file).tls_context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_server_that_hangs_up_or_says_nothing(authority: Authority) -> None:
    network = Network(ca_file=authority.ca_file)
    with socket.create_server((LOOPBACK, 0)) as listener:  # accepts, and never speaks
        url = f"https://{LOOPBACK}:{listener.getsockname()[1]}/"
        timing = ManualTime().timing(connect_s=0.1, attempts=1)
        with Client(network, timing=timing) as client, pytest.raises(UndecidedError) as raised:
            client.open(Request("GET", url, Hosts.of([url.split("/")[2]])))
    assert raised.value.code == "timed_out"
    assert "handshake" in raised.value.message


@pytest.mark.parametrize("linger", [None, 0])
def test_a_server_that_hangs_up_in_the_handshake(authority: Authority, linger: int | None) -> None:
    def hang_up() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(1 << 16)
            if linger is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))

    with socket.create_server((LOOPBACK, 0)) as listener:
        speaking = threading.Thread(target=hang_up, daemon=True)
        speaking.start()
        url = f"https://{LOOPBACK}:{listener.getsockname()[1]}/"
        assert failure(Network(ca_file=authority.ca_file), url).code == "host_unreachable"
        speaking.join(10)


def test_an_end_that_tls_did_not_announce_may_be_an_attack(authority: Authority, safe_house: House) -> None:
    safe_house.put("/", Answer(200, b"half of it", length=-1, cut=10))
    network = Network(ca_file=authority.ca_file)
    with (
        Client(network, timing=ManualTime().timing(attempts=1)) as client,
        pytest.raises(UndecidedError) as raised,
    ):
        client.document(Request("GET", safe_house.url(), Hosts.of([safe_house.host])), limit_bytes=99)
    assert raised.value.code == "body_truncated"


@pytest.fixture
def with_netrc(authority: Authority, tmp_path: Path) -> Network:
    file = tmp_path / "netrc"
    file.write_text(f"machine {LOOPBACK} login me password s3cret\n", encoding="ascii")
    file.chmod(0o600)
    return Network(ca_file=authority.ca_file, environ={"NETRC": str(file)})


def test_netrc_is_used_where_nothing_better_is(safe_house: House, with_netrc: Network) -> None:
    safe_house.put("/", b"safe")
    origin = parse_url(safe_house.url()).origin
    hosts = Hosts.of([safe_house.host])
    with Client(with_netrc) as client:
        for request in (
            Request("GET", safe_house.url(), hosts),
            Request("GET", safe_house.url(), hosts, credential=bearer(origin, "token")),
            Request("GET", safe_house.url(), hosts, headers={"authorization": "own"}),
        ):
            client.document(request, limit_bytes=9)
    sent = [asked.headers["authorization"] for asked in safe_house.requests]
    assert sent == ["Basic bWU6czNjcmV0", "Bearer token", "own"]


def test_netrc_is_not_for_where_a_redirect_leads(
    authority: Authority, safe_house: House, with_netrc: Network
) -> None:
    with House(tls=authority) as other:  # the same host at another port
        safe_house.put("/", redirect(other.url("/")))
        other.put("/", b"other")
        hosts, redirects = Hosts.of([safe_house.host]), Hosts.of([other.host])
        with Client(with_netrc) as client:
            client.document(Request("GET", safe_house.url(), hosts, redirects=redirects), limit_bytes=9)
        assert "authorization" in safe_house.requests[0].headers
        assert "authorization" not in other.requests[0].headers
