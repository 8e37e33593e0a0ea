"""What a bill of materials must list so that its review was about this candidate."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

import pytest

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import Evidence, Kind
from weighlock.core.jsontext import write_json
from weighlock.core.reference import Reference
from weighlock.promotion.candidate import Candidate, Installation
from weighlock.service.sbom_check import compare_sbom
from weighlock.store.memory import MemoryStore

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
SUBJECT = Digest.of(b"candidate")
FILES = [ArtifactFile("a.bin", Digest.of(b"a"), 1), ArtifactFile("b.bin", Digest.of(b"b"), 1)]
MODEL, _ = Artifact.build(FILES)
PACKAGES = {"one": {"version": "1.0", "files": "x"}, "two": {"version": "2.0", "files": "y"}}


def component(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}


def hashed(digest: Digest, algorithm: str = "SHA-256") -> dict[str, Any]:
    return {"name": "f", "hashes": [{"alg": algorithm, "content": digest.hex}]}


ALL_FILES = [hashed(file.digest) for file in FILES]
MODEL_COMPONENT = {**hashed(MODEL.digest), "components": ALL_FILES}
GOOD = [component("one", "1.0"), component("two", "2.0"), MODEL_COMPONENT]


def sbom(components: object, at: dt.datetime = NOW, subject: Digest = SUBJECT) -> Evidence:
    predicate: Mapping[str, Any] = {"metadata": {"timestamp": write_time(at)}, "components": components}
    return Evidence(Kind.SBOM, subject, predicate, Digest.of(write_json([at.isoformat()])), "k", "service")


def codes(*evidence: Evidence, image: bool = False, packages: object = PACKAGES) -> list[str]:
    store = MemoryStore(lambda: NOW)
    listing = store.write_blob([write_json({"packages": packages})]).digest
    serving = (
        Reference.parse(f"registry.test/x@{SUBJECT}").pinned if image else Installation(SUBJECT, listing)
    )
    candidate = Candidate(
        "m",
        "production",
        {"model": MODEL.digest},
        serving,
        ("x",),
        {},
        cast("Any", None),
        None,
        SUBJECT,
        "cem",
        NOW,
    )
    return [reason.code for reason in compare_sbom(store, candidate, SUBJECT, MODEL, evidence)]


def test_exactly_what_there_is() -> None:
    assert codes(sbom(GOOD)) == []
    assert codes(sbom(list(reversed(GOOD)))) == []
    assert codes(sbom([*GOOD, {"name": "a licence", "hashes": []}])) == []


def test_none_at_all_is_the_policy_s_matter() -> None:
    assert codes() == []
    assert codes(sbom([], subject=Digest.of(b"other"))) == []


@pytest.mark.parametrize(
    "components",
    [
        None,
        {},
        [],
        "x",
        [None],
        GOOD[1:],
        [*GOOD[:2]],
        [*GOOD, component("three", "3.0")],
        [component("one", "1.1"), *GOOD[1:]],
        [component("One", "1.0"), *GOOD[1:]],
        [{**component("one", "1.0"), "purl": "pkg:npm/one@1.0"}, *GOOD[1:]],
        [{"name": "one", "version": "1.0"}, *GOOD[1:]],
        [*GOOD[:2], {**MODEL_COMPONENT, "components": ALL_FILES[1:]}],
        [*GOOD[:2], {"name": "m", "components": ALL_FILES}],
        [*GOOD[:2], hashed(MODEL.digest)],
        [*GOOD[:2], hashed(MODEL.digest), *(hashed(file.digest, "SHA-512") for file in FILES)],
        [*GOOD[:2], {**MODEL_COMPONENT, "hashes": None}],
        [*GOOD[:2], {**MODEL_COMPONENT, "hashes": 7}],
        [*GOOD[:2], {**MODEL_COMPONENT, "hashes": [None]}],
        [*GOOD[:2], {**MODEL_COMPONENT, "hashes": {"alg": "SHA-256"}}],
    ],
)
def test_what_differs(components: object) -> None:
    assert codes(sbom(components)) == ["sbom_differs"]


def nested(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = MODEL_COMPONENT
    for _ in range(depth):
        made = {"name": "n", "components": [made]}
    return made


def test_what_nests_too_deep_is_not_seen() -> None:
    assert codes(sbom([*GOOD[:2], nested(6)])) == []
    assert codes(sbom([*GOOD[:2], nested(7)])) == ["sbom_differs"]


@pytest.mark.parametrize("days", [-1, 1, 1000])
def test_an_honest_one_beside_it_excuses_none(days: int) -> None:
    """Whoever may sign them dates the honest one so that it is compared, the other so that it is reviewed."""
    honest = sbom(GOOD, at=NOW + dt.timedelta(days=days))
    assert codes(sbom([]), honest) == ["sbom_differs"]
    assert codes(honest, sbom([])) == ["sbom_differs"]
    assert codes(honest, sbom(GOOD)) == []


def test_other_kinds_are_no_bill_of_materials() -> None:
    later = {"madeAt": write_time(NOW + dt.timedelta(hours=1))}
    approval = Evidence(Kind.APPROVAL, SUBJECT, later, Digest.of(b"approval"), "k", "ana")
    assert codes(sbom(GOOD), approval) == []
    assert codes(approval) == []


def test_an_image_brings_no_packages_of_ours() -> None:
    assert codes(sbom([MODEL_COMPONENT]), image=True) == []
    assert codes(sbom(GOOD), image=True) == ["sbom_differs"]


@pytest.mark.parametrize("packages", [None, [], "x", {"one": 1}, {"one": None}])
def test_a_listing_that_is_none(packages: object) -> None:
    """A requester writes the listing: what cannot be read denies, and the denial is on record."""
    with pytest.raises(DeniedError) as caught:
        codes(sbom(GOOD), packages=packages)
    assert caught.value.code == "record_invalid"
