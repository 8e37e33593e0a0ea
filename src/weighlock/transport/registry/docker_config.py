"""Credentials for registries from where ``docker login``, ``podman login`` and ``skopeo login`` keep them.

Formats: docker/cli, "config.json"; containers/image, containers-auth.json(5). The most specific key
wins, as in podman: ``host/team/model`` before ``host/team`` before ``host``.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self

from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.text import shown
from weighlock.transport.credential import Secret
from weighlock.transport.registry.credential_helper import ask_helper

MAX_CONFIG_BYTES: Final = 1 << 20  # a configuration with a hundred registries has 20 KB
DOCKER_HUB: Final = "docker.io"
DOCKER_HUB_KEYS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
DOCKER_HUB_URL: Final = "https://index.docker.io/v1/"  # what docker login writes for it, and asks helpers for
_OLD_KEY: Final = re.compile(r"https?://|/v[12]/?\Z|/\Z")


class Login(NamedTuple):
    """What proves who we are to one registry: a user and a password, or a token to get other tokens for."""

    user: str
    password: Secret
    identity_token: Secret | None = None


class CredentialStore(Protocol):
    """Where logins come from."""

    def find(self, registry: str, repository: str) -> Login | None:
        """Return the login for a repository, or None to ask anonymously.

        Raises UsageError ``credentials_invalid``, UndecidedError ``credential_helper_failed``, ``io_failed``.
        """


class NoCredentials:
    """Everything is asked for anonymously."""

    def find(self, registry: str, repository: str) -> Login | None:  # noqa: ARG002  # the seam's arguments
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """The logins of the files in ``paths``, each read when it is needed; the first that has one wins.

    ``environ`` is what credential helpers are started with.
    """

    paths: tuple[Path, ...]
    environ: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path) -> Self:
        """Return the configuration that ``environ`` names, else the usual files of a person whose home it is.

        DOCKER_CONFIG and REGISTRY_AUTH_FILE replace the usual files, as they do for the programs they belong to.
        """
        named = []
        if environ.get("DOCKER_CONFIG"):
            named.append(Path(environ["DOCKER_CONFIG"]) / "config.json")
        if environ.get("REGISTRY_AUTH_FILE"):
            named.append(Path(environ["REGISTRY_AUTH_FILE"]))
        if named:
            return cls(tuple(named), environ)
        runtime = environ.get("XDG_RUNTIME_DIR")
        usual = [Path(runtime) / "containers" / "auth.json"] if runtime else []
        return cls((*usual, home / ".docker" / "config.json"), environ)

    def find(self, registry: str, repository: str) -> Login | None:
        """Return the login for a repository, or None."""
        for path in self.paths:
            document = _read(path)
            login = None if document is None else self._find(path, document, registry, repository)
            if login is not None:
                return login
        return None

    def _find(self, path: Path, document: Mapping[str, Any], registry: str, repository: str) -> Login | None:
        helpers = _section(path, document, "credHelpers")
        entries = {_plain_key(key): entry for key, entry in _section(path, document, "auths").items()}
        for key in _keys(registry, repository):
            if key in helpers:
                return self._ask(path, helpers[key], registry)
            if key == registry and "credsStore" in document:
                login = self._ask(path, document["credsStore"], registry)
                if login is not None:
                    return login
            login = _read_entry(path, key, entries.get(key))
            if login is not None:
                return login
        return None

    def _ask(self, path: Path, name: Any, registry: str) -> Login | None:
        if not isinstance(name, str):
            raise _invalid(path, "the name of a credential helper is not a text")
        server = DOCKER_HUB_URL if registry == DOCKER_HUB else registry
        answer = ask_helper(name, server, self.environ)
        if answer is None:
            return None
        if answer.user == "<token>":  # docker-credential-helpers: the secret is an identity token
            return Login("", Secret(""), answer.secret)
        return Login(answer.user, answer.secret)


def _keys(registry: str, repository: str) -> Iterator[str]:
    """Yield the keys that may hold a login, the most specific first."""
    parts = repository.split("/")
    for count in range(len(parts), 0, -1):
        yield "/".join([registry, *parts[:count]])
    yield from DOCKER_HUB_KEYS if registry == DOCKER_HUB else (registry,)


def _plain_key(key: str) -> str:
    """Return a key without what old programs wrote around the host: ``https://host/v1/``."""
    return _OLD_KEY.sub("", key)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UndecidedError("io_failed", f"{shown(str(path))} cannot be read: {error.strerror}") from error
    if not raw.strip():
        return None  # podman leaves an empty file after the last logout
    try:
        return read_object(raw, what="the configuration", limit=MAX_CONFIG_BYTES)
    except DeniedError as error:
        raise _invalid(path, error.message) from None  # the cause would show a line of the file


def _section(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise _invalid(path, f"{name} is not an object")
    return section


def _read_entry(path: Path, key: str, entry: Any) -> Login | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise _invalid(path, f"the entry for {shown(key)} is not an object")
    user, password = _user_and_password(path, key, entry)
    token = entry.get("identitytoken")
    if token is not None and not isinstance(token, str):
        raise _invalid(path, f"the identity token for {shown(key)} is not a text")
    if token:
        return Login(user, Secret(password), Secret(token))
    return Login(user, Secret(password)) if user else None  # docker leaves {} beside a credsStore


def _user_and_password(path: Path, key: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    if "auth" not in entry:
        user, password = entry.get("username", ""), entry.get("password", "")
        if not isinstance(user, str) or not isinstance(password, str):
            raise _invalid(path, f"the user or password for {shown(key)} is not a text")
        return user, password
    try:
        text = base64.b64decode(entry["auth"], validate=True).decode().rstrip("\0")
    except (ValueError, TypeError, binascii.Error):
        text = None
    if text is None or (text and ":" not in text):
        raise _invalid(path, f"the entry for {shown(key)} is not the base64 of user:password")
    user, _, password = text.partition(":")
    return user, password


def _invalid(path: Path, why: str) -> WeighlockError:
    return UsageError(
        "credentials_invalid",
        f"{shown(str(path))} holds no usable credentials: {why}",
        hint="log in again with docker, podman or skopeo, or correct the file",
    )
