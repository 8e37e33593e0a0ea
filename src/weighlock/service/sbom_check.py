"""Compare a candidate's bill of materials with what the candidate itself names by digest.

People review the bill of materials; what runs is the candidate. If the two disagree,
the review was about something else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from weighlock.core.artifact import Artifact
from weighlock.core.decision import Reason
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import Evidence, Kind
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_DOCUMENT_BYTES
from weighlock.promotion.candidate import Candidate, Installation
from weighlock.store.interface import Store

_PYTHON: Final = "pkg:pypi/"
_MAX_NESTING: Final = 8  # ours nests twice; a deeper one is not ours


def compare_sbom(
    store: Store, candidate: Candidate, digest: Digest, model: Artifact, evidence: Iterable[Evidence]
) -> Iterator[Reason]:
    """Yield a reason if a bill of materials does not list exactly what the candidate consists of.

    Each one that counts is compared: which of them is the newest, and which one people reviewed, is said by
    times that its signer chose. Where there is none, the policy says that it is missing.
    """
    for each in evidence:
        if each.kind is Kind.SBOM and each.subject == digest and not _lists(store, candidate, model, each):
            yield Reason(
                "sbom_differs",
                "a bill of materials does not list exactly the packages and files of the candidate",
                "make the candidate anew with `weighlock request`",
            )
            return


def _lists(store: Store, candidate: Candidate, model: Artifact, sbom: Evidence) -> bool:
    components = list(_components(sbom.predicate, 0))
    return _packages(components) == _expected(store, candidate) and _files(components) >= _wanted(model)


def _components(value: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    inner = value.get("components")
    for component in inner if isinstance(inner, list) and depth < _MAX_NESTING else []:
        if isinstance(component, Mapping):
            yield component
            yield from _components(component, depth + 1)


def _packages(components: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {
        (str(each.get("name")), str(each.get("version")))
        for each in components
        if str(each.get("purl", "")).startswith(_PYTHON)
    }


def _expected(store: Store, candidate: Candidate) -> set[tuple[str, str]]:
    if not isinstance(candidate.serving, Installation):
        return set()
    raw = store.read_blob(candidate.serving.packages, limit=MAX_DOCUMENT_BYTES)
    packages = read_object(raw, what="the listing of packages").get("packages")
    if not isinstance(packages, dict) or not all(isinstance(each, dict) for each in packages.values()):
        raise DeniedError("record_invalid", "the candidate's listing of packages cannot be read")
    return {(name, str(package.get("version"))) for name, package in packages.items()}


def _files(components: Iterable[Mapping[str, Any]]) -> set[str]:
    found = set()
    for component in components:
        digests = component.get("hashes")
        for each in digests if isinstance(digests, list) else []:
            if isinstance(each, Mapping) and each.get("alg") == "SHA-256":
                found.add(str(each.get("content")))
    return found


def _wanted(model: Artifact) -> set[str]:
    return {model.digest.hex, *(file.digest.hex for file in model.files.values())}
