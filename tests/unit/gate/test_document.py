"""YAML that every reader reads alike, or none is read."""

import json
from typing import Any

import pytest
import yaml

from weighlock.core.error import DeniedError
from weighlock.gate.document import MAX_DEPTH, Fields, Items, Scalar, Value, read_documents


def plain(value: Value) -> Any:
    if isinstance(value, Fields):
        return {key: plain(part) for key, part in value.values.items()}
    if isinstance(value, Items):
        return [plain(part) for part in value.values]
    return None if value.null else value.text


def one(text: str) -> Any:
    (document,) = read_documents(text.encode()).documents
    return plain(document)


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test with libyaml's parser and with PyYAML's own."""
    if request.param == "SafeLoader":
        monkeypatch.setattr(yaml, "CSafeLoader", yaml.SafeLoader, raising=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 'y', \"z\"]\n", {"a": "1", "b": ["x", "y", "z"]}),
        ("a: ~\nb: null\nc:\nd: 'null'\n", {"a": None, "b": None, "c": None, "d": "null"}),
        ("a: &x {b: c}\nd: *x\n", {"a": {"b": "c"}, "d": {"b": "c"}}),
        ("a: &x {b: c}\nd:\n  <<: *x\n  b: e\n", {"a": {"b": "c"}, "d": {"b": "e"}}),
        ("d:\n  <<: [{b: 1}, {b: 2, c: 3}]\n", {"d": {"b": "1", "c": "3"}}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: >-\n  reg/x@sha\n", {"a": "reg/x@sha"}),
        ("%YAML 1.1\n---\na: yes\n", {"a": "yes"}),
        ('{"a": [1, 2.5, true, null, "x\\u00e9"]}', {"a": ["1", "2.5", "true", None, "xé"]}),
        ("a: 010\nb: 1_000\n", {"a": "010", "b": "1_000"}),
        ("yes: 1\non: 2\n", {"yes": "1", "on": "2"}),
    ],
)
def test_values_keep_the_text_that_was_written(text: str, value: Any) -> None:
    assert one(text) == value


def test_every_document_of_a_stream_is_read() -> None:
    stream = read_documents(b"a: 1\n---\n---\nb: &x 2\n...\n---\nc: 3\n")
    assert [plain(value) for value in stream.documents] == [{"a": "1"}, None, {"b": "2"}, {"c": "3"}]


def test_lines_are_counted_from_one() -> None:
    (document,) = read_documents(b"---\na: 1\nb:\n- x\n").documents
    assert isinstance(document, Fields)
    b = document.values["b"]
    assert isinstance(b, Items)
    assert (document.values["a"].line, b.values[0].line) == (2, 4)


DEEP = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghi"
)
MERGE_BOMB = "a: &a {k1: 1}\n" + "".join(
    f"{name}: &{name} {{x: *{chr(ord(name) - 1)}, y: *{chr(ord(name) - 1)}}}\n"
    for name in "bcdefghijklmnopqrst"
)

REFUSED = {
    "a: 1\na: 2\n": (2, "occurs twice"),
    "a: 1\n'a': 2\n": (2, "occurs twice"),
    '"\\u0061": 1\na: 2\n': (2, "occurs twice"),
    "x: {a: 1, a: 2}\n": (1, "occurs twice"),
    '{"a": 1, "a": 2}': (1, "occurs twice"),
    "a: !!binary aGk=\n": (1, "tag"),
    "a: !!python/object/apply:os.getcwd []\n": (1, "tag"),
    "a: !reset null\n": (1, "tag"),
    "a: ! x\n": (1, "tag"),
    "%TAG ! tag:yaml.org,2002:\n---\na: !str x\n": (3, "tag"),
    "? [a]\n: 1\n": (1, "not text"),
    "? {a: b}\n: 1\n": (1, "not text"),
    "a: *missing\n": (1, "anchor"),
    "a: &x [*x]\n": (1, "anchor"),
    "a: &x 1\nb: &x 2\n": (2, "set twice"),
    "a: &x 1\n---\nb: *x\n": (3, "anchor"),
    "a: &x {image: evil}\nb:\n  image: good\n  <<: *x\n": (4, "<< first"),
    "a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n": (4, "repeated"),
    "a: &x {b: 1}\nc:\n  '<<': *x\n": (3, "quoted"),
    "a:\n  <<: text\n": (2, "not a map"),
    "a: # x\u2028b: 1\n": (1, "new line"),
    "a: # x\x85b: 1\n": (1, "new line"),
    "a: 1\n\ufeffb: 2\n": (2, "new line"),
    "a: [1\n": (2, ""),
    "a: b: c\n": (1, ""),
    "\ta: 1\n": (1, ""),
    "a: 'x\n": (2, ""),
    DEEP: (1, "deeper"),
    BOMB: (6, "expand"),
    MERGE_BOMB: (None, "expand"),
    '{"a": "\\ud83d\\ude00"}': (1, ""),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_readers_could_read_differently(text: str) -> None:
    line, why = REFUSED[text]
    with pytest.raises(DeniedError) as caught:
        read_documents(text.encode())
    assert caught.value.code == "workload_invalid"
    assert why in caught.value.message
    if line is not None:
        assert caught.value.details["line"] == line


@pytest.mark.parametrize(
    "raw", [b"a: \xff\n", "a: 1\n".encode("utf-16"), b"a: \x00\n", b"#" * (4 * 1024 * 1024 + 1)]
)
def test_refuses_other_encodings_and_sizes(raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        read_documents(raw)
    assert caught.value.code == "workload_invalid"


def test_many_small_documents_are_refused_too() -> None:
    with pytest.raises(DeniedError, match="documents"):
        read_documents(b"---\na: 1\n" * 1001)


def test_the_limit_counts_values_of_all_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.gate.document.MAX_VALUES", 1000)
    each = "- x\n" * 500
    with pytest.raises(DeniedError, match="values"):
        read_documents(f"{each}---\n{each}".encode())


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("image: {{ .Values.image }}\n", True),
        ('image: "{{ .Values.image }}"\n', True),
        ("{{- if .Values.x }}\na: 1\n{{- end }}\n", True),
        ("a: 1 # {{ tpl }}\n", True),
        ("a: 1 # {{ anything }}\n", True),
        ("a: '{{ include \"x\" . }}'\n", True),
        ("a: '{{ messages }} {{- bos_token }}'\n", False),
        ("a: 'summary {{ $labels.pod }}'\n", True),
        ("a: {b: {c: 1}}\n", False),
        ("a: 1\n", False),
    ],
)
def test_templates_are_recognised(text: str, template: bool) -> None:
    assert read_documents(text.encode()).template is template


def test_json_reads_as_it_does_elsewhere() -> None:
    value = {"a": [1, -2, 3.5, "x", {"b": None}], "c": '\t"\\/'}
    assert one(json.dumps(value)) == {"a": ["1", "-2", "3.5", "x", {"b": None}], "c": '\t"\\/'}


def test_a_scalar_that_looks_like_null_but_is_quoted_is_text() -> None:
    (document,) = read_documents(b"'~'\n").documents
    assert document == Scalar(1, "~")
