"""``weighlock inspect``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from weighlock.cli.context import (
    EXISTING_FILE,
    clock,
    has_project,
    is_stored,
    settings,
    settings_named,
    workspace,
)
from weighlock.cli.output import Output, common_options, pass_output
from weighlock.cli.progress import progress_for
from weighlock.core.error import UsageError
from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.cli.inspect_base import Base
    from weighlock.core.digest import Digest
    from weighlock.core.progress import Progress
    from weighlock.inspection.options import Options
    from weighlock.inspection.result import InspectionResult
    from weighlock.service.inspect_remote import RemoteInspection
    from weighlock.service.inspection_project import ProjectRules

_LEVELS: Final = ("low", "medium", "high", "critical")
_HERE: Final = ("/", "./", "../")


class _Inspect(click.Command):
    """The command, in which ``explain`` as the first argument is the command that explains rules."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of this command, or that of ``explain``."""
        if args[:1] != ["explain"]:
            return super().make_context(info_name, args, parent, **extra)
        from weighlock.cli.explain import explain

        return explain.make_context(f"{info_name} explain", args[1:], parent, **extra)


def _output_option(name: str, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        f"--{name}",
        type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
        help=f"Also write {what} to this file; - is standard output.",
    )


@click.command(cls=_Inspect, short_help="Find what a model's files would do, without running them.")
@click.argument("targets", nargs=-1, required=True, metavar="FILE|FOLDER|SOURCE|[ENVIRONMENT:]NAME|DIGEST...")
@_output_option("sarif", "the findings as SARIF 2.1.0")
@_output_option("markdown", "a report in Markdown")
@_output_option("junit", "the verdict on each file as JUnit XML")
@_output_option("statement", "an unsigned in-toto statement")
@click.option("--all", "everything", is_flag=True, help="Shorten no list.")
@click.option(
    "--fail-on",
    type=click.Choice(_LEVELS),
    default="low",
    show_default=True,
    help="The least severity that makes the exit status 1.",
)
@click.option(
    "--waivers",
    type=EXISTING_FILE,
    help="Reviewed waivers; by default the settings' or weighlock-waivers.yaml beside them.",
)
@click.option(
    "--base",
    metavar="FILE|FOLDER|SOURCE|[ENVIRONMENT:]NAME",
    help="Tell how the chat templates differ from this model's: the base model's, or the last release's.",
)
@common_options
@pass_output
def inspect(
    output: Output,
    /,
    *,
    targets: tuple[str, ...],
    everything: bool,
    fail_on: str,
    waivers: Path | None,
    base: str | None,
    **files: Path | None,
) -> int:
    """Find what a model's files would do, without running them.

    A target is a file or a folder, or one name or digest in a store, or one source as
    `pull` takes it (hf:owner/name@revision): then only the parts that are needed are
    fetched, and the result informs people before a pull. Formats are told by content. Nothing is executed, imported, unpickled or rendered, and what no parser
    accounted for to its last byte is "not examined", never clean. `inspect explain RULE`
    explains a rule; a file of that name is ./explain.

    Exit status: 0 clean, 1 findings, 3 not examined; findings win.
    """
    _check_arguments(targets, files)
    rules = _rules(targets, waivers)
    notes = list(rules.notes)
    compared = None
    if base is not None:
        compared = _read_base(base, rules.options, output)
        notes += compared.notes
        rules = replace(rules, options=replace(rules.options, base=compared.templates))
    inspected = _inspect_any(targets, rules, output, digests=files["statement"] is not None)
    result, of_waivers = rules.apply(inspected.result, clock()().date())
    outcome = _outcome(result, Severity[fail_on.upper()])
    printed = _write(result, inspected.subject, files)
    for note in (*notes, *of_waivers):
        output.note(note)
    if not printed:
        told = inspected._replace(result=result)
        facts = _facts(targets, told, compared) if output.json else {}
        output.facts(facts, lambda: _text(told, compared, outcome, everything=everything))
    return outcome


def _check_arguments(targets: tuple[str, ...], files: dict[str, Path | None]) -> None:
    """Refuse at once what would fail after an inspection of an hour."""
    if "" in targets:
        raise click.UsageError("a target is empty; was a variable not set?")
    on_stdout = [form for form, place in files.items() if str(place) == "-"]
    if len(on_stdout) > 1:
        raise click.UsageError(
            f"only one of {' and '.join(f'--{form}' for form in on_stdout)} can be written to -"
        )
    for form, place in files.items():
        if place is not None and not place.parent.is_dir():
            raise click.UsageError(f"--{form}: there is no folder {shown(str(place.parent))}")


class _Inspected(NamedTuple):
    """A result, the stored artifact that it is of, and what is known of its source if it lies elsewhere."""

    result: "InspectionResult"
    subject: "tuple[str, Digest] | None" = None
    remote: "RemoteInspection | None" = None


