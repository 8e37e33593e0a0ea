"""What a CoreML model means: its type, code that it needs from the application, and files that it names."""

from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.coreml.schema import (
    BLOB,
    BLOB_FILE,
    BLOB_OFFSET,
    CLASS_NAME,
    CUSTOM_LAYER,
    CUSTOM_MODEL,
    LINKED_FILE,
    LINKED_NAME,
    LINKED_PATH,
    MODEL,
    OPERATION,
    OPERATION_TYPE,
    SERIALIZED,
    SPECIFICATION_VERSION,
    TYPES,
    UPDATABLE,
)
from weighlock.inspection.file import File
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading

MAX_FILES: Final = 1000  # that a model names; one, mostly
_MODEL_FOLDER: Final = "@model_path/"  # what file names begin with: the folder of the model
_BLOB_HEAD_BYTES: Final = 64  # describes the data at an offset of a weights file
_CUSTOM_OPERATIONS: Final = frozenset({"custom_layer", "custom_op"})


def examine_coreml(file: File) -> Reading[None]:
    """Account for every byte of an .mlmodel. Raises FormatError and Unexamined."""
    visitor = _Visitor(file.report)
    try:
        model = yield from read_message(0, file.size, MODEL, visitor)
    finally:
        visitor.conclude()  # a model that is broken at its end has said things before
    if not any(number in model.values for number in TYPES):
        raise FormatError("coreml-structure", "the model has no type")
    file.report.fact("specification version", model.integer(SPECIFICATION_VERSION))
    if model.integer(UPDATABLE):
        file.report.fact("updatable", "yes")
    yield from examine_tail(file)


class _Visitor:
    """What a walk over the model gathers."""

    rule = "coreml-structure"

    def __init__(self, report: Report) -> None:
        self._report = report
        self._ends: dict[str, int] = {}
        self._unknown: set[tuple[str, int]] = set()
        self._operations = 0

    def visit(self, message: Message) -> None:
        """Take a message by its type."""
        schema = message.schema
        if schema is OPERATION:
            self._operations += 1
            kind = message.text(OPERATION_TYPE)
            if kind in _CUSTOM_OPERATIONS:
                self._find("coreml-custom-code", f"the operation {shown(kind)} is not CoreML's own", message)
        elif schema is BLOB:
            self._add_blob(message)
        elif schema is MODEL:
            self._add_model(message)
        elif schema is CUSTOM_LAYER or schema is CUSTOM_MODEL:
            what = "a layer" if schema is CUSTOM_LAYER else "the model"
            told = (
                f"{what} is carried out by the class {shown(message.text(CLASS_NAME))!r} of the application"
            )
            self._find("coreml-custom-code", told, message)
        elif schema is LINKED_FILE:
            self._add_linked(message)

    def flaw(self, what: str, offset: int) -> None:
        """Report what readers may take differently."""
        self._report.find("coreml-ambiguous", what, offset=offset)

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """A field of a later version, or bytes that hide: nobody here knows which."""
        if (schema, number) not in self._unknown:
            self._unknown.add((schema, number))
            self._report.not_examined(f"{schema} has the unknown field {number} at byte {offset}")

    def conclude(self) -> None:
        """Note the files that the model names."""
        for name, end in self._ends.items():
            self._report.link("tensor-data", name)
            self._report.link("tensor-data-size", f"{end} {name}")
        if self._operations:
            self._report.fact("operations", self._operations)

    def _find(self, rule: str, told: str, message: Message) -> None:
        self._report.find(rule, told, offset=message.offset)

    def _add_model(self, message: Message) -> None:
        types = [name for number, name in TYPES.items() if number in message.values]
        if len(types) > 1:
            told = f"the model has the types {', '.join(types)}: readers take the last in the file"
            self._find("coreml-ambiguous", told, message)
        if SERIALIZED in message.values:
            self._report.not_examined("it holds a serialized model, whose format is not public")
        self._report.fact("type", ", ".join(types))

    def _add_blob(self, message: Message) -> None:
        name = message.text(BLOB_FILE)
        inside = name.removeprefix(_MODEL_FOLDER)
        escape = escape_of(inside) if inside else "names no file"
        if escape:
            self._find("coreml-path", f"weights lie in {shown(name)!r}, which {escape}", message)
        if len(self._ends) < MAX_FILES or inside in self._ends:
            end = message.integer(BLOB_OFFSET) + _BLOB_HEAD_BYTES
            self._ends[inside] = max(self._ends.get(inside, 0), end)
        else:
            self._report.not_examined(f"it names more than {MAX_FILES} files")

    def _add_linked(self, message: Message) -> None:
        parts = [_parameter(message, field) for field in (LINKED_NAME, LINKED_PATH)]
        name, searched = parts
        self._report.link("linked-model", name)
        self._find(
            "coreml-linked-model", f"the model is in {shown(name)!r}, sought in {shown(searched)!r}", message
        )
        for part in (name, *searched.split(":")):
            escape = escape_of(part) if part else None
            if escape:
                self._find("coreml-path", f"the linked model's path {shown(part)!r} {escape}", message)


def _parameter(message: Message, field: int) -> str:
    inner = message.message(field)
    return str(PurePosixPath(inner.text(1))) if inner and inner.text(1) else ""
