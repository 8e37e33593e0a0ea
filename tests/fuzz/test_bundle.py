"""Whatever the bytes are, reading a bundle ends in a value or in an error of ours."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighlock.attestation.bundle import read_bundle, sign_statement, verify_with_key, verify_with_keys
from weighlock.attestation.chain import read_roots
from weighlock.attestation.dsse import read_base64
from weighlock.attestation.key import PublicKey
from weighlock.attestation.oms import describe_model, read_model
from weighlock.attestation.signer import KeySigner, make_key
from weighlock.attestation.statement import Statement
from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.path import check_paths

KEY = make_key()
KEYS = {KEY.public.key_id: KEY.public}
BUNDLE = sign_statement(describe_model("m", {"a": ArtifactFile("a", Digest.of(b"a"), 1)}), KEY)
GENUINE = verify_with_keys(read_bundle(BUNDLE), KEYS)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=300))
@pytest.mark.parametrize(
    "read",
    [read_bundle, Statement.parse, PublicKey.from_pem, KeySigner.from_pem, read_roots],
)
def test_any_bytes_end_in_an_error_of_ours(read: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(WeighlockError):
        read(raw)


@given(st.data())
def test_a_damaged_bundle_never_says_anything_else_than_the_genuine_one(data: st.DataObject) -> None:
    raw = bytearray(BUNDLE)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(raw) - 1))
        raw[index : index + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        attestation = verify_with_keys(read_bundle(bytes(raw)), KEYS)
    except DeniedError:
        return
    assert attestation.payload == GENUINE.payload
    assert attestation.signer == KEY.public


@given(st.data())
def test_any_value_in_any_place_of_a_bundle_ends_in_a_verdict(data: st.DataObject) -> None:
    document = json.loads(BUNDLE)
    value = document
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(value[key], dict | list) or not value[key] or data.draw(st.booleans()):
            break
        value = value[key]
    value[key] = data.draw(json_values)
    try:
        attestation = verify_with_keys(read_bundle(json.dumps(document).encode()), KEYS)
    except DeniedError:
        return
    assert attestation.payload == GENUINE.payload


@given(st.dictionaries(st.sampled_from(["resources", "serialization", "x"]), json_values))
@example({"resources": [{"name": "a:0:5", "algorithm": "sha256", "digest": "0" * 64}], "serialization": {}})
def test_any_signed_predicate_ends_in_a_verdict(predicate: dict[str, object]) -> None:
    subjects, kind = GENUINE.statement.subjects, GENUINE.statement.predicate_type
    payload = json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": subjects[0].name, "digest": dict(subjects[0].digest)}],
            "predicateType": kind,
            "predicate": predicate,
        }
    ).encode()
    try:
        statement = Statement.parse(payload)
    except DeniedError:
        return
    attestation = verify_with_key(read_bundle(sign_statement(statement, KEY)), KEY.public)
    with pytest.raises(DeniedError):  # a random predicate never matches the subject's root digest
        read_model(attestation)


@given(st.binary(min_size=1, max_size=60))
def test_base64_has_one_spelling_in_each_alphabet(raw: bytes) -> None:
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert read_base64(text, what="x") == raw
        for other in (
            text + "\n",
            text + "=",
            "=" + text,
            text + " ",
            text.rstrip("=") if "=" in text else text + "A",
        ):
            with pytest.raises(DeniedError):
                read_base64(other, what="x")


@given(st.text(alphabet="ABab+/-_= \n\0ü", max_size=24))
def test_base64_that_is_read_writes_the_same_text(text: str) -> None:
    try:
        raw = read_base64(text, what="x")
    except DeniedError:
        return
    assert text in {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}


names = st.text(alphabet="abcdeü漢/._-", min_size=1, max_size=12)


@given(st.dictionaries(names, st.binary(max_size=4), min_size=1, max_size=8), st.booleans())
def test_what_is_signed_is_read_again(contents: dict[str, bytes], links: bool) -> None:
    files = {path: ArtifactFile(path, Digest.of(raw), len(raw)) for path, raw in contents.items()}
    try:
        check_paths(files)
    except DeniedError:
        with pytest.raises(DeniedError):
            describe_model("m", files, links=links)
        return
    bundle = sign_statement(describe_model("m", files, links=links), KEY)
    signed = read_model(verify_with_key(read_bundle(bundle), KEY.public))
    assert signed.compare({path: (file.digest,) for path, file in files.items()}).same
    assert signed.allow_links is links
    assert list(signed.files) == sorted(files)
