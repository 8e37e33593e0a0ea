"""What is said when a command that can be run again is broken off, and when it is not."""

import pytest

from weighlock.cli.broken_off import PASSING, told_to_go_on
from weighlock.cli.output import Output
from weighlock.core.error import DeniedError, UndecidedError, UsageError

TOLD = "run the same command again: it goes on\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), TOLD),
        *((UndecidedError(code, "it failed"), TOLD) for code in sorted(PASSING)),
        (UndecidedError("access_refused", "it would fail again"), ""),
        (UndecidedError("io_failed", "the disk is full"), ""),
        (DeniedError("digest_mismatch", "it is refused"), ""),
        (UsageError("artifact_unknown", "it is not there"), ""),
    ],
)
def test_only_what_may_pass_is_to_be_run_again(
    capsys: pytest.CaptureFixture[str], error: BaseException, told: str
) -> None:
    with pytest.raises(type(error)), told_to_go_on(Output(), "it goes on"):
        raise error
    assert capsys.readouterr().err == told


def test_nothing_is_said_quietly_or_after_success(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    with told_to_go_on(output, "it goes on"):
        pass
    output.quiet = True
    with pytest.raises(KeyboardInterrupt), told_to_go_on(output, "it goes on"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == ""
