"""The policy file: a few numbers about requirements that cannot be switched off."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from weighlock.core.decision import MIN_PEOPLE
from weighlock.core.digest import Digest
from weighlock.core.finding import Severity
from weighlock.core.pickle_name import split_name
from weighlock.core.text import shown
from weighlock.core.waiver import Waiver, WaiverError
from weighlock.yamltext import MAX_YAML_BYTES, Node, YamlError, read_yaml, wrong

VERSION: Final = 1
MAX_DAYS: Final = 366
MAX_POLICY_BYTES: Final = MAX_YAML_BYTES
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "inspection": frozenset({"accept_up_to", "max_age_days"}),
    "sbom": frozenset({"max_age_days"}),
    "evaluation": frozenset({"max_age_days", "waivable"}),
    "approvals": frozenset({"people", "max_age_days"}),
}
# fields that may be left out: policies from before they existed stay what they were
_OPTIONAL: Final[dict[str, frozenset[str]]] = {
    "inspection": frozenset({"forbidden_formats", "allow", "waivers"}),
}
MAX_ENTRIES: Final = 1000  # of one list of the policy; more are not reviewed one by one
_FORMAT: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_ACCEPTABLE: Final = ("info", "low", "medium", "high")  # nobody accepts a critical finding


@dataclass(frozen=True, slots=True)
class Policy:
    """What promotion asks for. ``digest`` is that of the file's exact bytes."""

    name: str
    digest: Digest
    accept_up_to: Severity
    inspection_days: int
    sbom_days: int
    evaluation_days: int
    evaluation_waivable: bool
    people: int
    approval_days: int
    forbidden_formats: frozenset[str] = frozenset()
    allow: Mapping[tuple[str, str], str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    @classmethod
    def parse(cls, raw: bytes, *, file: object) -> Self:
        """Return the policy; raises UsageError ``policy_invalid`` naming ``file`` and the line."""
        try:
            return cls(digest=Digest.of(raw), **_read(read_yaml(raw)))
        except YamlError as error:
            raise wrong(
                "policy_invalid", file, error, "compare it with `weighlock policy show --starter`"
            ) from error


def _read(document: Node) -> dict[str, Any]:
    top = _fields(document, "the policy", frozenset({"version", "name", *_FIELDS}))
    if top["version"].value != VERSION or isinstance(top["version"].value, bool):
        raise YamlError(top["version"].line, f"version must be {VERSION}")
    inner = {
        section: _fields(top[section], section, names, _OPTIONAL.get(section, frozenset()))
        for section, names in _FIELDS.items()
    }
    waivable = inner["evaluation"]["waivable"]
    if not isinstance(waivable.value, bool):
        raise YamlError(waivable.line, "waivable must be true or false")
    return {
        "name": _text(top["name"]),
        "accept_up_to": _severity(inner["inspection"]["accept_up_to"]),
        "inspection_days": _number(inner["inspection"]["max_age_days"], 1, MAX_DAYS),
        "sbom_days": _number(inner["sbom"]["max_age_days"], 1, MAX_DAYS),
        "evaluation_days": _number(inner["evaluation"]["max_age_days"], 1, MAX_DAYS),
        "evaluation_waivable": waivable.value,
        "people": _number(inner["approvals"]["people"], MIN_PEOPLE, 100),
        "approval_days": _number(inner["approvals"]["max_age_days"], 1, MAX_DAYS),
        **_inspection(inner["inspection"]),
    }


def _inspection(fields: dict[str, Node]) -> dict[str, Any]:
    """Return what the section says beyond numbers, as far as it does."""
    read = {"forbidden_formats": _formats, "allow": _allowed, "waivers": _waivers}
    return {name: read[name](fields[name]) for name in read.keys() & fields.keys()}


def _formats(node: Node) -> frozenset[str]:
    for each in _list(node, "forbidden_formats"):
        if not isinstance(each.value, str) or not _FORMAT.fullmatch(each.value):
            raise YamlError(each.line, f"{shown(repr(each.value))} is not a format such as pickle")
    return frozenset(each.value for each in node.value)


def _allowed(node: Node) -> dict[tuple[str, str], str]:
    if not isinstance(node.value, dict) or len(node.value) > MAX_ENTRIES:
        raise YamlError(node.line, "allow must be a map of module.name to the reason")
    made: dict[tuple[str, str], str] = {}
    for text, reason in node.value.items():
        if not isinstance(reason.value, str) or not reason.value.strip():
            raise YamlError(reason.line, f"{shown(text)} has no reason")
        try:
            made[split_name(text)] = reason.value
        except ValueError as error:
            raise YamlError(reason.line, str(error)) from error
    return made


def _waivers(node: Node) -> tuple[Waiver, ...]:
    return tuple(_waiver(each) for each in _list(node, "waivers"))


def _waiver(entry: Node) -> Waiver:
    fields = entry.value if isinstance(entry.value, dict) else {}
    try:
        return Waiver.read({name: node.value for name, node in fields.items()})
    except WaiverError as error:
        line = fields[error.field].line if error.field in fields else entry.line
        raise YamlError(line, error.why) from error


def _list(node: Node, what: str) -> list[Node]:
    if not isinstance(node.value, list) or len(node.value) > MAX_ENTRIES:
        raise YamlError(node.line, f"{what} must be a list of at most {MAX_ENTRIES}")
    return node.value


def _fields(
    node: Node, what: str, names: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise YamlError(node.line, f"{what} is not a map")
    for name, value in node.value.items():
        if name not in names | optional:
            close = difflib.get_close_matches(name, names | optional, n=1)
            near = f"; did you mean {close[0]}?" if close else ""
            raise YamlError(value.line, f"{what} has no field {shown(name)!r}{near}")
    lacking = sorted(names - node.value.keys())
    if lacking:
        raise YamlError(node.line, f"{what} lacks {', '.join(lacking)}")
    return dict(node.value)


def _number(node: Node, low: int, high: int) -> int:
    if type(node.value) is not int or not low <= node.value <= high:
        raise YamlError(node.line, f"{shown(repr(node.value))} is not a number from {low} to {high}")
    return node.value


def _severity(node: Node) -> Severity:
    if node.value not in _ACCEPTABLE:
        raise YamlError(node.line, f"accept_up_to must be one of {', '.join(_ACCEPTABLE)}")
    return Severity[node.value.upper()]


def _text(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value:
        raise YamlError(node.line, "the name is not text")
    return node.value
