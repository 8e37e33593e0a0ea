"""What other tools know about object stores: keys, region and endpoint in variables and ``~/.aws``.

AWS SDKs and tools reference guide, "Shared config and credentials files". Keys that must be
fetched first (from the metadata service of a cloud, single sign-on, a role, a process) are not:
a machine's own identity should not decide what a model's bytes are, and programs named in a file
are not started.
"""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.source.sigv4 import AccessKey
from weighlock.transport.credential import Secret

MAX_CONFIG_BYTES: Final = 1024 * 1024  # written by hand; people with 1,000 accounts reach 300 KB
DEFAULT_PROFILE: Final = "default"
_FETCHED: Final = ("credential_process", "role_arn", "sso_session", "sso_start_url", "source_profile")
_KEY_ID: Final = re.compile(
    r"[\x21-\x2b\x2d-\x7e]{1,256}", re.ASCII
)  # what can stand in a header before a comma


class AwsConfig:
    """The profile in force; reads the files once, when it is made.

    Raises UsageError ``credentials_invalid``, never showing what stands in the files.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        named = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
        self._profile = named or DEFAULT_PROFILE
        credentials = _read(self._file("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
        config = _read(self._file("AWS_CONFIG_FILE", "config"))
        section = self._profile if self._profile == DEFAULT_PROFILE else f"profile {self._profile}"
        self._settings = {**config.get(section, {})}
        self._keys = {**self._settings, **credentials.get(self._profile, {})}
        if named and not self._keys:
            raise _invalid(f"there is no profile {shown(self._profile)!r}", "check AWS_PROFILE and ~/.aws")

    def find_key(self) -> AccessKey | None:
        """Return the key to sign with: the variables', else the profile's; None to ask without a name."""
        environ = self._environ
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if environ.get(names[0]) or environ.get(names[1]):
            return _read_key({name.lower(): environ.get(name, "") for name in names}, "the variables")
        where = f"the profile {shown(self._profile)!r}"
        if "aws_access_key_id" in self._keys or "aws_secret_access_key" in self._keys:
            return _read_key(self._keys, where)
        fetched = next((name for name in _FETCHED if name in self._keys), None)
        if fetched:
            raise _invalid(
                f"{where} has no keys but {fetched}, which is not followed",
                "fetch keys with the tool that knows how, and hand them over in AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
            )
        return None

    @property
    def region(self) -> str | None:
        """The region that the variables or the profile name."""
        environ = self._environ
        return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or self._settings.get("region")

    @property
    def endpoint(self) -> str | None:
        """The address of the service that the variables or the profile name."""
        environ = self._environ
        return (
            environ.get("AWS_ENDPOINT_URL_S3")
            or environ.get("AWS_ENDPOINT_URL")
            or self._settings.get("endpoint_url")
        )

    def _file(self, variable: str, name: str) -> Path | None:
        home = self._environ.get("HOME")
        written = self._environ.get(variable)
        if written and not written.startswith("~/"):
            return Path(written)
        if not home:
            return None
        return Path(home) / written[2:] if written else Path(home) / ".aws" / name


def _read(file: Path | None) -> dict[str, dict[str, str]]:
    if file is None or not file.exists():
        return {}
    # what stands in the file may be shown by no message, so the parser's own are not repeated
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_CONFIG_BYTES + 1)
        if len(raw) > MAX_CONFIG_BYTES:
            raise ValueError(f"it is larger than {MAX_CONFIG_BYTES} bytes")
        parser = configparser.ConfigParser(
            interpolation=None, strict=False, default_section="", comment_prefixes=("#", ";")
        )
        parser.read_string(raw.decode())
    except (OSError, ValueError, configparser.Error) as error:
        why = f" ({error.strerror})" if isinstance(error, OSError) else ""
        raise _invalid(
            f"{shown(str(file))} cannot be read{why}", "it should have sections with lines NAME = VALUE"
        ) from None
    return {" ".join(name.split()): dict(parser[name]) for name in parser.sections()}


def _read_key(values: Mapping[str, str], where: str) -> AccessKey:
    key, secret = values.get("aws_access_key_id", ""), values.get("aws_secret_access_key", "")
    token = values.get("aws_session_token", "")
    if not _KEY_ID.fullmatch(key) or not secret or not (secret + token).isprintable():
        raise _invalid(
            f"{where} have no usable aws_access_key_id with its aws_secret_access_key", "set both, or neither"
        )
    return AccessKey(key, Secret(secret), Secret(token) if token else None)


def _invalid(what: str, hint: str) -> UsageError:
    return UsageError("credentials_invalid", what, hint=hint)
