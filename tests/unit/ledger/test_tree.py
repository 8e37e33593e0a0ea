import hashlib

import pytest

from weighlock.core.error import DeniedError
from weighlock.ledger.proof import (
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from weighlock.ledger.tree import EMPTY_ROOT, Frontier, leaf_node, parent_node

# The leaves and roots that Certificate Transparency's own implementations are tested with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NODES = [leaf_node(bytes.fromhex(text)) for text in LEAVES]
MANY = [leaf_node(b"%d" % number) for number in range(33)]


def test_roots_are_those_of_certificate_transparency() -> None:
    frontier = Frontier()
    assert frontier.root == EMPTY_ROOT == hashlib.sha256().digest()
    for node, root in zip(NODES, ROOTS, strict=True):
        frontier = frontier.grown(node)
        assert frontier.root.hex() == root
    assert frontier.size == 8


def test_a_leaf_is_never_an_inner_node() -> None:
    left, right = NODES[:2]
    assert leaf_node(left + right) != parent_node(left, right)


@pytest.mark.parametrize(
    ("size", "nodes"), [(1, ()), (0, (b"x" * 32,)), (3, (b"x" * 32,)), (-1, ()), (1, (b"short",))]
)
def test_a_frontier_that_fits_no_tree_is_refused(size: int, nodes: tuple[bytes, ...]) -> None:
    with pytest.raises(DeniedError) as caught:
        Frontier(size, nodes)
    assert caught.value.code == "log_tampered"


def test_every_entry_of_every_small_tree_is_proved_and_in_no_other_place() -> None:
    for size in range(1, len(MANY) + 1):
        leaves = MANY[:size]
        root = root_of(leaves)
        for index in range(size):
            proof = prove_inclusion(leaves, index)
            verify_inclusion(leaves[index], index, size, proof, root)
            wrong = [
                (MANY[index - 1] if size > 1 else b"x" * 32, index, size, proof, root),
                (leaves[index], (index + 1) % size if size > 1 else 1, size, proof, root),
                (leaves[index], index, size, [*proof, b"x" * 32], root),
                (leaves[index], index, size, proof, b"x" * 32),
                *([(leaves[index], index, size, proof[:-1], root)] if proof else []),
            ]
            for case in wrong:
                with pytest.raises(DeniedError) as caught:
                    verify_inclusion(*case)
                assert caught.value.code == "proof_invalid", (size, index)


def test_every_beginning_of_every_small_tree_is_proved_and_no_other_tree() -> None:
    for size in range(1, len(MANY) + 1):
        leaves = MANY[:size]
        root = root_of(leaves)
        for old in range(1, size + 1):
            old_root = root_of(leaves[:old])
            proof = prove_consistency(leaves, old)
            verify_consistency(old, old_root, size, root, proof)
            forked = root_of([*leaves[: old - 1], b"f" * 32])
            wrong = [
                (old, forked, size, root, proof),
                (old, old_root, size, forked, proof),
                (old, old_root, size, root, [*proof, b"x" * 32]),
                (size + 1, old_root, size, root, proof),
                (0, old_root, size, root, proof),
                *([(old, old_root, size, root, proof[:-1])] if proof else []),
            ]
            for case in wrong:
                with pytest.raises(DeniedError) as caught:
                    verify_consistency(*case)
                assert caught.value.code == "proof_invalid", (old, size)


def test_proofs_that_are_no_nodes_are_refused() -> None:
    for proof in ([b"short"], [b"x" * 32] * 65):
        with pytest.raises(DeniedError) as caught:
            verify_inclusion(MANY[0], 0, 2, proof, root_of(MANY[:2]))
        assert caught.value.code == "proof_invalid"


def test_asking_for_proofs_of_what_is_not_there_is_our_bug() -> None:
    with pytest.raises(ValueError, match="no leaf 2"):
        prove_inclusion(MANY[:2], 2)
    with pytest.raises(ValueError, match="no beginning"):
        prove_consistency(MANY[:2], 0)
