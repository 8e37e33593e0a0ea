"""Say how a model came into the house: SLSA provenance v1 (slsa.dev/spec/v1.0/provenance).

What is said names things by digest; no address of a mirror or index is in it, because
another machine may get the same bytes from elsewhere. ``claims`` are a maker's own words.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from weighlock.core.clock import write_time
from weighlock.core.lock import LockedModel
from weighlock.source.interface import Material

BUILD_TYPE: Final = "https://weighlock.dev/pull/v1"
BUILDER: Final = "https://weighlock.dev/pull"


def describe_pull(
    model: LockedModel,
    materials: Sequence[Material],
    *,
    version: str,
    started: dt.datetime,
    finished: dt.datetime,
) -> dict[str, Any]:
    """Return the predicate for a model that was pulled by Weighlock ``version``."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"source": model.source, "revision": model.revision},
            "internalParameters": {
                "owner": model.owner._asdict(),
                "originConfirmed": model.origin_confirmed,
                "facts": dict(model.facts),
            },
            "resolvedDependencies": [_dependency(material) for material in materials],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"weighlock": version}},
            "metadata": {"startedOn": write_time(started), "finishedOn": write_time(finished)},
        },
    }


def _dependency(material: Material) -> dict[str, Any]:
    return {
        "name": material.name,
        "digest": {material.digest.algorithm: material.digest.hex},
        "annotations": {"claims": dict(material.claims)},
    }
