"""A project to pull models in, and an index of wheels made on the spot. No network."""

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from weighlock.cli.main import run
from weighlock.store.layout import LayoutStore
from wheel_maker import record_digest

PROJECT = "tiny-model"
VERSION = "1.0"
STEM = "tiny_model-1.0"
SPEC = f"pypi:{PROJECT}=={VERSION}"
WHEEL = f"{STEM}-py3-none-any.whl"
RESUMED = re.compile(r"[0-9a-f]{64}\.partial")  # named by the digest that it must have in the end
WEIGHTS = bytes(range(256)) * 40
MODEL = {"tiny_model/data/config.json": b"{}", "tiny_model/data/weights/model.safetensors": WEIGHTS}
CODE = {"tiny_model/__init__.py": b"raise SystemExit('never run')\n", "tiny_model/native.so": b"\x7fELF"}


class Ran(NamedTuple):
    """How a command ended: exit status, what it said on stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)

    def denied(self, code: str) -> "Ran":
        """Return this run after asserting that it ended with ``code`` and the status of a denial."""
        assert f"[{code}]" in self.err, self
        assert self.status == 1, self
        return self


class Project:
    """A folder with settings and an empty store, in which commands run."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.lock = root / "weighlock.lock"
        self.store_folder = root / ".weighlock" / "experimentation"
        self._capsys = capsys
        LayoutStore.create(self.store_folder)
        self.settings(path=["models"], pypi=[PROJECT])

    def settings(self, **sources: list[str]) -> None:
        (self.root / "weighlock.yaml").write_text(json.dumps({"version": 1, "sources": sources}))

    def run(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        status = run(list(arguments))
        said = self._capsys.readouterr()
        return Ran(status, said.out, said.err)

    def names(self) -> dict[str, str]:
        """Return the names in the store and their digests."""
        with LayoutStore.open(self.store_folder) as store:
            return {name: str(each.descriptor.digest) for each in store.entries() for name in each.names}

    def assert_untouched(self) -> None:
        """Assert that nothing was listed, nothing locked, and no partial file left but those that are resumed.

        When one file is refused, others under way stop: what came of one whose digest is known waits for the next pull.
        """
        assert self.names() == {}
        assert not self.lock.exists()
        partials = [path.name for path in (self.store_folder / "ingest").glob("*.partial")]
        assert [name for name in partials if not RESUMED.fullmatch(name)] == []


def record_line(path: str, content: bytes) -> tuple[str, str, str]:
    return path, f"sha256={record_digest(content)}", str(len(content))


def record_of(members: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    return [record_line(path, content) for path, content in members.items()]


def metadata(name: str = PROJECT, version: str = VERSION) -> bytes:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nAuthor: A. Maker\nLicense: MIT\n\nText\n".encode()


def wheel_members(
    members: Mapping[str, bytes] | None = None, record: Iterable[tuple[str, str, str]] | None = None
) -> dict[str, bytes]:
    """Return all members of a well-formed wheel, or of one with a RECORD that lies."""
    made = dict({**MODEL, **CODE} if members is None else members)
    made[f"{STEM}.dist-info/METADATA"] = metadata()
    made[f"{STEM}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    text = io.StringIO(newline="")
    own = (f"{STEM}.dist-info/RECORD", "", "")
    csv.writer(text, lineterminator="\n").writerows([*(record_of(made) if record is None else record), own])
    made[f"{STEM}.dist-info/RECORD"] = text.getvalue().encode()
    return made


def write_zip(location: Path, members: Mapping[str, bytes]) -> Path:
    location.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(location, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            archive.writestr(path, content)
    return location


class Index:
    """A simple index (PEP 503) in a folder, and pip's configuration for it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.wheel = root / "files" / WHEEL
        self._monkeypatch = monkeypatch
        for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "NO_INDEX", "PROXY"):
            monkeypatch.delenv(f"PIP_{name}", raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        self.serve(f"file://{root}")

    def serve(self, address: str) -> None:
        """Have pip ask at ``address``."""
        self._monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")

    def publish(self, members: Mapping[str, bytes] | None = None) -> bytes:
        """Publish a wheel with its digest and return its bytes."""
        raw = write_zip(self.wheel, wheel_members() if members is None else members).read_bytes()
        self.list(hashlib.sha256(raw).hexdigest())
        return raw

    def list(self, digest: str | None) -> None:
        """List the wheel with a digest, true or not."""
        page = self.root / "simple" / PROJECT / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        fragment = f"#sha256={digest}" if digest else ""
        page.write_text(f'<!DOCTYPE html><a href="../../files/{WHEEL}{fragment}">{WHEEL}</a>')


@pytest.fixture(name="project")
def project_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    made = tmp_path / "project"
    (made / "models" / "m").mkdir(parents=True)
    monkeypatch.chdir(made)
    return Project(made, capsys)


@pytest.fixture(name="index")
def index_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    return Index(tmp_path / "index", monkeypatch)
