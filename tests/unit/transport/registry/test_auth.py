"""Who gets to see a credential: the registry, and those that a person allowed. Nobody else, whatever is asked."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry_access import SERVICE, Access
from registry_server import RegistryServer
from unit.transport.registry.conftest import LOGIN, Connect, Logins, Serve
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.transport.client import Client, Document, Network, Request
from weighlock.transport.credential import Secret
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts
from weighlock.transport.redirect import first_hop
from weighlock.transport.registry.auth import Authorizer, Scope, read_token, scopes_for, write_scopes
from weighlock.transport.registry.client import Endpoint
from weighlock.transport.registry.docker_config import Login, NoCredentials
from weighlock.transport.url import parse_url

BLOB = b"weights" * 1000
DIGEST = Digest.of(BLOB)
SECRETS = ("p4ssw0rd", "cm9ib3Q6cDRzc3cwcmQ=", "refresh-me")


@pytest.fixture
def full(guarded: RegistryServer) -> RegistryServer:
    guarded.content.put_blob("org/model", BLOB)
    return guarded


def seen(server: RegistryServer) -> str:
    """Return all that the server was sent, but for bodies."""
    return "\n".join(f"{each.path} {dict(each.headers)}" for each in server.requests)


def challenge(server: RegistryServer, header: str, *, status: int = 401, times: int = 9) -> None:
    server.answer("HEAD", "/blobs/", status, headers={"WWW-Authenticate": header}, times=times)


def refusal(code: str, server: RegistryServer, connect: Connect, **options: object) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        connect(server, Logins(), **options).repository("org/model").has_blob(DIGEST)
    assert caught.value.code == code
    for secret in SECRETS:
        assert (
            secret not in f"{caught.value}{caught.value.hint}{caught.value.details}{caught.value.__cause__}"
        )
    return caught.value


def test_basic(serve: Serve, connect: Connect) -> None:
    server = serve(Access(users={"robot": "p4ssw0rd"}))
    server.content.put_blob("org/model", BLOB)
    logins = Logins()
    repository = connect(server, logins).repository("org/model")
    assert repository.has_blob(DIGEST) == len(BLOB)
    assert repository.has_blob(DIGEST) == len(BLOB)
    assert len(server.requests) == 3  # the first one without a password, since nobody had asked for one
    assert logins.asked == [(server.name, "org/model")]


def test_basic_with_a_wrong_password(serve: Serve, connect: Connect) -> None:
    server = serve(Access(users={"robot": "another"}))
    error = refusal("access_refused", server, connect)
    assert "docker login" in error.hint
    assert "the login that is stored" in error.message
    assert len(server.requests) == 2


def test_nobody_is_asked_to_log_in(serve: Serve, connect: Connect) -> None:
    server = serve(Access(users={"robot": "another"}))
    with pytest.raises(UndecidedError) as caught:
        connect(server).repository("org/model").has_blob(DIGEST)
    assert caught.value.code == "access_refused"
    assert "no login is stored" in caught.value.message


def test_a_token_is_asked_for_once(full: RegistryServer, connect: Connect) -> None:
    repository = connect(full, Logins()).repository("org/model")
    for _ in range(3):
        assert repository.has_blob(DIGEST) == len(BLOB)
    assert full.access.asked == [{"method": "GET", "scope": "repository:org/model:pull"}]
    assert len(full.requests) == 5
    assert SECRETS[1] not in "".join(each.headers.get("authorization", "") for each in full.asked("HEAD"))


def test_a_token_for_anybody(full: RegistryServer, connect: Connect) -> None:
    full.access.anonymous_pull = True
    repository = connect(full).repository("org/model")
    assert repository.has_blob(DIGEST) == len(BLOB)
    with pytest.raises(UndecidedError) as caught:
        repository.upload([b"x"])
    assert caught.value.code == "access_refused"


def test_an_identity_token(full: RegistryServer, connect: Connect) -> None:
    full.access.refresh_tokens.add("refresh-me")
    login = Login("", Secret(""), Secret("refresh-me"))
    assert connect(full, Logins(login)).repository("org/model").has_blob(DIGEST) == len(BLOB)
    assert full.access.asked == [{"method": "POST", "scope": "repository:org/model:pull"}]
    assert "refresh-me" not in seen(full)  # it travels in the body, not in the address


@pytest.mark.parametrize("status", [307, 308])
def test_an_identity_token_is_not_sent_on(
    full: RegistryServer, serve: Serve, connect: Connect, status: int
) -> None:
    realm, elsewhere = serve(), serve()  # both are allowed, as hosts in `network.hosts` are
    full.access.realm = f"{realm.url}/token"
    realm.answer("POST", "/token", status, headers={"Location": f"{elsewhere.url}/token"}, times=9)
    login = Login("", Secret(""), Secret("refresh-me"))
    repository = connect(full, Logins(login), realms=(realm, elsewhere)).repository("org/model")
    with pytest.raises(DeniedError) as caught:
        repository.has_blob(DIGEST)
    assert caught.value.code == "redirect_refused"
    assert elsewhere.requests == []


def test_an_identity_token_is_no_password(serve: Serve, connect: Connect) -> None:
    server = serve(Access(users={"robot": "x"}))
    with pytest.raises(UndecidedError) as caught:
        connect(server, Logins(Login("robot", Secret("x"), Secret("t")))).repository("a").has_blob(DIGEST)
    assert caught.value.code == "access_refused"


def test_a_token_expires_by_the_clock(full: RegistryServer, connect: Connect) -> None:
    now = [1000.0]
    repository = connect(full, Logins(), monotonic=lambda: now[0]).repository("org/model")
    repository.has_blob(DIGEST)
    now[0] += full.access.expires_in - 11
    repository.has_blob(DIGEST)
    assert len(full.access.asked) == 1
    now[0] += 1
    repository.has_blob(DIGEST)
    assert len(full.access.asked) == 2
    assert [each.headers.get("authorization", "")[:6] for each in full.asked("HEAD")] == ["", "Bearer", "Bearer", "Bearer"]  # fmt: skip


def test_a_token_that_the_registry_forgot(full: RegistryServer, connect: Connect) -> None:
    repository = connect(full, Logins()).repository("org/model")
    repository.has_blob(DIGEST)
    full.access.issued.clear()
    assert repository.has_blob(DIGEST) == len(BLOB)
    assert len(full.access.asked) == 2


def test_more_rights_are_asked_for_when_they_are_needed(full: RegistryServer, connect: Connect) -> None:
    repository = connect(full, Logins()).repository("org/model")
    repository.has_blob(DIGEST)
    repository.upload([b"x"])
    repository.has_blob(DIGEST)
    assert [each["scope"] for each in full.access.asked] == [
        "repository:org/model:pull",
        "repository:org/model:pull,push",
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_allows_too_little(full: RegistryServer, connect: Connect, status: int) -> None:
    """Somebody else's rights changed: the token is good, and no longer for this."""
    full.access.insufficient_status = status
    repository = connect(full, Logins()).repository("org/model")
    repository.has_blob(DIGEST)
    for scopes in full.access.issued.values():
        scopes.clear()
    assert repository.has_blob(DIGEST) == len(BLOB)
    assert len(full.access.asked) == 2


