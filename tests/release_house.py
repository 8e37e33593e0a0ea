"""A house for tests of the release path: a project with everything, made once, copied for each test.

``stage("requested")`` is a candidate with its bill of materials, before anybody reviewed or approved;
``stage("released")`` the same reviewed, waived, approved by two people and promoted. Every step
was taken through the command line.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from serving import Serving, first_object
from weighlock.attestation.signer import KeySigner
from weighlock.cli.main import run
from weighlock.core.clock import Clock, system_clock
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.evidence import Kind
from weighlock.service.evidence import attach, gather
from weighlock.service.keys import read_signer
from weighlock.service.workspace import Workspace
from weighlock.settings import load_settings
from weighlock.store.layout import LayoutStore
from wheel_maker import record_digest

NAME: Final = "tiny"
PACKAGE: Final = "tinyserve"
PORT: Final = 8000
WEIGHTS: Final = bytes(range(256)) * 64
# Serves the model's bytes at /, and its environment at /environment.
SERVER: Final = """
import http.server, json, os, sys
import tinyserve
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/environment":
            body = json.dumps(dict(os.environ)).encode()
        else:
            with open(sys.argv[1] + "/model.safetensors", "rb") as stream:
                body = stream.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""
ARGV: Final = ("{installation}/bin/python", "-I", "-c", SERVER, "{model}", "{port}")


class Ran(NamedTuple):
    """How a command ended: exit status, the JSON facts that it printed, what it said on stderr."""

    status: int
    facts: Any
    err: str

    @property
    def code(self) -> str | None:
        """The error code, or the first reason of a decision that denies."""
        if not isinstance(self.facts, dict):
            return None
        if "error" in self.facts:
            return str(self.facts["error"]["code"])
        reasons = self.facts.get("decision", {}).get("reasons", [])
        return str(reasons[0]["code"]) if reasons else None

    @property
    def codes(self) -> set[str]:
        """The codes of all reasons of a decision."""
        return {reason["code"] for reason in self.facts["decision"]["reasons"]}


