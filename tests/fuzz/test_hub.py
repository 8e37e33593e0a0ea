"""Whatever a hub answers and a person types, reading it ends in a value or in an error of ours."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.text import shown
from weighlock.source.huggingface.answer import (
    read_commits,
    read_entries,
    read_model,
    read_next,
    read_owner,
    read_refs,
)
from weighlock.source.huggingface.endpoint import parse_endpoint
from weighlock.source.huggingface.file import HubFile, check_answer, is_pointer
from weighlock.source.huggingface.name import parse_model
from weighlock.source.huggingface.refusal import explain
from weighlock.source.interface import SourceSpec

READERS = (read_model, read_entries, read_commits, read_refs, lambda raw: read_owner(raw, "acme"))
NAMES = (
    "id",
    "_id",
    "sha",
    "oid",
    "lfs",
    "size",
    "path",
    "type",
    "date",
    "branches",
    "tags",
    "name",
    "pointerSize",
)
COMMIT = "ab" * 20
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["file", "directory", COMMIT, "0" * 64, "2024-02-19T10:57:45Z", "acme"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize("read", READERS)
def test_any_answer_ends_in_facts_or_a_denial(read: Callable[[bytes], object], raw: bytes) -> None:
    try:
        read(raw)
    except DeniedError as error:
        assert error.code in {  # noqa: PT017  # which error it is, is the point
            "listing_invalid",
            "path_invalid",
            "digest_invalid",
            "metadata_conflict",
            "source_renamed",
        }


@given(st.text(max_size=60) | st.from_regex(r"[a-z./@:!*,-]{1,40}", fullmatch=True))
@example("acme/tiny@main:!a,b")
def test_a_source_has_one_spelling(text: str) -> None:
    try:
        model = parse_model(SourceSpec("hf", text))
    except UsageError as error:
        assert error.code == "source_invalid"  # noqa: PT017
        return
    assert parse_model(SourceSpec("hf", model.location)) == model
    assert model.selection.takes("x") in {True, False}


@given(
    st.dictionaries(
        st.sampled_from(["x-repo-commit", "x-linked-size", "x-linked-etag"]), st.text(max_size=70)
    )
)
def test_any_headers_fit_or_are_denied(headers: dict[str, str]) -> None:
    try:
        check_answer(HubFile("a", 7, None, COMMIT), COMMIT, headers)
    except DeniedError as error:
        assert error.code in {"revision_mixed", "metadata_conflict"}  # noqa: PT017
        return
    assert headers.get("x-repo-commit", COMMIT) == COMMIT


@given(
    st.sampled_from([401, 403, 404, 410]),
    st.dictionaries(st.sampled_from(["x-error-code", "x-error-message"]), st.text(max_size=400)),
    st.booleans(),
)
def test_every_refusal_is_explained(status: int, headers: dict[str, str], with_token: bool) -> None:
    error = explain("acme/tiny", status, headers, with_token=with_token)
    assert error.hint
    assert error.message == shown(error.message, limit=10_000)


@given(st.text(max_size=80), st.binary(max_size=80))
def test_links_pointers_and_addresses(text: str, raw: bytes) -> None:
    is_pointer(raw)
    for read, expected in (
        (lambda: read_next(text, "/x"), DeniedError),
        (lambda: parse_endpoint(text, what="test"), UsageError),
    ):
        try:
            read()
        except expected as error:
            assert error.code in {"listing_invalid", "settings_invalid"}  # noqa: PT017
