"""Every error code and what it means, in alphabetical order; docs/errors.md is made from this table."""

from typing import Final

CODES: Final[dict[str, str]] = {
    "artifact_empty": "A model without files is not a model.",
    "artifact_too_many_files": "An artifact lists more files than the limit.",
    "digest_invalid": "A digest is not `sha256:` and 64 lower-case hexadecimal digits.",
    "digest_mismatch": "Bytes differ from the digest that was promised.",
    "io_failed": "The operating system refused to read or write.",
    "json_invalid": "JSON is malformed, has a duplicate key, is too deep or too large.",
    "key_missing": "A key file does not exist.",
    "manifest_invalid": "An OCI manifest is malformed or is not a model's.",
    "path_collision": "Two file names are the same on some file system.",
    "path_invalid": "A file name is not a plain relative path.",
    "reference_invalid": "An image or artifact reference does not follow the grammar.",
    "reference_not_pinned": "A reference names a tag, or nothing, where a digest is required.",
    "settings_exists": "`init` would overwrite settings.",
    "settings_invalid": "The settings file has a mistake; the message names the line.",
    "settings_missing": "No `weighlock.yaml` was found here or above.",
    "size_mismatch": "A file has another size than was promised.",
    "time_invalid": "A time is not RFC 3339 in UTC with whole seconds.",
    "unexpected": "A bug of Weighlock: an invariant does not hold.",
}
