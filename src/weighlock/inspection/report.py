"""What is gathered about one file while it is examined."""

from dataclasses import dataclass, field
from typing import Final

from weighlock.core.finding import Examined, Finding, Link
from weighlock.core.text import shown
from weighlock.inspection.rulebook.registry import find_rule

MAX_FINDINGS: Final = 200  # of one file: more help nobody, and hostile files could make millions
MAX_FACTS: Final = 200  # as above
MAX_LINKS: Final = 20_000  # of one file: an index of shards names each tensor's file once
MAX_LINK_CHARACTERS: Final = 4096  # the longest path that Linux takes


@dataclass(slots=True)
class _Gathered:
    """What all parts of one file add to."""

    findings: dict[Finding, None] = field(default_factory=dict)
    facts: list[tuple[str, str]] = field(default_factory=list)
    links: dict[Link, None] = field(default_factory=dict)
    unexamined: list[str] = field(default_factory=list)
    dropped: int = 0


class Report:
    """Findings and facts of one file, bounded. A member of an archive has one that adds to the file's."""

    def __init__(self, path: str, format_name: str = "unknown") -> None:
        self.path = path
        self.format = format_name
        self._location = shown(path)
        self._member = ""
        self._all = _Gathered()

    def member(self, name: str) -> "Report":
        """Return the report of an archive's member, which adds to this one."""
        report = Report(self.path)
        report._location = f"{self._location}!{shown(name)}"  # of our own class
        report._member = f"{self._member}{shown(name)}: "  # as above
        report._all = self._all  # as above
        return report

    def find(self, rule: str, message: str, *, offset: int | None = None, line: int | None = None) -> None:
        """Add a finding of ``rule`` at a byte offset or a line (from 1), if known.

        ``message`` has its untrusted text already ``shown()``.
        """
        about = find_rule(rule)
        location = self._location
        if offset is not None:
            location += f"@{offset}"
        elif line is not None:
            location += f":{line}"
        finding = Finding(rule, about.severity, about.confidence, location, message, about.remedy)
        found = self._all.findings
        if finding in found:
            return
        if len(found) == MAX_FINDINGS:
            self._all.dropped += 1
            weakest = min(found, key=lambda each: each.severity)
            if weakest.severity >= finding.severity:
                return
            del found[weakest]  # many small findings must not keep a grave one out
        found[finding] = None

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
        )
