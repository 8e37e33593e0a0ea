"""Where configuration comes from: defaults, one file, the environment, flags; later wins.

The file is ``weighlock.yaml``, found in the current folder or the nearest one above,
as git finds its repository. Every value remembers where it came from.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from weighlock.core.digest import Digest
from weighlock.core.environment import ENVIRONMENTS, EXPERIMENTATION, PRODUCTION
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.pickle_name import read_allowed
from weighlock.core.text import shown
from weighlock.source.trusted import (
    check_entry,
    read_host_rule,
    read_mirror,
    read_plain_host,
    read_region,
    read_service,
    read_store,
)
from weighlock.yamltext import Node, YamlError, read_yaml, wrong

FILE_NAME: Final = "weighlock.yaml"
VERSION: Final = 1
MAX_COUNT: Final = 1000  # of days and of connections

Kind: TypeAlias = Literal["path", "digest", "flag", "list", "days", "count", "text"]
_RANGES: Final[dict[Kind, range]] = {"days": range(1, 367), "count": range(MAX_COUNT + 1)}
_EXPECTED: Final[dict[Kind, str]] = {
    "path": "a path",
    "digest": "a digest",
    "flag": "true or false",
    "list": "a list of texts, such as [one, two]",
    "days": "a number of days from 1 to 366",
    "count": f"a number from 0 to {MAX_COUNT}",
    "text": "a line of text",
}
Value: TypeAlias = Path | Digest | bool | tuple[str, ...] | int | str | None


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: what it may hold, its default as it would be written, and what it is for.

    ``check`` raises ValueError or DeniedError for a text, or for an entry of a list, of the wrong form.
    """

    kind: Kind
    default: str | None
    purpose: str
    check: Callable[[str], object] | None = None


def _sources(scheme: str, purpose: str) -> Key:
    return Key("list", None, purpose, partial(check_entry, scheme))


def _environment_keys(name: str) -> dict[str, Key]:
    return {
        f"environments.{name}.folder": Key("path", f".weighlock/{name}", f"the store of {name}"),
        f"environments.{name}.repository": Key(
            "text",
            None,
            f"registry/repository that is the store of {name}, instead of the folder",
            read_store,
        ),
        f"environments.{name}.key": Key("path", None, "private key of the service that signs its evidence"),
        f"environments.{name}.log_key": Key("path", None, "private Ed25519 key that signs its log"),
        f"environments.{name}.passphrase_file": Key("path", None, "file with the passphrase of both keys"),
        f"environments.{name}.trial": Key("flag", "false", "accept trial keys, which prove nothing"),
    }


