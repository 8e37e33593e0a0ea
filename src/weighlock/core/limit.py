"""Limits on untrusted input, each with its unit and reason. Limits of one format stand in its parser."""

from typing import Final

MAX_FILES: Final = 10_000  # per artifact; the largest sharded models have a few hundred
MAX_MANIFEST_BYTES: Final = (
    4 * 1024 * 1024
)  # what registries accept at least (OCI distribution, "Pushing Manifests")
MAX_BUNDLE_BYTES: Final = 16 * 1024 * 1024  # a signature over 10,000 long names needs about 6 MB
MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024  # an SBOM of a large installation has about 5 MB
MAX_JSON_DEPTH: Final = 64  # CycloneDX nests deepest, about 20
MAX_FILE_BYTES: Final = 1 << 42  # 4 TiB; larger than any file a model is shipped in
READ_BYTES: Final = 1 << 20  # one read when digesting: measured flat from 256 KB to 4 MB
