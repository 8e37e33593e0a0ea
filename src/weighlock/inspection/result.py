"""The result of inspecting a model: every file, what was covered, and by which rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from weighlock import __version__
from weighlock.core.finding import Examined, Finding, outcome_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.message import examined_json
from weighlock.inspection.options import Options

if TYPE_CHECKING:  # 3 ms that a small file would notice
    from weighlock.core.digest import Digest
    from weighlock.core.waiver import Waiver

FORMAT: Final = 1  # of the JSON; raised when a field changes its meaning


class Waived(NamedTuple):
    """A finding that a person accepted for a time: it does not count."""

    finding: Finding
    waiver: "Waiver"


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """One file's result, its size, how many bytes had to be read for it, and its digest if that is known.

    A byte that two parts of a parser ask for is read twice, so ``read_bytes`` may be more than ``size``.
    """

    examined: Examined
    size: int
    read_bytes: int
    digest: "Digest | None" = None
    waived: tuple[Waived, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Files and bytes that were accounted for, and those that were not."""

    files_examined: int
    files_not_examined: int
    bytes_examined: int
    bytes_not_examined: int
    bytes_read: int
    parts: int


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """What inspection says of a model. Promotion signs ``to_json()`` as evidence."""

    files: tuple[InspectedFile, ...]
    tool_version: str = __version__
    options: Options = field(default_factory=Options)
    confinement: tuple[str, ...] = ()  # what held for the process that parsed; empty if nothing was parsed
    engine: str | None = None  # compiled or interpreted: the same sources, and another speed

    @property
    def outcome(self) -> Outcome:
        """CLEAN only if every file is; no files are UNDECIDED."""
        return outcome_of([file.examined for file in self.files])

    @property
    def findings(self) -> list[Finding]:
        """All findings, gravest first."""
        found = [finding for file in self.files for finding in file.examined.findings]
        return sorted(found, key=lambda each: (-each.severity, each.location, each.rule, each.message))

    @property
    def coverage(self) -> Coverage:
        """How much was accounted for. A file counts as a whole: partly examined is not examined."""
        done = [file for file in self.files if file.examined.not_examined is None]
        left = [file for file in self.files if file.examined.not_examined is not None]
        return Coverage(
            len(done),
            len(left),
            sum(file.size for file in done),
            sum(file.size for file in left),
            sum(file.read_bytes for file in self.files),
            sum(file.examined.parts for file in self.files),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object: format, tool, ruleset, outcome, coverage, files in order of their paths."""
        from weighlock.inspection.rulebook.registry import ruleset_digest  # noqa: PLC0415  # workers do not ask

        coverage = self.coverage
        return {
            "format": FORMAT,
            "tool": {
                "name": "weighlock",
                "version": self.tool_version,
                "engine": self.engine,
                "confinement": list(self.confinement),
            },
            "ruleset": str(ruleset_digest()),
            "options": options_json(self.options),
            "outcome": self.outcome.name.lower(),
            "coverage": {
                "files": {"examined": coverage.files_examined, "notExamined": coverage.files_not_examined},
                "bytes": {"examined": coverage.bytes_examined, "notExamined": coverage.bytes_not_examined},
                "bytesRead": coverage.bytes_read,
                "parts": coverage.parts,
            },
            "files": [_file_json(file) for file in sorted(self.files, key=lambda each: each.examined.path)],
        }

    @classmethod
    def of(
        cls,
        files: Iterable[InspectedFile],
        *,
        options: Options | None = None,
        confinement: Iterable[str] | None = None,
        engine: str | None = None,
    ) -> Self:
        """Return the result of ``files``, in order of their paths."""
        ordered = sorted(files, key=lambda each: each.examined.path)
        holding = tuple(sorted(confinement or ()))
        return cls(tuple(ordered), options=options or Options(), confinement=holding, engine=engine)


def options_json(options: Options) -> dict[str, Any]:
    """Return what was added to the rules: names that a pickle may import, each with the reason that was given."""
    return {"allow": {f"{module}:{name}": reason for (module, name), reason in sorted(options.allow.items())}}


def _file_json(file: InspectedFile) -> dict[str, Any]:
    told = examined_json(file.examined)
    del told["links"]  # what the rules about several files went by; an index of shards has thousands
    del told["templates"]  # gathered from a base alone
    return {
        **told,
        "size": file.size,
        "digest": None if file.digest is None else str(file.digest),
        "bytesRead": file.read_bytes,
        "waived": [{**each.finding.to_json(), "waiver": each.waiver.to_json()} for each in file.waived],
        "outcome": file.examined.outcome.name.lower(),
    }
