import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.store.storing import refused
from weighlock.core.error import UsageError
from weighlock.core.store_reference import StoreReference, check_name, read_digits

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "environment", "rest"),
    [
        ("minilm", "experimentation", "minilm"),
        ("production:minilm@2", "production", "minilm@2"),
        ("Org/all-MiniLM-L6-v2.gguf", "experimentation", "Org/all-MiniLM-L6-v2.gguf"),
        (f"sha256:{HEX}", "experimentation", f"sha256:{HEX}"),
        (f"production:sha256:{HEX}", "production", f"sha256:{HEX}"),
        (HEX[:12], "experimentation", HEX[:12]),
        (f"sha256:{HEX[:12]}", "experimentation", f"sha256:{HEX[:12]}"),
        ("a--b", "experimentation", "a--b"),
    ],
)
def test_references(text: str, environment: str, rest: str) -> None:
    parsed = StoreReference.parse(text)
    assert (parsed.environment, parsed.text) == (environment, rest)
    assert StoreReference.parse(str(parsed)) == parsed


def test_another_environment_is_not_silently_taken_for_the_only_one() -> None:
    assert StoreReference.parse("a").within("experimentation") == "a"
    with refused("artifact_unknown"):
        StoreReference.parse("production:a").within("experimentation")


def test_the_default_environment_can_be_another() -> None:
    assert str(StoreReference.parse("a", environment="production")) == "production:a"


@pytest.mark.parametrize(
    "text",
    ["", ":", ":a", "a:", "Production:a", "a:b:c", "../a", "a/../b", "/a", "a/", "a b", "a\n", "a\x00", "-a", "a.", ".a",
     "a..b", "a---b", "é", "sha256:", f"sha256:{HEX[:11]}", f"sha256:{HEX}0", f"sha512:{HEX}", f"sha256:{HEX.upper()}", "a" * 201, "a@", "\u202ea"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with refused("name_invalid"):
        StoreReference.parse(text)


@given(st.text(alphabet="ab1.-_@+/: \n", max_size=30))
def test_a_name_is_never_a_path_out_nor_digits(text: str) -> None:
    try:
        name = check_name(text)
    except UsageError as error:
        assert error.code == "name_invalid"  # noqa: PT017  # most random texts are no names
        return
    assert read_digits(name) is None
    assert not {"", ".", ".."} & set(name.split("/"))
    assert not set(name) & set(": \n")