KEYS: Final[dict[str, Key]] = {
    "lock": Key("path", "weighlock.lock", "what was pulled, by digest; keep it in version control"),
    "policy": Key("path", None, "policy file; without one the starter policy decides"),
    "memory": Key("path", None, "where this machine's gates remember the newest state they saw"),
    "run": Key("path", ".weighlock/run", "private copies of the models being served; on a local disk"),
    "trust.folder": Key("path", "trust", "the trust documents and their signatures"),
    "trust.root": Key("digest", None, "digest of trust/1.json, received out of band"),
    **_environment_keys(EXPERIMENTATION),
    **_environment_keys(PRODUCTION),
    "environments.production.state_days": Key("days", "7", "how long a signed state is fresh"),
    "sources.path": _sources("path", "folders that models may be pulled from"),
    "sources.pypi": _sources("pypi", "PyPI projects that models may be pulled from"),
    "sources.hf": _sources("hf", "Hugging Face owners, or owner/name, that models may be pulled from"),
    "sources.oci": _sources("oci", "registries, or registry/repository, that models may be pulled from"),
    "sources.ollama": _sources("ollama", "Ollama models, as namespace or namespace/name, that may be pulled"),
    "sources.s3": _sources("s3", "buckets, or bucket/prefix, that models may be pulled from"),
    "sources.https": _sources("https", "hosts, or host/path, that files may be pulled from"),
    "inspection.allow": Key(
        "list",
        None,
        "names that a pickle may import besides the known ones, each as NAME: REASON; promotion uses the policy's",
        read_allowed,
    ),
    "inspection.waivers": Key(
        "path", "weighlock-waivers.yaml", "reviewed waivers of findings; promotion uses the policy's"
    ),
    "push.oci": _sources("oci", "registries, or registry/repository, that artifacts may be pushed to"),
    "pull.cooldown_days": Key("count", "0", "how old a revision must be before it is pulled"),
    "pull.unconfirmed": Key("flag", "false", "accept a first pull or owner that the origin did not confirm"),
    "pull.mirror": Key("text", None, "folder, or oci:registry/repository, that `mirror` filled", read_mirror),
    "pull.connections": Key("count", "8", "how many connections fetch one large file"),
    "network.hosts": Key(
        "list", None, "further hosts that redirects, tokens and mirrors may lead to", read_host_rule
    ),
    "network.plain_http": Key(
        "list", None, "hosts (host:port) that may be asked without TLS", read_plain_host
    ),
    "network.ca_file": Key("path", None, "certificates to trust instead of the system's"),
    "hf.origin": Key(
        "text",
        "https://huggingface.co",
        "the hub whose word counts for digests and owners",
        read_service,
    ),
    "hf.mirror": Key("text", None, "a hub that serves bytes only; HF_ENDPOINT if not set", read_service),
    "hf.token_file": Key("path", None, "file with the token for the origin; HF_TOKEN if not set"),
    "ollama.registry": Key(
        "text", "https://registry.ollama.ai", "the registry of ollama: sources", read_service
    ),
    "s3.endpoint": Key("text", None, "address of the S3 service; AWS_ENDPOINT_URL if not set", read_service),
    "s3.region": Key("text", None, "region to sign for; AWS_REGION if not set", read_region),
}


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """One environment: where its store is, which keys its services use, whether it is only a trial."""

    name: str
    folder: Path
    repository: str | None
    key: Path | None
    log_key: Path | None
    passphrase_file: Path | None
    trial: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """All values by dotted name, and the origin of each; the properties are what code uses."""

    file: Path | None
    values: Mapping[str, Value]
    origins: Mapping[str, str]

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self._path("lock")

    @property
    def policy(self) -> Path | None:
        """The policy file, or None for the starter policy."""
        return self._optional_path("policy")

    @property
    def memory(self) -> Path:
        """The folder of the gates' memory, outside every store; one for each trust root."""
        return self._path("memory") / ("unpinned" if self.trust_root is None else self.trust_root.short)

    @property
    def run_folder(self) -> Path:
        """The folder of the private copies of models being served."""
        return self._path("run")

    @property
    def trust_folder(self) -> Path:
        """The folder of trust documents."""
        return self._path("trust.folder")

    @property
    def trust_root(self) -> Digest | None:
        """The digest that pins version 1 of the trust document."""
        value = self.values["trust.root"]
        return value if isinstance(value, Digest) else None

    @property
    def state_days(self) -> int:
        """How many days a state of production is fresh after it was signed."""
        value = self.values["environments.production.state_days"]
        assert isinstance(value, int)  # noqa: S101  # _convert made it
        return value

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """What each scheme may pull: scheme → allowed owners, projects or folders."""
        return {
            name.removeprefix("sources."): self.names(name)
            for name in self.values
            if name.startswith("sources.")
        }

    def text(self, name: str) -> str | None:
        """Return a setting of the kind text."""
        value = self.values[name]
        return value if isinstance(value, str) else None

    def names(self, name: str) -> tuple[str, ...]:
        """Return a setting of the kind list."""
        value = self.values[name]
        return value if isinstance(value, tuple) else ()

    def count(self, name: str) -> int:
        """Return a setting of the kind count."""
        value = self.values[name]
        assert isinstance(value, int)  # noqa: S101  # it has a default
        return value

    def flag(self, name: str) -> bool:
        """Return a setting of the kind flag."""
        return self.values[name] is True

    def file_of(self, name: str) -> Path | None:
        """Return a setting of the kind path that need not be set."""
        return self._optional_path(name)

    def environment(self, name: str) -> EnvironmentSettings:
        """Return the settings of one environment; raises UsageError ``environment_unknown``."""
        if name not in ENVIRONMENTS:
            raise UsageError(
                "environment_unknown",
                f"there is no environment {shown(name)!r}",
                hint=f"the environments are {' and '.join(ENVIRONMENTS)}",
            )
        prefix = f"environments.{name}"
        return EnvironmentSettings(
            name=name,
            folder=self._path(f"{prefix}.folder"),
            repository=self.text(f"{prefix}.repository"),
            key=self._optional_path(f"{prefix}.key"),
            log_key=self._optional_path(f"{prefix}.log_key"),
            passphrase_file=self._optional_path(f"{prefix}.passphrase_file"),
            trial=self.flag(f"{prefix}.trial"),
        )

    def _path(self, name: str) -> Path:
        value = self.values[name]
        assert isinstance(value, Path)  # noqa: S101  # it has a default
        return value

    def _optional_path(self, name: str) -> Path | None:
        value = self.values[name]
        return value if isinstance(value, Path) else None


def find_file(start: Path) -> Path | None:
    """Return the nearest ``weighlock.yaml`` in ``start`` or above."""
    return next((each / FILE_NAME for each in (start, *start.parents) if (each / FILE_NAME).is_file()), None)


def variable_of(name: str) -> str:
    """Return the environment variable that overrides a setting."""
    return "WEIGHLOCK_" + name.upper().replace(".", "_")


