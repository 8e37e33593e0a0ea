"""Where a gate remembers, outside every store, what it has seen (rule of trust 10).

One small file for each environment, in the folder of its trust root. It is replaced atomically under a lock,
so that two gates on one machine do not forget what the other saw. A memory that cannot
be read denies: forgetting is what an attacker wants.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from weighlock.core.clock import read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.text import shown
from weighlock.promotion.state import Memory
from weighlock.service.file import write_whole

_FIELDS: Final = {"version", "number", "digest", "trust", "newest", "revoked"}
_MAX_SHOWN: Final = 4096  # characters; a path is no longer
_MAX_BYTES: Final = 16 * 1024 * 1024  # 100,000 revocations of 80 bytes, twice


class GateMemory:
    """The memory of this machine's gates for one environment under one trust root."""

    def __init__(self, folder: Path, environment: str) -> None:
        """Remember in ``folder``, which is made when something is first remembered."""
        self._file = folder / "gate" / f"{environment}.json"

    @contextlib.contextmanager
    def exclusive(self, purpose: str = "lock") -> Iterator[None]:
        """Hold a lock on this machine, so that reading, deciding and remembering are one step."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._file.with_suffix(f".{purpose}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> Memory:
        """Return what is remembered; of a gate that never saw anything, an empty memory.

        Raises UndecidedError ``memory_damaged``.
        """
        try:
            with self._file.open("rb") as stream:
                raw = stream.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return Memory()
        try:
            return _parse(read_object(raw, what="the memory", limit=_MAX_BYTES))
        except (DeniedError, KeyError, TypeError, ValueError) as error:
            raise UndecidedError(
                "memory_damaged",
                f"the gate's memory {shown(str(self._file))} cannot be read: {shown(str(error))}",
                hint="see docs/state.md on resetting it; until then nothing is allowed",
            ) from error

    def write(self, memory: Memory) -> None:
        """Replace what is remembered, durably."""
        raw = write_json(
            {
                "version": 1,
                "number": memory.number,
                "digest": None if memory.digest is None else str(memory.digest),
                "trust": memory.trust_version,
                "newest": None if memory.newest is None else write_time(memory.newest),
                "revoked": sorted(memory.revoked),
            }
        )
        write_whole(self._file, raw)


@contextlib.contextmanager
def told_of_memory(folder: Path) -> Iterator[None]:
    """Let a denial by what this machine remembers say where that is kept: somebody may begin a trial anew on purpose."""
    try:
        yield
    except DeniedError as error:
        cut = error.code == "log_truncated" and "remembered" in error.details  # or else by its own checkpoint
        if cut or error.code == "state_replayed":
            error.hint += (
                f"; if you removed it yourself, to begin a trial anew, move {shown(str(folder), limit=_MAX_SHOWN)} "
                "away too: what this machine remembers (docs/state.md)"
            )
        raise


def _parse(value: dict[str, Any]) -> Memory:
    if value.keys() != _FIELDS or value["version"] != 1:
        raise ValueError("it does not have exactly the known fields")
    number, trust, revoked = value["number"], value["trust"], value["revoked"]
    if type(number) is not int or type(trust) is not int or min(number, trust) < 0:
        raise ValueError("its numbers are not numbers")
    if not isinstance(revoked, list) or not all(isinstance(item, str) for item in revoked):
        raise ValueError("its revocations are not a list of texts")
    return Memory(
        number=number,
        digest=None if value["digest"] is None else Digest.parse(value["digest"]),
        trust_version=trust,
        newest=None if value["newest"] is None else read_time(value["newest"], what="the newest time"),
        revoked=frozenset(revoked),
    )
