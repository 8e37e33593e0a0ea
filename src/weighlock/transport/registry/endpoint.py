"""Where a registry is, and who else may take part when it is asked."""

from dataclasses import dataclass
from typing import Final, Self

from weighlock.transport.host import Hosts
from weighlock.transport.registry.docker_config import DOCKER_HUB
from weighlock.transport.url import Origin, Url, parse_url

# Docker's own names for its registry (docs.docker.com, "Allowlist for Docker Desktop").
DOCKER_HUB_HOST: Final = "registry-1.docker.io"
DOCKER_HUB_REALM: Final = "auth.docker.io"
DOCKER_HUB_CDN: Final = (
    "production.cloudflare.docker.com",
    "production.cloudfront.docker.com",
    "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com",
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One registry: its name in references, its origin, and the hosts that it may involve.

    Args:
        hosts: who may be asked: the registry itself.
        realms: further hosts that may give out its tokens, and so see the credentials for it.
        redirects: further hosts that may hold its blobs and take its uploads; no credential goes there.
    """

    registry: str
    origin: Origin
    hosts: Hosts
    realms: Hosts
    redirects: Hosts

    @classmethod
    def of(cls, registry: str, *, realms: Hosts, redirects: Hosts, plain_http: Hosts) -> Self:
        """Return the endpoint of a registry that a person named, as ``host`` or ``host:port``.

        It is asked over TLS unless ``plain_http`` lists it. Raises UsageError ``host_invalid``,
        DeniedError ``url_invalid``.
        """
        if registry == DOCKER_HUB:
            return cls(
                registry,
                parse_url(f"https://{DOCKER_HUB_HOST}/").origin,
                Hosts.of((), builtin=[DOCKER_HUB_HOST]),
                realms | Hosts.of((), builtin=[DOCKER_HUB_REALM]),
                redirects | Hosts.of((), builtin=DOCKER_HUB_CDN),
            )
        origin = parse_url(f"https://{registry}/").origin
        plain = parse_url(f"http://{registry}/").origin
        if plain_http.find(plain.host, plain.port) is not None:
            origin = plain
        return cls(registry, origin, Hosts.of([registry]), realms, redirects)

    @property
    def is_authentic(self) -> bool:
        """Whether the registry proves by TLS that it is the one that was named."""
        return self.origin.scheme == "https"

    def url(self, path: str) -> Url:
        """Return the address of ``path``, which begins with a slash."""
        return parse_url(f"{self.origin}{path}")

    def may_redirect_to(self, origin: Origin) -> bool:
        """Return whether blobs may lie there: the registry itself, or a host that is allowed; never out of TLS."""
        if origin == self.origin:
            return True
        if self.origin.scheme == "https" and origin.scheme != "https":
            return False
        return self.redirects.find(origin.host, origin.port) is not None
