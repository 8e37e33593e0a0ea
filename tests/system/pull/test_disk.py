"""Disks that are full or read-only, for real, under ``weighlock pull``."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import missing
from http_house import House
from hub import Hub
from hub_server import Exchange
from web_authority import common_authority
from weighlock.store.layout import LayoutStore

pytestmark = pytest.mark.system

WEIGHTS = b"GGUF" + os.urandom(3_000_000)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
PARTIAL = f".weighlock/experimentation/ingest/{DIGEST}.partial"
Needs = Callable[..., None]
# the store lies on a file system of its own; what a broken pull left is copied out before that is gone
SHELL = """
set -e
mount -t tmpfs -o size="$1" tmpfs .weighlock
cp -r store .weighlock/experimentation
[ "$2" = rw ] || mount -o remount,ro .weighlock
set +e
"$3" -m weighlock pull "$4"
status=$?
ls .weighlock/experimentation/blobs/sha256 >named
cat .weighlock/experimentation/ingest/*.partial 2>/dev/null | wc -c >kept
[ "$2" = ro ] && exit $status
[ $status = 3 ] || exit 99
mount -o remount,size=50m .weighlock
exec "$3" -m weighlock pull "$4" --json
"""


@pytest.fixture(params=["https", "hf"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, House]]:
    """Yield a source, and the server that sends its bytes."""
    (tmp_path / ".weighlock").mkdir()
    LayoutStore.create(tmp_path / "store").close()
    hub = Hub().start()
    hub.create("acme/tiny").commit({"tiny.gguf": WEIGHTS})
    with House() as house:
        house.put("/tiny.gguf", WEIGHTS)

        def lead(exchange: Exchange) -> None:
            if "/resolve/" in exchange.path:
                exchange.headers["Location"] = house.url("/tiny.gguf")

        hub.alter.append(lead)
        document = {
            "version": 1,
            "sources": {"https": [house.host], "hf": ["acme"]},
            "hf": {"origin": hub.url},
            "network": {
                "plain_http": [house.host],
                "hosts": [house.host],
                "ca_file": str(common_authority().ca_file),
            },
        }
        (tmp_path / "weighlock.yaml").write_text(json.dumps(document))
        address = f"{house.url('/tiny.gguf')}#sha256={DIGEST}"
        yield ("hf:acme/tiny" if request.param == "hf" else address), house
    hub.stop()


def pull(
    folder: Path, needs: Needs, source: str, *, size: str, mode: str
) -> "subprocess.CompletedProcess[str]":
    needs("unshare", "mount")
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    done = subprocess.run(
        [*apart, "sh", "-c", SHELL, "sh", size, mode, sys.executable, source],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        missing("user namespaces are not allowed here")
    return done


def test_a_full_disk_keeps_what_came(source: tuple[str, House], tmp_path: Path, needs: Needs) -> None:
    address, house = source
    done = pull(tmp_path, needs, address, size="2m", mode="rw")
    assert done.returncode == 0, done
    assert "[io_failed]" in done.stderr
    assert "hint: the disk is full" in done.stderr
    assert (tmp_path / "named").read_text() == ""
    kept = int((tmp_path / "kept").read_text())
    assert 1_000_000 < kept < 2_200_000
    (facts,) = json.loads(done.stdout[done.stdout.index("{") :])["models"]
    assert facts["transfer"] | {"seconds": 0} == {
        "fetched": len(WEIGHTS) - kept,
        "resumed": kept,
        "present": 0,
        "seconds": 0,
    }
    assert house.requests[-1].headers["range"] == f"bytes={kept}-{len(WEIGHTS) - 1}"


def test_a_read_only_disk_is_said_before_any_byte_is_asked_for(
    source: tuple[str, House], tmp_path: Path, needs: Needs
) -> None:
    address, house = source
    done = pull(tmp_path, needs, address, size="2m", mode="ro")
    assert (done.returncode, "[io_failed]" in done.stderr) == (3, True), done
    assert "mounted read-only" in done.stderr.partition("hint:")[2]
    asked = [each.headers.get("range") for each in house.requests]
    assert asked in ([], ["bytes=0-0"])  # how large it is, at most
