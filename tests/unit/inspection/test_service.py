"""The use case: worker process, deadlines, coverage, stores, and the command's output."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from corpus.case import SIDECAR
from corpus.make import HERE
from model_file import safetensors, tensor
from weighlock.cli.main import run
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.finding import Examined, Finding, Severity
from weighlock.core.outcome import Outcome
from weighlock.inspection.message import examined_from, examined_json
from weighlock.inspection.output.sarif import to_sarif
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.inspection.rulebook.registry import all_rules, ruleset_digest
from weighlock.service.inspect import inspect_path
from weighlock.service.inspect_stored import inspect_artifact, inspect_stored
from weighlock.service.inspection_process import InspectionProcess
from weighlock.store.memory import MemoryStore

SOUND = safetensors({"a": tensor("U8", [1], 0, 1)}, b"x")
SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(SOUND)
    (folder / "config.json").write_bytes(b"{}")
    return folder


def examine(process: InspectionProcess, file: Path) -> InspectedFile:
    with file.open("rb") as stream:
        return process.examine(file.name, file.stat().st_size, stream.fileno())


def test_a_sound_folder_is_clean_and_covered(model: Path) -> None:
    result = inspect_path(model)
    assert result.outcome is Outcome.CLEAN
    coverage = result.coverage
    assert (coverage.files_examined, coverage.files_not_examined) == (2, 0)
    assert coverage.bytes_examined == len(SOUND) + 2
    assert coverage.bytes_not_examined == 0
    assert coverage.bytes_read > 0


def test_one_file_that_was_not_examined_makes_the_whole_undecided(model: Path) -> None:
    (model / "model.rar").write_bytes(b"Rar!\x1a\x07..")
    result = inspect_path(model)
    assert result.outcome is Outcome.UNDECIDED
    assert result.coverage.files_not_examined == 1
    assert result.coverage.bytes_not_examined == 8


def test_findings_win_over_not_examined(model: Path) -> None:
    (model / "model.rar").write_bytes(b"Rar!\x1a\x07..")
    (model / "model.pkl").write_bytes(SYSTEM)
    assert inspect_path(model).outcome is Outcome.FINDINGS


def test_nothing_is_undecided() -> None:
    assert InspectionResult.of([]).outcome is Outcome.UNDECIDED


def test_a_link_out_of_the_folder_is_refused(model: Path) -> None:
    (model / "link").symlink_to("/etc/passwd")
    with pytest.raises(DeniedError) as refused:
        inspect_path(model)
    assert refused.value.code == "link_refused"


def test_a_file_that_does_not_exist_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        inspect_path(tmp_path / "nothing")
    assert refused.value.code == "source_missing"


def test_a_worker_that_misses_its_deadline_is_replaced(model: Path) -> None:
    with InspectionProcess(deadline_s=1e-9) as process:
        late = examine(process, model / "config.json")
        assert late.examined.outcome is Outcome.UNDECIDED
        assert "longer than 1e-09 s" in str(late.examined.not_examined)
        process._deadline_s = 60
        assert examine(process, model / "config.json").examined.outcome is Outcome.CLEAN


def test_a_worker_that_dies_is_replaced(model: Path) -> None:
    with InspectionProcess() as process:
        assert examine(process, model / "config.json").examined.outcome is Outcome.CLEAN
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        died = examine(process, model / "config.json")
        assert died.examined.outcome is Outcome.UNDECIDED
        assert "broke off" in str(died.examined.not_examined)
        assert examine(process, model / "config.json").examined.outcome is Outcome.CLEAN


def test_a_worker_that_fills_its_memory_is_not_examined_and_the_next_file_is(tmp_path: Path) -> None:
    hungry, small = tmp_path / "a.json", tmp_path / "b.json"
    hungry.write_bytes(b"[" + b"[]," * (2 << 20) + b"[]]")  # 6 MB of text, 130 MB of lists
    small.write_bytes(b"{}")
    with InspectionProcess(memory_bytes=100 << 20) as process:
        gone = examine(process, hungry)
        assert gone.examined.outcome is Outcome.UNDECIDED
        assert "more memory" in str(gone.examined.not_examined)
        assert examine(process, small).examined.outcome is Outcome.CLEAN


def test_a_worker_that_talks_nonsense_is_not_believed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys, socket; c = socket.socket(fileno=3); c.recv(9999); c.sendall(b'\\2\\0\\0\\0{}')"
    monkeypatch.setattr("weighlock.service.inspection_start._PROGRAM", program)
    with InspectionProcess() as process:
        assert examine(process, model / "config.json").examined.outcome is Outcome.UNDECIDED


def test_the_worker_has_no_environment_and_cannot_write(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "token")
    with InspectionProcess() as process:
        examine(process, model / "config.json")
        assert process.pid is not None
        proc = Path(f"/proc/{process.pid}")
        assert b"SECRET" not in (proc / "environ").read_bytes()
        limits = (proc / "limits").read_text(encoding="utf-8")
    assert "Max file size             0" in limits


def stored(files: dict[str, bytes]) -> tuple[MemoryStore, Artifact]:
    store = MemoryStore()
    listed = []
    for path, data in files.items():
        blob = store.write_blob([data])
        listed.append(ArtifactFile(path, blob.digest, blob.size))
    artifact, config = Artifact.build(listed)
    store.write_blob([config])
    store.put_manifest(artifact.manifest, name="m")
    return store, artifact


def test_an_artifact_in_a_store_is_inspected_by_name() -> None:
    store, artifact = stored({"a.safetensors": SOUND, "b.pkl": SYSTEM})
    result = inspect_artifact(store, artifact)
    assert [file.examined.outcome for file in result.files] == [Outcome.CLEAN, Outcome.FINDINGS]
    assert inspect_stored(store, "m").to_json() == result.to_json()


def test_bytes_that_are_not_those_of_the_digest_are_denied() -> None:
    store, artifact = stored({"a.safetensors": SOUND})
    other = Digest.of(b"other")
    wrong, _ = Artifact.build([ArtifactFile("a.safetensors", other, len(SOUND))])

    class Lying(MemoryStore):
        def open_blob(self, digest: Digest):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as in MemoryStore
            del digest
            return store.open_blob(artifact.files["a.safetensors"].digest)

    with pytest.raises(DeniedError) as denied:
        inspect_artifact(Lying(), wrong)
    assert denied.value.code == "digest_mismatch"
    shorter, _ = Artifact.build([ArtifactFile("a.safetensors", other, 3)])
    with pytest.raises(DeniedError) as denied:
        inspect_artifact(Lying(), shorter)
    assert denied.value.code == "size_mismatch"


def test_json_has_the_ruleset_and_survives_the_worker(model: Path) -> None:
    (model / "model.pkl").write_bytes(SYSTEM)
    result = inspect_path(model)
    told = json.loads(json.dumps(result.to_json()))
    assert told["ruleset"] == str(ruleset_digest())
    assert told["outcome"] == "findings"
    assert [file["path"] for file in told["files"]] == ["config.json", "model.pkl", "model.safetensors"]
    assert told["coverage"]["files"] == {"examined": 3, "notExamined": 0}
    for file in result.files:
        assert examined_from(examined_json(file.examined)) == file.examined


def test_the_gravest_finding_comes_first() -> None:
    def finding(severity: Severity) -> Finding:
        rule = next(rule for rule in all_rules().values() if rule.severity is severity)
        return Finding(rule.id, severity, rule.confidence, "a", "b", "c")

    files = [InspectedFile(Examined(str(level), "x", (finding(level),)), 1, 1) for level in Severity]
    assert [each.severity for each in InspectionResult.of(files).findings] == sorted(Severity, reverse=True)


def test_sarif_names_rules_places_and_what_was_not_examined(model: Path) -> None:
    (model / "model.pkl").write_bytes(b"\x80\x02" + SYSTEM)
    (model / "a b.rar").write_bytes(b"Rar!\x1a\x07..")
    sarif = to_sarif(inspect_path(model))
    (told,) = sarif["runs"]
    grave = next(each for each in told["results"] if each["ruleId"] == "pickle-global-dangerous")
    assert grave["level"] == "error"
    assert grave["locations"][0]["physicalLocation"]["region"] == {"byteOffset": 2}
    assert told["tool"]["driver"]["rules"][grave["ruleIndex"]]["id"] == grave["ruleId"]
    (invocation,) = told["invocations"]
    assert invocation["executionSuccessful"] is False
    (note,) = invocation["toolExecutionNotifications"]
    assert note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.rar"


def test_the_command_prints_a_table_and_ends_with_the_outcome(
    model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["inspect", str(model)]) == Outcome.CLEAN
    assert "clean  safetensors" in capsys.readouterr().out
    (model / "model.rar").write_bytes(b"Rar!\x1a\x07..")
    assert run(["inspect", str(model)]) == Outcome.UNDECIDED
    assert "model.rar: there is no parser for rar" in capsys.readouterr().out
    (model / "model.pkl").write_bytes(SYSTEM)
    assert run(["inspect", str(model), "--sarif", str(tmp_path / "out.sarif")]) == Outcome.FINDINGS
    out = capsys.readouterr().out
    assert "critical  pickle-global-dangerous  model.pkl@0" in out
    assert "what to do: do not load the file" in out
    assert "3 of 4 files" in out
    assert json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert run(["inspect", "--json", str(model)]) == Outcome.FINDINGS
    assert json.loads(capsys.readouterr().out)["outcome"] == "findings"
    assert run(["inspect", str(tmp_path / "nothing")]) == Outcome.USAGE


@pytest.mark.parametrize("kind", ["accept", "reject"])
def test_the_command_says_of_the_corpus_what_the_sidecars_say(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tmp_path / "corpus"
    sidecars = {}
    for sidecar in (HERE / kind).rglob(f"*{SIDECAR}"):
        file = sidecar.with_name(sidecar.name.removesuffix(SIDECAR))
        name = str(file.relative_to(HERE))
        sidecars[name] = json.loads(sidecar.read_text(encoding="utf-8"))
        (flat / name).parent.mkdir(parents=True, exist_ok=True)
        (flat / name).write_bytes(file.read_bytes())
    run(["inspect", "--json", str(flat)])
    told = {file["path"]: file for file in json.loads(capsys.readouterr().out)["files"]}
    assert {name: outcome_alone(file) for name, file in told.items()} == {
        name: expected["outcome"] for name, expected in sidecars.items()
    }


def outcome_alone(file: dict[str, Any]) -> str:
    """Return the outcome without what the files of the corpus, which are no model, say of each other."""
    found = [each for each in file["findings"] if each["severity"] != "info"]
    if any(not each["rule"].startswith("repository-") for each in found):
        return "findings"
    return "clean" if file["notExamined"] is None else "undecided"
