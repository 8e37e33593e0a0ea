"""Ask the user's own pip: it knows the index, the mirror, the proxy and the credentials.

pip resolves and downloads, wheels only, so that no code of a package runs; it is told
a digest wherever one is known, and what it brings is digested again by us.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.pip_process import PATIENCE, Patience, file_sizes, run_pip

REPORT_VERSION: Final = "1"  # pip documentation, "Installation Report"
CONFIRMED_SCHEMES: Final = frozenset(
    {"https", "file"}
)  # plain http proves nothing about where a digest is from
_COMMON: Final = (
    "--no-deps",
    "--only-binary",
    ":all:",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
)
_CHECK: Final = (
    "check the name, the version, that it has a wheel, and pip's own configuration (pip config list)"
)
_PASSED: Final = re.compile(
    r"""PATH|HOME|LANG|LC_\w+|NETRC|XDG_\w+|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE
    |(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY
    |PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CONFIG_FILE|CERT|CLIENT_CERT|TRUSTED_HOST|PROXY
    |DEFAULT_TIMEOUT|TIMEOUT|RETRIES|CACHE_DIR|NO_CACHE_DIR|KEYRING_PROVIDER)""",
    re.VERBOSE | re.ASCII,
)
_SETTING: Final = re.compile(r"""^(global|install|:env:)\.([a-z-]+)=['"](.*)['"]$""", re.MULTILINE)
_SECTIONS: Final = ("global", "install", ":env:")  # the later one wins
_PLACES: Final = ("index-url", "extra-index-url", "find-links")
_MISMATCH: Final = re.compile(r"Expected sha256 ([0-9a-f]{64})\s+Got +([0-9a-f]{64})", re.ASCII)
_URL: Final = re.compile(r"[a-z+]+://\S+", re.IGNORECASE)


class Offer(NamedTuple):
    """The wheel that pip would install: its file name, its digest, whether its origin vouches for that."""

    file_name: str
    digest: Digest
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Pip:
    """The pip of this installation, run with ``environ`` cut down to pip's own configuration."""

    environ: Mapping[str, str]
    patience: Patience = PATIENCE

    def offer(self, requirement: str, digest: Digest | None, folder: Path) -> Offer:
        """Return what the index offers for ``name==version``; ``folder`` is a private one.

        Raises DeniedError ``digest_mismatch`` if it is not ``digest``, ``origin_unconfirmed`` if it has
        none; UndecidedError ``index_failed``, ``timed_out`` or ``pip_missing``.
        """
        arguments = ["install", "--dry-run", "--ignore-installed", "--report", "-"]
        offer = read_report(self._run(arguments, requirement, digest, folder))
        if digest is not None or not offer.confirmed:
            return offer
        # a page without TLS may name any digest, and link to a file behind TLS
        return offer._replace(confirmed=asks_safely(self._configuration(folder)))

    def download(self, requirement: str, digest: Digest, folder: Path, progress: Progress) -> Path:
        """Return the one wheel that pip put into ``folder``, a private and empty one.

        Raises DeniedError ``digest_mismatch``; UndecidedError ``index_failed``, ``timed_out`` or ``pip_missing``.
        """
        destination = folder / "wheel"
        destination.mkdir()
        arguments = ["download", "--dest", str(destination)]
        progress.begin("downloading", 0)  # the report tells no size
        try:
            self._run(arguments, requirement, digest, folder, look=_Growth(folder, progress).look)
        finally:
            progress.end()
        found = list(destination.iterdir())
        if len(found) != 1:
            raise _failed(f"pip brought {len(found)} files instead of one wheel")
        return found[0]

    def _run(
        self,
        arguments: Sequence[str],
        requirement: str,
        digest: Digest | None,
        folder: Path,
        *,
        look: Callable[[], None] = lambda: None,
    ) -> bytes:
        listed = folder / "requirements.txt"
        pinned = f" --hash=sha256:{digest.hex}" if digest else ""
        listed.write_text(f"{requirement}{pinned}\n", encoding="utf-8")
        demanded = ["--require-hashes"] if digest else []
        return self._ask([*arguments, *_COMMON, *demanded, "-r", str(listed)], requirement, folder, look=look)

    def _configuration(self, folder: Path) -> str:
        return self._ask(["config", "list"], "its configuration", folder).decode("utf-8", "replace")

    def _ask(
        self, arguments: Sequence[str], what: str, folder: Path, *, look: Callable[[], None] = lambda: None
    ) -> bytes:
        # -P: the current folder may hold a pip.py, and must not run
        command = [sys.executable, "-P", "-m", "pip", *arguments]
        ended = run_pip(command, self._environment(folder), folder, look=look, patience=self.patience)
        if ended.status:
            raise diagnose(ended.errors.decode("utf-8", "replace"), what)
        return ended.output

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: value for name, value in self.environ.items() if _PASSED.fullmatch(name)}
        # pip's temporary files are in our folder, which is removed however pip ends
        own = {"PYTHONWARNINGS": "ignore", "PIP_REQUIRE_VIRTUALENV": "0", "TMPDIR": str(folder)}
        return {**kept, **own}


