"""METADATA and direct_url.json, read strictly."""

import json

import pytest

from weighlock.core.digest import Digest
from weighlock.inventory.metadata import MetadataError, read_metadata, read_origin

HEAD = "Metadata-Version: 2.1\nName: Foo\nVersion: 1.0\n"


@pytest.mark.parametrize(
    ("fields", "licence", "expression"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: no\n", "MIT OR Apache-2.0", True),
        ("License: MIT License\n", "MIT License", False),
        ("License: BSD\n  the whole text\n", "BSD", False),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License\n", "BSD License", False),
        ("Classifier: License :: OSI Approved\nClassifier: License :: A :: B\n", "OSI Approved; B", False),
        ("", "", False),
    ],
)
def test_the_licence_comes_from_the_best_field(fields: str, licence: str, expression: bool) -> None:
    read = read_metadata(f"{HEAD}{fields}\nLicense: in the description\n".encode())
    assert (read.name, read.version, read.licence, read.licence_is_expression) == (
        "Foo",
        "1.0",
        licence,
        expression,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Name: Foo\n",
        "Version: 1\n",
        "Name: Foo\nName: Bar\nVersion: 1\n",
        "Name: Foo\nVersion: 1\nVersion: 2\n",
        "Name: ../foo\nVersion: 1\n",
        "Name: foo\nVersion: 1 2\n",
        "Name: foo\n\nVersion: 1\n",
        "Name: \nVersion: 1\n",
        "",
    ],
)
def test_refuses_metadata_without_one_name_and_one_version(text: str) -> None:
    with pytest.raises(MetadataError):
        read_metadata(text.encode())


def test_direct_url_tells_archive_and_editable() -> None:
    digest = "b" * 64
    for archive in ({"hashes": {"sha256": digest}}, {"hash": f"sha256={digest}"}):
        origin = read_origin(json.dumps({"url": "file:///x.whl", "archive_info": archive}).encode())
        assert origin == ("file:///x.whl", False, Digest("sha256", digest))
    assert read_origin(b'{"url":"file:///x","dir_info":{"editable":true}}').editable
    assert not read_origin(b'{"url":"file:///x","dir_info":{"editable":"false"}}').editable
    assert read_origin(b'{"url":"x","archive_info":{"hashes":{"sha256":"zz"}}}').archive is None


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"url":1,"url":2}', b"{" * 500])
def test_refuses_a_direct_url_that_is_no_object(raw: bytes) -> None:
    with pytest.raises(MetadataError):
        read_origin(raw)
