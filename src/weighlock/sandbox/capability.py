"""What this machine's kernel and tools can really do, found out by trying."""

import json
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weighlock.core.error import UndecidedError
from weighlock.core.text import shown
from weighlock.sandbox.filter import Rules, assemble
from weighlock.sandbox.interpreter import INSIDE, command
from weighlock.sandbox.landlock import handled
from weighlock.sandbox.launch import Tier
from weighlock.sandbox.syscall import ARCHITECTURES

PROBE_S: Final = 20  # a probe takes milliseconds; an overloaded machine seconds


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was tried and what came of it.

    Args:
        landlock_abi: the kernel's version of Landlock, 0 if a rule did not deny.
        seccomp: whether a filter denied.
        no_new_privileges: whether it could be set.
        namespaces: whether user, network, process, IPC and mount namespaces could be entered.
        bubblewrap: the program, if it could start one in namespaces.
        machine: the architecture, as ``uname -m`` names it.
    """

    landlock_abi: int
    seccomp: bool
    no_new_privileges: bool
    namespaces: bool
    bubblewrap: Path | None
    machine: str

    @property
    def tier(self) -> Tier:
        """Return the strongest tier that these allow."""
        if not (self.landlock_abi and self.seccomp and self.no_new_privileges):
            return Tier.NONE
        if self.bubblewrap:
            return Tier.BUBBLEWRAP
        return Tier.NAMESPACES if self.namespaces else Tier.LANDLOCK


def detect() -> Capabilities:
    """Return what works here; takes about a tenth of a second. Raises UndecidedError ``sandbox_failed``."""
    machine = platform.machine()
    architecture = ARCHITECTURES.get(machine)
    trial = {
        "filter": assemble(architecture, Rules(families=())).hex() if architecture else "",
        "handled": handled(1).files,
    }
    found = _probe(trial)
    program = shutil.which("bwrap")
    return Capabilities(
        landlock_abi=int(found["landlock_abi"]) if found["landlock"] else 0,
        seccomp=found["seccomp"] is True,
        no_new_privileges=found["no_new_privileges"] is True,
        namespaces=found["namespaces"] is True,
        bubblewrap=Path(program) if program and _bubblewrap_works(program) else None,
        machine=machine,
    )


def _probe(trial: dict[str, Any]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            command(INSIDE.parent, "probe"),
            input=json.dumps(trial).encode(),
            capture_output=True,
            check=True,
            env={},
            timeout=PROBE_S,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UndecidedError(
            "sandbox_failed",
            f"What this machine can protect could not be found out: {shown(str(error))}.",
            hint="Check that the Python interpreter of this installation can be started.",
        ) from error
    return found


def _bubblewrap_works(program: str) -> bool:
    """Return whether ``program`` can start something in own namespaces."""
    trial = [program, "--unshare-all", "--die-with-parent", "--uid", "0", "--gid", "0"]
    trial += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", program, "--version"]
    try:
        subprocess.run(trial, capture_output=True, check=True, env={}, timeout=PROBE_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
