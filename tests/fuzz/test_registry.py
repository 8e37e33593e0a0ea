"""Whatever a registry, its token service or a configuration file say, reading it ends in a value or in an error of ours."""

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.transport.field import unquote
from weighlock.transport.registry.auth import read_token
from weighlock.transport.registry.docker_config import DockerConfig
from weighlock.transport.registry.header import (
    find_next,
    parse_challenges,
    parse_range,
    read_error_codes,
)
from weighlock.transport.registry.manifest import ManifestBytes, read_answer
from weighlock.transport.registry.referrer import describe, read_index

HEADER = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=200)
PIECES = st.lists(
    st.sampled_from(["Bearer", "Basic", " ", ",", "=", '"', "\\", "realm", "scope", "x", "<", ">", ";", "rel", "next", "/a", "tok68==", "\t"]),
    max_size=40,
).map("".join)  # fmt: skip
TOKEN = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
QUOTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(HEADER | PIECES)
@example('Bearer realm="' + "\\" * 50)
@example("<" * 100 + ">;" * 50)
@pytest.mark.parametrize("read", [parse_challenges, find_next, parse_range, unquote])
def test_any_header_ends_in_a_value_or_an_error_of_ours(read: Callable[[str], object], header: str) -> None:
    with contextlib.suppress(WeighlockError):
        read(header)


@given(st.lists(st.tuples(TOKEN, st.dictionaries(TOKEN, QUOTABLE, min_size=1, max_size=4)), max_size=4))
def test_challenges_are_read_as_they_were_written(challenges: list[tuple[str, dict[str, str]]]) -> None:
    written = ", ".join(
        f"{scheme} " + ",".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert [tuple(each) for each in parse_challenges(written)] == challenges


@given(st.from_regex(r"[!-;=?-~]{1,40}", fullmatch=True), QUOTABLE)
def test_links_are_read_as_they_were_written(target: str, title: str) -> None:
    assert find_next(f'<{target}>; title={quoted(title)}; rel="next"') == target
    assert find_next(f"<{target}>; title={quoted(title)}; rel=prev") is None


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize("read", [read_token, read_error_codes, read_index])
def test_any_answer_ends_in_a_value_or_an_error_of_ours(read: Callable[[bytes], object], raw: bytes) -> None:
    with contextlib.suppress(WeighlockError):
        read(raw)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("schemaVersion", "mediaType", "manifests", "layers", "config", "subject", "artifactType", "annotations"), JSON),
    ),
    HEADER,
    HEADER,
)  # fmt: skip
def test_any_manifest_ends_in_its_own_bytes_or_an_error_of_ours(
    document: dict[str, object], media_type: str, digest: str
) -> None:
    raw = json.dumps({"schemaVersion": 2, **document}).encode()
    with contextlib.suppress(WeighlockError):
        describe(ManifestBytes(raw, media_type, Digest.of(raw)))
    try:
        found = read_answer(raw, {"content-type": media_type, "docker-content-digest": digest}, asked=None)
    except DeniedError:
        return
    assert (found.raw, found.digest) == (raw, Digest.of(raw))


ENTRY = JSON | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("auth", "identitytoken", "username", "password"), JSON)
)


@given(
    st.binary(max_size=100)
    | st.fixed_dictionaries(
        {}, optional={"auths": JSON | st.dictionaries(st.sampled_from(["reg.example", "reg.example/a", "x"]), ENTRY), "credHelpers": JSON}
    ).map(lambda value: json.dumps(value).encode())
)  # fmt: skip
def test_any_configuration_ends_in_a_login_or_an_error_of_ours(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_bytes(raw)
        found = None
        with contextlib.suppress(UsageError):
            found = DockerConfig((path,), {"PATH": folder}).find("reg.example", "a/b")
        assert found is None or found.user or found.identity_token
