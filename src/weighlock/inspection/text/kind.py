"""Which kind of text a file is, by its name and first bytes. Light: detection asks this for every text."""

import re
from pathlib import PurePosixPath
from typing import Final

_SHEBANG: Final = re.compile(rb"\s*#![^\n]*")
_MARKUP: Final = re.compile(rb"\s*(?:<\?xml\b|<!DOCTYPE\b|<html\b|<svg\b|<script\b|<!--)", re.IGNORECASE)
_PYTHON: Final = frozenset({".py", ".pyw", ".pyi", ".pyx"})
_PROSE: Final = frozenset({".txt", ".md", ".rst", ".csv", ".tsv", ".jinja", ".jinja2", ".gotmpl"})
_BY_SUFFIX: Final[dict[str, str]] = {
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    ".toml": "toml",
    **dict.fromkeys((".ini", ".cfg", ".conf", ".env", ".properties"), "ini"),
    **dict.fromkeys((".jsonl", ".ndjson"), "json-lines"),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".svg", ".xml"), "markup"),
    **dict.fromkeys(
        (".sh", ".bash", ".zsh", ".fish", ".ps1", ".psm1", ".bat", ".cmd", ".vbs", ".js", ".mjs", ".cjs", ".ts", ".rb",
         ".pl", ".php", ".lua", ".jl", ".r", ".mk", ".cmake", ".desktop", ".service", ".applescript", ".groovy", ".wsf", ".hta"),
        "script",
    ),
    **dict.fromkeys((".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".cu", ".cuh", ".cl", ".metal", ".hip", ".rs", ".go"), "source"),
}  # fmt: skip
_BY_NAME: Final = {
    "MLmodel": "yaml",
    "CMakeLists.txt": "script",
    "Snakefile": "script",
    "SConstruct": "python",
    "SConscript": "python",
    "wscript": "python",
    "Makefile": "script",
    "GNUmakefile": "script",
    "Dockerfile": "script",
    "Containerfile": "script",
    "Jenkinsfile": "script",
    "Rakefile": "script",
    "Vagrantfile": "script",
    ".gitmodules": "ini",
    ".env": "ini",
    ".condarc": "yaml",
}
TEXT_FORMATS: Final = frozenset(
    {
        "text",
        "json",
        "json-lines",
        "notebook",
        "python",
        "script",
        "source",
        "yaml",
        "toml",
        "ini",
        "markup",
        "empty",
    }
)


def text_kind(head: bytes, path: str) -> str:
    """Return the format of a text that is no model: one of ``TEXT_FORMATS``."""
    name = PurePosixPath(path)
    suffix = name.suffix.lower()
    if suffix in _PYTHON:
        return "python"
    if suffix in {".json", ".ipynb"}:
        return "json"
    shebang = _SHEBANG.match(head.removeprefix(b"\xef\xbb\xbf"))
    if shebang:
        return "python" if b"python" in shebang.group() else "script"
    named = _BY_NAME.get(name.name) or _BY_SUFFIX.get(suffix)
    if named is None and name.name.startswith("Dockerfile"):
        named = "script"
    if named is None and suffix not in _PROSE and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return "json"
    if named is None and suffix not in _PROSE and _MARKUP.match(head):
        return "markup"
    return named or "text"
