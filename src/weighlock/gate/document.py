"""Read the YAML (or JSON) of workloads as every reader reads it, or refuse it.

Kubernetes, compose and our own parser are different programs. Where they could
differ about a document, an attacker writes one that is harmless to us and not to
them. Refused therefore: duplicate keys, tags, merge keys that would override what
stands before them, line breaks that only YAML 1.1 knows, JSON that reads differently
as YAML. Anchors and merge keys are resolved, within a limit (an alias bomb expands).
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_json
from weighlock.core.text import shown

MAX_WORKLOAD_BYTES: Final = 4 * 1024 * 1024  # etcd takes 1.5 MB an object; files hold several
MAX_DOCUMENTS: Final = 1_000  # in one file
MAX_VALUES: Final = 200_000  # with aliases expanded; 4 MB of ordinary YAML have about that many
MAX_DEPTH: Final = 100  # a CustomResourceDefinition nests about 40 deep

_ODD: Final = re.compile("[\x85\u2028\u2029\ufeff\x00]")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_HELM: Final = re.compile(
    r"\{\{-?\s*(?:/\*|\$|\.(?:Values|Release|Chart|Files|Capabilities|Template)\b|(?:include|template|if|range|with|define|block|end|else|tpl|toYaml)\b)"
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that has no parts, as text; ``null`` if it is YAML's null."""

    line: int
    text: str
    null: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    values: tuple["Value", ...]
    size: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A map, merge keys resolved."""

    line: int
    values: dict[str, "Value"] = field(hash=False)
    size: int = 1

    def text(self, key: str) -> str | None:
        """Return the text under ``key``, None if there is none."""
        value = self.values.get(key)
        return value.text if isinstance(value, Scalar) and not value.null else None

    def items(self, key: str) -> tuple["Value", ...]:
        """Return the list under ``key``, empty if there is none."""
        value = self.values.get(key)
        return value.values if isinstance(value, Items) else ()

    def fields(self, key: str) -> "Fields | None":
        """Return the map under ``key``, None if there is none."""
        value = self.values.get(key)
        return value if isinstance(value, Fields) else None


Value: TypeAlias = Scalar | Items | Fields


@dataclass(frozen=True, slots=True)
class Stream:
    """The documents of a file; ``template`` if it must be rendered before it means anything."""

    documents: tuple[Value, ...]
    template: bool


def read_documents(raw: bytes) -> Stream:
    """Return the documents of ``raw``; raises DeniedError ``workload_invalid`` naming the line.

    A Helm template that is no YAML before it is rendered gives no documents and ``template``.
    """
    text = _decode(raw)
    templated = _HELM.search(text) is not None
    try:
        builder = _build(text)
    except (DeniedError, yaml.YAMLError) as error:
        if templated:
            return Stream((), template=True)
        if isinstance(error, DeniedError):
            raise
        raise _invalid(_error_line(error), shown(str(getattr(error, "problem", None) or error))) from error
    documents = tuple(builder.documents)
    _check_as_json(raw, text, documents)
    hidden = text.count("{{") > builder.braces  # some stand outside values: in comments or between them
    return Stream(documents, template=templated or hidden)


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_WORKLOAD_BYTES:
        raise _invalid(1, f"the file has more than {MAX_WORKLOAD_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(raw.count(b"\n", 0, error.start) + 1, "the file is not UTF-8") from error
    if odd := _ODD.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise _invalid(line, f"it contains {shown(odd.group())!r}, at which some readers begin a new line")
    return text


def _build(text: str) -> "_Builder":
    builder = _Builder()
    # libyaml's parser where PyYAML has it: it is the one that Go's was made from
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        builder.take(event)
    return builder


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    line: int
    anchor: str | None
    mapping: bool
    parts: list[Value] = field(default_factory=list)
    quoted: list[bool] = field(default_factory=list)


class _Builder:
    """Makes values of parser events, without recursion."""

    def __init__(self) -> None:
        self.documents: list[Value] = []
        self.braces = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, Value] = {}
        self._total = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _invalid(
                    line, f"the alias {shown(str(event.anchor))!r} has no complete anchor before it"
                )
            self._add(self._anchors[event.anchor], line)

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        _refuse_tag(event.tag, line)
        if len(self._open) >= MAX_DEPTH:
            raise _invalid(line, f"it nests deeper than {MAX_DEPTH}")
        self._open.append(_Open(line, event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        value: Value
        if done.mapping:
            fields = _map(done)
            value = Fields(done.line, fields, 1 + sum(1 + part.size for part in fields.values()))
        else:
            value = Items(done.line, tuple(done.parts), 1 + sum(part.size for part in done.parts))
        self._anchor(done.anchor, value, done.line)
        self._add(value, done.line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        _refuse_tag(event.tag, line)
        plain = event.implicit[0]
        text = str(event.value)
        self.braces += text.count("{{")
        value = Scalar(line, text, null=plain and text in _NULLS)
        self._anchor(event.anchor, value, line)
        self._add(value, line, quoted=not plain)

    def _anchor(self, name: str | None, value: Value, line: int) -> None:
        if name is not None and name in self._anchors:
            raise _invalid(line, f"the anchor {shown(name)!r} is set twice")
        if name is not None:
            self._anchors[name] = value

    def _add(self, value: Value, line: int, *, quoted: bool = False) -> None:
        if value.size > MAX_VALUES:
            raise _invalid(line, f"its aliases expand to more than {MAX_VALUES} values")
        if self._open:
            self._open[-1].parts.append(value)
            self._open[-1].quoted.append(quoted)
            return
        self._total += value.size
        if self._total > MAX_VALUES or len(self.documents) >= MAX_DOCUMENTS:
            raise _invalid(line, f"the file has more than {MAX_VALUES} values or {MAX_DOCUMENTS} documents")
        self.documents.append(value)


def _map(done: _Open) -> dict[str, Value]:
    """Return the keys and values of a map; explicit keys win over merged ones, which must stand first."""
    explicit: dict[str, Value] = {}
    merged: dict[str, Value] | None = None
    for position in range(0, len(done.parts), 2):
        key, value = done.parts[position : position + 2]
        if not isinstance(key, Scalar):
            raise _invalid(key.line, "a key is not text")
        if key.text == _MERGE:
            if merged is not None or done.quoted[position]:
                raise _invalid(key.line, "a merge key is repeated or quoted")
            merged = _merged(key.line, value)
            _check_overridden(key.line, explicit, merged)
        elif key.text in explicit:
            raise _invalid(
                key.line, f"the key {shown(key.text)!r} occurs twice: readers differ in which one counts"
            )
        else:
            explicit[key.text] = value
    return (merged or {}) | explicit


def _merged(line: int, value: Value) -> dict[str, Value]:
    parts = value.values if isinstance(value, Items) else (value,)
    made: dict[str, Value] = {}
    for part in parts:
        if not isinstance(part, Fields):
            raise _invalid(line, "a merge key merges something that is not a map")
        made = part.values | made  # the first of several wins
    return made


def _check_overridden(line: int, explicit: dict[str, Value], merged: dict[str, Value]) -> None:
    both = sorted(explicit.keys() & merged.keys())
    if both:
        # yaml.org/type/merge lets the explicit key win, Kubernetes' reader the later one
        raise _invalid(
            line, f"the merge key also brings {shown(both[0])!r}, which stands before it: write << first"
        )


def _check_as_json(raw: bytes, text: str, documents: tuple[Value, ...]) -> None:
    """Refuse text that is JSON and that YAML reads differently; kubectl tries JSON first."""
    if not text.lstrip().startswith(("{", "[")):
        return
    try:
        as_json = read_json(raw, what="the file")
    except DeniedError:
        return  # no JSON to other readers either: they read it as YAML, as we did
    if len(documents) != 1 or _plain(documents[0]) != _plain_json(as_json):
        raise _invalid(1, "it reads differently as JSON and as YAML")


def _plain(value: Value) -> Any:
    if isinstance(value, Fields):
        return {key: _plain(part) for key, part in value.values.items()}
    return [_plain(part) for part in value.values] if isinstance(value, Items) else value.text


def _plain_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain_json(part) for part in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _Number(value)
    return {True: "true", False: "false", None: "null"}[value] if not isinstance(value, str) else value


class _Number:
    """A JSON number; equal to any text that writes it."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        try:
            return float(str(other)) == self.value
        except ValueError:
            return False

    def __hash__(self) -> int:
        return hash(self.value)


def _refuse_tag(tag: str | None, line: int) -> None:
    if tag:
        raise _invalid(line, f"the tag {shown(tag)!r} changes what the value means")


def _error_line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark else 1


def _invalid(line: int, why: str) -> DeniedError:
    return DeniedError(
        "workload_invalid",
        f"line {line}: {why}",
        hint="write the file so that it can be read in one way only",
        details={"line": line},
    )
