"""Signatures, against what botocore 1.44.5 (``S3SigV4Auth``) makes of the same requests."""

import datetime as dt

import pytest

from weighlock.source.sigv4 import AccessKey, quote, quote_query, sign
from weighlock.transport.credential import Secret
from weighlock.transport.url import parse_url

MOMENT = dt.datetime(2024, 5, 1, 14, 30, 45, tzinfo=dt.timezone(dt.timedelta(hours=2)))
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def key(token: str | None = None) -> AccessKey:
    return AccessKey("AKIDEXAMPLE", Secret(SECRET), Secret(token) if token else None)


CASES = [
    (
        "GET https://models.s3.eu-west-1.amazonaws.com/tiny/config.json",
        {},
        None,
        "eu-west-1",
        (
            "host;x-amz-content-sha256;x-amz-date",
            "cec0227370be20f897f7ecfd35ce514c6b5b28495959ccc899e3ae1c787eace7",
        ),
    ),
    (
        "HEAD https://s3.us-east-1.amazonaws.com/my.bucket/a%20b/%C3%A4%2B%28x%29~.bin",
        {"x-amz-checksum-mode": "ENABLED"},
        None,
        "us-east-1",
        (
            "host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date",
            "bc916189d5d54ccbe3737e56c98b16934780bbd76487620283d35115626d5312",
        ),
    ),
    (
        "GET http://127.0.0.1:8333/models/?fetch-owner=true&list-type=2&max-keys=1000&prefix=a%2Fb%20c%2F",
        {},
        "tok/en+==",
        "us-east-1",
        (
            "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
            "5b537ab9afd0f3c5846c296ef731ca7a27f27bd10370850484fda814b3af0ad5",
        ),
    ),
    (
        "GET https://h.example/models/x?versionId=3%2FL4kqtJlcpXroDTDmJ%2Brmsp",
        {"if-match": '"abc"'},
        "t",
        "cn-north-1",
        (
            "host;if-match;x-amz-content-sha256;x-amz-date;x-amz-security-token",
            "dea0397c9b2009373d3e31b4822ba565d163f53504adf3bbfc9fd82e355acc73",
        ),
    ),
]


@pytest.mark.parametrize(("request_line", "headers", "token", "region", "signed"), CASES)
def test_a_signature_is_what_botocore_makes(
    request_line: str, headers: dict[str, str], token: str | None, region: str, signed: tuple[str, str]
) -> None:
    method, url = request_line.split()
    names, signature = signed
    made = sign(method, parse_url(url), headers, key(token), region=region, moment=MOMENT)
    sent = made.headers_for(parse_url(url).origin)
    assert sent["x-amz-date"] == "20240501T123045Z"
    assert sent.get("x-amz-security-token") == token
    assert sent["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240501/{region}/s3/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_signature_is_for_one_origin_and_is_not_shown() -> None:
    url = parse_url("https://h.example/x")
    made = sign("GET", url, {}, key("t0ken"), region="us-east-1", moment=MOMENT)
    assert made.headers_for(parse_url("https://other.example/x").origin) == {}
    assert made.headers_for(parse_url("http://h.example/x").origin) == {}
    for secret in (SECRET, "t0ken", "Signature"):
        assert secret not in f"{made!r} {key('t0ken')!r}"


def test_what_is_encoded_is_encoded_as_the_service_does() -> None:
    assert quote("a b/ä+(x)~*'!", slash=True) == "a%20b/%C3%A4%2B%28x%29~%2A%27%21"
    assert quote("a/b") == "a%2Fb"
    assert (
        quote_query({"prefix": "a/b c", "list-type": "2", "a-b": "="})
        == "a-b=%3D&list-type=2&prefix=a%2Fb%20c"
    )
