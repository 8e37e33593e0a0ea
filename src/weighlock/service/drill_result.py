"""What came of a drill. Only what was attempted, denied for its own reason, and allowed untouched, is clean."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.outcome import Outcome, worst

NOTHING: Final = ""  # what blocked an attempt that was allowed


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attack: what was done, which command met it, the code that blocked it (or NOTHING), seconds."""

    what: str
    command: str
    code: str
    expected: str
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """CLEAN if it was blocked for the right reason, FINDINGS if it was not blocked."""
        if self.code == NOTHING:
            return Outcome.FINDINGS
        return Outcome.CLEAN if self.code == self.expected else Outcome.UNDECIDED

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "what": self.what,
            "command": self.command,
            "blocked_by": self.code or None,
            "outcome": self.outcome.name.lower(),
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True)
class Drill:
    """One drill: its attempts so far, what was allowed untouched, and why it could not go on, if so."""

    title: str
    attempts: list[Attempt] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    problem: WeighlockError | None = None

    @property
    def outcome(self) -> Outcome:
        """CLEAN only if every attempt was blocked and the untouched thing was allowed."""
        found = [attempt.outcome for attempt in self.attempts]
        undecided = self.problem is not None or not self.controls or not self.attempts
        return worst([*found, Outcome.UNDECIDED] if undecided else found)

    def control(self, what: str, act: Callable[[], object]) -> None:
        """Do something untouched; raises UndecidedError ``drill_failed`` if it is denied."""
        try:
            act()
        except UndecidedError:
            raise
        except WeighlockError as error:
            raise UndecidedError(
                "drill_failed",
                f"{what}, which nobody touched, was denied: {error.message} [{error.code}]",
                hint="a drill whose untouched run is denied proves nothing",
            ) from error
        self.controls.append(what)

    def attempt(self, what: str, command: str, expected: str, act: Callable[[], object]) -> None:
        """Attack, and keep the code of the DeniedError that blocks it; raises UndecidedError if nothing was decided."""
        began = time.perf_counter()
        code = NOTHING
        try:
            act()
        except DeniedError as error:
            code = error.code
        self.attempts.append(Attempt(what, command, code, expected, time.perf_counter() - began))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "title": self.title,
            "outcome": self.outcome.name.lower(),
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "allowed_untouched": self.controls,
            "problem": None
            if self.problem is None
            else {"code": self.problem.code, "message": self.problem.message, "hint": self.problem.hint},
        }