def test_rights_that_only_the_registry_knows_of(full: RegistryServer, connect: Connect) -> None:
    repository = connect(full, Logins()).repository("org/model")
    scope = 'scope="repository:org/model:delete,pull repository:other/secret:push registry:catalog:*"'
    header = f'Bearer realm="{full.url}/token",service="{SERVICE}",{scope},error="insufficient_scope"'
    full.answer("HEAD", "/blobs/", 403, headers={"WWW-Authenticate": header})
    assert repository.has_blob(DIGEST) == len(BLOB)
    # what it says about other repositories is none of its business
    assert full.access.asked == [{"method": "GET", "scope": "repository:org/model:delete,pull"}]


def test_a_plain_403_is_final(full: RegistryServer, connect: Connect) -> None:
    challenge(full, f'Bearer realm="{full.url}/token",service="{SERVICE}"', status=403)
    refusal("access_refused", full, connect)
    assert len(full.requests) == 1


def test_repositories_share_tokens_by_scope(full: RegistryServer, connect: Connect) -> None:
    registry = connect(full, Logins())
    full.content.put_blob("org/other", BLOB)
    registry.repository("org/model").has_blob(DIGEST)
    registry.repository("org/other").has_blob(DIGEST)
    assert [each["scope"] for each in full.access.asked] == [
        "repository:org/model:pull",
        "repository:org/other:pull",
    ]


