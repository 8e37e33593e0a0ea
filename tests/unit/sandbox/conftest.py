"""Tiers as a fixture: what the kernel lacks is skipped; bubblewrap is a system component."""

from pathlib import Path

import pytest

from conftest import missing
from weighlock import sandbox
from weighlock.sandbox import Capabilities, Tier


@pytest.fixture(scope="session")
def capabilities() -> Capabilities:
    return sandbox.detect()


@pytest.fixture(
    params=[Tier.LANDLOCK, Tier.NAMESPACES, pytest.param(Tier.BUBBLEWRAP, marks=pytest.mark.system)],
    ids=lambda tier: tier.name.lower(),
)
def tier(request: pytest.FixtureRequest, capabilities: Capabilities) -> Tier:
    """Return each tier in turn that this machine offers."""
    wanted: Tier = request.param
    if not offered(capabilities, wanted):
        missing(f"this machine does not offer the sandbox tier {wanted.name.lower()}: {capabilities}")
    return wanted


def offered(capabilities: Capabilities, tier: Tier) -> bool:
    if tier is Tier.NAMESPACES:
        return capabilities.tier >= Tier.LANDLOCK and capabilities.namespaces
    return capabilities.tier >= tier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a model and a place for temporary files."""
    (tmp_path / "model").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights")
    return tmp_path
