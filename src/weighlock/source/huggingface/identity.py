"""Who said what a model is, and whether it is still the one that was locked.

An origin is believed over TLS. What it says without TLS, and what a mirror says, confirms nothing. Of those two
only the origin's ids are kept: in a house whose hub has no TLS they still tell that a name changed hands by mistake.
"""

from typing import Final

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.lock import UNAVAILABLE, LockedModel
from weighlock.core.text import shown
from weighlock.source.huggingface.name import HubModel
from weighlock.source.interface import Resolved

REPOSITORY_FACT: Final = "repository_id"  # in the lock: the hub's lasting id of the repository
OWNER_FACT: Final = "owner_id"
ORIGIN_FACT: Final = "origin"  # whose word the digests are, one of these three
BY_ORIGIN: Final = "confirmed"
BY_PLAIN_ORIGIN: Final = "without_tls"
BY_MIRROR: Final = "unconfirmed"
TELLERS: Final = frozenset({BY_ORIGIN, BY_PLAIN_ORIGIN, BY_MIRROR})


def check_identity(model: HubModel, before: LockedModel, found: Resolved, *, same_repository: bool) -> None:
    """Return if the ids of what is locked and of what was found say that owner and repository are the same.

    Raises DeniedError ``origin_unconfirmed`` if nobody says now what was said when it was locked,
    ``owner_unidentified`` if the lock has nothing to compare with, ``owner_changed``.
    """
    pairs = [(before.owner.id, found.owner.id)]
    if same_repository:
        pairs.append((before.facts.get(REPOSITORY_FACT, UNAVAILABLE), found.facts[REPOSITORY_FACT]))
    lost = any(was != UNAVAILABLE == now for was, now in pairs)
    if lost or (before.origin_confirmed and not found.origin_confirmed):
        raise _not_said_any_more(model, before)
    if any(was == UNAVAILABLE != now for was, now in pairs):
        raise _not_comparable(model, before)
    for was, now in pairs:
        if was != now:
            raise _made_anew(model, was, now)


def plain_origin(model: HubModel, origin: str) -> DeniedError:
    """Return the error for a first pull or an update from an origin that does not prove who it is."""
    return DeniedError(
        "origin_unconfirmed",
        f"hf.origin is {shown(origin)}, without TLS: anybody between could say what {model.repository} is",
        hint="give the hub TLS and write hf.origin as https://…; or pull against a lock that was made with it; "
        "or, to believe it all the same, set pull.unconfirmed: true",
    )


def mirror_alone(model: HubModel, error: UndecidedError) -> DeniedError:
    """Return the error for a first pull or an update while the origin cannot be asked."""
    return DeniedError(
        "origin_unconfirmed",
        f"the origin cannot be asked what {model.repository} is, and a mirror's word is not enough: {error.message}",
        hint="pull it once where the origin can be reached and commit the lock; or set pull.unconfirmed: true",
        details={"cause": error.code},
    )


def unidentified(what: str) -> DeniedError:
    """Return the error for an owner or repository whose lasting id nobody tells."""
    return DeniedError(
        "owner_unidentified",
        f"the hub does not tell the lasting id of {shown(what)}, so a change of hands would go unnoticed",
        hint="to accept a name alone, set pull.unconfirmed: true",
    )


def _not_said_any_more(model: HubModel, before: LockedModel) -> DeniedError:
    return DeniedError(
        "origin_unconfirmed",
        f"{before.name} is refused: it was locked on a better word than there is now, and nobody proves that "
        f"{model.repository} is still who it was",
        hint="let this machine reach the origin, over TLS, for the update; or pull it under another --name",
    )


def _not_comparable(model: HubModel, before: LockedModel) -> DeniedError:
    return DeniedError(
        "owner_unidentified",
        f"{before.name} was locked without a lasting id of {model.repository} or its owner, so there is none "
        "to compare with what the hub tells now",
        hint="`weighlock pull SOURCE --name OTHER`, compare the two entries of the lock, and if you trust the new "
        f"one, delete that of {before.name}",
    )


def _made_anew(model: HubModel, was: str, now: str) -> DeniedError:
    return DeniedError(
        "owner_changed",
        f"{model.repository} is another repository than the locked one, under the same name "
        f"({shown(was)}, now {shown(now)})",
        hint="somebody deleted it and made it again; find out why, and pull it under another --name",
    )
