"""Read YAML strictly, keeping the line of every value for messages.

Only plain documents: no tags of its own, no duplicate keys, no anchors (an alias
bomb expands, and a merge key hides what a reader thinks to see). For files of the user's
own; workloads, which others write and which may have all of that, are gate/document.py's.
"""

from dataclasses import dataclass
from typing import Any, Final

import yaml

from weighlock.core.error import UsageError, WeighlockError
from weighlock.core.limit import MAX_JSON_DEPTH
from weighlock.core.text import shown

MAX_YAML_BYTES: Final = 1024 * 1024  # written by hand


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its line, counted from 1: a scalar, ``list[Node]`` or ``dict[str, Node]``."""

    value: Any
    line: int

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class YamlError(Exception):
    """What is wrong and in which line."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why


def read_yaml(raw: bytes) -> Node:
    """Return the one document of ``raw``; raises YamlError."""
    if len(raw) > MAX_YAML_BYTES:
        raise YamlError(1, f"it is larger than {MAX_YAML_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            # the parser looks at every open list again for each token: a deep document would take hours
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_JSON_DEPTH + 1:
                raise YamlError(_line(event), "it nests too deep")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise YamlError(_line(event), "anchors and aliases are not accepted here")
        document = yaml.compose(text, yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise YamlError(1, "it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise YamlError(mark.line + 1 if mark else 1, shown(error.problem or "not YAML")) from error
    except yaml.YAMLError as error:
        raise YamlError(1, shown(str(error))) from error
    except RecursionError as error:
        raise YamlError(1, "it nests too deep") from error
    return Node({}, 1) if document is None else _node(document, 0)


def wrong(code: str, file: object, problem: YamlError, hint: str = "") -> WeighlockError:
    """Return the error that tells the person the file, the line and what is wrong."""
    return UsageError(code, f"{shown(str(file))}, line {problem.line}: {problem.why}", hint=hint)


def _line(place: yaml.Node | yaml.Event) -> int:
    return place.start_mark.line + 1 if place.start_mark else 1


def _node(node: yaml.Node, depth: int) -> Node:
    line = _line(node)
    if depth > MAX_JSON_DEPTH:
        raise YamlError(line, "it nests too deep")
    if isinstance(node, yaml.MappingNode):
        return Node(_mapping(node, depth), line)
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(item, depth + 1) for item in node.value], line)
    return Node(_scalar(node, line), line)


def _mapping(node: yaml.MappingNode, depth: int) -> dict[str, Node]:
    made: dict[str, Node] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            raise YamlError(line, "a key is not plain text")
        if key_node.value in made:
            raise YamlError(
                line,
                f"the key {shown(key_node.value)!r} occurs twice: put what is below both under the first",
            )
        made[key_node.value] = _node(value_node, depth + 1)
    return made


def _scalar(node: yaml.Node, line: int) -> Any:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind == "timestamp":
        return node.value  # a date stays the text that was written
    if kind not in {"str", "int", "float", "bool", "null"}:
        raise YamlError(line, f"the tag {shown(node.tag)!r} is not accepted here")
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, yaml.YAMLError) as error:
        raise YamlError(line, shown(str(error))) from error
