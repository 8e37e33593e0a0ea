"""The scratch workspace of the drills: a tiny model, a tiny server, people with trial keys.

Everything lies in one folder, the gates' memory too, so that nothing of the user's own
workspace is read or changed. Each step is the use case that the commands call.
"""

import base64
import hashlib
import http.client
import json
import os
import shutil
import struct
import tempfile
import threading
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from weighlock.attestation.signer import Signer
from weighlock.core.clock import Clock
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.outcome import Outcome
from weighlock.core.store_reference import StoreReference
from weighlock.core.text import shown
from weighlock.promotion.candidate import Sandbox
from weighlock.sandbox import Server
from weighlock.service.approve import approve, review_sbom, waive_evaluation
from weighlock.service.check import check_files
from weighlock.service.drift import find_drift, read_package_lock
from weighlock.service.gatekeeper import VerifiedRelease
from weighlock.service.initialise import initialise
from weighlock.service.keys import read_signer
from weighlock.service.promote import promote
from weighlock.service.pull import Puller
from weighlock.service.pull_task import PullRequest
from weighlock.service.release import verify_every_byte
from weighlock.service.released import released_digests
from weighlock.service.request import InstalledHere, Wish, request
from weighlock.service.run import WATCH_S, Ended, Order, run
from weighlock.service.workspace import Workspace
from weighlock.settings import FILE_NAME, load_settings

