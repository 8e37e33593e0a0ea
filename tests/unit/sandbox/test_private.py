"""Private folders for what is served: only on file systems of this machine, and gone afterwards."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from weighlock.core.error import DeniedError
from weighlock.sandbox import private
from weighlock.sandbox.private import file_system_of, private_folder

LINES = (
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "30 22 0:25 / /mnt/models rw shared:2 - nfs4 server:/models rw",
    "31 22 0:26 / /mnt/große\\040Modelle rw - fuse.sshfs host: rw",
    "32 30 0:27 / /mnt/models/local rw - xfs /dev/sdb rw",
    "33 22 0:28 / /mnt/over rw - ext4 /dev/sdc rw",
    "34 33 0:29 / /mnt/over rw - 9p share rw",
    "35 22 0:30 / /mnt/odd\x85name rw - cifs //server/share rw",
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/models", "ext4"),
        ("/mnt/models", "nfs4"),
        ("/mnt/models/a/b", "nfs4"),
        ("/mnt/models/local/a", "xfs"),
        ("/mnt/modelsx", "ext4"),
        ("/mnt/große Modelle/a", "fuse.sshfs"),
        ("/mnt/over/a", "9p"),
        ("/mnt/odd\x85name/a", "cifs"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    assert file_system_of(Path(path), "\n".join(LINES)) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse", "fuseblk", "fuse.sshfs"])
def test_a_network_or_another_programs_file_system_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "file_system_of", lambda *_: kind)
    with pytest.raises(DeniedError) as caught, private_folder(tmp_path / "run"):
        pytest.fail("it was entered")
    assert caught.value.code == "file_system_untrusted"
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_in_which_others_could_swap_the_copy_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)
    with pytest.raises(DeniedError) as caught, private_folder(tmp_path / "run"):
        pytest.fail("it was entered")
    assert caught.value.code == "others_may_write"
    (tmp_path / "run").chmod(0o1777)
    with private_folder(tmp_path / "run"):
        pass  # sticky: as /tmp


def test_a_folder_above_in_which_everybody_could_swap_it_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(DeniedError) as caught, private_folder(tmp_path / "inner" / "run"):
        pytest.fail("it was entered")
    assert caught.value.code == "others_may_write"


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 4712, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(DeniedError) as caught, private_folder(tmp_path):
        pytest.fail("it was entered")
    assert caught.value.code == "others_may_write"


def test_the_folder_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "model").write_bytes(b"weights")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_supervisor_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    for name in ("run-left", "run-used"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    used = os.open(tmp_path / "run-used" / "lock", os.O_RDWR)
    try:
        fcntl.flock(used, fcntl.LOCK_EX)
        with private_folder(tmp_path) as folder:
            assert {each.name for each in tmp_path.iterdir()} == {"run-used", folder.name}
    finally:
        os.close(used)
