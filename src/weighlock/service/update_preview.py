"""What an update would change: files, sizes, and what differs in templates, configurations and code."""

from collections.abc import Iterable, Mapping, Sequence

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.lock import LockedModel
from weighlock.service.pull_task import FileChange, PulledFile, TextDifference
from weighlock.service.sink import Sink
from weighlock.service.update_text import MAX_TEXT_BYTES, compare_texts, is_telling
from weighlock.source.interface import Item
from weighlock.store.interface import Store


def find_changes(before: LockedModel, after: Iterable[PulledFile]) -> list[FileChange]:
    """Return how the files differ from the lock, in code-point order of paths."""
    old = {path: PulledFile.of(file) for path, file in before.files.items()}
    new = {file.path: file for file in after}
    changes = (FileChange(path, old.get(path), new.get(path)) for path in sorted(old.keys() | new.keys()))
    return [change for change in changes if change.before != change.after]


def needed_early(items: Sequence[Item], known: Mapping[str, PulledFile], before: LockedModel) -> list[Item]:
    """Return the files that must be here before the difference can be shown.

    Those whose digest nobody tells, and those whose text is shown: git gives no digest for small files,
    and large ones have one.
    """
    changed = {change.path for change in find_changes(before, known.values())}
    return [
        item
        for item in items
        if known[item.path].digest is None or (item.path in changed and is_readable(item.path, item.size))
    ]


def find_texts(store: Store, sink: Sink, changes: Sequence[FileChange]) -> list[TextDifference]:
    """Return the differences of the texts among ``changes``; the old ones as the store has them."""
    return [
        compare_texts(change.path, _old(store, change.before), _new(sink, change.after))
        for change in changes
        if _is_told(change.path, change.before, change.after)
    ]


def _is_told(path: str, before: PulledFile | None, after: PulledFile | None) -> bool:
    sides = [side for side in (before, after) if side is not None]
    known = after is None or after.digest is not None
    return known and all(is_readable(path, side.size) for side in sides)


def is_readable(path: str, size: int) -> bool:
    """Return whether a file of that path and size in bytes is a text to be shown."""
    return is_telling(path) and size <= MAX_TEXT_BYTES


def _old(store: Store, file: PulledFile | None) -> bytes | None:
    if file is None or file.digest is None:
        return None
    try:
        return store.read_blob(file.digest, limit=MAX_TEXT_BYTES)
    except DeniedError as error:
        if error.code != "blob_missing":
            raise
        return b"(the old version is not in the store)\n"


def _new(sink: Sink, file: PulledFile | None) -> bytes | None:
    if file is None or file.digest is None:
        return None
    raw = b"".join(map(bytes, sink.read(file.digest)))
    if Digest.of(raw) != file.digest:
        raise DeniedError("digest_mismatch", f"the bytes of {file.digest} changed after they were verified")
    return raw
