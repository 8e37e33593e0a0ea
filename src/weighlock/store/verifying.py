"""Digest many blobs of a store, several at a time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.progress import Progress
from weighlock.store.interface import Store

MAX_THREADS: Final = 4  # more only make a disk seek


def verify_blobs(store: Store, digests: Iterable[Digest], progress: Progress) -> None:
    """Read every blob whole; raises DeniedError ``blob_missing``, ``digest_mismatch``. ``progress`` is advanced only."""
    with ThreadPoolExecutor(MAX_THREADS) as pool:
        for _ in pool.map(lambda digest: store.verify_blob(digest, progress=progress), digests):
            pass
