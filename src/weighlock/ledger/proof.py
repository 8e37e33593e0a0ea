"""Proofs about the tree: an entry is in it, a shorter tree is its beginning.

Made as RFC 6962, sections 2.1.1 and 2.1.2, define them; verified as RFC 9162,
sections 2.1.3.2 and 2.1.4.2, write out step by step.
"""

from collections.abc import Sequence
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.ledger.tree import NODE_BYTES, Frontier, parent_node

MAX_PROOF_NODES: Final = 64  # a tree of 2^63 leaves needs no more


def prove_inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the nodes (32 bytes each) beside the way from leaf ``index`` up to the root of ``leaves``."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*prove_inclusion(left, index), root_of(right)]
    return [*prove_inclusion(right, index - split), root_of(left)]


def prove_consistency(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the nodes that show the tree of the first ``old_size`` leaves to be a beginning of this one."""
    if not 0 < old_size <= len(leaves):
        raise ValueError(f"a tree of {len(leaves)} has no beginning of {old_size} leaves")
    return _subproof(leaves, old_size, whole=True)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root (32 bytes) of a tree of these leaf nodes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.grown(leaf)
    return frontier.root


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if ``leaf`` is number ``index`` of the tree with ``size`` leaves; raises DeniedError ``proof_invalid``."""
    _check_nodes(proof)
    if not 0 <= index < size:
        raise _invalid(f"a log of {size} entries has no entry {index}")
    place, last, node = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            raise _invalid("it is longer than the tree is high")
        if place & 1 or place == last:
            node = parent_node(beside, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = parent_node(node, beside)
        place, last = place >> 1, last >> 1
    if last or node != root:
        raise _invalid("it does not lead to the log's root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the old tree is a beginning of the new one; raises DeniedError ``proof_invalid``."""
    _check_nodes(proof)
    if not 0 < old_size <= new_size:
        raise _invalid(f"{old_size} entries are no beginning of {new_size}")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise _invalid("two trees of one size have different roots")
        return
    # Step 2: the old root of a complete tree is not repeated in the proof.
    nodes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if len(nodes) < 2:
        raise _invalid("it is too short")
    old, new = _climb(old_size - 1, new_size - 1, nodes)
    if (old, new) != (old_root, new_root):
        raise _invalid("it does not lead to both roots")


def _climb(place: int, last: int, nodes: list[bytes]) -> tuple[bytes, bytes]:
    while place & 1:  # step 4
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for beside in nodes[1:]:
        if last == 0:
            raise _invalid("it is longer than the tree is high")
        if place & 1 or place == last:
            old, new = parent_node(beside, old), parent_node(beside, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = parent_node(new, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise _invalid("it ends below the root")
    return old, new


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    # SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2; ``whole`` is b
    if old_size == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    left, right = leaves[:split], leaves[split:]
    if old_size <= split:
        return [*_subproof(left, old_size, whole=whole), root_of(right)]
    return [*_subproof(right, old_size - split, whole=False), root_of(left)]


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_nodes(proof: Sequence[bytes]) -> None:
    if len(proof) > MAX_PROOF_NODES or any(len(node) != NODE_BYTES for node in proof):
        raise _invalid(f"it is not a list of at most {MAX_PROOF_NODES} nodes of {NODE_BYTES} bytes")


def _invalid(why: str) -> DeniedError:
    return DeniedError("proof_invalid", f"the proof about the log is refused: {why}")