class _Growth:
    """Reports how the largest wheel in a folder grows; pip tells its own progress to nobody."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._seen = 0

    def look(self) -> None:
        size = _largest_wheel(self._folder)
        self._progress.advance(max(0, size - self._seen))
        self._seen = max(self._seen, size)


def _largest_wheel(folder: Path) -> int:
    wheels = (size for path, size in file_sizes(folder).items() if path.endswith(".whl"))
    return max(wheels, default=0)


def read_report(raw: bytes) -> Offer:
    """Return the one wheel of an installation report.

    Raises DeniedError ``origin_unconfirmed`` or ``digest_invalid``, UndecidedError ``index_failed``.
    """
    try:
        report = read_object(raw, what="pip's report")
        (chosen,) = report["install"]
        info = chosen["download_info"]
        url = urlsplit(info["url"])
        file_name = unquote(url.path.rpartition("/")[2])
        archive = info.get("archive_info") or {}
        digits = archive.get("hashes", {}).get("sha256")
        known = report["version"] == REPORT_VERSION
    except (KeyError, TypeError, ValueError, AttributeError, DeniedError) as error:
        raise _failed("pip's report is not as documented") from error
    if not known:
        raise _failed("pip's report has a version that is not known")
    if digits is None:
        raise unconfirmed(file_name, "the index gives no SHA-256 digest for it")
    return Offer(file_name, Digest.parse(f"sha256:{digits}"), url.scheme in CONFIRMED_SCHEMES)


def asks_safely(configuration: str) -> bool:
    """Return whether all places that pip looks at prove by TLS who they are, or are files of this machine.

    ``configuration`` is what ``pip config list`` prints; of two values for a setting the variable's counts,
    then that for ``pip install``. A place with TLS counts as one without if it is a "trusted host",
    whose certificate pip does not look at.
    """
    found: dict[str, dict[str, str]] = {}
    for section, name, value in _SETTING.findall(configuration):
        found.setdefault(section, {})[name] = value
    values = {name: value for section in _SECTIONS for name, value in found.get(section, {}).items()}
    trusted = {host.lower().partition(":")[0] for host in _words(values.get("trusted-host", ""))}
    if trusted and "index-url" not in values:
        return False  # pip's own index may be one of them
    places = [urlsplit(place) for name in _PLACES for place in _words(values.get(name, ""))]
    return all(
        place.scheme.lower() != "http" and (place.scheme.lower() != "https" or place.hostname not in trusted)
        for place in places
    )


def _words(text: str) -> list[str]:
    return text.replace("\\n", " ").split()  # lists in files have a line for each


def unconfirmed(file_name: str, why: str) -> DeniedError:
    """Return the error for a wheel whose digest nobody trustworthy gave."""
    return DeniedError(
        "origin_unconfirmed",
        f"{shown(file_name)!r} cannot be trusted on first sight: {why}",
        hint="use an index that serves digests over https, or pull against a lock made with one",
    )


def diagnose(errors: str, requirement: str) -> WeighlockError:
    """Return the error that pip's stderr amounts to, without any address in it."""
    if found := _MISMATCH.search(errors):
        return DeniedError(
            "digest_mismatch",
            f"the wheel of {requirement} has the digest sha256:{found[2]}, expected sha256:{found[1]}",
            hint="the index or a mirror serves other bytes than were locked; do not use them",
            details={"file": requirement, "expected": f"sha256:{found[1]}", "found": f"sha256:{found[2]}"},
        )
    if "No module named pip" in errors:
        return UndecidedError(
            "pip_missing", "the Python that runs Weighlock has no pip", hint=f"{sys.executable} -m ensurepip"
        )
    if "No space left on device" in errors:
        return UndecidedError("io_failed", "the disk is full: pip could not unpack into the temporary folder")
    if "Retry(total=0" in errors and "No matching distribution" in errors:
        return _failed(
            f"the index could not be reached, so {requirement} was not found",
            hint="check the network, the proxy, and pip's own configuration (pip config list), and try again",
        )
    told = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.startswith("ERROR:")]
    why = _URL.sub("<address>", told[-1] if told else errors.strip().rpartition("\n")[2])
    return _failed(f"pip says about {requirement}: {shown(why)}")


def _failed(why: str, hint: str = _CHECK) -> UndecidedError:
    return UndecidedError("index_failed", why, hint=hint)
