import copy
import hashlib
import json
from typing import Any

import pytest

from weighlock.attestation import oms
from weighlock.attestation.bundle import Attestation, read_bundle, sign_statement, verify_with_key
from weighlock.attestation.oms import (
    DEFAULT_IGNORED,
    PREDICATE_TYPE,
    Comparison,
    SignedModel,
    check_ignored,
    describe_model,
    is_under,
    read_model,
)
from weighlock.attestation.signer import make_key
from weighlock.attestation.statement import Statement, Subject
from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError

KEY = make_key()
A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))


def _attest(statement: Statement) -> Attestation:
    return verify_with_key(read_bundle(sign_statement(statement, KEY)), KEY.public)


def _files(**digests: Digest) -> dict[str, ArtifactFile]:
    return {path: ArtifactFile(path, digest, 1) for path, digest in digests.items()}


def _root(*digests: Digest) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(digest.hex) for digest in digests)).hexdigest()


def _read(predicate: dict[str, Any], *, root: str | None = None, kind: str = PREDICATE_TYPE) -> SignedModel:
    if root is None:
        root = _root(*(Digest("sha256", each["digest"]) for each in predicate["resources"]))
    return read_model(_attest(Statement((Subject("m", {"sha256": root}),), kind, predicate)))


def _resource(name: str, digest: Digest) -> dict[str, Any]:
    return {"name": name, "algorithm": "sha256", "digest": digest.hex}


VALID: dict[str, Any] = {
    "resources": [_resource("a", A), _resource("d/b", B)],
    "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
}


def test_what_is_described_is_read_again() -> None:
    files = {path: ArtifactFile(path, A, 1) for path in ("sub/x", "sub.txt", "Z", "ü", "a")}
    signed = read_model(_attest(describe_model("m", files, ignored=["notes/", ".git"], links=True)))
    assert list(signed.files) == ["Z", "a", "sub.txt", "sub/x", "ü"]  # by code point, not by component
    assert signed.name == "m"
    assert signed.allow_links
    assert signed.shard_size is None
    assert signed.ignored == tuple(sorted({*DEFAULT_IGNORED, "notes"}))
    assert signed.root.hex == _root(A, A, A, A, A)
    assert signed.compare(dict.fromkeys(files, (A,))).same


def test_the_root_digest_is_that_of_the_specifications_example() -> None:
    # OMS v1.0, appendix A: two files
    config = Digest("sha256", "5e472403951781d18d5f790aa5b3316a5f535fc37a1052f6659c9c6af82e3643")
    weights = Digest("sha256", "4555555dc68d872c2270ba89ecc5f6f094812f65372b37e50071fe5168031c49")
    statement = describe_model(
        "my-model",
        {
            "weights.bin": ArtifactFile("weights.bin", weights, 1),
            "config.json": ArtifactFile("config.json", config, 1),
        },
    )
    resources = statement.predicate["resources"]
    assert [each["name"] for each in resources] == ["config.json", "weights.bin"]
    assert statement.subjects[0].digest["sha256"] == _root(config, weights)


def test_the_root_is_recomputed_in_listed_order() -> None:
    by_component = {**VALID, "resources": [_resource("sub/x", A), _resource("sub.txt", B)]}
    assert _read(by_component).files == {"sub/x": (A,), "sub.txt": (B,)}
    with pytest.raises(DeniedError) as caught:
        _read(by_component, root=_root(B, A))
    assert caught.value.code == "oms_root_mismatch"


def test_unknown_fields_are_ignored_as_the_specification_demands() -> None:
    predicate = copy.deepcopy(VALID)
    predicate["later"] = 1
    predicate["resources"][0]["uri"] = "x:y"
    predicate["serialization"]["later"] = True
    assert set(_read(predicate).files) == {"a", "d/b"}


def test_a_single_file_that_another_tool_calls_dot_has_the_subjects_name() -> None:
    assert _read({**VALID, "resources": [_resource(".", A)]}).files == {"m": (A,)}


def _with(part: str, **changes: Any) -> dict[str, Any]:
    predicate = copy.deepcopy(VALID)
    target = predicate["resources"][0] if part == "resource" else predicate[part]
    for key, value in changes.items():
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return predicate


