"""Read a plan of a trust document from YAML, for those who would rather write a file than options.

    people:
      ada: {name: Ada Lovelace, keys: [keys/ada.pub]}
    services:
      releases: {name: Release service, keys: [keys/releases.pub]}
    roles:
      root: {principals: [ada], threshold: 1}

Key files are named from the plan's own folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.attestation.key import PublicKey
from weighlock.attestation.trust_document import Assignment, Role
from weighlock.core.text import shown
from weighlock.service.file import read_limited
from weighlock.service.keys import read_public_key
from weighlock.service.trust import Changes
from weighlock.yamltext import MAX_YAML_BYTES, Node, YamlError, read_yaml, wrong

_SECTIONS: Final = frozenset({"people", "services", "roles"})


def read_plan(file: Path) -> Changes:
    """Return what ``file`` asks for, as changes to an empty document.

    Raises UsageError ``trust_missing`` if there is no such file, ``trust_plan_invalid`` with the line of the
    first mistake, and what reading the key files raises.
    """
    raw = read_limited(file, MAX_YAML_BYTES, missing="trust_missing")
    try:
        sections = _fields(read_yaml(raw), _SECTIONS)
        people, keys = _principals(sections.get("people"), file.parent)
        services, more = _principals(sections.get("services"), file.parent)
        roles = _roles(sections.get("roles"))
    except YamlError as problem:
        raise wrong("trust_plan_invalid", file, problem, "docs/trust.md has an example") from problem
    return Changes(
        people=people,
        services=services,
        keys=[*keys, *more],
        roles={role: each.principals for role, each in roles.items()},
        thresholds={role: each.threshold for role, each in roles.items()},
    )


def _principals(node: Node | None, folder: Path) -> tuple[dict[str, str], list[tuple[str, PublicKey]]]:
    names: dict[str, str] = {}
    keys: list[tuple[str, PublicKey]] = []
    for principal, inner in _map(node).items():
        fields = _fields(inner, {"name", "keys"})
        names[principal] = _text(fields["name"]) if "name" in fields else principal
        files = _texts(fields["keys"]) if "keys" in fields else ()
        keys += [(principal, read_public_key(folder / each)) for each in files]
    return names, keys


def _roles(node: Node | None) -> dict[Role, Assignment]:
    roles: dict[Role, Assignment] = {}
    for name, inner in _map(node).items():
        if name not in set(Role):
            raise YamlError(inner.line, f"there is no role {shown(name)!r}; the roles are {', '.join(Role)}")
        fields = _fields(inner, {"principals", "threshold"})
        if len(fields) != 2 or type(fields["threshold"].value) is not int:
            raise YamlError(
                inner.line, f"the role {name} needs principals and a threshold, which is a number"
            )
        roles[Role(name)] = Assignment(_texts(fields["principals"]), fields["threshold"].value)
    return roles


def _map(node: Node | None) -> Mapping[str, Node]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        raise YamlError(node.line, "this is not a map")
    return node.value


def _fields(node: Node, known: frozenset[str] | set[str]) -> Mapping[str, Node]:
    fields = _map(node)
    for name, inner in fields.items():
        if name not in known:
            raise YamlError(inner.line, f"{shown(name)!r} is none of {', '.join(sorted(known))}")
    return fields


def _texts(node: Node) -> tuple[str, ...]:
    if not isinstance(node.value, list):
        raise YamlError(node.line, "this is not a list")
    return tuple(_text(each) for each in node.value)


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise YamlError(node.line, f"{shown(repr(node.value))} is not text; put it in quotes")
    return node.value
