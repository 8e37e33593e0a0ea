import datetime as dt
import hashlib
import json
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.source.huggingface.answer import (
    read_commits,
    read_entries,
    read_model,
    read_next,
    read_owner,
    read_refs,
)
from weighlock.source.huggingface.file import HubFile, check_answer, is_pointer
from weighlock.source.huggingface.refusal import explain

COMMIT = "ab" * 20
OTHER = "cd" * 20
# A published entry of huggingface_hub's documentation: pytorch_model.bin of lysandre/arxiv-nlp
SHA256 = "9be78edb5b928eba33aa88f431551348f7466ba9f5ef3daf1d552398722a5436"
BLOB = "64eaa9c526867e404b68f2c5d66fd78e27026523"
SIZE = 548123560


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def entry(**changes: Any) -> dict[str, Any]:
    lfs = {"oid": SHA256, "size": SIZE, "pointerSize": 134}
    return {"type": "file", "path": "a.bin", "size": SIZE, "oid": BLOB, "lfs": lfs, **changes}


def code_of(value: Any) -> str:
    with pytest.raises(DeniedError) as caught:
        read_entries(raw([value]))
    return caught.value.code


def test_an_entry_in_lfs_and_its_pointer_agree() -> None:
    (found,) = read_entries(raw([entry()]))
    assert found.digest == Digest("sha256", SHA256)
    assert (found.path, found.kind, found.size, found.git_sha1) == ("a.bin", "file", SIZE, BLOB)


def test_an_entry_in_git_has_no_digest_and_folders_are_left_out() -> None:
    folder = {"type": "directory", "path": "x", "size": 0, "oid": BLOB}
    found = read_entries(raw([folder, {"type": "file", "path": "x/a", "size": 3, "oid": BLOB}]))
    assert [(each.path, each.digest) for each in found] == [("x/a", None)]


def test_a_pointer_with_extensions_is_believed_about_its_size_only() -> None:
    extended = {"oid": SHA256, "size": SIZE, "pointerSize": 200}
    (found,) = read_entries(raw([entry(lfs=extended, oid=OTHER)]))
    assert found.digest == Digest("sha256", SHA256)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lfs": {"oid": SHA256.upper(), "size": SIZE}}, "digest_invalid"),
        ({"lfs": {"oid": SHA256[:63], "size": SIZE}}, "digest_invalid"),
        ({"lfs": {"oid": "../../etc/passwd", "size": SIZE}}, "digest_invalid"),
        ({"lfs": {"oid": None, "size": SIZE}}, "listing_invalid"),
        ({"lfs": {"oid": SHA256, "size": SIZE + 1}}, "metadata_conflict"),
        ({"lfs": {"oid": SHA256, "size": True}}, "listing_invalid"),
        ({"lfs": {"oid": "0" * 64, "size": SIZE, "pointerSize": 134}}, "metadata_conflict"),
        ({"lfs": []}, "listing_invalid"),
        ({"lfs": "yes"}, "listing_invalid"),
        ({"oid": BLOB.upper()}, "listing_invalid"),
        ({"oid": None}, "listing_invalid"),
        ({"oid": OTHER}, "metadata_conflict"),
        ({"size": -1}, "listing_invalid"),
        ({"size": 1.0}, "listing_invalid"),
        ({"size": 1 << 43}, "listing_invalid"),
        ({"size": 10**30}, "listing_invalid"),
        ({"size": "7"}, "listing_invalid"),
        ({"type": None}, "listing_invalid"),
        ({"path": None}, "listing_invalid"),
        ({"path": ""}, "listing_invalid"),
        ({"path": "x" * 5000}, "listing_invalid"),
        ({"path": "../a"}, "path_invalid"),
        ({"path": "a/../../b"}, "path_invalid"),
        ({"path": "/etc/passwd"}, "path_invalid"),
        ({"path": "a//b"}, "path_invalid"),
        ({"path": "a/./b"}, "path_invalid"),
        ({"path": "a\\b"}, "path_invalid"),
        ({"path": "a\x00b"}, "path_invalid"),
        ({"path": "a\nb"}, "path_invalid"),
    ],
)
def test_entries_that_lie_or_are_malformed(changes: dict[str, Any], code: str) -> None:
    assert code_of(entry(**changes)) == code


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[[]]", b"[1]", b'[{"type":"file"}]', b"\xff", b"[" * 100, b'[{"a":1,"a":2}]', b"[] []"],
)
def test_a_list_that_is_none(text: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        read_entries(text)
    assert caught.value.code == "listing_invalid"


def test_a_model() -> None:
    found = read_model(
        raw(
            {
                "_id": "621ffdc036468d709f17434d",
                "id": "a/b",
                "sha": COMMIT,
                "lastModified": "2024-02-19T10:57:45.000Z",
                "disabled": True,
                "cardData": {"anything": ["goes"]},
            }
        )
    )
    assert (found.repository, found.id, found.commit) == ("a/b", "621ffdc036468d709f17434d", COMMIT)
    assert found.modified_at == dt.datetime(2024, 2, 19, 10, 57, 45, tzinfo=dt.UTC)
    assert found.disabled


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (False, None)),
        ({"_id": "../x"}, (False, None)),
        ({"_id": 7}, (False, None)),
        ({"_id": "x" * 65}, (False, None)),
        ({"_id": "x1", "disabled": 1}, (False, "x1")),
    ],
)
def test_facts_of_a_model(fields: dict[str, Any], expected: tuple[bool, str | None]) -> None:
    found = read_model(raw({"id": "a/b", "sha": COMMIT, **fields}))
    assert (found.disabled, found.id) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a/b"},
        {"sha": COMMIT},
        {"id": "a/b", "sha": COMMIT.upper()},
        {"id": "a/b", "sha": "main"},
        {"id": 1, "sha": COMMIT},
        {"id": "a/b", "sha": COMMIT, "lastModified": "yesterday"},
        {"id": "a/b", "sha": COMMIT, "lastModified": "2024-02-31T10:57:45.000Z"},
        {"id": "a/b", "sha": COMMIT, "lastModified": 5},
    ],
)
def test_a_model_that_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(DeniedError) as caught:
        read_model(raw(fields))
    assert caught.value.code == "listing_invalid"


