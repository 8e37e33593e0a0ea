"""What tests of the gate share: an environment with one released and one revoked model."""

from typing import NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.outcome import Outcome
from weighlock.gate.examine import FileFormat, examine_file
from weighlock.gate.judge import Judge

RELEASED = Digest("sha256", "a" * 64)
REVOKED = Digest("sha256", "b" * 64)
OTHER = Digest("sha256", "c" * 64)
JUDGE = Judge(frozenset({RELEASED, REVOKED}), frozenset({REVOKED}))

IMAGE = f"registry.example/server@{OTHER}"
MODEL = f"registry.example/model@{RELEASED}"


class Told(NamedTuple):
    """A subject, briefly: ``code`` is empty where it is allowed."""

    kind: str
    text: str
    code: str


class Result(NamedTuple):
    """What became of a file."""

    outcome: Outcome
    told: list[Told]

    @property
    def codes(self) -> set[str]:
        return {told.code for told in self.told if told.code}


def examine(text: str | bytes, name: str = "file.yaml", file_format: FileFormat | None = None) -> Result:
    """Examine a file of this content against the environment above."""
    raw = text if isinstance(text, bytes) else text.encode()
    report = examine_file(name, raw, JUDGE, file_format=file_format)
    told = [Told(subject.kind, subject.text, subject.judgement.code) for subject in report.subjects]
    return Result(report.outcome, told)


def pod(container: str, volumes: str = "", *, kind: str = "containers") -> str:
    """Return a Pod of one container given as flow YAML without braces."""
    extra = "" if kind == "containers" else f"  containers: [{{image: '{IMAGE}'}}]\n"
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: x}}
spec:
{extra}  {kind}:
  - {{{container}}}
  volumes: [{volumes}]
"""
