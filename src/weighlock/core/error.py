"""The few kinds of error, each with a stable code, a sentence and a hint.

Whose fault it is decides the kind, and the kind decides the exit status. A gate
treats every one of them as deny.
"""

from collections.abc import Mapping
from typing import ClassVar

from weighlock.core.code import CODES
from weighlock.core.outcome import Outcome


class WeighlockError(Exception):
    """The base of all errors that a person is meant to read.

    Args:
        code: a key of ``CODES``; stable, for scripts and tests.
        message: one sentence saying what happened, with untrusted text already ``shown()``.
        hint: what to do about it.
        details: facts for ``--json``.
    """

    outcome: ClassVar[Outcome] = Outcome.UNDECIDED

    def __init__(
        self, code: str, message: str, *, hint: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        if code not in CODES:
            raise KeyError(code)
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = dict(details or {})


class UsageError(WeighlockError):
    """The caller's mistake: wrong arguments, wrong settings, a name that does not exist."""

    outcome = Outcome.USAGE


class DeniedError(WeighlockError):
    """Hostile, broken or unapproved input: what was offered is refused."""

    outcome = Outcome.FINDINGS


class UndecidedError(WeighlockError):
    """The outside world failed (disk, network, missing component), so nothing was decided."""

    outcome = Outcome.UNDECIDED


class InternalError(WeighlockError):
    """Our own bug: an invariant of this program does not hold."""

    outcome = Outcome.UNDECIDED
