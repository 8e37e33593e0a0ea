"""Which digests workloads may name: those of releases that a gate allows now."""

from typing import NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.environment import PRODUCTION
from weighlock.core.error import DeniedError
from weighlock.promotion.revocation import KEY
from weighlock.promotion.state import Entry
from weighlock.service.gatekeeper import Situation, observe, verify_release
from weighlock.service.workspace import Workspace


class Released(NamedTuple):
    """The digests of models that may be named, and those that nothing may name."""

    released: frozenset[Digest]
    revoked: frozenset[Digest]


def released_digests(workspace: Workspace) -> Released:
    """Return what production's verified state allows and withdraws; raises what ``observe`` raises.

    A release that is named by the state but denied (an approver left, something in it was
    revoked) is not released; its digests are withdrawn if that is why.
    """
    situation = observe(workspace, PRODUCTION)
    allowed: set[Digest] = set()
    withdrawn = {Digest.parse(value) for value in situation.revoked if not value.startswith(KEY)}
    for entry in situation.state.releases:
        code = _denied(situation, entry)
        if code is None:
            allowed |= {entry.model, entry.release}
        elif code == "revoked":
            withdrawn |= {entry.model, entry.release}
    return Released(frozenset(allowed - withdrawn), frozenset(withdrawn))


def _denied(situation: Situation, entry: Entry) -> str | None:
    try:
        verify_release(situation, str(entry.release))
    except DeniedError as error:
        return error.code
    return None
