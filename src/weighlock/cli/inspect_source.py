"""Inspect a model where it lies, for ``weighlock inspect hf:owner/name``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weighlock.cli.context import settings
from weighlock.cli.output import Output, size_text
from weighlock.cli.progress import progress_for
from weighlock.cli.waiting import Waiting
from weighlock.core.error import UsageError
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.inspection.options import Options
    from weighlock.service.inspect_remote import RemoteInspection

REMOTE: Final = ("hf", "oci", "ollama", "s3", "https", "http")
_LOCAL: Final = {
    "path": "give the folder itself",
    "pypi": "pull it, and inspect it then: pip gives whole files only",
}


def is_source(target: str) -> bool:
    """Return whether a target names a source (``hf:owner/name``), as a pull does."""
    head, colon, _ = target.partition(":")
    return bool(colon) and head in {*REMOTE, *_LOCAL}


def inspect_remote(target: str, options: "Options", output: Output) -> "RemoteInspection":
    """Return what the source's files hold; raises what pulling raises before it fetches, and ``ranges_refused``."""
    from weighlock.service.inspect_remote import inspect_source
    from weighlock.service.sources import Sources

    scheme = target.partition(":")[0]
    if scheme in _LOCAL:
        raise UsageError(
            "source_invalid", f"{shown(target)!r} is not inspected where it lies", hint=_LOCAL[scheme]
        )
    here = Path.cwd()
    with (
        progress_for(output) as progress,
        Sources(settings(), os.environ, home=here, folder=here, notify=Waiting(output)) as sources,
    ):
        return inspect_source(sources, target, here, options=options, progress=progress)


def remote_facts(found: "RemoteInspection") -> dict[str, Any]:
    """Return what a result says about its source, as JSON."""
    return {
        "source": found.source,
        "revision": found.resolved.revision,
        "bytesFetched": found.fetched_bytes,
        "bytes": found.size_bytes,
    }


def remote_text(found: "RemoteInspection") -> str:
    """Return two lines about the source, for people."""
    share = f"{size_text(found.fetched_bytes)} of {size_text(found.size_bytes)}"
    return (
        f"{shown(found.source)} at {shown(found.resolved.revision)}: {share} fetched\n"
        "this informs people: nothing proves the bytes until a pull has digested them"
    )
