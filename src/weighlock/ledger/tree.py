"""The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf.

The prefixes 0x00 and 0x01 keep a leaf from being read as an inner node, which would
otherwise give two different logs the same root (section 2.1, last paragraph).
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.error import DeniedError

NODE_BYTES: Final = 32  # SHA-256
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()  # RFC 6962: the root of no leaves


def leaf_node(entry: bytes) -> bytes:
    """Return the tree's node (32 bytes) for one entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def parent_node(left: bytes, right: bytes) -> bytes:
    """Return the node (32 bytes) above two nodes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What a tree needs to grow: its size in leaves and the roots of its complete subtrees, largest first.

    There is one subtree for each bit that is set in ``size``, so a frontier is small however long the log is,
    and it is exactly as trustworthy as the signature over its ``root``.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Raise DeniedError ``log_tampered`` unless the nodes fit the size."""
        if self.size < 0 or len(self.nodes) != self.size.bit_count():
            raise DeniedError("log_tampered", f"{len(self.nodes)} nodes are no tree of {self.size} entries")
        if any(len(node) != NODE_BYTES for node in self.nodes):
            raise DeniedError("log_tampered", f"a node of the log's tree has not {NODE_BYTES} bytes")

    def grown(self, leaf: bytes) -> Self:
        """Return the frontier of the tree with one more leaf node."""
        nodes, node, size = list(self.nodes), leaf, self.size
        while size & 1:  # as in a binary counter, each carry joins two subtrees of one size
            node = parent_node(nodes.pop(), node)
            size >>= 1
        return type(self)(self.size + 1, (*nodes, node))

    @property
    def root(self) -> bytes:
        """The root of the tree (32 bytes)."""
        if not self.nodes:
            return EMPTY_ROOT
        *rest, node = self.nodes
        for left in reversed(rest):
            node = parent_node(left, node)
        return node
