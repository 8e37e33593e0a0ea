"""A private folder for what a server is given: nobody else's, on a file system that can be believed.

The folder is locked while it is used, so that what a killed supervisor left behind is
told from what is in use, and removed by the next one.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

_PREFIX: Final = "run-"
_LOCK: Final = "lock"
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
# Other machines, or a program, decide what these return at each read (rule of trust 6).
UNTRUSTED_FILE_SYSTEMS: Final = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "afs",
        "beegfs",
        "virtiofs",
    }
)


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent`` that only this user can enter; it is gone afterwards.

    Raises DeniedError ``file_system_untrusted``.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind = file_system_of(
        parent, Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    )
    if kind in UNTRUSTED_FILE_SYSTEMS or kind.startswith("fuse"):
        raise DeniedError(
            "file_system_untrusted",
            f"{shown(str(parent))} is on {shown(kind)}, where other bytes may be read than were written",
            hint="set run to a folder on a local disk",
        )
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds ``path``, from the text of /proc/self/mountinfo.

    Of several mounts on one place the last one is seen (proc_pid_mountinfo(5)).
    """
    real = path.resolve()
    best, kind = -1, ""
    for line in mounts.split("\n"):  # not splitlines: a name may hold what that takes for a line's end
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        # proc_pid_mountinfo(5) writes space, tab, newline and backslash as three octal digits, and nothing else
        point = Path(_OCTAL.sub(lambda escape: chr(int(escape[1], 8)), fields[4]))
        if len(point.parts) >= best and real.is_relative_to(point):
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # another one is just making it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
