"""Decide about one image or one model, from digests alone."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.reference import PinnedReference, Reference
from weighlock.core.text import shown
from weighlock.gate.subject import Judgement, allow, deny, not_examined

_FILLED_IN: Final = re.compile(r"\$|\{\{|`")  # shell, Kubernetes and compose variables; templates
_PIN_HINT: Final = "write registry/repository@sha256:… ; `skopeo inspect` and `docker buildx imagetools inspect` show the digest"
_MODEL_HINT: Final = "mount the released model as an image volume (reference: registry/repository@sha256:…) and name a path in it"
_FILLED_HINT: Final = "write the value itself; what is filled in elsewhere cannot be checked here"


class Mount(NamedTuple):
    """Something mounted at an absolute path; ``digest`` if it is an image volume that is pinned."""

    path: str
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Judge:
    """What an environment's verified state says: the released and the revoked digests."""

    released: frozenset[Digest]
    revoked: frozenset[Digest]

    def image(self, text: str) -> Judgement:
        """Return whether an image reference may be used: it is pinned by a digest that is not revoked."""
        if _FILLED_IN.search(text):
            return not_examined("the image is filled in elsewhere", _FILLED_HINT)
        try:
            pinned = Reference.parse(text).pinned
        except DeniedError as error:
            return deny(error.code, error.message, error.hint or _PIN_HINT)
        return self._unless_revoked(pinned.digest) or allow()

    def model_volume(self, text: str) -> Judgement:
        """Return whether an image may be mounted as a volume: it is a released model."""
        judged = self.image(text)
        return judged if judged != allow() else self._released(Reference.parse(text).pinned.digest)

    def model(self, text: str, mounts: Sequence[Mount] = ()) -> Judgement:
        """Return whether a model that a command or variable names may be loaded.

        Args:
            text: a path, a reference with a digest, or a hub's name.
            mounts: what is mounted where the server runs.
        """
        if _FILLED_IN.search(text):
            return not_examined("the model is filled in elsewhere", _FILLED_HINT)
        path = text.removeprefix("file://")
        if path.startswith("/"):
            return self._model_path(path, mounts)
        digest = _digest_in(text)
        if digest is None:
            why = (
                f"{shown(text)!r} is not a released model: a name or a relative path says nothing about bytes"
            )
            return deny("model_not_released", why if text else "no model is named", _MODEL_HINT)
        return self._released(digest)

    def _model_path(self, path: str, mounts: Sequence[Mount]) -> Judgement:
        if ".." in path.split("/"):
            return deny("model_not_released", f"the path {shown(path)!r} climbs with '..'", _MODEL_HINT)
        place = posixpath.normpath("/" + path.lstrip("/"))
        holding = [mount for mount in mounts if _within(place, mount.path)]
        deepest = max((len(mount.path) for mount in holding), default=0)
        innermost = list({mount for mount in holding if len(mount.path) == deepest})
        if len(innermost) != 1 or innermost[0].digest is None:
            why = f"the path {shown(path)!r} is not inside an image volume, so nobody knows what is there"
            return deny("model_not_released", why, _MODEL_HINT)
        over = next(
            (mount.path for mount in mounts if mount.path != place and _within(mount.path, place)), None
        )
        if over is not None:
            why = f"{shown(over)!r} is mounted over a part of the model {shown(path)!r}"
            return deny("model_not_released", why, "mount nothing inside a model")
        return self._released(innermost[0].digest)

    def _released(self, digest: Digest) -> Judgement:
        if digest in self.released:
            return self._unless_revoked(digest) or allow()
        judged = self._unless_revoked(digest)
        why = f"{digest} is not a released model"
        return judged or deny(
            "model_not_released",
            why,
            "`weighlock release show` lists what is released; request its promotion",
        )

    def _unless_revoked(self, digest: Digest) -> Judgement | None:
        if digest not in self.revoked:
            return None
        return deny("revoked", f"{digest} was revoked", "replace it by a release that is not revoked")


def pinned_digest(text: str) -> Digest | None:
    """Return the digest of a pinned image reference, None for anything else."""
    try:
        pinned: PinnedReference = Reference.parse(text).pinned
    except DeniedError:
        return None
    return pinned.digest


def _digest_in(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except DeniedError:
        return pinned_digest(text.removeprefix("oci://"))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