def _listing(*names: str) -> dict[str, Any]:
    return {**VALID, "resources": [_resource(name, A) for name in names]}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("empty", {**VALID, "resources": []}, "artifact_empty"),
    ("no resources", {"serialization": VALID["serialization"]}, "oms_invalid"),
    ("resources are no list", {**VALID, "resources": {}}, "oms_invalid"),
    ("resource is no object", {**VALID, "resources": ["a"]}, "oms_invalid"),
    ("no serialization", {"resources": VALID["resources"]}, "oms_invalid"),
    ("duplicate name", _listing("a", "a"), "oms_invalid"),
    ("names that collide", _listing("a", "A"), "path_collision"),
    ("a file under a file", _listing("a", "a/b"), "path_collision"),
    ("parent", _listing("../a"), "path_invalid"),
    ("parent inside", _listing("a/../b"), "path_invalid"),
    ("absolute", _listing("/etc/passwd"), "path_invalid"),
    ("dot component", _listing("./a"), "path_invalid"),
    ("dot beside others", _listing(".", "a"), "path_invalid"),
    ("doubled slash", _listing("a//b"), "path_invalid"),
    ("trailing slash", _listing("a/"), "path_invalid"),
    ("no name", _listing(""), "path_invalid"),
    ("NUL", _listing("a\0b"), "path_invalid"),
    ("backslash", _listing("a\\b"), "path_invalid"),
    ("too many files", _listing(*(f"f{n}" for n in range(10_001))), "artifact_too_many_files"),
    ("name is no text", _with("resource", name=7), "oms_invalid"),
    ("name missing", _with("resource", name=...), "oms_invalid"),
    ("other algorithm", _with("resource", algorithm="blake2b"), "oms_invalid"),
    ("digest missing", _with("resource", digest=...), "oms_invalid"),
    ("digest is no text", _with("resource", digest=7), "oms_invalid"),
    ("digest too short", _with("resource", digest="ab"), "digest_invalid"),
    ("digest in capitals", _with("resource", digest=A.hex.upper()), "digest_invalid"),
    ("other digest", _with("serialization", hash_type="blake3"), "oms_unsupported"),
    ("no digest kind", _with("serialization", hash_type=...), "oms_unsupported"),
    ("other method", _with("serialization", method="tree"), "oms_unsupported"),
    ("no method", _with("serialization", method=...), "oms_unsupported"),
    ("files with shard size", _with("serialization", shard_size=5000), "oms_unsupported"),
    ("links as text", _with("serialization", allow_symlinks="false"), "oms_invalid"),
    ("links not said", _with("serialization", allow_symlinks=...), "oms_invalid"),
    ("ignore is no list", _with("serialization", ignore_paths="xy"), "oms_invalid"),
    ("ignore is no text", _with("serialization", ignore_paths=[7]), "oms_invalid"),
    ("too much ignored", _with("serialization", ignore_paths=["x"] * 1001), "oms_invalid"),
    ("ignore everything", _with("serialization", ignore_paths=["."]), "path_invalid"),
    ("ignore a parent", _with("serialization", ignore_paths=["../x"]), "path_invalid"),
    ("ignore an absolute path", _with("serialization", ignore_paths=["/"]), "path_invalid"),
    ("ignore a pattern", _with("serialization", ignore_paths=["*"]), "path_invalid"),
    ("ignored and listed", _with("serialization", ignore_paths=["d"]), "oms_invalid"),
    ("ignored and listed itself", _with("serialization", ignore_paths=["a"]), "oms_invalid"),
]


