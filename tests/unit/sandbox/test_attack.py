"""Every attack of hostile.py in every tier: what is said to hold must hold, and what is open must be said."""

import os
from dataclasses import replace

import pytest

from unit.sandbox.cage import ATTACKS, Outcome, attack
from weighlock.sandbox import Capabilities, Tier

DIRECT_CALLS = 31
# What remains open, by tier. The report must say of each that it does not hold.
OPEN = {
    Tier.LANDLOCK: {
        "see_outside",
        "load_library",
        "map_writable_file_executable",
        "listen_without_bind",
        "process_exists_outside",
    },
    Tier.NAMESPACES: {"see_outside"},
    Tier.BUBBLEWRAP: set[str](),
}
# The kernel counts no processes of the real root user.
OPEN_TO_ROOT = {"too_many_processes"} if os.geteuid() == 0 else set[str]()


@pytest.fixture(scope="module")
def outcomes() -> dict[Tier, Outcome]:
    return {}


@pytest.fixture
def outcome(tier: Tier, outcomes: dict[Tier, Outcome], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return what the hostile script achieved in ``tier``; it runs once for all tests."""
    if tier not in outcomes:
        outcomes[tier] = attack(tmp_path_factory.mktemp("attack"), tier)
    return outcomes[tier]


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_stopped_or_reported(name: str, tier: Tier, outcome: Outcome) -> None:
    if name in OPEN[tier] | OPEN_TO_ROOT:
        assert name in outcome.achieved
        assert not outcome.holds[ATTACKS[name]]
    else:
        assert name in outcome.stopped, ATTACKS[name]


def test_every_attack_was_tried(outcome: Outcome) -> None:
    tried = outcome.achieved | outcome.stopped.keys()
    assert {name for name in tried if not name.startswith("call_")} == ATTACKS.keys()


def test_no_dangerous_system_call_exists(outcome: Outcome) -> None:
    stopped = [name for name in outcome.stopped if name.startswith("call_")]
    assert len(stopped) == DIRECT_CALLS
    assert not [name for name in outcome.achieved if name.startswith("call_")]


def test_secret_and_model_are_as_before(outcome: Outcome) -> None:
    assert outcome.harmless


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5])
def test_older_landlock_is_reported_as_it_is(
    abi: int, capabilities: Capabilities, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if capabilities.landlock_abi < abi or capabilities.tier < Tier.LANDLOCK:
        pytest.skip(f"this kernel has Landlock ABI {capabilities.landlock_abi}")
    older = replace(capabilities, landlock_abi=abi)
    outcome = attack(tmp_path_factory.mktemp("attack"), Tier.LANDLOCK, older)
    surprises = {name for name in outcome.achieved if outcome.holds[ATTACKS[name]]}
    assert not surprises
    assert outcome.holds["no_foreign_signals"] is False
    assert outcome.holds["model_read_only"] is (abi >= 3)


def test_attacks_work_without_the_sandbox(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An attack that fails anyway would prove nothing."""
    outcome = attack(tmp_path_factory.mktemp("attack"), None)
    needs_more = {
        "read_shadow",  # root
        "write_sysctl",
        "write_library",
        "raw_socket",
        "packet_socket",
        "have_capabilities",
        "read_memory_outside",
        "read_memory_of_parent",
        "new_user_namespace_by_clone",  # a kernel that lets everybody
        "x32_call",  # a kernel built with it
        "foreign_architecture",
        "signal_parent",  # a parent that is another user's
        "connect_multipath",
        "connect_fast_open",
        "too_many_processes",
        "limit_outside",
    }
    assert ATTACKS.keys() - needs_more <= outcome.achieved, outcome.stopped
