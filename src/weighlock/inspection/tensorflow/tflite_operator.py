"""Who carries out the operators of a TFLite model: the interpreter, TensorFlow, or code that comes with the model."""

from functools import cache
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.flatbuffer.read import FlatBuffer
from weighlock.inspection.report import Report
from weighlock.inspection.rulebook.table import read_rows
from weighlock.inspection.span import Reading
from weighlock.inspection.tensorflow.operator import ASSET, SAVE, judge_operator
from weighlock.inspection.tensorflow.tflite_schema import CUSTOM, LAST_BUILTIN, Buffer, Code

MAX_OPTIONS_BYTES: Final = (
    1024 * 1024
)  # read of a TensorFlow operator's options; they are a node without constants
_FLEX: Final = "Flex"
# rules that attributes decide → what their options hold if they are not harmless
_BY_OPTIONS: Final = {
    "tf-print-operator": ("tf-file-operator", b"file://"),
    "tf-debug-operator": ("tf-network-operator", b"://"),
    "tf-descriptor-operator": ("tf-file-operator", b"/"),
    "tf-module-operator": ("tf-python-operator", b"_callback"),
}


@cache
def _known() -> dict[str, tuple[str, str]]:
    return {name: (rule, why) for name, rule, why in read_rows("tflite_operator", 3)}


def examine_code(report: Report, code: Code) -> None:
    """Report an operator by its number or name."""
    if code.number < 0 or code.number > LAST_BUILTIN:
        report.not_examined(f"operator {code.number} of TFLite is not known")
        return
    if code.number != CUSTOM:
        return
    rule, why = _known().get(
        code.name, ("tflite-custom-operator", "needs native code that the application brings")
    )
    if code.name.startswith(_FLEX):
        judged = judge_operator(code.name.removeprefix(_FLEX))
        if judged is None or judged.rule in _BY_OPTIONS:
            return
        rule = "tf-file-operator" if judged.rule in {SAVE, ASSET} else judged.rule
        why = judged.why
    if rule != "-":
        report.find(rule, f"{shown(code.name) or 'a custom operator without a name'} {why}", offset=code.at)


def examine_flex(report: Report, buffer: FlatBuffer, code: Code, options: Buffer) -> Reading[None]:
    """Report a TensorFlow operator whose attributes decide, by the node that is its options."""
    if code.number != CUSTOM or not code.name.startswith(_FLEX):
        return
    judged = judge_operator(code.name.removeprefix(_FLEX))
    if judged is None or judged.rule not in _BY_OPTIONS or not options.length:
        return
    rule, sign = _BY_OPTIONS[judged.rule]
    raw = yield from buffer.data(options.offset, min(options.length, MAX_OPTIONS_BYTES))
    if sign in raw.replace(b"bytes://", b"").replace(b"local://", b"") or options.length > MAX_OPTIONS_BYTES:
        report.find(rule, f"{shown(code.name)} {judged.why}", offset=options.offset)
