"""What YAML files of a model make their reader do: tags that construct, names that are called, aliases that expand."""

import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.config.named import examine_named
from weighlock.inspection.config.pair import examine_document, leaves
from weighlock.inspection.config.requirement import examine_requirement
from weighlock.inspection.config.yaml import Node, plain, read_yaml
from weighlock.inspection.file import File
from weighlock.inspection.python.effect import effect_of
from weighlock.inspection.report import Report
from weighlock.inspection.repository.secret import find_secrets
from weighlock.inspection.span import Reading, Unexamined, read

MAX_YAML_BYTES: Final = (
    4 * 1024 * 1024
)  # hyperparameters of a model reach some ten KB, vocabularies some hundred
MAX_EXPANDED: Final = 1_000_000  # values with aliases followed
_CORE: Final = frozenset(
    {"", "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!binary", "!!timestamp", "!!set",
     "!!omap", "!!pairs", "!!merge"}
)  # fmt: skip
_PYTHON: Final = re.compile(r"!!python/|!<tag:yaml\.org,2002:python/|tag:yaml\.org,2002:python/")
# plain values of Python: FullLoader makes them too, and nothing is imported
_PLAIN_PYTHON: Final = re.compile(
    r"(?:!!|!<tag:yaml\.org,2002:)python/(?:none|bool|str|unicode|bytes|int|long|float|complex|list|tuple|dict)>?"
)
# HyperPyYAML (speechbrain): what these name is imported; new, apply and applyref call it
_HYPER: Final = re.compile(r"!(new|name|apply|applyref|module):([^\s>]*)$")
_HYPER_PLAIN: Final = frozenset({"!ref", "!copy", "!tuple", "!PLACEHOLDER"})
_INCLUDE: Final = re.compile(r"!include(?::(.*))?$")
_ESCAPED: Final = re.compile(r"%([0-9a-fA-F]{2})")  # in a tag: "%70ython" is "python" (YAML 1.2.2, 5.6)
_PATHS: Final = re.compile(r"\$\{[^}]*\}|<[^>]*>")
# lets every tag of the file mean another one, such as Python's
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG\b.*", re.MULTILINE)


def examine_yaml(file: File) -> Reading[None]:
    """Read a YAML file and add what its tags, keys and aliases mean; raises Unexamined."""
    if file.size > MAX_YAML_BYTES:
        raise Unexamined(f"YAML of {file.size} bytes is over the limit of {MAX_YAML_BYTES}")
    text = (yield from read(0, file.size)).decode("utf-8-sig", "replace")
    find_secrets(file.report, text)
    _examine_raw_tags(file.report, text)
    for found in _TAG_DIRECTIVE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        file.report.find("yaml-tag", f"tags are given another meaning: {shown(found.group())}", line=line)
    documents, nodes = read_yaml(text)
    for node in nodes:
        _examine_tag(file.report, node)
        _examine_keys(file.report, node)
    _examine_aliases(file.report, documents)
    name = PurePosixPath(file.path).name
    for document in documents:
        _examine_document(file.report, name, plain(document))


def _examine_raw_tags(report: Report, text: str) -> None:
    """Look for Python's tags before the syntax is understood: a broken file has them all the same."""
    for found in re.finditer(
        r"^[^#\n]*?!!?(python/(?:object|name|module)[^\s,\[\]{}>]*)", text, re.MULTILINE
    ):
        line = text.count("\n", 0, found.start(1)) + 1
        _python_tag(report, found[1], line)


def _python_tag(report: Report, tag: str, line: int) -> None:
    name = tag.rpartition(":")[2].strip("\"'>,]}")
    report.find("yaml-python-tag", f"the tag !!{shown(tag)} makes a Python loader import or build", line=line)
    if effect_of(name):
        report.find("config-target-dangerous", f"a tag names {shown(name)}", line=line)


def _examine_tag(report: Report, node: Node) -> None:
    tag = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), node.tag)
    if (
        tag in _CORE
        or tag in _HYPER_PLAIN
        or (tag.startswith("!<tag:yaml.org,2002:") and not _PYTHON.match(tag))
    ):
        return
    hyper, include = _HYPER.match(tag), _INCLUDE.match(tag)
    if _PYTHON.match(tag):
        if not _PLAIN_PYTHON.fullmatch(tag):
            _python_tag(report, tag[tag.index("python/") :].rstrip(">"), node.line)
    elif hyper:
        examine_named(report, hyper[2], f"the tag !{hyper[1]}", line=node.line)
    elif include:
        path = include[1] or node.text or ""
        report.find("yaml-include", f"it includes {shown(path)}", line=node.line)
        if leaves(_PATHS.sub("", path)):
            report.find(
                "config-path", f"the included file {shown(path)} lies outside the model", line=node.line
            )
    else:
        report.find("yaml-tag", f"the tag {shown(tag)} is unknown", line=node.line)


def _examine_keys(report: Report, node: Node) -> None:
    seen: set[str] = set()
    for key, _ in node.pairs or ():
        if key.alias:
            report.not_examined(f"line {key.line}: a key stands elsewhere in the file, which is not followed")
        if key.text is None or key.text == "<<":
            continue
        if key.text in seen:
            report.find("yaml-duplicate-key", f"the key {shown(key.text)} occurs twice", line=key.line)
        seen.add(key.text)


def _examine_aliases(report: Report, documents: list[Node]) -> None:
    for document in documents:
        sizes: dict[str, int] = {}
        if _expanded(document, sizes) > MAX_EXPANDED:
            report.find("yaml-bomb", f"with its aliases it has more than {MAX_EXPANDED} values")


def _expanded(node: Node, sizes: dict[str, int]) -> int:
    """Return how many values a node has with aliases followed; the reader bounds how deep it nests."""
    if node.alias:
        return sizes.get((node.text or "").lstrip("*").strip(), 1)
    total = 1
    for key, value in node.pairs or ():
        total += _expanded(key, sizes) + _expanded(value, sizes)
    for item in node.items or ():
        total += _expanded(item, sizes)
    if node.anchor:
        sizes[node.anchor] = total
    return total


def _examine_document(report: Report, name: str, document: object) -> None:
    examine_document(report, document)
    if not isinstance(document, dict):
        return
    if name == "MLmodel":
        _examine_mlmodel(report, document)
    if name == "python_env.yaml":
        _examine_python_environment(report, document)
    if isinstance(document.get("dependencies"), list):
        for item in document["dependencies"]:
            for requirement in item.get("pip", []) if isinstance(item, dict) else []:
                examine_requirement(report, str(requirement), None)


def _examine_python_environment(report: Report, document: dict[str, object]) -> None:
    """MLflow hands both lists to pip."""
    for key in ("build_dependencies", "dependencies"):
        listed = document.get(key)
        for line in listed if isinstance(listed, list) else ():
            examine_requirement(report, str(line), None)


def _examine_mlmodel(report: Report, document: dict[str, object]) -> None:
    flavors = document.get("flavors")
    for flavor in flavors.values() if isinstance(flavors, dict) else ():
        code = flavor.get("code") if isinstance(flavor, dict) else None
        if isinstance(code, str) and code not in {"", "null", "~"}:
            report.find("config-own-code", f"MLflow puts the folder {shown(code)} where Python imports from")
        script = flavor.get("model_code_path") if isinstance(flavor, dict) else None
        if isinstance(script, str) and script not in {"", "null", "~"}:
            report.find("config-own-code", f"MLflow runs the file {shown(script)} to make the model")