def safetensors(weights: bytes = WEIGHTS) -> bytes:
    """Return a model file with one tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(weights)], "data_offsets": [0, len(weights)]}})
    return struct.pack("<Q", len(header)) + header.encode() + weights


def write_package(packages: Path, name: str, version: str, files: Mapping[str, bytes]) -> None:
    """Install a package by hand: its files, METADATA and RECORD."""
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    content = {**files, f"{information}/METADATA": metadata, f"{information}/INSTALLER": b"hand\n"}
    lines = [f"{path},sha256={record_digest(raw)},{len(raw)}" for path, raw in content.items()]
    content[f"{information}/RECORD"] = "\n".join([*lines, f"{information}/RECORD,,\n"]).encode()
    for path, raw in content.items():
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_bytes(raw)


class House:
    """A project with stores, keys, a model, an installation and its package lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.installation = root / "installation"
        self.package_lock = root / "requirements.txt"
        self.model_file = root / "models" / NAME / "model.safetensors"

    @property
    def packages(self) -> Path:
        """The installation's site-packages."""
        return next(self.installation.glob("lib/python3*/site-packages"))

    @property
    def memory(self) -> Path:
        """The file of what production's gates remember."""
        return next((self.root / "memory").rglob("gate/production.json"))

    def key(self, name: str) -> str:
        return str(self.root / "keys" / f"{name}.pem")

    def signer(self, name: str) -> KeySigner:
        made = read_signer(Path(self.key(name)), lambda: None)
        assert isinstance(made, KeySigner)
        return made

    def store(self, environment: str) -> LayoutStore:
        return LayoutStore.open(self.root / ".weighlock" / environment)

    def workspace(self, clock: Clock = system_clock) -> Workspace:
        settings = load_settings(self.root / "weighlock.yaml", variables={}, flags={}, folder=self.root)
        return Workspace(settings, clock)

    # --- the command line ---

    def run(self, *arguments: str, json_output: bool = True) -> Ran:
        """Run a command in this process, in the project's folder."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), _own_signals(), contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            before, after = _split(arguments)
            status = run([*before, *(["--json"] if json_output else []), *after])
        text = out.getvalue()
        facts = json.loads(text) if json_output and text.startswith("{") else text
        return Ran(status, facts, err.getvalue())

    def ok(self, *arguments: str) -> Any:
        """Run a command that succeeds and return its facts."""
        ran = self.run(*arguments)
        assert ran.status == 0, ran
        return ran.facts

    def denied(self, code: str, *arguments: str, status: int = 1) -> Ran:
        """Run a command and assert that it is denied with this code, before any other."""
        ran = self.run(*arguments)
        assert (ran.status, ran.code) == (status, code), ran
        return ran

    def request(
        self, *options: str, name: str = NAME, model: str = NAME, argv: tuple[str, ...] = ARGV
    ) -> str:
        """Ask for the model, and return the candidate's digest."""
        bound = ("--installation", str(self.installation), "--package-lock", str(self.package_lock))
        wish = ("request", model, "--name", name, *bound, "--port", str(PORT), "--key", self.key("cem"))
        made: str = self.ok(*wish, "--env", "LANG=C.UTF-8", *options, "--", *argv)["candidate"]
        return made

    def review(self, candidate: str) -> None:
        """Review the bill of materials and waive the evaluation: all but the approvals."""
        self.ok("sbom", "review", candidate, "--key", self.key("ana"))
        self.ok("evidence", "waive", candidate, "--reason", "tiny", "--key", self.key("ben"))

    def approve(self, candidate: str, *people: str) -> None:
        for person in people or ("ana", "ben"):
            self.ok("approve", candidate, "--yes", "--key", self.key(person))

    def release(self, candidate: str) -> None:
        self.review(candidate)
        self.approve(candidate)
        self.ok("promote", candidate)

    @property
    def candidate(self) -> str:
        """The digest of the newest candidate."""
        with self.store("experimentation") as store:
            kind = "application/vnd.weighlock.candidate.v1+json"
            listed = [each.descriptor for each in store.entries() if each.descriptor.artifact_type == kind]
        return str(listed[-1].digest)

    def run_release(self, *options: str, release: str = NAME) -> Ran:
        """Run the release; only to be used where it is denied before it starts."""
        return self.run("run", release, "--installation", str(self.installation), *options)

    def run_denied(self, code: str, *options: str) -> None:
        ran = self.run_release(*options)
        assert (ran.status, ran.code) == (125, code), ran

    def gates_deny(self, code: str) -> None:
        """Assert that every gate denies the release with this code."""
        self.denied(code, "release", "verify", NAME)
        self.run_denied(code)

    def gates_allow(self) -> None:
        """Assert that the release may run, every byte verified."""
        self.ok("release", "verify", NAME)

    @contextlib.contextmanager
    def serving(self, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Serving]:
        """Yield the running server, started by a process of its own."""
        command = [sys.executable, "-m", "weighlock", "run", NAME, "--json", "--installation"]
        with subprocess.Popen(
            [*command, str(self.installation), *options],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        ) as process:
            try:
                yield Serving(process, first_object(process))
            finally:
                process.terminate()
                process.communicate(timeout=30)

    # --- what somebody does who can write the store ---

    def blob(self, environment: str, digest: str | Digest) -> Path:
        return self.root / ".weighlock" / environment / "blobs/sha256" / str(digest).removeprefix("sha256:")

    def flip(self, file: Path, offset: int = -1) -> None:
        """Change one byte of a file, its size untouched."""
        raw = bytearray(file.read_bytes())
        raw[offset] ^= 1
        mode = file.stat().st_mode
        file.chmod(0o600)
        file.write_bytes(raw)
        file.chmod(mode)

    def unlist(self, environment: str, subject: Digest, kind: Kind, *, principal: str | None = None) -> None:
        """Take the signed statements of a kind about ``subject`` out of a store."""
        with self.store(environment) as store:
            found = [
                digest for digest, who in self._bundles(store, subject, kind) if principal in {None, who}
            ]
            assert found
            for referrer in store.referrers(subject):
                manifest = json.loads(store.read_blob(referrer.digest))
                if Digest.parse(manifest["layers"][0]["digest"]) in found:
                    store.delete(referrer.digest)

    def bundles(self, environment: str, subject: Digest, kind: Kind) -> list[Digest]:
        """Return the digests of the bundles of a kind that count."""
        with self.store(environment) as store:
            return [digest for digest, _ in self._bundles(store, subject, kind)]

    def _bundles(self, store: LayoutStore, subject: Digest, kind: Kind) -> list[tuple[Digest, str]]:
        gathered = gather(store, subject, self.workspace().trust)
        return [(each.digest, each.principal) for each in gathered.of(kind)]

    def move_bundles(
        self, kind: Kind, *, origin: Digest, target: Digest, principal: str | None = None
    ) -> None:
        """Copy signed statements about one artifact of experimentation as referrers of another."""
        with self.store("experimentation") as store:
            found = [each for each, who in self._bundles(store, origin, kind) if principal in {None, who}]
            assert found
            for digest in found:
                media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
                store.attach(store.resolve(str(target)), media_type, store.read_blob(digest), media_type)

    def attach(
        self,
        environment: str,
        subject: str | Descriptor,
        kind: Kind,
        predicate: Mapping[str, Any],
        by: KeySigner,
    ) -> Digest:
        """Sign any statement and attach it."""
        with self.store(environment) as store:
            found = store.resolve(subject) if isinstance(subject, str) else subject
            return attach(store, found, kind, predicate, by, name="x")

    @property
    def state_descriptor(self) -> Descriptor:
        with self.store("production") as store:
            return store.resolve("state")

    @property
    def state(self) -> dict[str, Any]:
        """The newest state's record."""
        with self.store("production") as store:
            manifest = json.loads(store.read_blob(store.resolve("state").digest))
            value: dict[str, Any] = json.loads(store.read_blob(Digest.parse(manifest["layers"][0]["digest"])))
        return value

    def model(self, name: str = NAME) -> Digest:
        with self.store("experimentation") as store:
            return store.resolve(name).digest

    def file_digest(self) -> Digest:
        return Digest.of(self.model_file.read_bytes())


