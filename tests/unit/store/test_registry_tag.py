"""Names as tags, and what our own tags say."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unit.store.storing import refused
from weighlock.core.digest import Digest
from weighlock.core.reference import _TAG
from weighlock.core.store_reference import _NAME, read_digits
from weighlock.store.registry_tag import (
    manifest_listing,
    name_of,
    read_listing,
    referrer_listing,
    tag_of,
)
from weighlock.transport.registry.referrer import fallback_tag

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("minilm", "minilm"),
        ("state/12", "state__12"),
        ("minilm@3", "minilm_.3"),
        ("v1+cpu", "v1._cpu"),
        ("org/a--b.c_d-e@1+x", "org__a--b.c_d-e_.1._x"),
    ],
)
def test_a_name_can_be_read_in_its_tag(name: str, tag: str) -> None:
    assert tag_of(name) == tag
    assert name_of(tag) == name


@given(st.from_regex(_NAME, fullmatch=True).filter(lambda name: len(name) <= 100))
def test_every_name_has_a_tag_of_its_own(name: str) -> None:
    assume(read_digits(name) is None and not name.startswith("sha"))
    tag = tag_of(name)
    assert _TAG.fullmatch(tag)
    assert not tag.startswith("_")
    assert name_of(tag) == name


@given(st.from_regex(_TAG, fullmatch=True))
def test_a_tag_is_at_most_one_name(tag: str) -> None:
    name = name_of(tag)
    assert name is None or tag_of(name) == tag


@pytest.mark.parametrize(
    "name", ["a" * 129, "/".join("a" * 65), fallback_tag(ONE), f"{fallback_tag(ONE)}.sig"]
)
def test_what_cannot_be_a_tag_is_no_name(name: str) -> None:
    with refused("name_invalid"):
        tag_of(name)


@pytest.mark.parametrize("tag", ["a-_b", "a...b", "_a", "abcdefabcdef", fallback_tag(ONE), "a_-_b", "é", ""])
def test_tags_of_others_that_are_no_names(tag: str) -> None:
    assert name_of(tag) is None


def test_what_our_own_tags_say() -> None:
    for made in (manifest_listing(ONE, "a/b", 1_767_225_600_000), referrer_listing(ONE, TWO, 5)):
        assert read_listing(made.tag) == made
        assert _TAG.fullmatch(made.tag)
        assert name_of(made.tag) is None
    assert referrer_listing(ONE, TWO, 5).tag == f"_r.0000000000005.{ONE.hex}.{TWO.hex[:32]}"
    assert [read_listing(tag) for tag in ("minilm", "_x", "_", fallback_tag(ONE))] == [None] * 4


@pytest.mark.parametrize(
    "tag",
    [
        "_m.",
        f"_m.1.{ONE.hex}.{'a' * 12}",
        f"_m.{'1' * 13}.{ONE.hex.upper()}.{'a' * 12}",
        f"_m.{'1' * 13}.{ONE.hex[1:]}.{'a' * 12}",
        f"_r.{'1' * 13}.{ONE.hex}.{'a' * 12}",
        f"_r.{'1' * 13}.{ONE.hex}.{'a' * 33}",
    ],
)
def test_a_malformed_tag_of_ours_is_damage(tag: str) -> None:
    with refused("index_damaged"):
        read_listing(tag)
