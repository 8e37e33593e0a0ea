"""Plain text: what is examined is that it is text, and whether anything gives it a meaning."""

import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.config.requirement import examine_requirements
from weighlock.inspection.detect import is_text
from weighlock.inspection.file import File
from weighlock.inspection.ollama.examine import examine_ollama_text, is_ollama_text
from weighlock.inspection.package.triton import examine_triton
from weighlock.inspection.report import Report
from weighlock.inspection.repository.secret import find_secrets
from weighlock.inspection.span import WINDOW_BYTES, Reading, Unexamined, read
from weighlock.inspection.template.examine import examine_template

MAX_TEXT_BYTES: Final = 256 * 1024 * 1024  # vocabularies and merges reach a few megabytes
MAX_SEARCHED_BYTES: Final = (
    4 * 1024 * 1024
)  # texts in which secrets are looked for: longer ones are vocabularies
MAX_TEMPLATE_BYTES: Final = 4 * 1024 * 1024  # templates have at most 100 KB
MAX_POINTER_BYTES: Final = 1024  # git-lfs, docs/spec.md: "pointer files must be less than 1024 bytes"
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_INERT_SUFFIXES: Final = frozenset(
    {".txt", ".md", ".rst", ".csv", ".tsv", ".log", ".bib", ".srt", ".vocab", ".bpe", ".merges", ".cff"}
)
_INERT_NAMES: Final = frozenset(
    {"LICENSE", "LICENCE", "NOTICE", "README", "COPYING", "AUTHORS", "CONTRIBUTORS", "VERSION", "CHANGELOG", "CITATION",
     ".gitignore", ".dockerignore", ".gitkeep", ".keep", "INSTALLER", "RECORD", "WHEEL", "METADATA", "REQUESTED", "PKG-INFO"}
)  # fmt: skip
_REQUIREMENTS: Final = re.compile(
    r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)", re.IGNORECASE
)
_FILTER: Final = re.compile(r"\b(?:filter|diff|merge)=(?!lfs\b)(\S+)")


def examine_empty(file: File) -> Reading[None]:
    """Say that there is nothing."""
    file.report.fact("size", "no bytes")
    yield from ()


def examine_text_file(file: File) -> Reading[None]:
    """Read a text to its end. Text that some loader interprets is not examined by reading it."""
    name, size = PurePosixPath(file.path), file.size
    if name.suffix in {".jinja", ".jinja2"}:
        if size > MAX_TEMPLATE_BYTES:
            raise Unexamined(f"a template of {size} bytes is over the limit of {MAX_TEMPLATE_BYTES}")
        examine_template(file.report, name.name, (yield from read(0, size)).decode("utf-8", "replace"))
        return
    if is_ollama_text(file.path):
        yield from examine_ollama_text(file)
        return
    if size <= MAX_POINTER_BYTES and (yield from read(0, size)).startswith(_POINTER):
        raise Unexamined(
            "it is a pointer of Git LFS, and the file itself was not fetched: `git lfs pull` does"
        )
    interpreted = _interpreted(name)
    if not interpreted and name.suffix.lower() not in _INERT_SUFFIXES and name.name not in _INERT_NAMES:
        raise Unexamined(f"no rule says what a loader makes of a text named {shown(name.name)}")
    if size > MAX_TEXT_BYTES:
        raise Unexamined(f"a text of {size} bytes is over the limit of {MAX_TEXT_BYTES}")
    yield from _check_text(size)
    if size <= MAX_SEARCHED_BYTES:
        text = (yield from read(0, size)).decode("utf-8-sig", "replace")
        find_secrets(file.report, text)
        _examine_text(file.report, name, text)
    elif interpreted or _REQUIREMENTS.fullmatch(name.name):
        raise Unexamined(f"a text with a meaning, of {size} bytes, is over the limit of {MAX_SEARCHED_BYTES}")


def _interpreted(name: PurePosixPath) -> bool:
    """Return whether a text has a meaning that ``_examine_text`` knows."""
    names = {".gitattributes", "checkpoint", "config.pbtxt", "entry_points.txt"}
    return name.name in names or name.suffix == ".pth"


def _examine_text(report: Report, name: PurePosixPath, text: str) -> None:
    if _REQUIREMENTS.fullmatch(name.name):
        examine_requirements(report, text)
    elif name.name == ".gitattributes":
        for found in dict.fromkeys(_FILTER.findall(text)):
            report.find(
                "script-git-filter", f"git runs the filter or driver {shown(found)} where it is set up"
            )
    elif name.name == "config.pbtxt":
        examine_triton(report, text)
    elif name.suffix == ".pth":
        _examine_path_file(report, text)
    elif name.name == "checkpoint":
        from weighlock.inspection.tensorflow.checkpoint import examine_checkpoint_state  # noqa: PLC0415  # one a model

        examine_checkpoint_state(report, text)


def _examine_path_file(report: Report, text: str) -> None:
    """Add what a ``.pth`` file does: Python runs its lines that begin with import at every start (site)."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("import ", "import\t")):
            report.find(
                "package-path-file-code", f"Python runs this line at every start: {shown(line)}", line=number
            )
        elif line.strip() and not line.startswith("#"):
            report.find(
                "package-path-file",
                f"it adds the folder {shown(line)} to where Python imports from",
                line=number,
            )


def _check_text(size: int) -> Reading[None]:
    carried = b""
    for at in range(0, size, WINDOW_BYTES):
        step = min(WINDOW_BYTES, size - at)
        data = carried + (yield from read(at, step))
        last = at + step == size
        if not is_text(data, whole=last):
            raise Unexamined(
                f"the file begins as text and goes on as something else, from byte {at} or later"
            )
        carried = b"" if last else _cut_character(data)


def _cut_character(data: bytes) -> bytes:
    """Return the bytes of a character that the end of ``data`` cuts in two."""
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] >= 0xC0:
            width = 2 if data[-back] < 0xE0 else 3 if data[-back] < 0xF0 else 4
            return data[-back:] if width > back else b""
        if data[-back] < 0x80:
            return b""
    return b""
