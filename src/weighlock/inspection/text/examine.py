"""Plain text: what is examined is that it is text, and whether anything gives it a meaning."""

from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.detect import is_text
from weighlock.inspection.file import File
from weighlock.inspection.span import WINDOW_BYTES, Reading, Unexamined, read
from weighlock.inspection.template.examine import examine_template

MAX_TEXT_BYTES: Final = 256 * 1024 * 1024  # vocabularies and merges reach a few megabytes
MAX_TEMPLATE_BYTES: Final = 4 * 1024 * 1024  # templates have at most 100 KB
_INERT_SUFFIXES: Final = frozenset({".txt", ".md", ".rst"})
_INERT_NAMES: Final = frozenset(
    {
        "LICENSE",
        "LICENCE",
        "NOTICE",
        "README",
        "COPYING",
        "AUTHORS",
        "VERSION",
        ".gitattributes",
        ".gitignore",
    }
)


def examine_text_file(file: File) -> Reading[None]:
    """Read a text to its end. Text that some loader interprets is not examined by reading it."""
    name, size = PurePosixPath(file.path), file.size
    if name.suffix == ".jinja":
        if size > MAX_TEMPLATE_BYTES:
            raise Unexamined(f"a template of {size} bytes is over the limit of {MAX_TEMPLATE_BYTES}")
        examine_template(file.report, name.name, (yield from read(0, size)).decode("utf-8", "replace"))
        return
    if name.suffix.lower() not in _INERT_SUFFIXES and name.name not in _INERT_NAMES:
        raise Unexamined(f"no rule says what a loader makes of a text named {shown(name.name)}")
    if size > MAX_TEXT_BYTES:
        raise Unexamined(f"a text of {size} bytes is over the limit of {MAX_TEXT_BYTES}")
    yield from _check_text(size)


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
