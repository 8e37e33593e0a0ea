"""Files whose kind is the finding: machine code, scripts, Python, and the empty file."""

from weighlock.inspection.file import File
from weighlock.inspection.span import Reading


def examine_empty(file: File) -> Reading[None]:
    """Say that there is nothing."""
    file.report.fact("size", "no bytes")
    yield from ()


def examine_native(file: File) -> Reading[None]:
    """Report machine code."""
    yield from _present(file, "native-code", "machine code")


def examine_bytecode(file: File) -> Reading[None]:
    """Report compiled Python."""
    yield from _present(file, "python-bytecode", "compiled Python")


def examine_python(file: File) -> Reading[None]:
    """Report Python source."""
    yield from _present(file, "python-source", "Python source")


def examine_script(file: File) -> Reading[None]:
    """Report a script."""
    yield from _present(file, "script", "a script")


def _present(file: File, rule: str, what: str) -> Reading[None]:
    file.report.find(rule, f"the file is {what}")
    file.report.not_examined(f"what {what} does is not analysed")
    yield from ()
