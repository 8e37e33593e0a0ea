"""Rules that only a whole model shows: what its files say of each other.

``examine_repository`` is called when every file was examined. It goes by the links that examinations noted:
``shard`` (an index names a file), ``code`` (a configuration names a Python file), ``repository`` (it names another
repository's code), ``bytecode`` (a compiled file's source), ``python-import`` (a Python file imports its neighbour), and
by summaries of names (``summary``).
"""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from weighlock.core.finding import Examined, Finding, Link
from weighlock.core.text import shown
from weighlock.inspection.rulebook.registry import find_rule
from weighlock.inspection.summary import CODE_NAMES, TENSOR_NAMES, summaries_of, summary_of

MAX_TOLD: Final = 50  # findings of one rule in one file: more help nobody
_SHARD: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(safetensors|bin)")
_SAFE: Final = ("model.safetensors", "model.safetensors.index.json")
_UNSAFE: Final = ("pytorch_model.bin", "pytorch_model.bin.index.json")

Told = tuple[str, Finding]


def examine_repository(files: Sequence[Examined]) -> list[Told]:
    """Return (path, finding) for what the files of one model say of each other; an empty list for one file alone."""
    by_path = {each.path: each for each in files}
    told: list[Told] = []
    for each in files:
        for link in each.links:
            if link.member:
                continue  # what is in an archive names what is in the archive
            found = _judge(each, link, by_path)
            if found is not None:
                told.append((each.path, found))
        told += _misplaced_tensors(each, by_path)
    told += _unlisted_shards(by_path)
    told += _two_formats(by_path)
    return _bounded(told)


def _judge(each: Examined, link: Link, by_path: Mapping[str, Examined]) -> Finding | None:
    if link.kind == "repository":
        return _finding(
            "repository-code-elsewhere", each.path, f"it makes loaders run code of {shown(link.target)}"
        )
    if len(by_path) == 1:
        return None  # a file that was examined alone: its neighbours were not asked for
    target = _beside(each.path, link.target)
    if link.kind == "shard" and target not in by_path:
        return _finding("repository-shard-missing", each.path, f"{shown(link.target)} is not there")
    if link.kind == "code" and target not in by_path and _package(target) not in by_path:
        return _finding("repository-code-missing", each.path, f"{shown(link.target)} is not there")
    if link.kind == "bytecode" and link.target not in by_path:
        return _finding(
            "repository-bytecode-alone", each.path, f"its source {shown(link.target)} is not there"
        )
    return _compiled(each, by_path[link.target]) if link.kind == "bytecode" else None


def _compiled(compiled: Examined, source: Examined) -> Finding | None:
    """Return a finding if compiled Python uses names or texts that its source does not have."""
    used, known = summary_of(compiled, CODE_NAMES), summary_of(source, CODE_NAMES)
    if used is None or known is None or used <= known:
        return None
    told = (
        f"{len(used - known)} of its {len(used)} names and texts are not in its source {shown(source.path)}"
    )
    return _finding("repository-bytecode-differs", compiled.path, told)


def _beside(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _package(path: str) -> str:
    return path.removesuffix(".py") + "/__init__.py"


def _misplaced_tensors(index: Examined, by_path: Mapping[str, Examined]) -> Iterable[Told]:
    """Yield for each shard that does not hold what an index places in it."""
    for shard, placed in summaries_of(index, TENSOR_NAMES).items():
        target = by_path.get(_beside(index.path, shard)) if shard else None
        held = summary_of(target, TENSOR_NAMES) if target else None
        if held is not None and not placed <= held:
            told = f"{len(placed - held)} of the {len(placed)} tensors that it places in {shown(shard)} are not there"
            yield index.path, _finding("repository-shard-tensor", index.path, told)


def _unlisted_shards(by_path: Mapping[str, Examined]) -> Iterable[Told]:
    """Yield the shards of a series that has an index which does not name them."""
    named = {
        _beside(each.path, link.target): each.path
        for each in by_path.values()
        for link in each.links
        if link.kind == "shard"
    }
    series = {match[1] for path in named if (match := _SHARD.fullmatch(path))}
    for path in by_path:
        match = _SHARD.fullmatch(path)
        if match and match[1] in series and path not in named:
            yield (
                path,
                _finding("repository-shard-unlisted", path, "no index names it, as it names its siblings"),
            )


def _two_formats(by_path: Mapping[str, Examined]) -> Iterable[Told]:
    for folder in {posixpath.dirname(path) for path in by_path}:
        safe = [name for name in _SAFE if posixpath.join(folder, name) in by_path]
        unsafe = [posixpath.join(folder, name) for name in _UNSAFE if posixpath.join(folder, name) in by_path]
        if safe and unsafe:
            yield unsafe[0], _finding("repository-two-formats", unsafe[0], f"{safe[0]} stands beside it")


def _finding(rule: str, path: str, message: str) -> Finding:
    about = find_rule(rule)
    return Finding(rule, about.severity, about.confidence, shown(path), message, about.remedy)


def _bounded(told: list[Told]) -> list[Told]:
    kept: list[Told] = []
    counts: dict[tuple[str, str], int] = {}
    for path, finding in told:
        about = path, finding.rule  # of every file, so that none is clean because others come before it
        counts[about] = counts.get(about, 0) + 1
        if counts[about] <= MAX_TOLD:
            kept.append((path, finding))
    return kept
