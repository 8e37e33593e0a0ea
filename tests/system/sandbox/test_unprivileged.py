"""The same attacks by a server whose supervisor is an unprivileged user, when the tests run as root."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import weighlock
from conftest import missing
from unit.sandbox.cage import ATTACKS, HERE
from unit.sandbox.test_attack import OPEN
from weighlock.sandbox import Tier

NOBODY = "65534"
AS_NOBODY = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--")
PYTHON = "/usr/bin/python3"  # one that every user may run; root's own may be in a closed home

pytestmark = pytest.mark.system


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder with a copy of what runs that nobody may read, and a folder of nobody's.

    Not pytest's own temporary folder, which every run closes to other users again.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        shutil.copytree(Path(weighlock.__file__).parent, place / "weighlock")
        shutil.copytree(HERE, place / "unit" / "sandbox")
        (place / "own").mkdir()
        os.chown(place / "own", int(NOBODY), int(NOBODY))
        yield place


@pytest.mark.parametrize(
    "tier", [Tier.LANDLOCK, Tier.NAMESPACES, Tier.BUBBLEWRAP], ids=lambda tier: tier.name
)
def test_attacks_as_nobody(tier: Tier, place: Path, needs: Callable[..., None]) -> None:
    needs("setpriv", "bwrap", PYTHON)
    if os.geteuid() != 0:
        pytest.skip("the tests run as an unprivileged user anyway")
    found = subprocess.run(
        [PYTHON, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True, check=True
    )
    if found.stdout != b"True\n":
        missing("the system's Python is older than 3.11")
    done = subprocess.run(
        [*AS_NOBODY, PYTHON, str(place / "unit" / "sandbox" / "cage.py"), str(place / "own"), tier.name],
        env={"PYTHONPATH": str(place), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
        cwd=place,
    )
    assert done.returncode == 0, done.stderr.decode()
    outcome = json.loads(done.stdout)
    assert set(outcome["achieved"]) == OPEN[tier]
    assert not [name for name in outcome["achieved"] if outcome["holds"][ATTACKS[name]]]
    assert outcome["holds"]["process_limit"]
    assert outcome["harmless"]