def _split(arguments: tuple[str, ...]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return list(arguments[:at]), list(arguments[at:])


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Put back the handlers that `run` sets for its own process."""
    known = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)


def _build_requested(root: Path) -> None:
    house = House(root)
    root.mkdir()
    house.ok("init", ".")
    settings = root / "weighlock.yaml"
    text = settings.read_text().replace("path: []", "path: [models]")
    settings.write_text(text + "\nmemory: memory\n")
    house.model_file.parent.mkdir(parents=True)
    house.model_file.write_bytes(safetensors())
    (house.model_file.parent / "config.json").write_text('{"model_type": "tiny"}')
    house.ok("pull", f"path:models/{NAME}")
    build_installation(house.installation)
    house.package_lock.write_text(f"{PACKAGE}==1.0 --hash=sha256:{'0' * 64}\n")
    house.request()
    house.ok("release", "show")  # the gates have seen the first state


def build_installation(place: Path) -> None:
    """Make a virtual environment with one package."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    packages = next(place.glob("lib/python3*/site-packages"))
    files = {f"{PACKAGE}/__init__.py": b"ANSWER = 42\n", f"{PACKAGE}/data.txt": b"some data\n"}
    write_package(packages, PACKAGE, "1.0", files)


class Stages:
    """Makes each stage once and hands out copies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def copy(self, stage: str, to: Path) -> House:
        shutil.copytree(self._made(stage), to, symlinks=True)
        return House(to)

    def _made(self, stage: str) -> Path:
        place = self._folder / stage
        if not place.exists():
            partial = self._folder / f"{stage}.partial"
            if stage == "requested":
                _build_requested(partial)
            else:
                house = self.copy("requested", partial)
                house.release(house.candidate)
            partial.rename(place)
        return place


@pytest.fixture(scope="session", name="stages")
def stages_fixture(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages(tmp_path_factory.mktemp("stages"))


@pytest.fixture(name="requested")
def requested_fixture(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    _skip_syncing(monkeypatch)
    return stages.copy("requested", tmp_path / "house")


@pytest.fixture(name="released")
def released_fixture(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    _skip_syncing(monkeypatch)
    return stages.copy("released", tmp_path / "house")


def _skip_syncing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fsync", lambda _: None)  # nothing here loses power, and a busy disk takes its time
