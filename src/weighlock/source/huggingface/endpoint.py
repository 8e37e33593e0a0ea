"""The addresses of a hub: its origin, whose word counts, or a mirror, which serves bytes only."""

from typing import Final, NamedTuple
from urllib.parse import quote

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.hint import lines_for
from weighlock.core.text import shown
from weighlock.transport.host import Hosts
from weighlock.transport.url import Origin, Url, parse_url

OFFICIAL: Final = "huggingface.co"
VARIABLE: Final = "HF_ENDPOINT"  # names a mirror to the hub's own tools
# The hub's own document /.well-known/meta.json lists its content networks, all of them hosts of hf.co;
# older repositories are still served from hosts of huggingface.co.
CONTENT_HOSTS: Final = ("*.hf.co", "*.huggingface.co")


class Endpoint(NamedTuple):
    """Where a hub answers; ``base`` has no slash at its end and no query."""

    base: str
    origin: Origin

    @property
    def official(self) -> bool:
        """Whether this is the hub that everybody means, over TLS."""
        return self.origin == Origin("https", OFFICIAL, 443)

    @property
    def is_authentic(self) -> bool:
        """Whether the hub proves by TLS that it is the one that was named."""
        return self.origin.scheme == "https"

    @property
    def hosts(self) -> Hosts:
        """Who may be asked: this host. One that a person wrote may be anywhere, the default only on the internet."""
        name = self.origin.authority
        return Hosts.of((), builtin=(name,)) if self.official else Hosts.of((name,))

    @property
    def content_hosts(self) -> Hosts:
        """Where its redirects to bytes lead without a word in the settings."""
        return Hosts.of((), builtin=CONTENT_HOSTS) if self.official else Hosts.of(())

    def api(self, *parts: str) -> str:
        """Return the URL of a call of the API; only the second part, an OWNER/NAME, keeps its slash."""
        quoted = (quote(part, safe="/" if index == 1 else "") for index, part in enumerate(parts))
        return f"{self.base}/api/{'/'.join(quoted)}"

    def file(self, repository: str, commit: str, path: str) -> str:
        """Return the URL of a file's bytes at a commit."""
        return f"{self.base}/{repository}/resolve/{commit}/{quote(path, safe='/')}"


def parse_endpoint(text: str, *, what: str) -> Endpoint:
    """Return the endpoint that ``text`` writes; ``what`` is where it is from. Raises UsageError ``settings_invalid``."""
    try:
        url: Url = parse_url(text.rstrip("/"))
    except DeniedError as error:
        raise _invalid(what, error.message) from error
    if url.query or "%" in url.path:
        raise _invalid(what, "the address is more than a host and a plain path")
    return Endpoint(f"{url.origin}{url.path}".rstrip("/"), url.origin)


def check_named(mirror: Endpoint, origin: Endpoint, hosts: Hosts) -> None:
    """Return if the settings know the host of a mirror that only a variable names: as the origin, or among ``hosts``.

    It may be anywhere in the person's network, so a wildcard is not enough. Raises DeniedError ``host_not_allowed``.
    """
    rule = hosts.find(mirror.origin.host, mirror.origin.port)
    if mirror.origin == origin.origin or (rule and rule.explicit):
        return
    host = mirror.origin.authority
    raise DeniedError(
        "host_not_allowed",
        f"{VARIABLE} names {shown(host)} as a mirror of the hub, and the settings do not",
        hint=f"unset it; or, if the mirror is yours, {lines_for('network', 'hosts', entry=host)}",
        details={"host": mirror.origin.host},
    )


def _invalid(what: str, why: str) -> UsageError:
    return UsageError(
        "settings_invalid",
        f"{shown(what)} does not name a hub: {why}",
        hint="write it as https://HOST or https://HOST/PATH",
    )