def load_settings(
    file: Path | None, *, variables: Mapping[str, str], flags: Mapping[str, str], folder: Path
) -> Settings:
    """Return the settings in force for someone working in ``folder``.

    Raises UsageError ``settings_missing`` if ``file`` is named and absent, ``settings_invalid``
    with the line of the first mistake.
    """
    if file is not None and not file.is_file():
        raise UsageError(
            "settings_missing",
            f"the settings file {shown(str(file))} does not exist",
            hint="`weighlock init FOLDER` makes one; without -C the nearest weighlock.yaml here or above is read",
        )
    file = file or find_file(folder)
    base = file.parent.absolute() if file else folder
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for name, key in KEYS.items():
        values[name] = _default(name, key, base, variables)
        origins[name] = "default"
    for name, node in _read_file(file).items():
        values[name] = _from_file(file, name, node, base)
        origins[name] = f"{file}:{node.line}"
    for name in KEYS:
        if variable_of(name) in variables:
            values[name] = _from_text(name, variables[variable_of(name)], folder, variable_of(name))
            origins[name] = f"${variable_of(name)}"
    for name, text in flags.items():
        if name not in KEYS:
            raise UsageError("settings_invalid", f"there is no setting {shown(name)!r}", hint=_near(name))
        values[name] = _from_text(name, text, folder, "--set")
        origins[name] = "--set"
    return Settings(file, values, origins)


def _default(name: str, key: Key, base: Path, variables: Mapping[str, str]) -> Value:
    if name == "memory":
        state = variables.get("XDG_STATE_HOME")
        home = Path(state) if state else Path(variables.get("HOME", "/nonexistent")) / ".local/state"
        return home / "weighlock"
    return None if key.default is None else _from_text(name, key.default, base, "default")


def _read_file(file: Path | None) -> dict[str, Node]:
    if file is None:
        return {}
    try:
        document = read_yaml(file.read_bytes())
        flat = _flatten("", document)
        version = flat.pop("version", Node(None, 1))
        if version.value != VERSION or isinstance(version.value, bool):
            raise YamlError(version.line, f"version must be {VERSION}")
        for name, node in flat.items():
            if name not in KEYS:
                raise YamlError(node.line, f"there is no setting {shown(name)!r}; {_near(name)}")
    except YamlError as problem:
        raise wrong("settings_invalid", file, problem, "`weighlock config` lists every setting") from problem
    return flat


def _flatten(prefix: str, node: Node) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        return {prefix: node}
    flat: dict[str, Node] = {}
    for name, inner in node.value.items():
        flat.update(_flatten(f"{prefix}.{name}" if prefix else name, inner))
    return flat


def _near(name: str) -> str:
    close = difflib.get_close_matches(name, KEYS, n=1)
    return f"did you mean {close[0]}?" if close else "`weighlock config` lists every setting"


def _from_file(file: Path | None, name: str, node: Node, base: Path) -> Value:
    key, line = KEYS[name], node.line
    try:
        value = _convert(key.kind, node.plain(), base)
        for item in node.value if isinstance(node.value, list) else [node]:
            line = item.line
            _check(key, item.value)
    except (ValueError, DeniedError) as error:
        raise wrong("settings_invalid", file, YamlError(line, f"{name}: {error}")) from error
    return value


def _from_text(name: str, text: str, base: Path, origin: str) -> Value:
    kind = KEYS[name].kind
    plain: Any = text
    if not text and KEYS[name].default is None and kind != "list":
        return None  # set to nothing, where a project's file says something
    if kind == "flag" and text.lower() in {"true", "false", "1", "0", "yes", "no"}:
        plain = text.lower() in {"true", "1", "yes"}
    elif kind in {"days", "count"} and text.isascii() and text.isdigit():
        plain = int(text)
    elif kind == "list":
        plain = [part.strip() for part in text.split(",") if part.strip()]
    try:
        value = _convert(kind, plain, base)
        for item in plain if isinstance(plain, list) else [plain]:
            _check(KEYS[name], item)
    except (ValueError, DeniedError) as error:
        raise UsageError("settings_invalid", f"{origin}, {name}: {error}") from error
    return value


def _check(key: Key, item: object) -> None:
    if key.check and isinstance(item, str):
        key.check(item)


def _convert(kind: Kind, plain: Any, base: Path) -> Value:
    if plain is None:
        return None
    if kind in {"days", "count"} and type(plain) is int and plain in _RANGES[kind]:
        return plain
    if kind == "list" and isinstance(plain, list) and all(isinstance(item, str) for item in plain):
        return tuple(plain)
    if kind == "flag" and isinstance(plain, bool):
        return plain
    if isinstance(plain, str) and plain and kind in {"path", "digest", "text"}:
        return _convert_text(kind, plain, base)
    raise ValueError(f"{shown(repr(plain))} is not {_EXPECTED[kind]}")


def _convert_text(kind: Kind, plain: str, base: Path) -> Value:
    if kind == "digest":
        return Digest.parse(plain)
    if kind == "path":
        return base / os.path.expanduser(plain)  # noqa: PTH111  # Path.expanduser raises on an unknown user
    if plain.isprintable():
        return plain
    raise ValueError(f"{shown(repr(plain))} is not {_EXPECTED[kind]}")
