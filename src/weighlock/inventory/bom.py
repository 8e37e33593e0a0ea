"""Write CycloneDX 1.6 as JSON (ECMA-424; cyclonedx.org/docs/1.6/json).

The document is a plain dictionary: the same target gives the same bytes, and the
serial number is made of them. A time stands in it only if one is given.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from weighlock import __version__
from weighlock.core.artifact import Artifact
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.installation import Installation, InstalledPackage
from weighlock.core.jsontext import write_json
from weighlock.core.text import shown

Component: TypeAlias = dict[str, Any]

SPEC_VERSION: Final = "1.6"
_ALGORITHMS: Final = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_PURL_SAFE: Final = ".-_~"  # package-url/purl-spec, "Character encoding"


def model_component(artifact: Artifact, *, name: str) -> Component:
    """Return a model as a component, its files as components inside it."""
    return {
        "type": "machine-learning-model",
        "bom-ref": str(artifact.digest),
        "name": name,
        "version": str(artifact.digest),
        "hashes": [_digest_field(artifact.digest)],
        "components": [
            {
                "type": "file",
                "bom-ref": f"{artifact.digest}#{quote(path)}",
                "name": path,
                "hashes": [_digest_field(descriptor.digest)],
                "properties": _properties({"weighlock:file:size": str(descriptor.size)}),
            }
            for path, descriptor in artifact.files.items()
        ],
        "properties": _properties(
            {"weighlock:model:files": str(len(artifact.files)), "weighlock:model:size": str(artifact.size)}
        ),
    }


def installation_components(installation: Installation) -> list[Component]:
    """Return each package of an installation as a component, sorted by name and place."""
    return [_package_component(package) for package in installation.packages]


def write_bom(
    components: Sequence[Component],
    *,
    subject: Component | None = None,
    properties: dict[str, str] | None = None,
    moment: dt.datetime | None = None,
) -> bytes:
    """Return the document's bytes.

    Args:
        components: what the target consists of.
        subject: the component that the document is about, if there is one; it depends on the others.
        properties: further facts about the document, such as its coverage.
        moment: when it was made; omit it where equal targets must give equal bytes.
    """
    metadata: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": "weighlock", "version": __version__}]}
    }
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": metadata,
        "components": list(components),
    }
    if subject is not None:
        metadata["component"] = subject
        document["dependencies"] = [
            {"ref": subject["bom-ref"], "dependsOn": sorted(part["bom-ref"] for part in components)}
        ]
    if properties:
        metadata["properties"] = _properties(properties)
    document["serialNumber"] = _serial_number(write_json(document))
    if moment is not None:
        metadata["timestamp"] = write_time(moment)
    return write_json(document, indent=1)


def installation_properties(installation: Installation) -> dict[str, str]:
    """Return what the document says about how far an installation was examined."""
    return {
        "weighlock:installation:python": installation.python or "unknown",
        "weighlock:installation:unowned-files": str(len(installation.unowned)),
        "weighlock:installation:compiled-files-not-examined": str(len(installation.compiled)),
        "weighlock:installation:findings": str(len(installation.findings)),
    }


def candidate_component(name: str, digest: Digest) -> Component:
    """Return the component that a document about model and installation together is about."""
    return {"type": "application", "bom-ref": f"candidate:{digest}", "name": name, "version": str(digest)}


def _package_component(package: InstalledPackage) -> Component:
    component: Component = {
        "type": "library",
        "bom-ref": f"{purl(package)}#{quote(shown(package.location))}",
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "properties": _properties(
            {
                "weighlock:installed:location": shown(package.location),
                "weighlock:installed:files": str(len(package.files)),
                "weighlock:installed:record": str(package.record or ""),
                "weighlock:installed:installer": package.installer,
                "weighlock:installed:url": shown(package.url),
                "weighlock:installed:editable": "true" if package.editable else "",
            }
        ),
    }
    if package.archive is not None:
        component["hashes"] = [_digest_field(package.archive)]
    if package.licence:
        component["licenses"] = [_licence(package)]
    return component


def _licence(package: InstalledPackage) -> dict[str, Any]:
    if package.licence_is_expression:
        return {"expression": shown(package.licence), "acknowledgement": "declared"}
    return {"license": {"name": shown(package.licence), "acknowledgement": "declared"}}


def purl(package: InstalledPackage) -> str:
    """Return the package URL (package-url/purl-spec, ``pypi``)."""
    return f"pkg:pypi/{quote(package.name, safe=_PURL_SAFE)}@{quote(package.version, safe=_PURL_SAFE)}"


def _digest_field(digest: Digest) -> dict[str, str]:
    return {"alg": _ALGORITHMS[digest.algorithm], "content": digest.hex}


def _properties(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items()) if value]


def _serial_number(content: bytes) -> str:
    # RFC 9562, section 5.8: version 8 leaves the bits to us, so they are the content's digest.
    raw = bytearray(hashlib.sha256(content).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
