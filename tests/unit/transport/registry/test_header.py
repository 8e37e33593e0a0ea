"""Challenges, links and ranges: what registries really send, and what only hostile ones do."""

import pytest

from weighlock.core.error import DeniedError
from weighlock.transport.field import MAX_FIELD_CHARACTERS
from weighlock.transport.registry.header import (
    MAX_PARAMETERS,
    Challenge,
    find_next,
    parse_challenges,
    parse_range,
    read_error_codes,
)


def test_a_token_challenge() -> None:
    header = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push"'
    assert parse_challenges(header) == [
        Challenge(
            "bearer",
            {
                "realm": "https://auth.example/token",
                "service": "registry",
                "scope": "repository:a/b:pull,push",
            },
        )
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("Negotiate", [("negotiate", {})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Negotiate dG9rZW4=, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Basic realm=x, Bearer realm=y , scope = z", [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "scope": "z"})]),
        ('Basic REALM="a, b=c, Bearer realm=evil"', [("basic", {"realm": "a, b=c, Bearer realm=evil"})]),
        (r'Basic realm="a\"b\\c"', [("basic", {"realm": 'a"b\\c'})]),
        ('Basic realm=""', [("basic", {"realm": ""})]),
    ],
)  # fmt: skip
def test_lists_of_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(header) == [Challenge(*each) for each in expected]


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="a',
        'Bearer realm="a"b',
        'Bearer realm="a", realm="b"',
        'Bearer realm="a", REALM="b"',
        'realm="a"',
        'Negotiate dG9rZW4=, realm="a"',
        "Bearer realm=a b",
        'Bearer realm="a\nb"',
        "Bearer\trealm=a",
        "Béarer realm=a",
        "Bearer " + ",".join(f"p{number}=1" for number in range(MAX_PARAMETERS + 1)),
        "Bearer realm=" + "a" * MAX_FIELD_CHARACTERS,
    ],
)
def test_malformed_challenges_are_refused(header: str) -> None:
    with pytest.raises(DeniedError) as caught:
        parse_challenges(header)
    assert caught.value.code == "challenge_invalid"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ('</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"),
        ("</x>; rel=next", "/x"),
        ('</x>; rel="first NEXT"', "/x"),
        ('</x?a=1,2;3>; title="a, b; c"; rel="next"', "/x?a=1,2;3"),
        ('</x>; rel="prev", </y>; rel="next"', "/y"),
        ('</x>; rel="prev"; rel="next"', None),
        ("</x>", None),
        ("</x>;;rel=next", "/x"),
    ],
)
def test_links(header: str, expected: str | None) -> None:
    assert find_next(header) == expected


@pytest.mark.parametrize(
    "header",
    ["/x; rel=next", "</x; rel=next", '</x>; rel="next', "</x> rel=next", "</ x>; rel=next", "<" + "x" * 17_000 + ">"],
)  # fmt: skip
def test_malformed_links_are_refused(header: str) -> None:
    with pytest.raises(DeniedError) as caught:
        find_next(header)
    assert caught.value.code == "registry_answer_invalid"


@pytest.mark.parametrize(
    ("header", "expected"),
    [("0-0", (0, 0)), ("0-1023", (0, 1023)), ("bytes=0-7", (0, 7)), ("", None), ("0", None), ("0-", None), ("-1-2", None), ("0-٣", None), ("0-" + "9" * 17, None)],
)  # fmt: skip
def test_ranges_of_uploads(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"errors":[{"code":"DENIED","message":"the secret is x"}]}', ["DENIED"]),
        (b'{"errors":[{"code":"A\\u001b[31m"},{"code":7},"x",{"code":"TOO_BIG"}]}', ["TOO_BIG"]),
        (b'{"errors":{}}', []),
        (b"<html>", []),
        (b"[]", []),
    ],
)
def test_only_codes_are_taken_from_errors(raw: bytes, expected: list[str]) -> None:
    assert read_error_codes(raw) == expected


@pytest.mark.parametrize(
    "header",
    [
        "<a>" + " ;" * 8_000 + '"',
        "<a>" + "; " * 8_000 + '"',
        "<a>" + ";a=b " * 3_000 + '"',
        "<a>;" + 'x="' * 5_000,
        "<a>, " * 3_000 + "<",
    ],
)
def test_no_header_takes_long(header: str) -> None:
    with pytest.raises(DeniedError):
        find_next(header)


@pytest.mark.parametrize(
    "header",
    [
        "a " * 8_000 + '"',
        "a=" * 8_000,
        'Bearer x="' + "\\" * 16_000,
        "a" * 16_000 + "é",
        "B " + "=" * 16_000 + "x",
    ],
)
def test_no_challenge_takes_long(header: str) -> None:
    with pytest.raises(DeniedError):
        parse_challenges(header)
