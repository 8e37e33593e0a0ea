"""What the bytecode of a mobile model (``bytecode.pkl``) calls.

Source: torch/csrc/jit/serialization/export_bytecode.cpp: a version, then functions, each a name and a table of
instructions, operators, constants, types and the number of registers.
"""

import re
from typing import Final

from weighlock.inspection.report import Report
from weighlock.inspection.torch.operator import find_class, find_operator
from weighlock.inspection.torch.value import Value

_CLASS: Final = re.compile(r"__torch__\.torch\.classes\.([\w.]+)")


def examine_bytecode(report: Report, top: Value) -> None:
    """Report the operators and types of every function that are not harmless."""
    if not isinstance(top, tuple) or not top or not isinstance(top[0], int):
        report.not_examined("the bytecode is not what torch writes")
        return
    report.fact("bytecode", f"version {top[0]}, {len(top) - 1} functions")
    for function in top[1:]:
        match function:
            case (str(), tuple(table), *_):
                _examine_function(report, table)
            case _:
                report.not_examined("a function of the bytecode is not what torch writes")


def _examine_function(report: Report, table: tuple[Value, ...]) -> None:
    for entry in table:
        match entry:
            case ("operators", tuple(operators)):
                for operator in operators:
                    _examine_operator(report, operator)
            case ("types", tuple(types)):
                for name in types:
                    _examine_type(report, name)
            case (str(), _):
                continue
            case _:
                report.not_examined("a table of the bytecode is not what torch writes")


def _examine_operator(report: Report, operator: Value) -> None:
    match operator:
        case (str(name), str(), *_) if "::" in name:
            namespace, _, inner = name.partition("::")
            find_operator(report, namespace, inner)
        case _:
            report.not_examined("an operator of the bytecode is not what torch writes")


def _examine_type(report: Report, name: Value) -> None:
    for qualified in _CLASS.findall(name) if isinstance(name, str) else ():
        find_class(report, qualified)
