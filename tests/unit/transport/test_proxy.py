"""Which proxy the environment names, and for which hosts."""

import pytest

from weighlock.core.error import UsageError
from weighlock.transport.network import Network
from weighlock.transport.url import Origin

HERE = Origin("https", "a.example", 443)
PLAIN = Origin("http", "a.example", 80)


def proxy(origin: Origin = HERE, **environ: str) -> str | None:
    found = Network(environ=environ).proxy_for(origin)
    return None if found is None else found.authority


def test_no_proxy_at_all() -> None:
    assert proxy() is None


def test_the_variables() -> None:
    assert proxy(https_proxy="http://p.example:3128") == "p.example:3128"
    assert proxy(HTTPS_PROXY="p.example:3128/") == "p.example:3128"
    assert proxy(https_proxy="p.example") == "p.example"
    assert proxy(http_proxy="p.example") is None
    assert proxy(PLAIN, http_proxy="p.example") == "p.example"
    assert proxy(PLAIN, HTTP_PROXY="p.example") == "p.example"
    assert proxy(PLAIN, https_proxy="p.example") is None
    assert proxy(ALL_PROXY="http://[::2]:3128") == "[::2]:3128"
    assert proxy(all_proxy="a.example", https_proxy="b.example") == "b.example"
    assert proxy(HTTPS_PROXY="a.example", https_proxy="b.example") == "b.example"


def test_an_empty_variable_means_no_proxy() -> None:
    assert proxy(https_proxy="", HTTPS_PROXY="b.example", all_proxy="c.example") is None


def test_a_header_of_a_visitor_is_no_proxy() -> None:
    assert proxy(PLAIN, HTTP_PROXY="evil.example", REQUEST_METHOD="GET") is None
    assert proxy(PLAIN, http_proxy="good.example", REQUEST_METHOD="GET") == "good.example"


def test_this_machine_is_asked_directly() -> None:
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert proxy(Origin("https", host, 443), all_proxy="p.example") is None


@pytest.mark.parametrize(
    ("host", "port", "listed", "direct"),
    [
        ("a.example", 443, "*", True),
        ("a.example", 443, "a.example", True),
        ("a.example", 443, "A.Example", True),
        ("a.example", 443, ".a.example", True),
        ("b.a.example", 443, "a.example", True),
        ("b.a.example", 443, ".a.example", True),
        ("b.a.example", 443, "*.a.example", True),
        ("ba.example", 443, "a.example", False),
        ("a.example", 443, "b.example, a.example", True),
        ("a.example", 443, "b.example a.example", True),
        ("a.example", 443, "a.example:443", True),
        ("a.example", 8443, "a.example:443", False),
        ("a.example", 443, ".", False),
        ("a.example", 443, ",", False),
        ("a.example", 443, "*.", False),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("10.1.2.3", 443, "1.2.3", False),
        ("10.1.2.3", 443, "10.1.2.3:80", False),
        ("a.example", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "nonsense/8", False),
        ("10.1.2.3", 443, "10.0.0.0/33", False),
        ("fd00::1", 443, "fd00::/8", True),
        ("fd00::1", 443, "[fd00::1]:443", True),
        ("fd00::1", 443, "[fd00::1]:80", False),
        ("fd00::1", 443, "fd00:0::1", True),
    ],
)
def test_no_proxy(host: str, port: int, listed: str, *, direct: bool) -> None:
    found = proxy(Origin("https", host, port), https_proxy="p.example", no_proxy=listed)
    assert (found is None) is direct


@pytest.mark.parametrize(
    "text",
    [
        "socks5://p.example:1080",
        "socks5h://u:s3cret@p.example",
        "https://p.example",
        "http://",
        "http://a b",
        "u:s3cret@p.example:x",
    ],
)
def test_a_proxy_that_cannot_be_used_is_not_passed_over(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        proxy(https_proxy=text)
    assert refused.value.code == "proxy_unsupported"
    assert "https_proxy" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_a_proxy_with_a_password() -> None:
    found = Network(environ={"https_proxy": "http://us%65r:p%40ss@p.example:3128"}).proxy_for(HERE)
    assert found is not None
    assert found.authorization is not None
    assert found.authorization.reveal() == "Basic dXNlcjpwQHNz"
    assert "dXNlc" not in repr(found)
