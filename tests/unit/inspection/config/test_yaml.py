"""The YAML reader against PyYAML's events, and what it refuses."""

from typing import Any

import pytest
import yaml

from weighlock.inspection.config.yaml import plain, read_yaml
from weighlock.inspection.span import Unexamined

SAME = [
    "a: 1\nb: two words\n",
    "a:\n- 1\n- 2\nb:\n  - x\n",
    "- - 1\n  - 2\n- - 3\n",
    "- a: 1\n  b: 2\n- c: 3\n",
    "a: 'it''s'\nb: \"x\\ty\\u00e9\"\n",
    "a: [1, {b: c, d: [e]}, 'f']\n",
    "{a: 1, b: [x, y], c: {}}\n",
    "a: |\n  one\n   two\n\n  three\nb: >-\n  folded\n  text\n",
    "a: plain that\n  goes on\nb: 1\n",
    "# comment\na: b # comment\n# end\n",
    "a: b#c\nd: e:f\n",
    "---\na: 1\n---\nb: 2\n...\n",
    "%YAML 1.1\n---\na: 1\n",
    "a:\n\nb: ''\n",
    "'quoted key': 1\n\"other\": 2\n",
    "a: &x [1, 2]\nb: 3\n",
    "a: !tag {b: c}\nd: !other\n  - e\n",
    "just text\n",
    "[a, b]\n",
    "",
    "a:\n  b:\n    c:\n      - d:\n          e: f\n",
    "url: http://host:80/path?x=1\n",
    "time: 12:30:45\n",
    "a: -1\nb: --x\n",
    "key with spaces: value\n",
    "a: {b: 'x, y', c: \"z}\"}\n",
    "a: [\n  1,\n  2\n]\nb: {\n  c: d\n}\n",
]


class _Texts(yaml.BaseLoader):
    """Everything is text, whatever its tag."""


def _any(loader: Any, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Texts.add_multi_constructor("", _any)


def squeezed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: squeezed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [squeezed(item) for item in value]
    return " ".join(str(value or "").split())


@pytest.mark.parametrize("text", SAME)
def test_documents_are_those_of_a_full_reader(text: str) -> None:
    documents, _ = read_yaml(text)
    expected = list(yaml.load_all(text, Loader=_Texts))  # makes texts, lists and objects only
    assert [squeezed(plain(document)) for document in documents] == squeezed(expected)


@pytest.mark.parametrize(
    "text",
    ["a: b: c\n", "a: - b\n", "a: 'x\n", "a: [1\n", "? a\n: b\n", "a: 1\n  b: 2\n", "\ta: 1\n", "a: @x\n", "{a: 1} x\n", "a: |x\n  y\n", "[" * 200],
)  # fmt: skip
def test_what_is_not_read_is_said(text: str) -> None:
    with pytest.raises(Unexamined):
        read_yaml(text)


def test_tags_anchors_and_lines_are_kept() -> None:
    _, nodes = read_yaml("a: &x !t [!u y]\nb: *x\nc:\n  !v\n  d: e\n")
    assert [(node.tag, node.line) for node in nodes if node.tag] == [("!t", 1), ("!u", 1), ("!v", 5)]
    assert [node.anchor for node in nodes if node.anchor] == ["x"]
    assert [node.text for node in nodes if node.alias] == ["*x"]


def test_keys_and_values_with_properties() -> None:
    _, nodes = read_yaml("!a b: !c d\n!e 'f' : g\n")
    assert [node.tag for node in nodes if node.tag] == ["!a", "!c", "!e"]
