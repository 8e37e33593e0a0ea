"""What an object store answers: read strictly, whoever answers."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.error import DeniedError
from weighlock.source.s3_answer import (
    MAX_ELEMENTS,
    MAX_PAGE_BYTES,
    Failure,
    read_digest,
    read_failure,
    read_page,
    read_version,
)

ENTRY = (
    "<Contents><Key>a/b &amp; c.bin</Key><LastModified>2024-05-01T12:00:00.000Z</LastModified>"
    '<ETag>"0123"</ETag><Size>7</Size><Owner><ID>me</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>'
)


def page(
    body: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n', truncated: str = "false"
) -> bytes:
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return (
        f"{head}<ListBucketResult {space}><IsTruncated>{truncated}</IsTruncated>{body}</ListBucketResult>"
    ).encode()


def test_a_page_is_read() -> None:
    found = read_page(page(ENTRY))
    (entry,) = found.entries
    assert (entry.key, entry.size, entry.etag, entry.owner) == ("a/b & c.bin", 7, '"0123"', "me")
    assert entry.changed_at.isoformat() == "2024-05-01T12:00:00+00:00"
    assert found.next_token is None
    more = read_page(page("<NextContinuationToken>t&lt;</NextContinuationToken>", truncated="true"))
    assert (more.entries, more.next_token) == ([], "t<")
    assert read_page(page("")).entries == []
    assert read_page(b"\xef\xbb\xbf" + page("")).entries == []


BROKEN = {
    "empty": b"",
    "html": b"<html><body>no</body></html>",
    "other root": b"<Error><Code>x</Code></Error>",
    "cut": page(ENTRY)[:-20],
    "no end": page("", truncated="maybe"),
    "truncated without token": page("", truncated="true"),
    "doctype": page(ENTRY, head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    "doctype after declaration": page(ENTRY, head='<?xml version="1.0"?><!doctype x>'),
    "doctype in capitals of another alphabet": page(ENTRY, head="<!DOCTYPE x>").decode().encode("utf-16"),
    "entity": page(ENTRY.replace("&amp;", "&e;")),
    "comment": page("<!-- x -->" + ENTRY),
    "instruction": page("<?x y?>" + ENTRY),
    "data section": page(ENTRY.replace("a/b &amp; c.bin", "<![CDATA[x]]>")),
    "not UTF-8": page(ENTRY).replace(b"a/b", b"a\xff"),
    "control character": page(ENTRY.replace("a/b", "a\x01b")),
    "deep": page("<a>" * 10 + "</a>" * 10),
    "many": page("<a/>" * (MAX_ELEMENTS + 1)),
    "large": page(" " * MAX_PAGE_BYTES),
    "no key": page(ENTRY.replace("Key>", "Kee>")),
    "empty key": page(ENTRY.replace("a/b &amp; c.bin", "")),
    "no size": page(ENTRY.replace("<Size>7</Size>", "")),
    "negative size": page(ENTRY.replace(">7<", ">-7<")),
    "size of words": page(ENTRY.replace(">7<", ">seven<")),
    "size in other digits": page(ENTRY.replace(">7<", ">\u0667<")),
    "huge size": page(ENTRY.replace(">7<", ">999999999999999<")),
    "long size": page(ENTRY.replace(">7<", f">{'9' * 5000}<")),
    "two sizes": page(ENTRY.replace("<Size>", "<Size>1</Size><Size>")),
    "two keys": page(ENTRY.replace("<Key>", "<Key>x</Key><Key>")),
    "no time": page(ENTRY.replace("2024-05-01T12", "yesterday")),
    "no such day": page(ENTRY.replace("2024-05-01", "2024-02-31")),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_page_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        read_page(raw)
    assert caught.value.code == "listing_invalid"


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_are_read_or_refused(raw: bytes, at: int) -> None:
    whole = page(ENTRY)
    for each in (raw, whole[:at] + raw + whole[at:]):
        try:
            read_page(each)
        except DeniedError as error:
            assert error.code == "listing_invalid"  # noqa: PT017  # reading it is as good


def test_an_error_is_read_and_none_matters_not() -> None:
    raw = b"<?xml version='1.0'?><Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>"
    assert read_failure(raw) == Failure("PermanentRedirect", "eu-west-1")
    for other in (b"", b"<html/>", b"<!DOCTYPE html>", b"{}"):
        assert read_failure(other) == Failure("", "")


RAW = hashlib.sha256(b"x").digest()
WHOLE = base64.b64encode(RAW).decode()


def test_only_a_digest_of_the_whole_object_counts() -> None:
    headers = {"x-amz-checksum-sha256": WHOLE, "x-amz-checksum-type": "FULL_OBJECT"}
    found = read_digest(headers)
    assert found is not None
    assert found.hex == RAW.hex()
    for changes in (
        {"x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-type": ""},
        {"x-amz-checksum-sha256": f"{WHOLE}-3"},
        {"x-amz-checksum-sha256": WHOLE[:-4]},
        {"x-amz-checksum-sha256": "not base64!"},
        {"x-amz-checksum-sha256": ""},
    ):
        assert read_digest({**headers, **changes}) is None
    assert read_digest({}) is None
    assert read_digest({"x-amz-checksum-sha256": WHOLE}) == found
    assert read_digest({"x-amz-checksum-sha256": f"{WHOLE}-3"}) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("3/L4.x", "3/L4.x"), ("null", None), ("", None), ("a b", None), ("ä", None), ("x" * 1025, None)],
)
def test_a_version_is_a_plain_word(text: str, found: str | None) -> None:
    assert read_version({"x-amz-version-id": text}) == found
