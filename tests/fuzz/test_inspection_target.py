"""The inputs of coverage-guided fuzzing without its guidance: every seed, and some mutations, the same each time."""

import random

import pytest

from fuzz_target import Target, check, find_targets
from weighlock.inspection.catalogue import EXAMINATIONS

MUTATIONS = 150  # of each target; all of them are to take seconds
TARGETS = find_targets()


def mutate(choose: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    data = bytearray(choose.choice(seeds))
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(data) + 1)
        match choose.randrange(6):
            case 0:
                data[at : at + 1] = bytes([choose.randrange(256)])
            case 1:
                del data[at:]
            case 2:
                del data[at : at + choose.randint(1, 8)]
            case 3:
                data[at:at] = data[at : at + choose.randint(1, 64)]
            case 4:
                other = choose.choice(seeds)
                data[at:] = other[choose.randrange(len(other) + 1) :]
            case _:
                width = choose.choice([1, 2, 4, 8])
                data[at : at + width] = choose.choice([b"\xff", b"\x7f", b"\0", b"\x80"]) * width
    return bytes(data)


def test_every_format_with_an_examination_has_seeds() -> None:
    known = {name for name, examination in EXAMINATIONS.items() if examination}
    assert known <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_mutations(name: str) -> None:
    target: Target = TARGETS[name]
    choose = random.Random(name)
    for seed in target.seeds:
        check(target, seed)
    for _ in range(MUTATIONS):
        check(target, mutate(choose, target.seeds))
