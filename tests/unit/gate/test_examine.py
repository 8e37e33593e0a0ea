"""What a file is, and what becomes of it as a whole."""

import pytest

from gate_case import IMAGE, JUDGE, examine
from weighlock.core.outcome import Outcome
from weighlock.gate.examine import FileFormat, examine_file
from weighlock.gate.subject import FileReport, Subject, allow, deny, not_examined

DOCKERFILE = f"FROM {IMAGE}\n"
COMPOSE = f"services: {{a: {{image: '{IMAGE}'}}}}\n"


@pytest.mark.parametrize(
    ("name", "text", "file_format"),
    [
        ("Dockerfile", DOCKERFILE, "dockerfile"),
        ("deploy/Containerfile", DOCKERFILE, "dockerfile"),
        ("Dockerfile.gpu", DOCKERFILE, "dockerfile"),
        ("gpu.Dockerfile", DOCKERFILE, "dockerfile"),
        ("noname", DOCKERFILE, "dockerfile"),
        ("compose.yml", COMPOSE, "compose"),
        ("noname", COMPOSE, "compose"),
        ("dockerfile.yaml", COMPOSE, "compose"),
        ("x.json", f'{{"apiVersion": "v1", "kind": "Pod", "spec": {{"containers": [{{"image": "{IMAGE}"}}]}}}}', "kubernetes"),
        ("x.json", f'[{{"apiVersion": "v1", "kind": "Pod", "spec": {{"containers": [{{"image": "{IMAGE}"}}]}}}}]', "kubernetes"),
        ("x.yaml", f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: '{IMAGE}'}}]}}\n---\n{COMPOSE}", "compose and kubernetes"),
    ],
)  # fmt: skip
def test_names_and_contents_tell_the_format(name: str, text: str, file_format: str) -> None:
    report = examine_file(name, text.encode(), JUDGE)
    assert (report.format, report.outcome) == (file_format, Outcome.CLEAN)


def test_the_caller_may_say_what_a_file_is() -> None:
    assert examine(DOCKERFILE, "x.yaml", FileFormat.DOCKERFILE).outcome is Outcome.CLEAN
    assert examine(DOCKERFILE, "Dockerfile", FileFormat.YAML).outcome is not Outcome.CLEAN


def test_a_malformed_file_is_denied_at_its_line() -> None:
    report = examine_file("x.yaml", b"a: 1\na: 2\n", JUDGE)
    (subject,) = report.subjects
    assert (subject.line, subject.judgement.code, report.outcome) == (2, "workload_invalid", Outcome.FINDINGS)


def test_a_template_is_not_examined_and_never_clean() -> None:
    result = examine(f"services: {{a: {{image: '{IMAGE}'}}}} # {{{{ .Values.x }}}}\n")
    assert (result.outcome, result.codes) == (Outcome.UNDECIDED, {"not_examined"})
    assert examine("{{- if .Values.a }}\nimage: x\n{{- end }}\n").outcome is Outcome.UNDECIDED


def subject(judgement: object) -> Subject:
    assert judgement is not None
    return Subject(1, "", "image", "", judgement)  # type: ignore[arg-type]  # made by the functions below


@pytest.mark.parametrize(
    ("judgements", "outcome"),
    [
        ([], Outcome.UNDECIDED),
        ([allow()], Outcome.CLEAN),
        ([allow(), not_examined("r", "h")], Outcome.UNDECIDED),
        ([not_examined("r", "h"), deny("revoked", "r", "h"), allow()], Outcome.FINDINGS),
    ],
)
def test_a_file_is_as_bad_as_its_worst_subject(judgements: list[object], outcome: Outcome) -> None:
    report = FileReport("x", "yaml", tuple(subject(judgement) for judgement in judgements))
    assert report.outcome is outcome
    assert [each.allowed for each in report.subjects] == [judgement == allow() for judgement in judgements]


def test_empty_documents_change_nothing() -> None:
    assert examine(f"---\n---\n{COMPOSE}---\n").outcome is Outcome.CLEAN
    assert examine_file("x.yaml", b"---\n", JUDGE).format == "yaml"
