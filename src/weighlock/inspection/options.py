"""What a user adds to the rules, and how a file is reached."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What the user's policy adds to the rules: ``allow`` maps (module, name) to the reason.

    ``elsewhere``: the file lies on another machine, so that what costs a transfer is left out and told as a fact.
    ``keep_templates``: the result has the file's chat templates, which become another inspection's ``base``: what its
    templates are compared with, by name and text.
    """

    allow: dict[tuple[str, str], str] = field(default_factory=dict)
    elsewhere: bool = False
    keep_templates: bool = False
    base: tuple[tuple[str, str], ...] | None = None