def test_threads_share_one_token(full: RegistryServer, connect: Connect) -> None:
    repository = connect(full, Logins()).repository("org/model")
    found: list[int | None] = []
    threads = [threading.Thread(target=lambda: found.append(repository.has_blob(DIGEST))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [len(BLOB)] * 8
    assert len(full.access.asked) == 1


def test_a_token_asked_for_by_another_host(serve: Serve, full: RegistryServer, connect: Connect) -> None:
    thief = serve()
    full.access.realm = f"{thief.url}/token"
    error = refusal("realm_refused", full, connect, redirects=(thief,))  # blobs may lie there, no more
    assert thief.requests == []
    assert "network.hosts" in error.hint
    assert not any(secret in seen(full) for secret in SECRETS)


class Asked(Client):
    """Remembers what would be sent, with what netrc says, and answers with a token."""

    def __init__(self, netrc: Path) -> None:
        self.network = Network(environ={"NETRC": str(netrc)})
        super().__init__(self.network)
        self.sent: list[dict[str, str]] = []

    def document(self, request: Request, *, limit_bytes: int) -> Document:
        origin = parse_url(request.url).origin
        shown = self._credential(request, first_hop(request, self.network))
        self.sent.append(shown.headers_for(origin) if shown else {})
        return Document(b'{"token": "t"}'[:limit_bytes], {}, request.url, 200)


@pytest.mark.parametrize(("realm", "shown"), [("auth.example", False), ("reg.example", True)])
def test_a_registry_gets_no_token_that_another_hosts_password_buys(
    tmp_path: Path, realm: str, shown: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "".join(f"machine {host} login me password p4ss\n" for host in ("auth.example", "reg.example"))
    )
    netrc.chmod(0o600)
    listed = Hosts.of(["auth.example"])
    endpoint = Endpoint.of("reg.example", realms=listed, redirects=Hosts(), plain_http=Hosts())
    with Asked(netrc) as client:
        authorizer = Authorizer(client, endpoint, NoCredentials(), monotonic=lambda: 0.0)
        header = f'Bearer realm="https://{realm}/token"'
        authorizer.answer(header, scopes_for("a", "pull"), refused=None)
    assert [bool(headers) for headers in client.sent] == [shown]


def test_a_token_from_an_allowed_host(serve: Serve, full: RegistryServer, connect: Connect) -> None:
    keeper = serve(Access(users={"robot": "p4ssw0rd"}))
    keeper.access.issued = full.access.issued
    full.access.realm = f"{keeper.url}/token"
    repository = connect(full, Logins(), realms=(keeper,)).repository("org/model")
    assert repository.has_blob(DIGEST) == len(BLOB)
    assert len(keeper.requests) == 1
    assert not any(secret in seen(full) for secret in SECRETS)  # the password goes to the keeper alone


@pytest.mark.parametrize(
    "realm", ["", "token", "/token", "https://", "ftp://x/token", "http://robot:x@127.0.0.1/token", "file:///etc/passwd", "http://169.254.169.254/token"]
)  # fmt: skip
def test_realms_that_are_no_address(full: RegistryServer, connect: Connect, realm: str) -> None:
    challenge(full, f'Bearer realm="{realm}",service="{SERVICE}"')
    refusal("realm_refused", full, connect)
    assert len(full.requests) == 1


def test_a_realm_without_tls_is_no_realm_of_a_registry_with_tls() -> None:
    listed = Hosts.of(["auth.example"])
    endpoint = Endpoint.of("reg.example", realms=listed, redirects=Hosts(), plain_http=listed)
    with Client(Network(plain_http=listed)) as client, pytest.raises(DeniedError) as caught:
        Authorizer(client, endpoint, Logins(), monotonic=lambda: 0.0).answer(
            'Bearer realm="http://auth.example/token"', scopes_for("a", "pull"), refused=None
        )
    assert caught.value.code == "realm_refused"


@pytest.mark.parametrize("header", ["Negotiate", 'Digest realm="x"', ""])
def test_schemes_that_are_not_known(full: RegistryServer, connect: Connect, header: str) -> None:
    challenge(full, header)
    refusal("access_refused", full, connect)


def test_a_challenge_that_is_none(full: RegistryServer, connect: Connect) -> None:
    challenge(full, 'Bearer realm="x", realm="y"')
    refusal("challenge_invalid", full, connect)


def test_a_challenge_without_an_end(full: RegistryServer, connect: Connect) -> None:
    challenge(full, f'Bearer realm="{full.url}/token",service="{SERVICE}"', times=1000)
    refusal("access_refused", full, connect)
    assert len(full.requests) <= 8


def test_a_challenge_by_a_host_that_holds_blobs(serve: Serve, connect: Connect) -> None:
    server, elsewhere, logins = serve(), serve(Access(users={"robot": "p4ssw0rd"})), Logins()
    server.content.put_blob("org/model", BLOB)
    server.switches.blob_redirect = f"{elsewhere.url}/v2/org/model/blobs/"
    repository = connect(server, logins, redirects=(elsewhere,)).repository("org/model")
    with pytest.raises(UndecidedError) as caught:
        repository.has_blob(DIGEST)
    assert caught.value.code == "access_refused"
    assert logins.asked == []
    assert not any("authorization" in each.headers for each in [*server.requests, *elsewhere.requests])


def test_one_repository_is_for_everybody_and_another_is_not(full: RegistryServer, connect: Connect) -> None:
    registry = connect(full, Logins())
    full.answer("HEAD", "/org/public/", 200)
    assert registry.repository("org/public").has_blob(DIGEST) == 0
    remote = registry.repository("org/model").blob(DIGEST, len(BLOB))
    assert b"".join(map(bytes, Downloader(registry.client).chunks(remote))) == BLOB


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "token_invalid"),
        (b"<html>", "token_invalid"),
        (b"[]", "token_invalid"),
        (b"{}", "token_invalid"),
        (b'{"token":""}', "token_invalid"),
        (b'{"token":7}', "token_invalid"),
        (b'{"token":"a b"}', "token_invalid"),
        (b'{"token":"a\\r\\nHost: evil"}', "token_invalid"),
        (b'{"token":"\xc3\xa9"}', "token_invalid"),
        (b'{"token":"' + b"a" * 40_000 + b'"}', "token_invalid"),
        (b'{"token":"a","token":"b"}', "token_invalid"),
        (b'{"token":"a","expires_in":"soon"}', "token_invalid"),
        (b'{"token":"a","expires_in":true}', "token_invalid"),
        (b" " * 70_000, "response_too_large"),
    ],
)
def test_answers_that_hold_no_token(full: RegistryServer, connect: Connect, body: bytes, code: str) -> None:
    full.answer("GET", "/token", 200, body=body)
    refusal(code, full, connect)


