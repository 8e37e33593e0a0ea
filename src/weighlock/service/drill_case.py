"""The five drills themselves. Each gets a house of its own, in which the model is released or waits."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Final

from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION, PRODUCTION
from weighlock.core.evidence import MADE_AT, Evidence, Kind
from weighlock.service.drill_house import (
    MODEL,
    PACKAGE,
    VERSION,
    DrillHouse,
    change_byte,
    write_package,
)
from weighlock.service.drill_result import Drill
from weighlock.service.evidence import attach, gather
from weighlock.service.revoke import revoke

_IMAGE: Final = "registry.test/serve"
_RUNS: Final = "the release starts and answers"
_WORKLOAD: Final = """\
apiVersion: v1
kind: Pod
metadata:
  name: drill
  annotations: {{example.test/image-digest: "{annotation}"}}
spec:
  containers:
    - name: serve
      image: {image}
      args: [--model, /model]
      volumeMounts: [{{name: model, mountPath: /model}}]
  volumes:
    - name: model
      image: {{reference: "registry.test/model@{model}"}}
"""


def mismatch(drill: Drill, house: DrillHouse) -> None:
    """Other bytes of the same size, at the source after it was locked and in production's store."""
    drill.control("the locked model is pulled", lambda: house.pull(MODEL))
    source = house.model_file()
    honest = Digest.of(source.read_bytes())
    change_byte(source)
    what = "a byte changed at the source, its size kept"
    drill.attempt(what, "pull", "digest_mismatch", lambda: house.pull(MODEL))
    change_byte(source)
    drill.control("the release is verified", house.verify)
    stored = house.stored_file(PRODUCTION, honest)
    change_byte(stored)
    what = "a byte flipped in production's store"
    drill.attempt(what, "release verify", "digest_mismatch", house.verify)
    drill.attempt(what, "run", "digest_mismatch", house.run)
    change_byte(stored)
    drill.control(_RUNS, house.run)


def review(drill: Drill, house: DrillHouse) -> None:
    """Everything is there but the review of the bill of materials that is promoted."""
    candidate = house.request()
    house.approve(candidate)
    code = "sbom_not_reviewed"
    drill.attempt("nobody reviewed the SBOM", "promote", code, lambda: house.promote(candidate))
    store = house.workspace.store(EXPERIMENTATION)
    subject = store.resolve(candidate)
    [made] = gather(store, subject.digest, house.workspace.trust).of(Kind.SBOM)
    elsewhere = {
        "sbom": str(Digest.of(b"another document")),
        "result": "accepted",
        MADE_AT: write_time(house.clock()),
    }
    attach(store, subject, Kind.REVIEW, elsewhere, house.signer("ana"), name=MODEL)
    drill.attempt("another SBOM was reviewed", "promote", code, lambda: house.promote(candidate))
    house.review(candidate)
    later = _remade(made)
    attach(store, subject, Kind.SBOM, later, house.workspace.signer(EXPERIMENTATION), name=MODEL)
    drill.attempt("the SBOM was replaced after its review", "promote", code, lambda: house.promote(candidate))
    house.review(candidate)
    drill.control("the candidate with a reviewed SBOM is promoted", lambda: house.promote(candidate))


def pinned(drill: Drill, house: DrillHouse) -> None:
    """Workloads that name what serves by something else than a released digest."""
    serve = f"{_IMAGE}@{Digest.of(b'an image')}"
    model = str(house.workspace.store(EXPERIMENTATION).resolve(MODEL).digest)
    honest = _workload(house, serve, model)
    drill.control("the pinned workload is admitted", lambda: house.check(honest))
    tag = _workload(house, f"{_IMAGE}:1.0", model)
    drill.attempt("an image by tag", "check", "reference_not_pinned", lambda: house.check(tag))
    forged = _workload(house, f"{_IMAGE}:1.0", model, annotation=serve)
    what = "an image by tag, its digest claimed by an annotation"
    drill.attempt(what, "check", "reference_not_pinned", lambda: house.check(forged))
    unknown = _workload(house, serve, str(Digest.of(b"another model")))
    what = "a model pinned by a digest that is not released"
    drill.attempt(what, "check", "model_not_released", lambda: house.check(unknown))


def drift(drill: Drill, house: DrillHouse) -> None:
    """Installations that are not the approved one any more."""
    drill.control("the installation agrees with its package lock", house.check_drift)
    packages, kept = house.packages, house.root / "packages"
    shutil.copytree(packages, kept)
    code = "package_drift"

    def attempt(what: str, *commands: str, code: str = code) -> None:
        for command in commands:
            act = house.check_drift if command == "drift" else house.run
            drill.attempt(what, command, code, act)
        shutil.rmtree(packages)
        shutil.copytree(kept, packages)

    shutil.rmtree(packages / f"{PACKAGE}-{VERSION}.dist-info")
    write_package(packages, PACKAGE, "2.0")
    attempt("a package of another version", "drift", "run")
    write_package(packages, "intruder", "1.0")
    attempt("a package added", "drift", "run")
    change_byte(packages / PACKAGE / "__init__.py")
    attempt("a byte of a package changed", "drift", "run")
    write_package(packages, PACKAGE, VERSION, b"ANSWER = 43\n")
    attempt("a package changed, and its RECORD with it", "run", code="installation_differs")
    drill.control(_RUNS, house.run)


def compromise(drill: Drill, house: DrillHouse) -> None:
    """A file of a running model is revoked."""
    model = str(house.workspace.store(EXPERIMENTATION).resolve(MODEL).digest)
    workload = _workload(house, f"{_IMAGE}@{Digest.of(b'an image')}", model)
    drill.control("the workload is admitted", lambda: house.check(workload))
    content = house.model_file().read_bytes()
    house.add_model("renamed", {"other.safetensors": content, "more.json": b"[]"})
    house.pull("renamed")
    candidate = house.request("renamed")
    house.review(candidate)
    house.approve(candidate)

    def withdraw() -> None:
        drill.controls.append(_RUNS)
        signer = house.signer("ana")
        revoke(house.workspace, str(Digest.of(content)), signer, reason="a drill")

    def stay() -> None:
        stopped = house.run(withdraw, until_stopped=True).stopped
        if stopped is not None:
            raise stopped

    drill.attempt("the running server goes on after its file was revoked", "run", "revoked", stay)
    drill.attempt("the server is started again", "run", "revoked", house.run)
    drill.attempt("a workload names the model", "check", "revoked", lambda: house.check(workload))
    what = "the same bytes under another name"
    drill.attempt(what, "promote", "revoked", lambda: house.promote(candidate))


def _remade(sbom: Evidence) -> dict[str, object]:
    """Return an equal bill of materials, made a second later."""
    later = write_time(sbom.made_at + dt.timedelta(seconds=1))
    return {**sbom.predicate, "metadata": {**sbom.predicate["metadata"], "timestamp": later}}


def _workload(house: DrillHouse, image: str, model: str, annotation: str = "none") -> Path:
    text = _WORKLOAD.format(image=image, model=model, annotation=annotation)
    file = house.root / f"{Digest.of(text.encode()).short}.yaml"
    file.write_text(text, encoding="utf-8")
    return file
