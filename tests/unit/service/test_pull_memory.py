"""Notes of a broken pull: for one origin's word alone."""

import dataclasses
from pathlib import Path

import pytest

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.lock import LockedModel, Owner
from weighlock.service.pull_memory import PullMemory
from weighlock.source.interface import Item, Resolved

SOURCE = "hf:acme/tiny@main"
ITEM = Item("config.json", 2, None, "9e26dfeeb6e641a33dae4961196235bdb965b21b")
FOUND = Resolved("a" * 40, Owner("hf", "id", "acme"), origin_confirmed=True)
FILE = ArtifactFile(ITEM.path, Digest.of(b"{}"), 2)
OTHERS = [
    dataclasses.replace(FOUND, origin_confirmed=False),
    dataclasses.replace(FOUND, owner=Owner("hf", "another", "acme")),
]


def entry_of(resolved: Resolved, revision: str = "b" * 40) -> LockedModel:
    return LockedModel(
        name="tiny",
        source=SOURCE,
        revision=revision,
        owner=resolved.owner,
        origin_confirmed=resolved.origin_confirmed,
        manifest=Artifact.build([FILE])[0].digest,
        files={FILE.path: FILE},
        git_sha1={FILE.path: str(ITEM.git_sha1)},
    )


def recalled(folder: Path, resolved: Resolved, entry: LockedModel | None = None) -> Digest | None:
    return PullMemory.of_user({"XDG_CACHE_HOME": str(folder)}, SOURCE, resolved, entry).recall(ITEM)


@pytest.mark.parametrize("noted", OTHERS)
def test_what_somebody_else_said_is_not_recalled(tmp_path: Path, noted: Resolved) -> None:
    PullMemory.of_user({"XDG_CACHE_HOME": str(tmp_path)}, SOURCE, noted, None).note(ITEM, FILE.digest)
    assert recalled(tmp_path, noted) == FILE.digest
    assert recalled(tmp_path, FOUND) is None
    assert recalled(tmp_path, dataclasses.replace(noted, revision="b" * 40)) is None


@pytest.mark.parametrize("locked", OTHERS)
def test_a_lock_by_somebody_elses_word_is_no_note(tmp_path: Path, locked: Resolved) -> None:
    assert recalled(tmp_path, FOUND, entry_of(FOUND)) == FILE.digest
    assert recalled(tmp_path, FOUND, entry_of(locked)) is None
    assert (
        recalled(tmp_path, FOUND, dataclasses.replace(entry_of(FOUND), source="hf:acme/other@main")) is None
    )
