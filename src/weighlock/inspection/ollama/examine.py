"""Examine the text files of an Ollama model: its template, and a Modelfile."""

from pathlib import PurePosixPath
from typing import Final

from weighlock.inspection.file import File
from weighlock.inspection.ollama.go_template import examine_go_template
from weighlock.inspection.ollama.modelfile import examine_modelfile
from weighlock.inspection.span import Reading, Unexamined, read

MAX_BYTES: Final = 4 * 1024 * 1024  # of a template or Modelfile; licenses in them make tens of kilobytes


def is_ollama_text(path: str) -> bool:
    """Return whether a text's name says that Ollama reads it."""
    name = PurePosixPath(path)
    return name.suffix.lower() in {".gotmpl", ".modelfile"} or name.name.lower().startswith("modelfile")


def examine_ollama_text(file: File) -> Reading[None]:
    """Examine a Go template or a Modelfile. Raises Unexamined."""
    if file.size > MAX_BYTES:
        raise Unexamined(f"a text of {file.size} bytes is over the limit of {MAX_BYTES}")
    raw = yield from read(0, file.size)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unexamined(f"the text is not UTF-8 at byte {error.start}") from error
    name = PurePosixPath(file.path)
    if name.suffix.lower() == ".gotmpl":
        examine_go_template(file.report, name.name, text)
    else:
        examine_modelfile(file.report, text)
