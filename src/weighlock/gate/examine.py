"""Examine one file: find out what it is and have it judged."""

import enum
import re
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.gate.build import examine_dockerfile
from weighlock.gate.compose import examine_compose, is_compose
from weighlock.gate.dockerfile import read_dockerfile
from weighlock.gate.document import Fields, Items, Scalar, Value, read_documents
from weighlock.gate.judge import Judge
from weighlock.gate.subject import FileReport, Findings, deny
from weighlock.gate.workload import examine_object, is_object


class FileFormat(enum.StrEnum):
    """What a file is read as."""

    YAML = "yaml"  # workloads and compose files, told apart by content
    DOCKERFILE = "dockerfile"


_DOCKERFILE_NAME: Final = re.compile(
    r"(?:.*[./-])?(?:dockerfile|containerfile)(?:[.-][^/]*)?|.*\.(?:dockerfile|containerfile)", re.IGNORECASE
)
_YAML_NAME: Final = re.compile(r".*\.(?:ya?ml|json)", re.IGNORECASE)
_FROM: Final = re.compile(rb"^\s*FROM\s+\S", re.IGNORECASE | re.MULTILINE)
_RENDER_HINT: Final = "render it first (helm template) and check what comes out"
_KIND_HINT: Final = "check Kubernetes workloads, compose files and Dockerfiles; --as says what a file is"


def examine_file(name: str, raw: bytes, judge: Judge, *, file_format: FileFormat | None = None) -> FileReport:
    """Return the report about a file of this name and content; what cannot be read is denied in it."""
    chosen = file_format or _format_of(name, raw)
    findings = Findings()
    told = chosen.value
    try:
        if chosen is FileFormat.DOCKERFILE:
            examine_dockerfile(read_dockerfile(raw), judge, findings)
        else:
            told = _examine_yaml(raw, judge, findings)
    except DeniedError as error:
        line = error.details.get("line", 1)
        number = line if isinstance(line, int) else 1
        findings.add(number, "", "file", "", deny(error.code, error.message, error.hint))
    return FileReport(name, told, findings.sorted())


def _format_of(name: str, raw: bytes) -> FileFormat:
    base = name.rpartition("/")[2]
    if _YAML_NAME.fullmatch(base):
        return FileFormat.YAML
    if _DOCKERFILE_NAME.fullmatch(base) or _FROM.search(raw):
        return FileFormat.DOCKERFILE
    return FileFormat.YAML


def _examine_yaml(raw: bytes, judge: Judge, findings: Findings) -> str:
    stream = read_documents(raw)
    formats = {
        _examine_document(value, judge, findings)
        for value in stream.documents
        if not (isinstance(value, Scalar) and value.null)
    }
    if stream.template:
        findings.skip(1, "", "a template that is not rendered", _RENDER_HINT)
    elif not findings.subjects:
        findings.skip(1, "", "a file without any container or image", _KIND_HINT)
    return " and ".join(sorted(formats)) or "yaml"


def _examine_document(value: Value, judge: Judge, findings: Findings) -> str:
    if isinstance(value, Items) and value.values and all(is_object(item) for item in value.values):
        for item in value.values:
            _examine_document(item, judge, findings)
        return "kubernetes"
    known = []
    if isinstance(value, Fields) and is_object(value):
        known.append("kubernetes")
        examine_object(value, judge, findings)
    if isinstance(value, Fields) and is_compose(value):
        known.append("compose")
        examine_compose(value, judge, findings)
    if not known:
        findings.skip(value.line, "", "a document of no known kind", _KIND_HINT)
    return " and ".join(known) or "unknown"
