"""A private folder for what a server is given: nobody else's, on a file system that can be believed.

The folder is locked while it is used, so that what a killed supervisor left behind is
told from what is in use, and removed by the next one.
"""

import contextlib
import fcntl
import os
import re
import shutil
import stat
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

    Raises DeniedError ``file_system_untrusted`` or ``others_may_write``.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_place(parent)
    facts = parent.stat()
    if facts.st_uid not in {0, os.geteuid()} or _is_open(facts, stat.S_IWGRP | stat.S_IWOTH):
        raise _others_may_write(parent)
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def check_place(path: Path) -> None:
    """Return if what lies at ``path`` stays what it is for as long as this user leaves it alone.

    Raises DeniedError ``file_system_untrusted`` on a network or FUSE file system, ``others_may_write`` if every
    user of the machine can put something else in its place.
    """
    real = path.resolve()
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    kind = file_system_of(real, mounts)
    if kind in UNTRUSTED_FILE_SYSTEMS or kind.startswith("fuse"):
        raise DeniedError(
            "file_system_untrusted",
            f"{shown(str(path))} is on {shown(kind)}, where other bytes may be read than were written",
            hint="put it into a folder on a local disk; private copies lie where the setting run says",
        )
    for folder in (real, *real.parents):
        if _is_open(folder.stat(), stat.S_IWOTH):
            raise _others_may_write(folder)


def _is_open(facts: os.stat_result, to: int) -> bool:
    return bool(facts.st_mode & to) and not facts.st_mode & stat.S_ISVTX  # sticky: one's own names only


def _others_may_write(folder: Path) -> DeniedError:
    return DeniedError(
        "others_may_write",
        f"others can change what lies in {shown(str(folder))}, so what is checked is not sure to be what runs",
        hint="take their right to write there away (chmod go-w), or use another folder",
    )


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
