"""Where a redirect leads: each hop is judged like a first request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.transport.body import Body
from weighlock.transport.credential import Credential
from weighlock.transport.failure import redirect_refused
from weighlock.transport.host import HostRule, Hosts
from weighlock.transport.message import Request
from weighlock.transport.network import Network
from weighlock.transport.url import Url, join_url, parse_url

MAX_REDIRECTS: Final = 5  # hubs and registries need one or two
_SEE_OTHER: Final = 303
_SAME_METHOD: Final = frozenset({307, 308})
STATUSES: Final = frozenset({301, 302, 303, 307, 308})
# What another origin may see of a request that was not meant for it; everything else may be a secret.
_HARMLESS: Final = frozenset(
    {
        "accept",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "user-agent",
    }
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the wire: where it goes and by which rule, and what it carries."""

    url: Url
    rule: HostRule
    method: str
    headers: Mapping[str, str] = field(repr=False)
    credential: Credential | None
    body: bytes | Body | None = field(repr=False)
    seen: frozenset[str] = field(default=frozenset(), repr=False)


def first_hop(request: Request, network: Network) -> Hop:
    """Return where a request begins; raises DeniedError ``url_invalid``, ``host_not_allowed``, ``plain_http``."""
    url = parse_url(request.url)
    rule = network.rule_for(url.origin, request.hosts)
    return Hop(
        url, rule, request.method, request.headers, request.credential, request.body, frozenset({str(url)})
    )


def next_hop(hop: Hop, status: int, location: str | None, allowed: Hosts, network: Network) -> Hop:
    """Return where the redirect leads; raises DeniedError ``redirect_refused``.

    A credential, and every header that might be one, stays with the origin it was meant for; so does a body,
    which may be one, as when a token is asked for with another.
    """
    origin = hop.url.origin
    if location is None:
        raise redirect_refused(origin, "without saying where")
    try:
        url = join_url(hop.url, location)
    except DeniedError as problem:
        raise redirect_refused(
            origin, f"to an address that {problem.message.removeprefix('the address ')}"
        ) from problem
    if str(url) in hop.seen:
        raise redirect_refused(origin, "in a circle")
    if len(hop.seen) > MAX_REDIRECTS:
        raise redirect_refused(origin, f"more than {MAX_REDIRECTS} times")
    onward = replace(_with_method(hop, status), url=url, seen=hop.seen | {str(url)})
    if url.origin == origin:
        return onward
    try:
        rule = network.rule_for(url.origin, allowed)
    except DeniedError as problem:
        where = f"to {url.origin}"
        if problem.code == "plain_http":
            where += ", without TLS"
        raise redirect_refused(origin, where, problem.hint) from problem
    if onward.body is not None:
        raise redirect_refused(origin, f"to {url.origin}, and what was sent to the one is not for the other")
    headers = {name: value for name, value in hop.headers.items() if name.lower() in _HARMLESS}
    return replace(onward, rule=rule, headers=headers, credential=None)


def _with_method(hop: Hop, status: int) -> Hop:
    if hop.method in {"GET", "HEAD"} or status in _SAME_METHOD:
        return hop
    if status == _SEE_OTHER:
        return replace(hop, method="GET", body=None)
    raise redirect_refused(hop.url.origin, f"with {status}, which says not whether {hop.method} is repeated")
