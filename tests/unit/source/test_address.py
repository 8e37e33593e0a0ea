"""One spelling for an address; what two readers could read differently is refused."""

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.source.address import Address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://H.Example", "https://h.example"),
        ("https://h.example/", "https://h.example"),
        ("HTTPS://h.example:443/a", "https://h.example/a"),
        ("http://h.example:80/a", "http://h.example/a"),
        ("http://h.example:443/a", "http://h.example:443/a"),
        ("https://h.example:8443/a/b/", "https://h.example:8443/a/b"),
        ("https://h.example/%7ea/%C3%a4/%2B+", "https://h.example/~a/%C3%A4/%2B+"),
        ("https://127.0.0.1/a", "https://127.0.0.1/a"),
        ("https://[::ffff:127.0.0.1]/a", "https://127.0.0.1/a"),
        ("https://[2001:DB8:0::1]:1/a", "https://[2001:db8::1]:1/a"),
        ("https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"),
        ("https://h.example/a;b=c,d@e:f", "https://h.example/a;b=c,d@e:f"),
    ],
)
def test_an_address_has_one_spelling(text: str, url: str) -> None:
    assert Address.parse(text).url == url
    assert Address.parse(url).url == url
    assert Address.parse(text) == Address.parse(url)


def test_the_fragment_is_apart() -> None:
    found = Address.parse("https://h.example/a#sha256=0")
    assert (found.url, found.fragment) == ("https://h.example/a", "sha256=0")
    assert Address.parse("https://h.example/a#").fragment == ""
    assert Address.parse("https://h.example/%C3%A4").names == ("ä",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h.example/a",
        "ftp://h.example/a",
        "https:/h.example/a",
        "https:///a",
        "https://user@h.example/a",
        "https://user:secret@h.example/a",
        "https://h.example\\@evil.example/a",
        "https://h.example/a?token=secret",
        "https://h.example/a?",
        "https://h.example:0/a",
        "https://h.example:65536/a",
        "https://h.example:/a",
        "https://h.example./a",
        "https://h..example/a",
        "https://-h.example/a",
        "https://0x7f.1/a",
        "https://2130706433/a",
        "https://127.1/a",
        "https://0177.0.0.1/a",
        "https://[::1/a",
        "https://[fe80::1%25eth0]/a",
        "https://h.exämple/a",
        "https://h.example/ä",
        "https://h.example/a b",
        "https://h.example/a\n",
        "https://h.example/../a",
        "https://h.example/%2e%2E/a",
        "https://h.example/.%2e/a",
        "https://h.example/./a",
        "https://h.example//a",
        "https://h.example/a//",
        "https://h.example/a%2Fb",
        "https://h.example/a%5Cb",
        "https://h.example/a%00b",
        "https://h.example/a%0Ab",
        "https://h.example/a%e2%80%aeb",
        "https://h.example/%ff",
        "https://h.example/%c0%ae%c0%ae/a",
        "https://h.example/%zz",
        "https://h.example/" + "a" * 2048,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(its?|the address) ") as caught:
        Address.parse(text)
    assert "secret" not in str(caught.value)


@given(st.text(alphabet="ab./%25eE2fF\\@:#?", max_size=20))
def test_whatever_is_accepted_stays_on_its_host_and_under_its_path(tail: str) -> None:
    try:
        found = Address.parse(f"https://h.example/base/{tail}")
    except ValueError:
        return
    split = urllib.parse.urlsplit(found.url)
    assert (split.hostname, split.username, split.query) == ("h.example", None, "")
    assert found.names[0] == "base"
    assert not {"", ".", ".."} & set(found.names)
    assert Address.parse(found.url).url == found.url
