"""Names of one file in short: those of another can be looked up in them by whoever parses neither.

Rules about several files run where nothing untrusted is parsed, and a file may have a hundred thousand names. So they
go there as short digests, some hundred to a link.
"""

from collections.abc import Iterable
from typing import Final

from weighlock.core.finding import Examined
from weighlock.inspection.report import Report

CODE_NAMES: Final = "code-names"  # the kind: of Python source, and of what was compiled
TENSOR_NAMES: Final = "tensor-names"  # the kind: of a shard, and of what an index says of a shard
MAX_NAMES: Final = 100_000  # of one summary; the largest models have as many tensors
_NAMES_OF_A_LINK: Final = 200  # so that a link stays below its limit
_DIGEST_BYTES: Final = 8  # who finds two names of one digest, in 2^32 attempts, has two names of his own
_TOO_MANY: Final = "many"


def add_summary(report: Report, kind: str, names: Iterable[str], about: str = "") -> None:
    """Note the names as links of ``kind``; ``about`` is the file that they are said to be in, if it is another."""
    from hashlib import blake2b  # noqa: PLC0415  # 3 ms, and few files have summaries

    digests = sorted(
        {
            blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
            for name in names
        }
    )
    if len(digests) > MAX_NAMES:
        report.link(kind, f"{_TOO_MANY} {about}")
        return
    for at in range(0, max(1, len(digests)), _NAMES_OF_A_LINK):
        report.link(kind, f"{','.join(digests[at : at + _NAMES_OF_A_LINK])} {about}")


def summary_of(examined: Examined, kind: str, about: str = "") -> frozenset[str] | None:
    """Return the digests of the names; None if there is no summary, or if there were too many names."""
    return summaries_of(examined, kind).get(about)


def summaries_of(examined: Examined, kind: str) -> dict[str, frozenset[str]]:
    """Return the digests of the names by the file that they are said to be in, without those of too many names."""
    found: dict[str, set[str]] = {}
    for link in examined.links:
        if link.kind == kind and not link.member:
            digests, _, about = link.target.partition(" ")
            found.setdefault(about, set()).update(filter(None, digests.split(",")))
    return {about: frozenset(digests) for about, digests in found.items() if _TOO_MANY not in digests}