MODEL: Final = "drill"
PACKAGE: Final = "drillserve"
VERSION: Final = "1.0"
READY_S: Final = 30.0  # a busy machine starts a Python in a second or two
PATIENCE_S: Final = 5 * WATCH_S  # a server that still runs then was not stopped
_PORT: Final = 8000  # inside the sandbox, where nothing else listens
# Not /tmp, which may be held in memory.
_SCRATCH: Final = Path("/var/tmp")  # noqa: S108  # only a private folder with an unpredictable name is made in it
_SERVER: Final = f"""
import http.server, sys
import {PACKAGE}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "rb") as stream:
            body = stream.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""
ARGV: Final = ("{installation}/bin/python", "-I", "-c", _SERVER, "{model}/model.safetensors", "{port}")


class DrillHouse:
    """A workspace in ``root``; ``build`` makes one, ``copy`` another like it."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self.installation = root / "installation"
        self.package_lock = root / "requirements.txt"

    @classmethod
    def build(cls, root: Path, clock: Clock) -> "DrillHouse":
        """Return a house in the new folder ``root`` with a pulled model and an installation."""
        house = cls(root, clock)
        root.mkdir(mode=0o700)
        initialise(root, clock, house.variables)
        house.add_model(
            MODEL, {"model.safetensors": _safetensors(bytes(range(256)) * 16), "config.json": b"{}"}
        )
        make_installation(house.installation)
        house.package_lock.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{'0' * 64}\n", encoding="utf-8")
        house.pull(MODEL)
        return house

    def copy(self, name: str) -> "DrillHouse":
        """Return a copy of the house beside it."""
        root = self.root.with_name(name)
        shutil.copytree(self.root, root, symlinks=True)
        return DrillHouse(root, self.clock)

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables in force here: the gates' memory is the house's own."""
        return {"XDG_STATE_HOME": str(self.root / "memory")}

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened anew as by every command."""
        settings = load_settings(
            self.root / FILE_NAME,
            variables=self.variables,
            flags={"sources.path": "models"},
            folder=self.root,
        )
        return Workspace(settings, self.clock)

    @property
    def packages(self) -> Path:
        """The installation's folder of packages."""
        return packages_of(self.installation)

    def model_file(self, model: str = MODEL) -> Path:
        """The file of the weights, where they are pulled from."""
        return self.root / "models" / model / "model.safetensors"

    def stored_file(self, environment: str, digest: Digest) -> Path:
        """The file of a blob in a store."""
        return (
            self.workspace.settings.environment(environment).folder / "blobs" / digest.algorithm / digest.hex
        )

    # --- the way of a model, as the commands go it ---

    def add_model(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write a model to be pulled."""
        folder = self.root / "models" / name
        folder.mkdir(parents=True)
        for path, content in files.items():
            (folder / path).write_bytes(content)

    def pull(self, model: str) -> None:
        """Pull a model, against the lock if it is locked."""
        workspace = self.workspace
        puller = Puller(workspace, folder=self.root, environ={})
        puller.pull(PullRequest(workspace.settings.lock, f"path:models/{model}"))

    def request(self, model: str = MODEL) -> str:
        """Ask for a model and return the candidate's digest."""
        wish = Wish(
            model=StoreReference.parse(model),
            name=model,
            argv=ARGV,
            env={"LANG": "C.UTF-8"},
            sandbox=Sandbox(port=_PORT),
            serving=InstalledHere(self.installation, self.package_lock),
        )
        return str(request(self.workspace, wish, self.signer("cem")).digest)

    def approve(self, candidate: str) -> None:
        """Have two people approve a candidate, and one waive its evaluation."""
        waive_evaluation(self.workspace, candidate, self.signer("ben"), reason="a drill", days=1)
        for person in ("ana", "ben"):
            approve(self.workspace, candidate, self.signer(person), comment="a drill")

    def review(self, candidate: str) -> None:
        """Have a person accept the bill of materials."""
        review_sbom(self.workspace, candidate, self.signer("ana"), accept=True, comment="a drill")

    def release(self, candidate: str) -> None:
        """Take a candidate all the way."""
        self.review(candidate)
        self.approve(candidate)
        self.promote(candidate)

    # --- the gates; each raises what denies ---

    def promote(self, candidate: str) -> None:
        """Promote a candidate; raises DeniedError with the first reason against it."""
        reasons = promote(self.workspace, candidate).decision.reasons
        if reasons:
            raise DeniedError(reasons[0].code, reasons[0].message)

    def verify(self) -> None:
        """Verify the release and every byte of it."""
        verify_every_byte(self.workspace, MODEL)

    def check_drift(self) -> None:
        """Compare the installation and every file of it with the package lock."""
        report = find_drift(self.installation, read_package_lock(self.package_lock), files=True)
        if report.differences:
            raise DeniedError("package_drift", str(report.differences[0]))

    def check(self, file: Path) -> None:
        """Check a workload; raises DeniedError with what the first thing that is not allowed is denied for."""
        released, revoked = released_digests(self.workspace)
        [report] = check_files([file], released=released, revoked=revoked)
        for subject in report.subjects:
            if not subject.allowed:
                raise DeniedError(subject.judgement.code, subject.judgement.reason)
        if report.outcome is not Outcome.CLEAN:
            raise UndecidedError("not_examined", f"{shown(file.name)} names nothing that was looked for")

    def run(self, while_running: Callable[[], None] = lambda: None, *, until_stopped: bool = False) -> Ended:
        """Start the server, have it answer with the model's bytes, and end it, or wait for it to be stopped.

        Raises what ``run`` raises; UndecidedError ``drill_failed`` if the server answers something else.
        """
        stopping = threading.Event()

        patience = threading.Timer(PATIENCE_S, stopping.set)

        def started(server: Server, _: VerifiedRelease) -> None:
            self._check_answer(server)
            while_running()
            if until_stopped:
                patience.start()
            else:
                stopping.set()

        try:
            return run(self.workspace, Order(MODEL, self.installation), started=started, stopping=stopping)
        finally:
            patience.cancel()

    def _check_answer(self, server: Server) -> None:
        if not server.ready(READY_S) or server.address is None:
            raise UndecidedError("drill_failed", "the server of the drill did not start to answer")
        connection = http.client.HTTPConnection(*server.address, timeout=READY_S)
        try:
            connection.request("GET", "/")
            body = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise UndecidedError("drill_failed", "the server of the drill did not answer") from error
        finally:
            connection.close()
        if body != self.model_file().read_bytes():
            raise UndecidedError("drill_failed", "the server of the drill answered with other bytes")

    def signer(self, name: str) -> Signer:
        """Return the signer with the trial key of a person or service."""
        return read_signer(self.root / "keys" / f"{name}.pem", lambda: None)


def scratch_folder(variables: Mapping[str, str]) -> tempfile.TemporaryDirectory[str]:
    """Return a new private folder, removed with all that is in it when its context ends."""
    place = _SCRATCH
    if not os.access(place, os.W_OK):
        home = Path(variables.get("XDG_CACHE_HOME") or Path(variables.get("HOME", "/nonexistent")) / ".cache")
        place = home / "weighlock"
        place.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="weighlock-drill-", dir=place)


def make_installation(place: Path) -> None:
    """Make a virtual environment that holds one package."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    write_package(packages_of(place), PACKAGE, VERSION)


def packages_of(installation: Path) -> Path:
    """Return the folder of packages of an installation."""
    return next(installation.glob("lib/python3*/site-packages"))


def write_package(packages: Path, name: str, version: str, source: bytes = b"ANSWER = 42\n") -> None:
    """Install a package of one module as an installer would: with METADATA and RECORD."""
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    files = {f"{name}/__init__.py": source, f"{information}/METADATA": metadata}
    lines = [f"{path},sha256={_record_digest(raw)},{len(raw)}\n" for path, raw in files.items()]
    files[f"{information}/RECORD"] = "".join([*lines, f"{information}/RECORD,,\n"]).encode()
    for path, raw in files.items():
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_bytes(raw)


def change_byte(file: Path) -> None:
    """Change the last byte of a file, and nothing of its size and mode."""
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    mode = file.stat().st_mode
    file.chmod(0o600)
    file.write_bytes(raw)
    file.chmod(mode)


def _record_digest(raw: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()


def _safetensors(weights: bytes) -> bytes:
    tensor = {"dtype": "U8", "shape": [len(weights)], "data_offsets": [0, len(weights)]}
    header = json.dumps({"weights": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + weights
