"""Jupyter notebooks: code cells are Python that a person starts; outputs are shown by a browser (nbformat 4)."""

import re
from typing import Any, Final

from weighlock.inspection.file import File
from weighlock.inspection.python.examine import examine_source
from weighlock.inspection.span import Unexamined
from weighlock.inspection.text.script import examine_commands

MAX_CELLS: Final = 5_000  # of one notebook; long ones have some hundred
_COMMAND: Final = re.compile(r"^(\s*)(?:[\w, ]+=\s*)?[!%].*$", re.MULTILINE)
_ACTIVE: Final = re.compile(r"<script\b|<iframe\b|javascript:|\bon[a-z]{3,20}\s*=", re.IGNORECASE)
_SHELL_CELL: Final = re.compile(r"\s*%%(?:bash|sh|script|perl|ruby|cmd|system|!)")
_OTHER_CELL: Final = re.compile(r"\s*%%(?!time\b|timeit\b|capture\b|prun\b)\w+")


def examine_notebook(file: File, document: dict[str, Any]) -> None:
    """Add what a notebook's cells do when they are run, and what its outputs are."""
    report = file.report
    cells = [cell for cell in document["cells"] if isinstance(cell, dict)]
    report.fact("cells", len(cells))
    if len(cells) > MAX_CELLS:
        raise Unexamined(f"the notebook has more than {MAX_CELLS} cells")
    code = [_text(cell.get("source")) for cell in cells if cell.get("cell_type") == "code"]
    report.find("notebook", f"a notebook with {len(code)} cells of code")
    kernel = document.get("metadata")
    language = (
        kernel.get("kernelspec", {}).get("language", "python") if isinstance(kernel, dict) else "python"
    )
    if language != "python":
        raise Unexamined("the notebook's language is not Python")
    _examine_code(file, code)
    if any(_ACTIVE.search(text) for cell in cells for text in _outputs(cell)):
        report.find(
            "notebook-active-output",
            "an output holds script, which a browser runs if the notebook is trusted",
        )


def _examine_code(file: File, code: list[str]) -> None:
    plain: list[str] = []
    for text in code:
        if _SHELL_CELL.match(text):
            _commands(file, text)
        elif not _OTHER_CELL.match(text):
            found = [each.group() for each in _COMMAND.finditer(text)]
            if found:
                _commands(file, "\n".join(found))
            plain.append(_COMMAND.sub(r"\1pass", text).removeprefix("%%time"))
    source = "\n".join(plain)
    if source.strip():
        examine_source(file, source, program=True)


def _commands(file: File, text: str) -> None:
    if not examine_commands(file.report, text) and "!" in text:
        file.report.find("notebook-command", "a cell runs commands of the shell")


def _outputs(cell: dict[str, Any]) -> list[str]:
    outputs = cell.get("outputs")
    held = (
        [output.get("data") for output in outputs if isinstance(output, dict)]
        if isinstance(outputs, list)
        else []
    )
    return [
        _text(value)
        for data in held
        if isinstance(data, dict)
        for kind, value in data.items()
        if kind in {"text/html", "image/svg+xml", "application/javascript"}
    ]


def _text(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