def test_commits_and_refs() -> None:
    (found,) = read_commits(raw([{"id": COMMIT, "date": "2024-02-19T10:57:45Z", "title": "x"}]))
    assert found == (COMMIT, dt.datetime(2024, 2, 19, 10, 57, 45, tzinfo=dt.UTC))
    one = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
    assert read_refs(raw({"branches": [one], "tags": [], "converts": []})).branches == {"main": COMMIT}


@pytest.mark.parametrize(
    "value",
    [
        {"branches": []},
        {"branches": {}, "tags": []},
        {"branches": [{"name": "x", "targetCommit": "y"}], "tags": []},
        {
            "branches": [{"name": "x", "targetCommit": COMMIT}, {"name": "x", "targetCommit": OTHER}],
            "tags": [],
        },
    ],
)
def test_refs_that_are_none(value: Any) -> None:
    with pytest.raises(DeniedError) as caught:
        read_refs(raw(value))
    assert caught.value.code == "listing_invalid"


def test_owners() -> None:
    assert read_owner(raw({"_id": "x1", "name": "acme"}), "acme") == "x1"
    assert read_owner(raw({"_id": "x2", "user": "eve", "fullname": "acme"}), "eve") == "x2"
    assert read_owner(raw({"name": "acme"}), "acme") is None
    for other in ({"_id": "x1", "name": "Acme"}, {"_id": "x1"}, {"_id": "x1", "user": "eve", "name": "acme"}):
        with pytest.raises(DeniedError) as caught:
            read_owner(raw(other), "acme")
        assert caught.value.code == "source_renamed"


@pytest.mark.parametrize(
    ("link", "query"),
    [
        (None, None),
        ("", None),
        ('<https://h/api/models/a/b/tree/c?cursor=x%3D>; rel="next"', "cursor=x%3D"),
        ('<https://other.example/p/api/models/a/b/tree/c?cursor=1>; rel="next"', "cursor=1"),
        ('<https://h/x?p=0>; rel="prev", </api/models/a/b/tree/c?p=2>; rel=next', "p=2"),
        ('<https://h/api/models/a/b/tree/c?p=0>; rel="prev"', None),
        ('</api/models/a/b/tree/c?p=2>; title="a, b"; rel="last next"', "p=2"),
    ],
)
def test_next_page(link: str | None, query: str | None) -> None:
    assert read_next(link, "/api/models/a/b/tree/c") == query


@pytest.mark.parametrize(
    "link",
    [
        '<https://h/api/models/a/b/tree/d?cursor=1>; rel="next"',
        '<https://h/api/models/a/b/tree/c>; rel="next"',
        '<https://h/api/models/a/b/tree/c?>; rel="next"',
        '<https://h/api/models/a/b/tree/c?cursor=1; rel="next"',
        'https://h/api/models/a/b/tree/c?cursor=1; rel="next"',
        "x" * 16_385,
    ],
)
def test_a_next_page_of_another_list_or_none_is_refused(link: str) -> None:
    with pytest.raises(DeniedError) as caught:
        read_next(link, "/api/models/a/b/tree/c")
    assert caught.value.code == "listing_invalid"


