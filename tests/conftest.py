"""What all tests share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile(
    "fuzz", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quick")

STRICT = os.environ.get("WEIGHLOCK_REQUIRE_SYSTEM") == "1"


def missing(reason: str) -> None:
    """Skip the test for want of a component, or fail it where every component must be present."""
    if STRICT:
        pytest.fail(f"{reason} (and WEIGHLOCK_REQUIRE_SYSTEM=1 says that it must be here)")
    pytest.skip(reason)


@pytest.fixture
def needs() -> Callable[..., None]:
    """Return a check for programs on PATH: ``needs("bwrap", "skopeo")``."""

    def check(*programs: str) -> None:
        for program in programs:
            if shutil.which(program) is None:
                missing(f"{program} is not installed")

    return check


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home of its own, so that no gate's memory or cache is shared."""
    home: Path = tmp_path_factory.mktemp("home")
    for name in ("STATE", "CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    for name in [
        name for name in os.environ if name.startswith("WEIGHLOCK_") and name != "WEIGHLOCK_REQUIRE_SYSTEM"
    ]:
        monkeypatch.delenv(name)