@pytest.mark.parametrize(
    ("predicate", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_predicates_that_are_refused_although_signed(predicate: dict[str, Any], code: str) -> None:
    root = None
    try:
        root = _root(*(Digest("sha256", each["digest"]) for each in predicate["resources"]))
    except (KeyError, TypeError, DeniedError, ValueError):
        root = "0" * 64
    with pytest.raises(DeniedError) as caught:
        _read(predicate, root=root)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "statement",
    [
        Statement((Subject("m", {"sha256": _root(A, B)}),), "https://model_signing/Digests/v0.1", VALID),
        Statement((Subject("m", {"sha256": _root(A, B)}),) * 2, PREDICATE_TYPE, VALID),
        Statement((Subject("", {"sha256": _root(A, B)}),), PREDICATE_TYPE, VALID),
        Statement((Subject("m", {"sha512": "0" * 128}),), PREDICATE_TYPE, VALID),
    ],
)
def test_statements_that_are_no_model_signature(statement: Statement) -> None:
    with pytest.raises(DeniedError) as caught:
        read_model(_attest(statement))
    assert caught.value.code == "oms_invalid"


def _shards(*names: str, size: Any = 1000) -> dict[str, Any]:
    serialization = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": size}
    return {"resources": [_resource(name, A) for name in names], "serialization": serialization}


def test_shards_are_read_and_may_be_listed_in_any_order() -> None:
    signed = _read(_shards("a:1000:2000", "a:0:1000", "b:0:7", "a:2000:2001"))
    assert signed.shard_size == 1000
    assert signed.files == {"a": (A, A, A), "b": (A,)}


@pytest.mark.parametrize(
    ("predicate", "code"),
    [
        (_shards("a"), "oms_invalid"),
        (_shards("a:0"), "oms_invalid"),
        (_shards("a:0:x"), "oms_invalid"),
        (_shards("a:00:1000"), "oms_invalid"),
        (_shards("a:-1:1000"), "oms_invalid"),
        (_shards("a:0:1001"), "oms_invalid"),
        (_shards("a:0:0"), "oms_invalid"),
        (_shards("a:1:1000"), "oms_invalid"),
        (_shards("a:1000:2000"), "oms_invalid"),
        (_shards("a:0:1000", "a:2000:3000"), "oms_invalid"),
        (_shards("a:0:999", "a:999:1999"), "oms_invalid"),
        (_shards("a:0:1000", "a:0:1000"), "oms_invalid"),
        (_shards("a:0:1000", "a:500:1500"), "oms_invalid"),
        (_shards("a:0:1000", "a:1000:1000"), "oms_invalid"),
        (_shards("a:0:1000", "a:1000:900"), "oms_invalid"),
        (_shards("a:0:1", size=2**42 + 1), "oms_invalid"),
        (_shards("../a:0:1000"), "path_invalid"),
        (_shards("a:0:1000", size=0), "oms_invalid"),
        (_shards("a:0:999", size=999), "oms_invalid"),
        (_shards("a:0:1000", size=True), "oms_invalid"),
        (_shards("a:0:1000", size="1000"), "oms_invalid"),
        (_shards("a:0:1000", size=None), "oms_invalid"),
    ],
)
def test_shards_that_are_refused(predicate: dict[str, Any], code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        _read(predicate)
    assert caught.value.code == code


def test_differences_are_named() -> None:
    signed = _read(VALID)
    assert signed.compare({"a": (A,), "d/b": (B,)}).same
    assert signed.compare({"a": (B,), "c": (C,), "b": (B,)}) == Comparison(("d/b",), ("b", "c"), ("a",))
    assert not signed.compare({"a": (A,)}).same
    assert not signed.compare({"a": (A,), "d/b": (B,), "x": (C,)}).same
    assert not signed.compare({"a": (A,), "d/b": (A,)}).same


def test_with_shards_a_longer_or_shorter_file_is_changed_and_an_empty_one_cannot_be_listed() -> None:
    signed = _read(_shards("a:0:1000", "a:1000:2000"))
    assert signed.compare({"a": (A, A), "empty": ()}).same
    assert signed.compare({"a": (A,)}).changed == ("a",)
    assert signed.compare({"a": (A, A, A)}).changed == ("a",)
    assert signed.compare({"a": ()}).changed == ("a",)


def test_nothing_is_signed_without_files_or_under_bad_names() -> None:
    for files, code in (({}, "artifact_empty"), (_files(**{"../x": A}), "path_invalid")):
        with pytest.raises(DeniedError) as caught:
            describe_model("m", files)
        assert caught.value.code == code


@pytest.mark.parametrize("path", ["", "/", "..", "../x", "/etc", "a/../b", "*", "a\0"])
def test_paths_that_cannot_be_ignored(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_ignored(path)
    assert caught.value.code == "ignore_invalid"


def test_a_path_lies_under_whole_components_only() -> None:
    assert is_under("d", ["d"])
    assert is_under("d/b", ["d"])
    assert not is_under("db", ["d"])
    assert not is_under("x/d", ["d"])


def test_the_statement_is_plain_json() -> None:
    value = json.loads(describe_model("m", _files(a=A)).to_bytes())
    assert value["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": list(DEFAULT_IGNORED),
    }


def test_what_is_listed_is_not_recorded_as_ignored() -> None:
    files = {path: ArtifactFile(path, A, 1) for path in (".gitattributes", "notes/x", "y")}
    signed = read_model(_attest(describe_model("m", files, ignored=["notes", "cache"])))
    assert signed.ignored == (".git", ".github", ".gitignore", "cache")
    assert set(signed.files) == set(files)


def test_limits_are_inclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oms, "MAX_FILES", 2)
    monkeypatch.setattr(oms, "MAX_RESOURCES", 3)
    assert len(_read(_listing("a", "b")).files) == 2
    assert len(_read(_with("serialization", ignore_paths=["x"] * 1000)).ignored) == 1000
    assert _read(_shards("a:0:1", size=2**42)).shard_size == 2**42
    assert len(_read(_shards("a:0:1000", "a:1000:2000", "a:2000:2001")).files) == 1
    for predicate, code in (
        (_listing("a", "b", "c"), "artifact_too_many_files"),
        (_shards("a:0:1000", "a:1000:2000", "a:2000:3000", "b:0:1"), "oms_invalid"),
    ):
        with pytest.raises(DeniedError) as caught:
            _read(predicate)
        assert caught.value.code == code
