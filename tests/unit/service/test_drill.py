"""The drills: every attack is blocked here, and a broken gate is told from a working one."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import missing
from weighlock import sandbox
from weighlock.cli.main import run
from weighlock.cli.output import Output
from weighlock.core.clock import system_clock
from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.outcome import Outcome
from weighlock.sandbox import Tier
from weighlock.service import drill as drill_service
from weighlock.service import drill_case
from weighlock.service.drill_house import MODEL, DrillHouse, scratch_folder
from weighlock.service.drill_result import Attempt, Drill

SANDBOX = sandbox.detect().tier >= Tier.LANDLOCK


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> DrillHouse:
    return DrillHouse.build(tmp_path_factory.mktemp("drill") / "waiting", system_clock)


@pytest.fixture(scope="module")
def released(waiting: DrillHouse) -> DrillHouse:
    made = waiting.copy("released")
    made.release(made.request())
    return made


@pytest.fixture
def house(released: DrillHouse, tmp_path: Path) -> DrillHouse:
    return released.copy(f"copy-{tmp_path.name}")


def carry_out(work: Callable[[Drill, DrillHouse], None], house: DrillHouse) -> Drill:
    made = Drill("it")
    try:
        work(made, house)
    except (UndecidedError, DeniedError) as error:
        made.problem = error
    return made


def outcomes(made: Drill) -> list[tuple[str, str]]:
    return [(attempt.command, attempt.code) for attempt in made.attempts]


def test_the_whole_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scratch: list[Path] = []

    def own_scratch(variables: Any) -> Any:
        made = scratch_folder(variables)
        scratch.append(Path(made.name))
        return made

    monkeypatch.setattr(drill_service, "scratch_folder", own_scratch)
    status = run(["drill", "--json"])
    facts = json.loads(capfd.readouterr().out)
    drills = facts["drills"]
    assert [each["title"] for each in drills] == [
        "checksum mismatch blocked",
        "SBOM reviewed before promotion",
        "pinned digests only",
        "package drift detected",
        "compromised model contained",
    ]
    blocked = [attempt["outcome"] for each in drills for attempt in each["attempts"]]
    if SANDBOX:
        assert (status, facts["outcome"], len(blocked)) == (0, "clean", 20)
        assert all(each["allowed_untouched"] for each in drills)
    else:
        assert (status, facts["outcome"]) == (3, "undecided")
    assert set(blocked) == {"clean"}
    assert not scratch[0].exists()
    assert list(tmp_path.iterdir()) == []
    assert not Path(os.environ["XDG_STATE_HOME"]).exists()  # the user's gates saw nothing of it


def test_a_machine_without_a_sandbox(house: DrillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def weak(*_: object, **__: object) -> None:
        raise UndecidedError("sandbox_too_weak", "This machine offers nothing.")

    monkeypatch.setattr("weighlock.service.run.start", weak)
    for work, attempts in ((drill_case.mismatch, 3), (drill_case.drift, 7), (drill_case.compromise, 0)):
        made = carry_out(work, house.copy(work.__name__))
        assert made.outcome is Outcome.UNDECIDED
        assert made.problem is not None
        assert made.problem.code == "sandbox_too_weak"
        assert len(made.attempts) == attempts
        assert {attempt.outcome for attempt in made.attempts} <= {Outcome.CLEAN}


def test_a_gate_that_reviews_nothing(waiting: DrillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.policy.evaluate._sbom", lambda *_: iter(()))
    made = carry_out(drill_case.review, waiting.copy("unreviewed"))
    assert made.outcome is Outcome.FINDINGS
    assert set(outcomes(made)) == {("promote", "")}


def test_a_gate_that_denies_everything(house: DrillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> None:
        raise DeniedError("digest_mismatch", "no")

    monkeypatch.setattr("weighlock.service.drill_house.verify_every_byte", deny)
    made = carry_out(drill_case.mismatch, house)
    assert made.outcome is Outcome.UNDECIDED
    assert made.problem is not None
    assert made.problem.code == "drill_failed"
    assert "[digest_mismatch]" in made.problem.message


def test_a_gate_that_does_not_compare_files(house: DrillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.service.installation.check_installation", lambda *_: None)
    if not SANDBOX:
        missing("the servers of this drill start in a sandbox, and this machine has none")
    made = carry_out(drill_case.drift, house)
    assert made.outcome is Outcome.FINDINGS
    assert {attempt.code for attempt in made.attempts if attempt.command == "run"} == {""}
    assert {attempt.code for attempt in made.attempts if attempt.command == "drift"} == {"package_drift"}


def test_a_gate_that_forgets_revocations(house: DrillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    if not SANDBOX:
        missing("the server of this drill starts in a sandbox, and this machine has none")
    monkeypatch.setattr("weighlock.service.gatekeeper.check_not_revoked", lambda *_, **__: None)
    monkeypatch.setattr("weighlock.service.promote.check_not_revoked", lambda *_, **__: None)
    monkeypatch.setattr("weighlock.service.drill_house.PATIENCE_S", 0.1)
    made = carry_out(drill_case.compromise, house)
    assert made.outcome is Outcome.FINDINGS
    assert outcomes(made) == [("run", ""), ("run", ""), ("check", ""), ("promote", "")]


def test_a_server_with_other_bytes(house: DrillHouse) -> None:
    if not SANDBOX:
        missing("the server of this drill starts in a sandbox, and this machine has none")
    house.model_file(MODEL).write_bytes(b"what the client expects is something else")
    with pytest.raises(UndecidedError) as caught:
        house.run()
    assert caught.value.code == "drill_failed"


def attempt(code: str, expected: str = "revoked") -> Attempt:
    return Attempt("what", "run", code, expected, 0.1234)


@pytest.mark.parametrize(
    ("codes", "controls", "problem", "expected"),
    [
        (["revoked"], ["it"], False, Outcome.CLEAN),
        (["revoked", "revoked"], ["it"], False, Outcome.CLEAN),
        (["revoked"], [], False, Outcome.UNDECIDED),
        ([], ["it"], False, Outcome.UNDECIDED),
        (["revoked"], ["it"], True, Outcome.UNDECIDED),
        (["revoked", ""], ["it"], False, Outcome.FINDINGS),
        ([""], [], True, Outcome.FINDINGS),
        (["state_expired"], ["it"], False, Outcome.UNDECIDED),
        (["revoked", "state_expired"], ["it"], False, Outcome.UNDECIDED),
        (["", "state_expired"], ["it"], False, Outcome.FINDINGS),
    ],
)
def test_what_a_drill_comes_to(
    codes: list[str], controls: list[str], problem: bool, expected: Outcome
) -> None:
    error = UndecidedError("drill_failed", "no") if problem else None
    made = Drill("it", [attempt(code) for code in codes], controls, error)
    assert made.outcome is expected


def test_attempts_and_controls() -> None:
    made = Drill("it")

    def deny() -> None:
        raise DeniedError("revoked", "no")

    def undecided() -> None:
        raise UndecidedError("io_failed", "no")

    def misused() -> None:
        raise UsageError("store_missing", "no")

    made.attempt("a", "run", "revoked", deny)
    made.attempt("b", "run", "revoked", lambda: None)
    assert outcomes(made) == [("run", "revoked"), ("run", "")]
    for act, code in ((undecided, "io_failed"), (misused, "store_missing")):
        with pytest.raises((UndecidedError, UsageError)) as caught:
            made.attempt("c", "run", "revoked", act)
        assert caught.value.code == code
    assert len(made.attempts) == 2
    for act, code in ((undecided, "io_failed"), (misused, "drill_failed"), (deny, "drill_failed")):
        with pytest.raises(UndecidedError) as failed:
            made.control("d", act)
        assert failed.value.code == code
    assert made.controls == []
    made.control("e", lambda: None)
    assert made.controls == ["e"]


def test_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    problem = UndecidedError("sandbox_too_weak", "This machine offers nothing.", hint="Install bubblewrap.")
    drills = [
        Drill("first", [attempt("revoked")], ["it"]),
        Drill("second", [attempt(""), attempt("state_expired")], ["it"], problem),
    ]
    monkeypatch.setattr(drill_service, "carry_out", lambda *_: drills)
    assert run(["drill"]) == 1
    told = capsys.readouterr().out
    assert "run: revoked " in told
    assert "run: NOT BLOCKED" in told
    assert "run: state_expired, not revoked" in told
    assert "second: This machine offers nothing. [sandbox_too_weak]\n  hint: Install bubblewrap." in told
    assert "1 of 3 attacks blocked" in told
    drills[1].attempts.clear()
    assert run(["drill"]) == 3
    drills.pop()
    assert run(["drill"]) == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_notes_for_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    def tell_only(_: object, __: object, tell: Callable[[str], None]) -> list[Drill]:
        tell("drill 1 of 5: it")
        return [Drill("it", [attempt("revoked")], ["it"])]

    monkeypatch.setattr(drill_service, "carry_out", tell_only)
    monkeypatch.setattr(Output, "draws", terminal)
    assert run(["drill"]) == 0
    assert ("drill 1 of 5: it" in capsys.readouterr().err) is terminal


def test_a_drill_that_breaks_is_kept(
    waiting: DrillHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(waiting.root, tmp_path / "waiting", symlinks=True)
    own = DrillHouse(tmp_path / "waiting", system_clock)

    def broken(*_: object) -> None:
        raise DeniedError("revoked", "no")

    monkeypatch.setattr(drill_service, "_DRILLS", (("it", broken, True), ("other", broken, False)))
    monkeypatch.setattr(DrillHouse, "build", lambda *_: own)
    found = drill_service.carry_out(system_clock, {})
    assert [(each.title, each.outcome) for each in found] == [
        ("it", Outcome.UNDECIDED),
        ("other", Outcome.UNDECIDED),
    ]


def test_another_place_for_the_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.service.drill_house._SCRATCH", tmp_path / "absent")
    with scratch_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")}) as made:
        assert Path(made).parent == tmp_path / "cache" / "weighlock"
        assert Path(made).stat().st_mode & 0o077 == 0
    with scratch_folder({"HOME": str(tmp_path / "home")}) as made:
        assert Path(made).parent == tmp_path / "home" / ".cache" / "weighlock"
