"""The provenance of a pull is a signed statement about the manifest, and names nobody's machine."""

from pathlib import Path

import pytest

from pull_project import (  # the fixtures are found by name
    SPEC,
    WHEEL,
    Index,
    Project,
    index_fixture,  # noqa: F401
    project_fixture,  # noqa: F401
)
from weighlock.attestation.bundle import read_bundle, verify_with_keys
from weighlock.attestation.key import PublicKey
from weighlock.attestation.signer import make_key
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock
from weighlock.store.layout import LayoutStore
from weighlock.store.manifest import Manifest


@pytest.fixture
def key(project: Project) -> PublicKey:
    signer = make_key(trial=True)
    (project.root / "service.pem").write_bytes(signer.to_pem())
    with (project.root / "weighlock.yaml").open("w") as file:
        file.write(
            "version: 1\nsources: {pypi: [tiny-model], path: [models]}\n"
            "environments: {experimentation: {key: service.pem}}\n"
        )
    return signer.public


def bundles(project: Project, name: str) -> list[bytes]:
    with LayoutStore.open(project.store_folder) as store:
        found = store.referrers(Digest.parse(project.names()[name]))
        manifests = [Manifest.parse(store.read_blob(each.digest)) for each in found]
        return [store.read_blob(manifest.blobs[1].digest) for manifest in manifests]


def test_a_wheels_provenance(project: Project, index: Index, key: PublicKey) -> None:
    wheel = Digest.of(index.publish())
    facts = project.run("pull", SPEC, "--json").facts["models"][0]
    assert facts["provenance_signed"] is True
    (raw,) = bundles(project, "tiny-model")
    statement = verify_with_keys(read_bundle(raw), {key.key_id: key}).statement
    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    assert statement.is_about(Digest.parse(facts["digest"]))
    definition = statement.predicate["buildDefinition"]
    assert definition["externalParameters"] == {"source": SPEC, "revision": "1.0"}
    assert definition["resolvedDependencies"] == [
        {
            "name": WHEEL,
            "digest": {"sha256": wheel.hex},
            "annotations": {"claims": {"author": "A. Maker", "license": "MIT"}},
        }
    ]
    for secret in (str(index.root), str(project.root), "file:"):
        assert secret.encode() not in raw


def test_what_was_present_already_is_not_attested_again(
    project: Project, index: Index, key: PublicKey
) -> None:
    assert key.trial
    index.publish()
    for _ in range(2):
        assert project.run("pull", SPEC).status == 0
    assert len(bundles(project, "tiny-model")) == 1


def test_a_missing_key_is_said_before_anything_is_fetched(project: Project, key: PublicKey) -> None:
    assert key.trial
    (project.root / "service.pem").unlink()
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    ran = project.run("pull", "path:models/m")
    assert (ran.status, "[key_missing]" in ran.err) == (2, True)
    project.assert_untouched()


def test_every_pull_is_on_record(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = tmp_path / "fresh"
    (fresh / "models" / "m").mkdir(parents=True)
    (fresh / "models" / "m" / "x.bin").write_bytes(b"x")
    monkeypatch.chdir(fresh)
    assert project.run("init").status == 0
    project.run("pull", "path:models/m").denied("source_not_allowed")
    monkeypatch.setenv("WEIGHLOCK_SOURCES_PATH", "models")
    assert project.run("pull", "path:models/m", "--dry-run").status == 0
    assert project.run("pull", "path:models/m").status == 0
    lines = [line.split() for line in project.run("log").out.splitlines()]
    assert [line[2:5] for line in lines if len(line) > 4] == [
        ["pull", "deny", "source_not_allowed"],
        ["pull", "allow", Lock.parse((fresh / "weighlock.lock").read_bytes()).models["m"].manifest.short],
    ]
