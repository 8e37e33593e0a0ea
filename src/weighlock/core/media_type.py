"""The media types of manifests and indexes: OCI's, and Docker's, which have the same form.

Source: OCI image-spec v1.1, media-types.md; Docker's image manifest version 2, schema 2, and its
manifest list.
"""

from typing import Final

MANIFEST_MEDIA_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_MEDIA_TYPE: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST_MEDIA_TYPE: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST_MEDIA_TYPE: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_MEDIA_TYPES: Final = frozenset({MANIFEST_MEDIA_TYPE, DOCKER_MANIFEST_MEDIA_TYPE})
INDEX_MEDIA_TYPES: Final = frozenset({INDEX_MEDIA_TYPE, DOCKER_LIST_MEDIA_TYPE})