IN_LFS = HubFile("a.bin", 7, Digest("sha256", SHA256), None)
IN_GIT = HubFile("a.txt", 7, None, BLOB)
LOCKED = HubFile("a.txt", 7, Digest("sha256", SHA256), BLOB)


@pytest.mark.parametrize(
    ("file", "headers"),
    [
        (IN_LFS, {}),
        (IN_LFS, {"x-repo-commit": COMMIT, "x-linked-size": "7", "x-linked-etag": f'"{SHA256}"'}),
        (IN_LFS, {"x-linked-etag": SHA256}),
        (IN_LFS, {"x-linked-etag": '"d41d8cd98f00b204e9800998ecf8427e-12"'}),
        (IN_LFS, {"x-linked-etag": f'"{BLOB}"'}),  # git's name of the pointer, which is not known here
        (IN_GIT, {"x-linked-etag": f'W/"{BLOB}"'}),
        (IN_GIT, {"x-linked-etag": f'"{SHA256}"'}),  # nobody said which digest it has
        (LOCKED, {"x-linked-etag": f'"{BLOB}"'}),
        (LOCKED, {"x-linked-etag": f'"{SHA256}"'}),
    ],
)
def test_answers_that_fit(file: HubFile, headers: dict[str, str]) -> None:
    check_answer(file, COMMIT, headers)


@pytest.mark.parametrize(
    ("file", "headers", "code"),
    [
        (IN_LFS, {"x-repo-commit": OTHER}, "revision_mixed"),
        (IN_LFS, {"x-repo-commit": ""}, "revision_mixed"),
        (IN_LFS, {"x-linked-size": "8"}, "metadata_conflict"),
        (IN_LFS, {"x-linked-size": "-7"}, "metadata_conflict"),
        (IN_LFS, {"x-linked-size": "\uff17"}, "metadata_conflict"),
        (IN_LFS, {"x-linked-etag": f'"{"0" * 64}"'}, "metadata_conflict"),
        (IN_GIT, {"x-linked-etag": f'"{"0" * 40}"'}, "metadata_conflict"),
        (LOCKED, {"x-linked-etag": f'"{"0" * 40}"'}, "metadata_conflict"),
        (LOCKED, {"x-linked-etag": f'"{"0" * 64}"'}, "metadata_conflict"),
    ],
)
def test_answers_that_contradict(file: HubFile, headers: dict[str, str], code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        check_answer(file, COMMIT, headers)
    assert caught.value.code == code


def test_pointers_are_known() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1\n".encode()
    assert is_pointer(pointer)
    assert is_pointer(pointer.replace(b"oid", b"ext-0-x sha256:00\noid"))
    assert not is_pointer(pointer[:40])
    assert not is_pointer(b"# how to write\n" + pointer)
    assert not is_pointer(b"version 2\noid sha256:" + digest.encode())


@pytest.mark.parametrize(
    ("status", "headers", "with_token", "code", "says"),
    [
        (404, {"x-error-code": "EntryNotFound"}, False, "remote_missing", "not served"),
        (404, {"x-error-code": "RevisionNotFound"}, False, "source_missing", "no such revision"),
        (404, {"x-error-code": "RepoNotFound"}, True, "source_missing", "private"),
        (401, {}, False, "source_missing", "HF_TOKEN"),
        (
            401,
            {"x-error-message": "Invalid credentials in Authorization header"},
            True,
            "access_refused",
            "new token",
        ),
        (
            403,
            {"x-error-message": "Access to this resource is disabled."},
            True,
            "access_refused",
            "is disabled",
        ),
        (403, {}, False, "access_refused", "HF_TOKEN"),
        (401, {"x-error-code": "GatedRepo"}, False, "access_refused", "accept the terms"),
        (403, {"x-error-code": "GatedRepo"}, True, "access_refused", "accept the terms"),
        (410, {}, True, "source_missing", "check the name"),
    ],
)
def test_refusals_are_told_apart(
    status: int, headers: dict[str, str], with_token: bool, code: str, says: str
) -> None:
    error = explain("acme/tiny", status, headers, with_token=with_token)
    assert error.code == code
    assert says in f"{error.message} {error.hint}"
    assert error.details["status"] == status