def test_a_token_service_that_says_no(full: RegistryServer, connect: Connect) -> None:
    full.access.users.clear()
    assert "docker login" in refusal("access_refused", full, connect).hint


def test_a_token_service_that_is_gone(full: RegistryServer, connect: Connect) -> None:
    full.answer("GET", "/token", 404)
    refusal("token_invalid", full, connect)  # and not: there is no such blob


def test_a_token_service_that_gives_the_refused_token_again(full: RegistryServer, connect: Connect) -> None:
    challenge(full, f'Bearer realm="{full.url}/token",service="{SERVICE}"')
    full.answer("GET", "/token", 200, body=b'{"token":"same"}', times=9)
    refusal("access_refused", full, connect)
    assert len(full.asked("GET", "/token")) == 2


@pytest.mark.parametrize(
    ("document", "life_s"),
    [({"token": "a"}, 60), ({"token": "a", "expires_in": 1}, 60), ({"access_token": "a", "expires_in": 300}, 300), ({"token": "a", "expires_in": 10**9}, 3600)],
)  # fmt: skip
def test_how_long_a_token_is_kept(document: Mapping[str, object], life_s: float) -> None:
    assert read_token(json.dumps(document).encode()) == (Secret("a"), life_s)


def test_scopes_as_they_are_written() -> None:
    scopes = scopes_for("b", "push", "pull") | {Scope("a", "pull")}
    assert write_scopes(scopes) == ["repository:a:pull", "repository:b:pull,push"]


def test_a_download_finds_its_token_when_it_begins(full: RegistryServer, connect: Connect) -> None:
    now = [0.0]
    registry = connect(full, Logins(), monotonic=lambda: now[0])
    remote = registry.repository("org/model").blob(DIGEST, len(BLOB))
    assert full.requests == []
    for _ in range(2):
        assert b"".join(map(bytes, Downloader(registry.client).chunks(remote))) == BLOB
        now[0] += 10_000  # the first token is long gone
    assert len(full.access.asked) == 2
    assert not any(secret in repr(remote.request) for secret in (*SECRETS, *full.access.issued))


def test_a_download_of_a_blob_that_is_missing(full: RegistryServer, connect: Connect) -> None:
    registry = connect(full, Logins())
    remote = registry.repository("org/model").blob(Digest.of(b"other"), 5)
    with pytest.raises(UsageError) as caught:
        list(Downloader(registry.client).chunks(remote))
    assert caught.value.code == "remote_missing"


def test_the_login_of_these_tests() -> None:
    assert LOGIN.password.reveal() == SECRETS[0]
