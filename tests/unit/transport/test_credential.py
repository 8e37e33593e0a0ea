"""A credential is shown to one origin and to no log."""

import pickle
from pathlib import Path

import pytest

from weighlock.core.error import UsageError
from weighlock.transport.credential import Secret, basic, bearer
from weighlock.transport.host import Hosts
from weighlock.transport.message import Request
from weighlock.transport.network import Network
from weighlock.transport.url import Origin

HERE = Origin("https", "a.example", 443)


@pytest.mark.parametrize(
    "other",
    [
        Origin("http", "a.example", 443),
        Origin("https", "a.example", 8443),
        Origin("https", "b.a.example", 443),
        Origin("https", "example", 443),
    ],
)
def test_only_the_exact_origin_gets_it(other: Origin) -> None:
    credential = bearer(HERE, "s3cret")
    assert credential.headers_for(HERE) == {"Authorization": "Bearer s3cret"}
    assert credential.headers_for(other) == {}


def test_basic() -> None:
    assert basic(HERE, "user", Secret("pa:ss")).headers_for(HERE) == {
        "Authorization": "Basic dXNlcjpwYTpzcw=="
    }


def test_a_secret_is_not_shown() -> None:
    credential = bearer(HERE, Secret("s3cret"))
    request = Request("GET", "https://a.example/?s3cret", Hosts(), {"Authorization": "s3cret"}, credential)
    for text in (
        repr(Secret("s3cret")),
        str(Secret("s3cret")),
        f"{Secret('s3cret')}",
        repr(credential),
        repr(request),
    ):
        assert "s3cret" not in text
    with pytest.raises(TypeError):
        pickle.dumps(Secret("s3cret"))


def test_secrets_compare() -> None:
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def netrc(folder: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    file = folder / ".netrc"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return {"HOME": str(folder)}


def test_netrc(tmp_path: Path) -> None:
    environ = netrc(
        tmp_path, "machine a.example login me password s3cret\ndefault login you password other\n"
    )
    network = Network(environ=environ)
    credential = network.credential_for(HERE)
    assert credential is not None
    assert credential.headers_for(HERE) == {"Authorization": "Basic bWU6czNjcmV0"}
    assert network.credential_for(Origin("https", "b.example", 443)) is None, "default is for every host"
    assert network.credential_for(Origin("http", "a.example", 80)) is None, "not without TLS"
    assert Network().credential_for(HERE) is None
    assert Network(environ={"HOME": str(tmp_path / "none")}).credential_for(HERE) is None


def test_netrc_elsewhere(tmp_path: Path) -> None:
    environ = netrc(tmp_path, "machine a.example login me password s3cret\n")
    other = Network(environ={"NETRC": f"{environ['HOME']}/.netrc", "HOME": "/nonexistent"})
    assert other.credential_for(HERE) is not None


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("machine a.example login me password s3cret\n", 0o644, "other users"),
        ("machine a.example login me password s3cret\n", 0o620, "other users"),
        ("machine a.example login me password s3cret s3cret\n", 0o600, "near line"),
    ],
)
def test_a_netrc_that_is_wrong(tmp_path: Path, text: str, mode: int, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        Network(environ=netrc(tmp_path, text, mode)).credential_for(HERE)
    assert refused.value.code == "netrc_invalid"
    assert why in refused.value.message
    assert "s3cret" not in refused.value.message
    assert refused.value.__context__ is None, "the parser quotes words of the file"


def test_a_netrc_that_is_no_text(tmp_path: Path) -> None:
    environ = netrc(tmp_path, "")
    (tmp_path / ".netrc").write_bytes(b"machine a.example login \xff password s3cret")
    with pytest.raises(UsageError, match="cannot be read"):
        Network(environ=environ).credential_for(HERE)


def test_a_netrc_that_others_read_is_no_matter_if_nothing_is_in_it_for_us(tmp_path: Path) -> None:
    environ = netrc(tmp_path, "machine b.example login me password s3cret\n", 0o644)
    assert Network(environ=environ).credential_for(HERE) is None
