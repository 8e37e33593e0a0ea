"""TOML and INI files of a model."""

import configparser
import re
import tomllib
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.config.pair import examine_document
from weighlock.inspection.detect import is_text
from weighlock.inspection.file import File
from weighlock.inspection.repository.secret import find_secrets
from weighlock.inspection.span import Reading, Unexamined, read

MAX_TABLE_BYTES: Final = 1024 * 1024  # written by hand
MAX_DEPTH: Final = 100  # of brackets within one value; the parser calls itself for each
# the parser's time grows with the square of a dotted key's parts
_LONG_KEY: Final = re.compile(
    rf"""(?:\.[ \t]*+(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+){{{MAX_DEPTH}}}"""
)
# what logging.config.fileConfig reads first; of classes and arguments there it makes what Python makes of them
_LOGGING: Final = re.compile(r"^[^\S\n]*+\[formatters\]", re.MULTILINE)


def examine_toml(file: File) -> Reading[None]:
    """Read a TOML file and add what its keys mean; raises Unexamined."""
    text = yield from _text(file)
    if text.count("[") > MAX_DEPTH * 100 or text.count("{") > MAX_DEPTH * 100:
        raise Unexamined("the TOML has too many brackets")
    if _LONG_KEY.search(text):
        raise Unexamined(f"a key of the TOML has more than {MAX_DEPTH} parts")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unexamined(f"the TOML cannot be read: {shown(str(error))}") from error
    examine_document(file.report, document)


def examine_ini(file: File) -> Reading[None]:
    """Read an INI file: a logging configuration in it is evaluated by Python (logging.config.fileConfig)."""
    text = yield from _text(file)
    if _LOGGING.search(text):
        file.report.find("config-logging", "the sections configure logging")
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except (configparser.Error, AttributeError):  # the second: a continued line of an option without a value
        return  # lists of options in a syntax of their own: nothing of the standard library reads them
    for section in parser.sections():
        examine_document(file.report, dict(parser.items(section)))


def _text(file: File) -> Reading[str]:
    if file.size > MAX_TABLE_BYTES:
        raise Unexamined(f"a configuration of {file.size} bytes is over the limit of {MAX_TABLE_BYTES}")
    raw = yield from read(0, file.size)
    text = raw.decode("utf-8-sig", "replace")
    find_secrets(file.report, text)
    if not is_text(raw, whole=True):
        raise Unexamined("the file begins as text and goes on as something else")
    return text
