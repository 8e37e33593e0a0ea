"""Addresses are read in one way or refused."""

import pytest

from weighlock.core.error import DeniedError
from weighlock.transport.url import Origin, join_url, parse_host, parse_url


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        ("https://example.com", "https://example.com", "/"),
        ("HTTPS://EXAMPLE.com:443/A?b=%20#c", "https://example.com", "/A?b=%20"),
        ("http://example.com:80/", "http://example.com", "/"),
        ("http://example.com:443/", "http://example.com:443", "/"),
        ("https://example.com?q", "https://example.com", "/?q"),
        ("https://[::1]:8443/x", "https://[::1]:8443", "/x"),
        ("https://[0:0:0:0:0:0:0:1]/", "https://[::1]", "/"),
        ("https://[::ffff:127.0.0.1]/", "https://127.0.0.1", "/"),
        ("https://10.0.0.1:05000/", "https://10.0.0.1:5000", "/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example", "/"),
        ("https://a_b.example/a//b/...", "https://a_b.example", "/a//b/..."),
    ],
)
def test_an_address_has_one_spelling(text: str, origin: str, target: str) -> None:
    url = parse_url(text)
    assert str(url.origin) == origin
    assert url.target == target
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com/",
        "/path",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https://",
        "https://:443/",
        "https://?q",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript://example.com/",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:+443/",
        "https://example.com:٤٤٣/",
        "https://example.com:/",
        "https://example.com:443:443/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/a\tb",
        "https://example.com/a\r\nHost: evil.example",
        "https://example.com\\@evil.example/",
        "https://example.com/\\evil.example",
        "https://example.com/\x00",
        "https://example.com/ä",
        "https://bücher.example/",
        "https://\uff45xample.com/",
        "https://example\u3002com/",
        "https://example.com./",
        "https://.example.com/",
        "https://a..b/",
        "https://-a.example/",
        "https://a-.example/",
        "https://exa%6dple.com/",
        "https://*.example.com/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 127}a/",
        "https://[::1/",
        "https://::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[example.com]/",
        "https://[127.0.0.1]/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://127.0.0.1./",
        "https://127.0.0.256/",
        "https://1.2.3.4.5/",
        "https://example.1/",
        "https://example.0x/",
        "https://example.com/../etc",
        "https://example.com/a/./b",
        "https://example.com/a/%2E%2e/b",
        f"https://example.com/{'a' * 8192}",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(DeniedError) as refused:
        parse_url(text)
    assert refused.value.code == "url_invalid"


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(DeniedError) as refused:
        parse_url("https://user:s3cret@example.com/?token=s3cret")
    assert "s3cret" not in refused.value.message + refused.value.hint


def test_the_query_is_not_shown() -> None:
    url = parse_url("https://example.com/a?signature=s3cret")
    assert "s3cret" not in repr(url) + url.shown
    assert str(url).endswith("s3cret")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("b", "https://example.com/a/b"),
        ("/b?c", "https://example.com/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("../b", "https://example.com/b"),
        ("http://other.example", "http://other.example/"),
        ("?x", "https://example.com/a/index?x"),
    ],
)
def test_a_location_is_joined(location: str, expected: str) -> None:
    assert str(join_url(parse_url("https://example.com/a/index"), location)) == expected


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "//u@other.example/", "http://[::1", "/a\r\n", "\thttps://x.example/"],
)
def test_a_wrong_location_is_refused(location: str) -> None:
    with pytest.raises(DeniedError) as refused:
        join_url(parse_url("https://example.com/a"), location)
    assert refused.value.code == "url_invalid"


def test_authority() -> None:
    assert Origin("https", "::1", 443).authority == "[::1]"
    assert Origin("http", "a.example", 443).authority == "a.example:443"
    assert parse_host("[::FFFF:10.0.0.1]") == "10.0.0.1"
