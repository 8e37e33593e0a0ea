"""What every use case needs: settings, clock, stores, trust, service keys, the log.

Everything is opened when it is asked for, so that a command reads only what it needs.
"""

import os
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.attestation.signer import KeySigner, Signer
from weighlock.attestation.trust import Trust, require_real
from weighlock.attestation.trust_document import Role
from weighlock.core.clock import Clock
from weighlock.core.digest import Digest
from weighlock.core.environment import PRODUCTION
from weighlock.core.error import InternalError, UsageError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.progress import Notify, tell_nobody
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.ledger.entry import Action, Actor, Ending, Entry
from weighlock.service.gate_memory import GateMemory
from weighlock.service.log import Log, log_of, record
from weighlock.service.trust import load_chain, load_trust
from weighlock.settings import Settings
from weighlock.store.interface import Store
from weighlock.store.layout import LayoutStore

if TYPE_CHECKING:
    from weighlock.policy.document import Policy
    from weighlock.service.repository import Repositories
    from weighlock.store.registry import RegistryStore


@dataclass(frozen=True)
class Workspace:
    """The settings in force and the injected clock, and what they lead to.

    ``environ`` is what the network's part of the machine is found by: proxies, certificates, logins;
    ``notify`` is told when a host makes it wait.
    """

    settings: Settings
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)
    notify: Notify = field(default=tell_nobody, repr=False, compare=False)

    def store(self, environment: str) -> Store:
        """Return the store of an environment; raises UsageError ``environment_unknown`` or the store's errors."""
        if self.settings.environment(environment).repository is not None:
            return self.registry_store(environment)
        folder = self.settings.environment(environment).folder
        try:
            return LayoutStore.open(folder, self.clock)
        except UsageError as error:
            if self.settings.file is not None:
                raise
            raise UsageError(
                error.code,
                f"no weighlock.yaml is here or in a folder above, and no store in {shown(str(folder))}",
                hint="change to the project's folder, give its settings with -C, or start one: `weighlock init`",
            ) from error

    def registry_store(self, environment: str) -> "RegistryStore":
        """Return the store of an environment that is a repository; raises DeniedError ``reference_invalid``."""
        repository = self.settings.environment(environment).repository or ""
        return self._repositories.open(Reference.parse(repository), lists=True)

    def repository(self, reference: Reference) -> "RegistryStore":
        """Return a repository that is nobody's environment; the caller checks whether it may be used."""
        return self._repositories.open(reference, lists=False)

    @cached_property
    def _repositories(self) -> "Repositories":
        from weighlock.service.repository import Repositories  # noqa: PLC0415  # 40 ms, and few need the network

        made = Repositories(self.settings, self.clock, self.environ, self.notify)
        weakref.finalize(self, made.client.close)  # its connections are kept until nobody can ask any more
        return made

    @property
    def pin(self) -> Digest:
        """The digest that pins the trust document; raises UsageError ``trust_unpinned``."""
        if self.settings.trust_root is None:
            load_chain(self.settings.trust_folder, None)  # says what is missing
            raise InternalError("unexpected", "a trust document without a pin was accepted")
        return self.settings.trust_root

    @cached_property
    def trust(self) -> Trust:
        """The verified trust document, not older than one that a gate here has seen; raises DeniedError."""
        seen = self.memory(PRODUCTION).read().trust_version
        return load_trust(self.settings.trust_folder, self.pin, self.clock(), minimum_version=max(1, seen))

    def trust_for(self, environment: str) -> Trust:
        """Return the trust document if the environment accepts it; raises DeniedError ``trial_keys``."""
        if not self.settings.environment(environment).trial:
            require_real(self.trust)
        return self.trust

    def memory(self, environment: str) -> GateMemory:
        """Return what this machine's gates remember of an environment."""
        return GateMemory(self.settings.memory, environment)

    @cached_property
    def policy(self) -> tuple["Policy", bytes]:
        """The policy in force and its exact bytes; raises UsageError ``policy_invalid``."""
        from weighlock.policy.document import Policy  # noqa: PLC0415  # few commands ask for a policy

        file = self.settings.policy
        if file is None:
            raw = starter_policy()
            return Policy.parse(raw, file="the starter policy"), raw
        raw = file.read_bytes()
        policy = Policy.parse(raw, file=file)
        if policy.forbidden_formats:
            from weighlock.service.policy_check import check_formats  # noqa: PLC0415  # as above

            check_formats(policy, file=file)
        return policy, raw

    def signer(self, environment: str) -> Signer:
        """Return the service key of an environment; raises UsageError ``key_missing``."""
        found = self.settings.environment(environment)
        return _read_signer(found.key, found.passphrase_file, f"environments.{environment}.key")

    def note_decision(
        self,
        environment: str,
        action: Action,
        subjects: Iterable[Digest],
        *,
        error: WeighlockError | None = None,
        actor: Actor | None = None,
        message: str = "",
    ) -> bool:
        """Append a decision to the environment's log and return True; False if it has no log key here.

        A log that cannot be written is an error, not a warning: what is not on record did not happen. Only a
        denial is never hidden by one: it stands, and its details say that it is not on record.
        """
        try:
            return self._record(environment, action, tuple(subjects), error, actor or Actor(), message)
        except WeighlockError as problem:
            if error is None:
                raise
            error.details["log"] = f"not on record: {problem.message} [{problem.code}]"
            return False

    def _record(
        self,
        environment: str,
        action: Action,
        subjects: tuple[Digest, ...],
        error: WeighlockError | None,
        actor: Actor,
        message: str,
    ) -> bool:
        found = self.settings.environment(environment)
        if found.log_key is None:
            return False
        entry = Entry(
            time=self.clock(),
            environment=environment,
            action=action,
            outcome=ending_of(error),
            subjects=subjects,
            code="" if error is None else error.code,
            actor=actor,
            message=message or ("" if error is None else error.message),
        )
        signer = _read_signer(found.log_key, found.passphrase_file, f"environments.{environment}.log_key")
        record(self.log(environment), entry, signer)
        return True

    def log(self, environment: str) -> Log:
        """Return the log of an environment, with the keys that the trust document gives the role ledger."""
        folder = self.settings.environment(environment).folder
        keys = list(self.trust.keys_of(Role.LEDGER).values())
        return log_of(environment, folder, self.settings.memory, keys)


def _read_signer(file: Path | None, passphrase_file: Path | None, setting: str) -> Signer:
    if file is None or not file.is_file():
        told = "is not set" if file is None else f"names {shown(str(file))}, which does not exist"
        raise UsageError(
            "key_missing",
            f"{setting} {told}, so nothing can be signed here",
            hint="`weighlock keys make` makes a key, and a trust document gives it its role; where nothing is to be "
            f"signed, as in CI, set it to nothing: `weighlock --set {setting}= …`",
        )
    passphrase = None if passphrase_file is None else passphrase_file.read_bytes().rstrip(b"\r\n")
    return KeySigner.from_pem(file.read_bytes(), passphrase)


def starter_policy() -> bytes:
    """Return the policy that decides where the settings name none."""
    from importlib import resources  # noqa: PLC0415  # 12 ms, and few commands ask for a policy

    return (resources.files("weighlock.policy") / "starter.yaml").read_bytes()


def ending_of(error: WeighlockError | None) -> Ending:
    """Return how the log says that something ended."""
    if error is None:
        return Ending.ALLOW
    return Ending.DENY if error.outcome is Outcome.FINDINGS else Ending.UNDECIDED
