"""What is gathered about one file while it is examined."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from weighlock.core.finding import Examined, Finding, Link, Severity
from weighlock.core.text import shown
from weighlock.inspection.rulebook.registry import find_rule

MAX_FINDINGS: Final = 200  # of one file: more help nobody, and hostile files could make millions
MAX_FACTS: Final = 200  # as above
MAX_LINKS: Final = 20_000  # of one file: an index of shards names each tensor's file once
MAX_FORMATS: Final = 64  # of the parts of one file; more than there are
MAX_TEMPLATES: Final = 50  # of one file; models have up to five
MAX_TEMPLATE_CHARACTERS: Final = 1_000_000  # of all of them; the longest real ones have about 60,000 each
MAX_LINK_CHARACTERS: Final = 4096  # the longest path that Linux takes

# rules that say what a file holds, whatever its own format is: a policy may forbid it
_HOLDS: Final = {"pickle-present": "pickle"}

# told of each finding as soon as there is one, with the format of the file
Listen: TypeAlias = Callable[[Finding, str], None]


def tell_nobody(finding: Finding, format_name: str) -> None:
    """Say nothing."""


@dataclass(slots=True)
class _Gathered:
    """What all parts of one file add to."""

    listen: Listen
    findings: dict[Finding, None] = field(default_factory=dict)
    floor: Severity | None = None  # once there are too many findings: the least grave that is kept
    facts: list[tuple[str, str]] = field(default_factory=list)
    links: dict[Link, None] = field(default_factory=dict)
    templates: list[tuple[str, str]] = field(default_factory=list)
    template_characters: int = 0
    unexamined: list[str] = field(default_factory=list)
    dropped: int = 0
    hidden: bool = False  # whether one of those would have counted
    parts: int = 1
    formats: dict[str, None] = field(default_factory=dict)


class Report:
    """Findings and facts of one file, bounded. A member of an archive has one that adds to the file's."""

    def __init__(self, path: str, format_name: str = "unknown", listen: Listen = tell_nobody) -> None:
        self.path = path
        self._format = format_name
        self._location = shown(path)
        self._member = ""
        self._all = _Gathered(listen)

    def recognise(self, format_name: str) -> None:
        """Say what the file or member is; who looks closer may say it again."""
        self._format = format_name
        if len(self._all.formats) < MAX_FORMATS:
            self._all.formats[format_name] = None

    format = property(lambda self: self._format, recognise, doc="What the file or member is.")

    def member(self, name: str) -> "Report":
        """Return the report of an archive's member, which adds to this one."""
        report = Report(self.path)
        report._location = f"{self._location}!{shown(name)}"  # of our own class
        report._member = f"{self._member}{shown(name)}: "  # as above
        report._all = self._all  # as above
        report._all.parts += 1  # as above
        return report

    def find(self, rule: str, message: str, *, offset: int | None = None, line: int | None = None) -> None:
        """Add a finding of ``rule`` at a byte offset or a line (from 1), if known.

        ``message`` has its untrusted text already ``shown()``.
        """
        about = find_rule(rule)
        if rule in _HOLDS:
            self._all.formats[_HOLDS[rule]] = None
        location = self._location
        if offset is not None:
            location += f"@{offset}"
        elif line is not None:
            location += f":{line}"
        self._add(Finding(rule, about.severity, about.confidence, location, message, about.remedy))

    def _add(self, finding: Finding) -> None:
        everything = self._all
        found = everything.findings
        if finding in found:
            return
        if len(found) == MAX_FINDINGS:
            if everything.floor is None:
                everything.floor = min(each.severity for each in found)
            self._drop(min(finding.severity, everything.floor))
            if finding.severity <= everything.floor:
                return
            # many small findings must not keep a grave one out
            del found[next(each for each in found if each.severity is everything.floor)]
            everything.floor = None
        found[finding] = None
        everything.listen(finding, self.format)

    def _drop(self, severity: Severity) -> None:
        """Note that a finding is left out: nobody has seen it, so that nobody can have accepted it."""
        self._all.dropped += 1
        if severity > Severity.INFO and not self._all.hidden:
            self._all.hidden = True
            self._all.unexamined.append(f"it has more findings than the {MAX_FINDINGS} that are told")

    def fact(self, name: str, value: object) -> None:
        """Add a fact; ``value`` is shown safely here."""
        if len(self._all.facts) < MAX_FACTS:
            self._all.facts.append((self._member + name, shown(str(value))))

    def link(self, kind: str, target: str) -> None:
        """Note that this file names another; rules about the whole repository go by these links."""
        links = self._all.links
        if len(links) < MAX_LINKS and len(target) <= MAX_LINK_CHARACTERS:
            links[Link(kind, target, self._member)] = None
        else:
            self.not_examined("it names more files than are followed")

    def template(self, name: str, text: str) -> bool:
        """Note a chat template, for comparison with those of another model; returns False if there are too many."""
        everything = self._all
        everything.template_characters += len(text)
        if (
            len(everything.templates) < MAX_TEMPLATES
            and everything.template_characters <= MAX_TEMPLATE_CHARACTERS
        ):
            everything.templates.append((name, text))
            return True
        self.fact("templates", "more than are compared")
        return False

    @property
    def templates(self) -> tuple[tuple[str, str], ...]:
        """The chat templates noted so far."""
        return tuple(self._all.templates)

    def not_examined(self, reason: str) -> None:
        """Say why something was not examined; the file cannot be clean any more."""
        if len(self._all.unexamined) < MAX_FACTS:
            self._all.unexamined.append(self._member + reason)

    def examined(self) -> Examined:
        """Return the result for the whole file, gravest findings first."""
        found = sorted(self._all.findings, key=lambda each: (-each.severity, each.location, each.rule))
        if self._all.dropped:
            self._all.facts.append(("findings left out", str(self._all.dropped)))
        reasons = self._all.unexamined
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return Examined(
            path=self.path,
            format=self.format,
            findings=tuple(found),
            facts=tuple(self._all.facts),
            links=tuple(self._all.links),
            not_examined=reasons[0] + more if reasons else None,
            skipped=tuple(reasons),
            parts=self._all.parts,
            formats=tuple(sorted({self.format, *self._all.formats})),
        )
