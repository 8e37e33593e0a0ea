"""Write a result to files in the forms that other tools read."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Final

from weighlock.attestation.statement import Statement, Subject
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.evidence import MADE_AT, PREDICATE_TYPES, Kind
from weighlock.inspection.output.junit import to_junit
from weighlock.inspection.output.markdown import to_markdown
from weighlock.inspection.output.sarif import to_sarif
from weighlock.inspection.result import InspectionResult

_Render = Callable[[InspectionResult], str]
FORMS: Final[Mapping[str, _Render]] = {
    "sarif": lambda result: json.dumps(to_sarif(result), indent=2) + "\n",
    "markdown": to_markdown,
    "junit": to_junit,
}


def to_statement(result: InspectionResult, subject: tuple[str, Digest] | None, now: dt.datetime) -> str:
    """Return the result as an in-toto statement, unsigned.

    It is about ``subject``, the manifest of a stored model, or else about every file by its digest; raises
    UsageError ``statement_invalid`` if there is neither.
    """
    if subject is not None:
        subjects = [Subject.of(*subject)]
    else:
        subjects = [Subject.of(each.examined.path, each.digest) for each in result.files if each.digest]
    if len(subjects) < (1 if subject else len(result.files)):
        raise UsageError(
            "statement_invalid", "the digest of a file is not known, so that nothing can be said of it"
        )
    predicate = {**result.to_json(), MADE_AT: write_time(now)}
    statement = Statement(tuple(subjects), PREDICATE_TYPES[Kind.INSPECTION], predicate)
    return statement.to_bytes().decode("utf-8") + "\n"