def _inspect_any(
    targets: tuple[str, ...], rules: "ProjectRules", output: Output, *, digests: bool
) -> _Inspected:
    from weighlock.cli.inspect_source import inspect_remote, is_source

    if len(targets) == 1 and is_source(targets[0]):
        remote = inspect_remote(targets[0], rules.options, output)
        return _Inspected(remote.result, remote=remote)
    with progress_for(output) as progress:
        return _Inspected(*_inspect(targets, rules, progress, digests=digests))


def _read_base(base: str, options: "Options", output: Output) -> "Base":
    from weighlock.cli.inspect_base import base_of
    from weighlock.service.inspection_project import ProjectRules

    gathering = ProjectRules(replace(options, keep_templates=True))
    return base_of(base, _inspect_any((base,), gathering, output, digests=False).result)


def _facts(targets: tuple[str, ...], inspected: _Inspected, base: "Base | None") -> dict[str, Any]:
    facts = {"target": targets[0] if len(targets) == 1 else list(targets), **inspected.result.to_json()}
    if inspected.remote is not None:
        from weighlock.cli.inspect_source import remote_facts

        facts["remote"] = remote_facts(inspected.remote)
    if base is not None:
        from weighlock.cli.inspect_base import base_facts

        facts["base"] = base_facts(base)
    return facts


def _rules(targets: tuple[str, ...], waivers: Path | None) -> "ProjectRules":
    from weighlock.service.inspection_project import ProjectRules, read_project_rules

    known = settings() if has_project() else None
    if known is None and waivers is None:
        return ProjectRules()
    paths = [Path(target) for target in targets if not is_stored(target)]
    return read_project_rules(known, waivers, paths, named=settings_named())


def _inspect(
    targets: tuple[str, ...], rules: "ProjectRules", progress: "Progress", *, digests: bool
) -> "tuple[InspectionResult, tuple[str, Digest] | None]":
    if len(targets) == 1 and (is_stored(targets[0]) or not _is_path(targets[0])):
        return _inspect_stored(targets[0], rules, progress)
    from weighlock.cli.inspect_source import is_source

    if any(is_stored(target) or is_source(target) for target in targets):
        raise click.UsageError(
            "a name in a store, or a source, is inspected alone: give one target, or files and folders"
        )
    from weighlock.service.inspect import inspect_paths

    waived = {waiver.rule for waiver in rules.waivers}
    result = inspect_paths(
        [Path(target) for target in targets],
        options=rules.options,
        wants_digest=lambda file: digests or any(each.rule in waived for each in file.examined.findings),
        progress=progress,
    )
    return result, None


def _is_path(target: str) -> bool:
    return Path(target).exists() or target.startswith(_HERE)


def _inspect_stored(
    target: str, rules: "ProjectRules", progress: "Progress"
) -> "tuple[InspectionResult, tuple[str, Digest]]":
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.inspect_stored import inspect_artifact
    from weighlock.store.manifest import read_model

    named = StoreReference.parse(target)
    try:
        store = workspace().store(named.environment)
        digest = store.resolve(named.text).digest
    except UsageError as error:
        if error.code not in {"store_missing", "artifact_unknown"} or is_stored(target):
            raise
        why = f"{shown(target)!r} is no file or folder here, and no name in a store: {error.message}"
        raise UsageError(error.code, why, hint=f"check the path; {error.hint}") from error
    artifact = read_model(store, digest)
    result = inspect_artifact(store, artifact, options=rules.options, progress=progress)
    return result, (named.text, artifact.digest)


def _outcome(result: "InspectionResult", fail_on: Severity) -> Outcome:
    if any(finding.severity >= fail_on for finding in result.findings):
        return Outcome.FINDINGS
    whole = result.files and all(file.examined.not_examined is None for file in result.files)
    return Outcome.CLEAN if whole else Outcome.UNDECIDED


def _write(
    result: "InspectionResult", subject: "tuple[str, Digest] | None", files: dict[str, Path | None]
) -> bool:
    """Write what was asked for; return whether standard output has been written to."""
    wanted = {form: place for form, place in files.items() if place is not None}
    if not wanted:
        return False
    from weighlock.service.inspection_output import FORMS, to_statement

    for form, place in wanted.items():
        text = to_statement(result, subject, clock()()) if form == "statement" else FORMS[form](result)
        if str(place) == "-":
            click.echo(text, nl=False)
        else:
            place.write_text(text, encoding="utf-8")
    return any(str(place) == "-" for place in wanted.values())


def _text(inspected: _Inspected, base: "Base | None", outcome: Outcome, *, everything: bool) -> str:
    from weighlock.cli.inspect_text import inspection_text

    parts = [inspection_text(inspected.result, everything=everything, outcome=outcome)]
    if base is not None:
        from weighlock.cli.inspect_base import base_text

        parts.insert(0, base_text(base, inspected.result))
    if inspected.remote is not None:
        from weighlock.cli.inspect_source import remote_text

        parts.insert(0, remote_text(inspected.remote))
    return "\n\n".join(parts)
