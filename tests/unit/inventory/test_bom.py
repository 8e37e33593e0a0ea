"""CycloneDX: valid by the official schema, the same bytes for the same target."""

import datetime as dt
import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.installation import Installation, InstalledPackage, RecordedFile
from weighlock.inventory.bom import (
    candidate_component,
    installation_components,
    installation_properties,
    model_component,
    write_bom,
)

MODEL, _ = Artifact.build(
    [
        ArtifactFile("model.safetensors", Digest.of(b"weights"), 7),
        ArtifactFile("sub folder/config.json", Digest.of(b"{}"), 2),
    ]
)
INSTALLATION = Installation(
    packages=(
        InstalledPackage(
            "foo", "1.0+cpu", "lib/foo-1.0.dist-info", "MIT OR Apache-2.0", licence_is_expression=True
        ),
        InstalledPackage(
            "bar",
            "2!1.0",
            "lib/bar-2.dist-info",
            "BSD\n\u202eevil",
            installer="pip",
            url="file:///bar.whl",
            archive=Digest.of(b"wheel"),
            record=Digest.of(b"record"),
            files=(RecordedFile("lib/bar.py", Digest.of(b""), 0),),
        ),
        InstalledPackage("bar", "2!1.0", "lib/bar-2.egg-info\udcff"),
    ),
    python="3.11.9",
    folders=("lib",),
    unowned=("x",),
    compiled=(),
    findings=(),
)


def document(**changes: Any) -> bytes:
    components = [model_component(MODEL, name="minilm"), *installation_components(INSTALLATION)]
    subject = candidate_component("minilm", Digest.of(b"candidate"))
    return write_bom(components, subject=subject, properties=installation_properties(INSTALLATION), **changes)


@pytest.mark.parametrize("moment", [None, dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)])
def test_is_valid_by_the_official_schema(moment: dt.datetime | None) -> None:
    raw = document(moment=moment)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None


def test_the_validator_does_refuse() -> None:
    broken = json.loads(document())
    broken["components"][0]["hashes"][0]["content"] = "no digest"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_equal_targets_give_equal_bytes_and_others_another_serial_number() -> None:
    assert document() == document()
    numbers = {json.loads(raw)["serialNumber"] for raw in (document(), write_bom([]))}
    assert len(numbers) == 2


def test_the_time_is_the_one_given_and_does_not_change_the_serial_number() -> None:
    made = json.loads(document(moment=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)))
    assert made["metadata"]["timestamp"] == "2026-01-02T03:04:05Z"
    assert made["serialNumber"] == json.loads(document())["serialNumber"]


def test_the_model_and_each_of_its_files_have_their_digests() -> None:
    component = json.loads(document())["components"][0]
    assert component["type"] == "machine-learning-model"
    assert component["hashes"] == [{"alg": "SHA-256", "content": MODEL.digest.hex}]
    digests = {part["name"]: part["hashes"][0]["content"] for part in component["components"]}
    assert digests == {path: descriptor.digest.hex for path, descriptor in MODEL.files.items()}


def test_packages_have_purls_digests_and_licences() -> None:
    _, foo, bar, egg = json.loads(document())["components"]
    assert foo["purl"] == "pkg:pypi/foo@1.0%2Bcpu"
    assert foo["licenses"] == [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}]
    assert bar["hashes"] == [{"alg": "SHA-256", "content": Digest.of(b"wheel").hex}]
    assert bar["licenses"][0]["license"]["name"] == "BSD\\x0a\\u202eevil"
    properties = {each["name"]: each["value"] for each in bar["properties"]}
    assert properties["weighlock:installed:record"] == str(Digest.of(b"record"))
    assert "hashes" not in egg


def test_the_subject_depends_on_every_component_and_each_reference_is_unique() -> None:
    made = json.loads(document())
    references = [component["bom-ref"] for component in made["components"]]
    assert len(set(references)) == len(references) == 4
    assert made["dependencies"] == [
        {"ref": f"candidate:{Digest.of(b'candidate')}", "dependsOn": sorted(references)}
    ]


def test_coverage_stands_in_the_document() -> None:
    properties = {each["name"]: each["value"] for each in json.loads(document())["metadata"]["properties"]}
    assert properties["weighlock:installation:unowned-files"] == "1"
    assert properties["weighlock:installation:python"] == "3.11.9"
