"""What a chat template may not contain.

Templates are Jinja, rendered by the serving engine; outside a sandbox an attribute walk
reaches Python (CVE-2024-34359). Nothing is rendered here: the text is searched.
"""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

_DUNDER: Final = re.compile(r"__\s*[a-zA-Z]\w*?\s*__")
_INTERNAL: Final = re.compile(
    r"\b(?:func_globals|func_code|gi_frame|gi_code|cr_frame|cr_code|f_globals|f_builtins|f_back|tb_frame|"
    r"ag_frame|ag_code|im_func|mro|os\.popen|subprocess|popen|sys\.modules)\b"
)
_HIDDEN: Final = re.compile(r"\\x5f|\\137|\\u005f|\\N\{LOW LINE\}|%5f", re.IGNORECASE)
_LOOKUP: Final = re.compile(
    r"\|\s*attr\b|\|\s*(?:map|selectattr|rejectattr|sort|groupby|sum|unique|min|max)\s*\([^)]*[\"'][^\"']*_{2}"
)
_JOINED: Final = re.compile(r"[\"']__[\"']|[\"'][^\"'{}]*__[\"']\s*[~+%]|[~+]\s*[\"']__")
_INCLUDE: Final = re.compile(r"\{%[-+]?\s*(?:include|import|from|extends)\b")
_CODE: Final = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)", re.DOTALL)


def examine_template(report: Report, name: str, text: str) -> None:
    """Add what there is to say about the template ``name``: its presence as a fact, and findings."""
    report.fact("chat template", f"{name}, {len(text)} characters")
    code = "\n".join(_CODE.findall(text))
    for found in dict.fromkeys([*_DUNDER.findall(code), *_INTERNAL.findall(code)]):
        report.find("template-escape", f"the template {shown(name)} reaches for {shown(found)}")
    for pattern, what in (
        (_HIDDEN, "writes an underscore as an escape"),
        (_LOOKUP, "looks attributes up by name"),
        (_JOINED, "joins names out of pieces"),
    ):
        if pattern.search(code):
            report.find("template-obfuscated", f"the template {shown(name)} {what}")
    if _INCLUDE.search(code):
        report.find("template-include", f"the template {shown(name)} includes another")
