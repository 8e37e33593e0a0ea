"""Landlock rules: which access rights a path or port gets (linux/landlock.h).

Nothing here talks to the kernel; ``guard`` does, with what this module computes.
"""

from dataclasses import dataclass
from typing import Final

# linux/landlock.h, "Filesystem flags"; the comment gives the first ABI that knows them.
EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
MAKE_CHAR: Final = 1 << 6
MAKE_DIR: Final = 1 << 7
MAKE_REG: Final = 1 << 8
MAKE_SOCK: Final = 1 << 9
MAKE_FIFO: Final = 1 << 10
MAKE_BLOCK: Final = 1 << 11
MAKE_SYM: Final = 1 << 12
REFER: Final = 1 << 13  # ABI 2
TRUNCATE: Final = 1 << 14  # ABI 3
IOCTL_DEV: Final = 1 << 15  # ABI 5
# "Network flags", ABI 4
BIND_TCP: Final = 1 << 0
CONNECT_TCP: Final = 1 << 1
# "Scope flags", ABI 6
SCOPE_ABSTRACT_UNIX_SOCKET: Final = 1 << 0
SCOPE_SIGNAL: Final = 1 << 1

TRUNCATE_ABI: Final = 3
NETWORK_ABI: Final = 4
SCOPE_ABI: Final = 6

READ: Final = READ_FILE | READ_DIR
RUN: Final = READ | EXECUTE
WORK: Final = (
    READ
    | WRITE_FILE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | MAKE_SOCK
    | MAKE_FIFO
    | MAKE_SYM
    | REFER
    | TRUNCATE
)
DEVICE: Final = READ_FILE | WRITE_FILE | IOCTL_DEV


@dataclass(frozen=True, slots=True)
class Handled:
    """The rights that a ruleset takes away unless a rule grants them."""

    files: int
    network: int
    scoped: int

    @property
    def attribute_bytes(self) -> int:
        """Return the size of ``struct landlock_ruleset_attr`` that this kernel knows."""
        if self.scoped:
            return 24
        return 16 if self.network else 8


def handled(abi: int, *, network: bool = True) -> Handled:
    """Return every right that ABI version ``abi`` can take away; without TCP's if not ``network``."""
    newest = {1: MAKE_SYM, 2: REFER, 3: TRUNCATE, 4: TRUNCATE}.get(abi, IOCTL_DEV)
    return Handled(
        files=(newest << 1) - 1,
        network=BIND_TCP | CONNECT_TCP if network and abi >= NETWORK_ABI else 0,
        scoped=SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL if abi >= SCOPE_ABI else 0,
    )
