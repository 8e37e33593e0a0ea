"""Findings that are left out because there are too many: nobody has seen them, so nobody has accepted them."""

import datetime as dt
from dataclasses import replace

from model_file import examine, rules_of
from weighlock.core.digest import Digest
from weighlock.core.finding import Examined, Link
from weighlock.core.outcome import Outcome
from weighlock.core.waiver import Waiver
from weighlock.inspection.repository.examine import MAX_TOLD, examine_repository
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.inspection.waiver import apply_waivers

TODAY = dt.date(2027, 1, 1)
DIGEST = Digest.of(b"the file")


def test_a_finding_behind_many_waived_ones() -> None:
    tags = "".join(f"a{number}: !!python/name:house.name{number}\n" for number in range(250))
    examined = examine("config.yaml", f"{tags}trust_remote_code: true\n".encode())
    assert rules_of(examined) == {"yaml-python-tag"}  # the other one is left out
    waiver = Waiver("yaml-python-tag", DIGEST, "ada", "ours", "ML-1", TODAY)
    file = InspectedFile(examined, 1, 1, DIGEST)
    result, _ = apply_waivers(InspectionResult.of([file]), [waiver], TODAY)
    assert result.outcome is Outcome.UNDECIDED
    assert "more findings than" in str(result.files[0].examined.not_examined)


def test_many_that_are_only_worth_knowing_hide_nothing() -> None:
    lines = "".join(f"a{number}: ${{oc.env:HOME}}\n" for number in range(250))
    assert examine("config.yaml", lines.encode()).outcome is Outcome.CLEAN


def test_a_file_behind_many_others_with_the_same_finding() -> None:
    one = Examined("0.json", "json", links=(Link("repository", "evil/code"),))
    files = [replace(one, path=f"{number}.json") for number in range(2 * MAX_TOLD)]
    assert {path for path, _ in examine_repository(files)} == {each.path for each in files}
