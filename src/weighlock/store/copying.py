"""Copy an artifact from one store to another: how promotion moves bytes."""

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.store.folder import read_chunks
from weighlock.store.interface import Store
from weighlock.store.manifest import read_manifest


def copy_artifact(
    source: Store,
    target: Store,
    digest: Digest,
    *,
    with_referrers: bool = False,
    name: str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Descriptor:
    """Copy a manifest, all its blobs and, if asked, all that refers to it; return its descriptor.

    Every byte is digested in the pass that copies it; a blob that ``target`` has already is read and
    digested there. ``progress`` is advanced only. Raises DeniedError ``digest_mismatch``,
    ``size_mismatch``, ``blob_missing``.
    """
    manifest = read_manifest(source, digest)
    for blob in manifest.blobs:
        _copy_blob(source, target, blob, progress)
    copied = target.put_manifest(manifest.raw, name=name)
    if with_referrers:
        for referrer in source.referrers(digest):
            copy_artifact(source, target, referrer.digest, with_referrers=True, progress=progress)
    return copied


def _copy_blob(source: Store, target: Store, blob: Descriptor, progress: Progress) -> None:
    if _has(target, blob.digest):
        target.verify_blob(blob.digest, progress=progress)
        return
    with source.open_blob(blob.digest) as stream:
        chunks = (_advance(chunk, progress) for chunk in read_chunks(stream))
        target.write_blob(chunks, expected=blob.digest, expected_size=blob.size)


def _has(store: Store, digest: Digest) -> bool:
    try:
        store.blob_size(digest)
    except DeniedError as error:
        if error.code != "blob_missing":
            raise
        return False
    return True


def _advance(chunk: memoryview, progress: Progress) -> memoryview:
    progress.advance(len(chunk))
    return chunk
