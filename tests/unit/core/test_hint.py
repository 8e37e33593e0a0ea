"""Settings that a hint proposes are what they look like once they are pasted."""

import pytest

from weighlock.core.hint import as_yaml, lines_for
from weighlock.yamltext import read_yaml


@pytest.mark.parametrize(
    "entry",
    ["acme/tiny", "127.0.0.1:5000", "[::1]:5000", "no", "~", "it's", "1_0", "a: b", "a #b", "*.x", "10:30"],
)
def test_pasted_lines_are_a_list_of_that_text(entry: str) -> None:
    sentence, _, lines = lines_for("network", "hosts", "plain_http", entry=entry).partition("\n")
    assert sentence == "write in weighlock.yaml:"
    assert read_yaml(lines.encode()).plain() == {"network": {"hosts": [entry], "plain_http": [entry]}}


def test_only_what_needs_quotes_has_them() -> None:
    assert [as_yaml(text) for text in ("acme/tiny", "it's")] == ["acme/tiny", "'it''s'"]
