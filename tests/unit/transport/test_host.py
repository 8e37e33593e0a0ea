"""Who may be asked, and where a name may lead."""

import ipaddress

import pytest

from weighlock.core.error import UsageError
from weighlock.transport.host import HostRule, Hosts

EXPLICIT = HostRule("a.example")
WILDCARD = HostRule("a.example", wildcard=True)
BUILTIN = HostRule("a.example", builtin=True)


@pytest.mark.parametrize(
    ("rule", "host", "port", "covered"),
    [
        ("a.example", "a.example", 443, True),
        ("A.Example", "a.example", 80, True),
        ("a.example", "a.example", 22, False),
        ("a.example", "b.a.example", 443, False),
        ("a.example", "xa.example", 443, False),
        ("a.example:5000", "a.example", 5000, True),
        ("a.example:5000", "a.example", 443, False),
        ("*.a.example", "b.a.example", 443, True),
        ("*.a.example", "c.b.a.example", 443, True),
        ("*.a.example", "a.example", 443, False),
        ("*.a.example", "ba.example", 443, False),
        ("*.a.example", "b.a.example", 8443, False),
        ("*.a.example:8443", "b.a.example", 8443, True),
        ("[::1]:5000", "::1", 5000, True),
        ("[::1]", "::1", 443, True),
        ("127.0.0.1:5000", "127.0.0.1", 5000, True),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1", 5000, True),
    ],
)
def test_a_rule_covers(rule: str, host: str, port: int, *, covered: bool) -> None:
    assert (Hosts.of([rule]).find(host, port) is not None) is covered


def test_nothing_is_covered_by_nothing() -> None:
    assert Hosts().find("a.example", 443) is None
    assert not Hosts()


def test_an_explicit_rule_is_found_before_others() -> None:
    hosts = Hosts.of(["*.a.example"], builtin=["b.a.example"]) | Hosts.of(["b.a.example"])
    rule = hosts.find("b.a.example", 443)
    assert rule is not None
    assert rule.explicit
    other = hosts.find("c.a.example", 443)
    assert other is not None
    assert not other.explicit
    assert len((hosts | hosts).rules) == 3
    assert [str(rule) for rule in hosts.rules] == ["*.a.example", "b.a.example", "b.a.example"]
    assert str(Hosts.of(["[::1]:5"]).rules[0]) == "[::1]:5"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.",
        "*.com",
        "*.10.0.0.1",
        "*a.example",
        "a.*.example",
        "https://a.example",
        "a.example/path",
        "user:s3cret@a.example",
        "a.example:",
        "a.example:x",
        "a.example:70000",
        "::1",
        "[::1",
        "127.1",
        "a b",
        "bücher.example",
    ],
)
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        Hosts.of([text])
    assert refused.value.code == "host_invalid"
    assert "s3cret" not in refused.value.message


NEVER = [
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:808:808:0:0:5601:5601",  # teredo: the client's address is inverted
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:a00:1::1",
    "2001:db8::1",
]
PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("rule", [EXPLICIT, WILDCARD, BUILTIN], ids=str)
def test_nobody_leads_there(text: str, rule: HostRule) -> None:
    assert not rule.leads_to(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_only_an_explicit_rule_leads_inside(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert EXPLICIT.leads_to(address)
    assert not WILDCARD.leads_to(address)
    assert not BUILTIN.leads_to(address)


@pytest.mark.parametrize("text", PUBLIC)
@pytest.mark.parametrize("rule", [EXPLICIT, WILDCARD, BUILTIN], ids=str)
def test_every_rule_leads_outside(text: str, rule: HostRule) -> None:
    assert rule.leads_to(ipaddress.ip_address(text))
