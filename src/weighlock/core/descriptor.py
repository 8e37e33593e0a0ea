"""OCI content descriptors (image-spec, descriptor.md), read strictly."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.text import shown

_MEDIA_TYPE: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}", re.ASCII
)  # RFC 6838, section 4.2


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some bytes are: media type, digest, size in bytes, annotations."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the descriptor of a JSON object; raises DeniedError ``manifest_invalid`` or ``digest_invalid``.

        ``urls`` are refused: bytes come from where we say. Embedded ``data`` must be what the digest
        names, and is not used all the same.
        """
        if not isinstance(value, dict):
            raise invalid_manifest("a descriptor is not an object")
        if "urls" in value:
            raise invalid_manifest("a descriptor has urls of its own")
        size = value.get("size")
        if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            raise invalid_manifest(f"a descriptor has the size {shown(repr(size))}")
        artifact_type = value.get("artifactType")
        digest = Digest.parse(value.get("digest"))
        if "data" in value:
            _check_data(value["data"], digest, size)
        return cls(
            media_type=check_media_type(value.get("mediaType")),
            digest=digest,
            size=size,
            annotations=read_annotations(value.get("annotations")),
            artifact_type=None if artifact_type is None else check_media_type(artifact_type),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, with absent fields left out."""
        made: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.artifact_type is not None:
            made["artifactType"] = self.artifact_type
        if self.annotations:
            made["annotations"] = dict(self.annotations)
        return made


def _check_data(value: Any, digest: Digest, size: int) -> None:
    # descriptor.md, "Embedded Content": whoever reads it instead of the blob must read the same
    try:
        data = base64.b64decode(value.encode("ascii"), validate=True)
    except (AttributeError, ValueError) as error:
        raise invalid_manifest("a descriptor's data is not base64") from error
    if len(data) != size or hashlib.new(digest.algorithm, data).hexdigest() != digest.hex:
        raise invalid_manifest("a descriptor's data is not what its digest names")


def check_media_type(value: Any) -> str:
    """Return ``value`` if it is a media type; raises DeniedError ``manifest_invalid``."""
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise invalid_manifest(f"{shown(repr(value))} is not a media type")
    return value


def read_annotations(value: Any) -> dict[str, str]:
    """Return annotations as a map of strings; raises DeniedError ``manifest_invalid``."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise invalid_manifest("annotations are not a map of strings")
    return value


def invalid_manifest(why: str) -> DeniedError:
    """Return the error for a manifest that is refused because of ``why``."""
    return DeniedError("manifest_invalid", f"the manifest is refused: {why}")
