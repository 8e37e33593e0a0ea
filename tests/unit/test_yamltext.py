"""What the strict reader of the user's own files refuses before it costs anything."""

import pytest

from weighlock.core.error import UsageError
from weighlock.policy.document import Policy
from weighlock.yamltext import YamlError, read_yaml


@pytest.mark.parametrize("text", ["[", "- ", "{a: "])
def test_a_deep_document_is_refused_where_it_gets_too_deep(text: str) -> None:
    # parsed to its end, it would take hours
    with pytest.raises(YamlError) as raised:
        read_yaml(text.encode() * 200_000)
    assert raised.value.why == "it nests too deep"


def test_a_deep_policy_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        Policy.parse(b"[" * 200_000, file="policy.yaml")
    assert raised.value.code == "policy_invalid"
