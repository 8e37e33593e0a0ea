"""Whether what a tree says of its nodes can be followed: every child is there, and no path comes back."""

from collections.abc import Sequence
from typing import Final

NO_CHILD: Final = -1


def follow(left: Sequence[int], right: Sequence[int], *, leaves_below: int | None = None) -> str | None:
    """Return what is wrong with the children of a tree's nodes, from node 0 on; None if nothing is.

    A child is the number of a node, or -1 for none; with ``leaves_below`` it is the number of an inner node, or the
    complement of the number of a leaf, of which there are so many (LightGBM).
    """
    nodes = len(left)
    seen = bytearray(nodes)
    waiting = [0] if nodes else []
    while waiting:
        node = waiting.pop()
        if seen[node]:
            return f"two paths lead to node {node}"
        seen[node] = 1
        for child in (left[node], right[node]):
            if child >= nodes:
                return f"node {node} has the child {child} of {nodes} nodes"
            if child >= 0:
                waiting.append(child)
            elif leaves_below is not None:
                if ~child >= leaves_below:
                    return f"node {node} leads to leaf {~child} of {leaves_below}"
            elif child != NO_CHILD:
                return f"node {node} has the child {child}"
        if leaves_below is None and (left[node] == NO_CHILD) != (right[node] == NO_CHILD):
            return f"node {node} has one child"
    return None
