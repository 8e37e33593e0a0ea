"""Read what a registry steers its clients with: challenges, links, ranges and error codes.

Sources: RFC 9110, section 11.6.1 (WWW-Authenticate); OCI distribution-spec v1.1, "Pushing a blob
in chunks" (Range). No I/O.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object
from weighlock.core.text import shown
from weighlock.transport.field import MAX_FIELD_CHARACTERS, QUOTED, TOKEN, next_link, skip_blanks, unquote

MAX_PARAMETERS: Final = 64  # of all challenges together; real ones have about 4

MAX_ERROR_CODES: Final = 8  # shown
_ERROR_CODE: Final = re.compile(r"[A-Z][A-Z_]{2,48}", re.ASCII)
_PARAMETER: Final = re.compile(rf"({TOKEN})[ \t]*=[ \t]*({TOKEN}|{QUOTED})[ \t]*(?=,|\Z)", re.ASCII)
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|\Z)", re.ASCII)
_SCHEME: Final = re.compile(rf"({TOKEN})(?:[ ]+|[ \t]*(?=,|\Z))", re.ASCII)
_RANGE: Final = re.compile(r"(?:bytes=)?([0-9]{1,16})-([0-9]{1,16})", re.ASCII)


class Challenge(NamedTuple):
    """How a server wants to be asked: the scheme in lower case, its parameters by their lower-case names."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a WWW-Authenticate header, several of which may be joined by commas.

    Raises DeniedError ``challenge_invalid``; a parameter that occurs twice is refused, because two readers
    would believe different ones.
    """
    if len(header) > MAX_FIELD_CHARACTERS:
        raise _invalid_challenge(header, f"it has more than {MAX_FIELD_CHARACTERS} characters")
    challenges: list[Challenge] = []
    parameters: dict[str, str] | None = None  # of the last challenge, unless it has a token68
    count, position = 0, skip_blanks(header, 0)
    while position < len(header):
        found = _PARAMETER.match(header, position)
        if found is not None and parameters is not None:
            count += 1
            name = found[1].lower()
            if name in parameters or count > MAX_PARAMETERS:
                raise _invalid_challenge(header, "a parameter occurs twice, or there are too many")
            parameters[name] = unquote(found[2])
            position = found.end()
        else:
            scheme, position, takes_parameters = _scheme(header, position)
            made: dict[str, str] = {}
            challenges.append(Challenge(scheme, made))
            parameters = made if takes_parameters else None
        position = skip_blanks(header, position)
    return challenges


def _scheme(header: str, position: int) -> tuple[str, int, bool]:
    """Return the scheme at ``position``, where it ends, and whether parameters may follow."""
    found = _SCHEME.match(header, position)
    if found is None:
        raise _invalid_challenge(header, "it is neither a scheme nor a parameter of one")
    credentials = _TOKEN68.match(header, found.end())
    if credentials is not None and found.group().endswith(" "):
        return found[1].lower(), credentials.end(), False
    return found[1].lower(), found.end(), True


def find_next(header: str) -> str | None:
    """Return the target of the first link whose relation is ``next``, or None.

    Raises DeniedError ``registry_answer_invalid``.
    """
    try:
        return next_link(header)
    except ValueError as error:
        raise invalid_answer(str(error)) from error


def parse_range(header: str) -> tuple[int, int] | None:
    """Return the first and the last byte that a ``Range`` header of an upload names, or None."""
    found = _RANGE.fullmatch(header.strip())
    return None if found is None else (int(found[1]), int(found[2]))


def read_error_codes(raw: bytes) -> list[str]:
    """Return the codes of a registry's errors (distribution-spec, "Error Codes"), none if there are none to read.

    Its messages are left out: nobody knows what they repeat of the request.
    """
    try:
        errors = read_object(raw, what="the errors").get("errors")
    except DeniedError:
        return []
    listed = errors[:MAX_ERROR_CODES] if isinstance(errors, list) else []
    codes = [each.get("code") for each in listed if isinstance(each, dict)]
    return [code for code in codes if isinstance(code, str) and _ERROR_CODE.fullmatch(code)]


def invalid_answer(why: str) -> DeniedError:
    """Return the error for an answer that breaks the distribution specification."""
    return DeniedError(
        "registry_answer_invalid",
        f"the registry's answer is refused: {why}",
        hint="it is no OCI registry, or something between you and it changes its answers",
    )


def _invalid_challenge(header: str, why: str) -> DeniedError:
    return DeniedError(
        "challenge_invalid", f"the registry's WWW-Authenticate header {shown(repr(header))} is refused: {why}"
    )
