"""What a user adds to the rules."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What the user's policy adds to the rules: ``allow`` maps (module, name) to the reason."""

    allow: dict[tuple[str, str], str] = field(default_factory=dict)
