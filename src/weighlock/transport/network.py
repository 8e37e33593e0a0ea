"""What this machine and its owner say about the network: proxies, trusted certificates, plain http, netrc."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weighlock.transport.credential import Credential
from weighlock.transport.failure import host_not_allowed, plain_http
from weighlock.transport.host import HostRule, Hosts
from weighlock.transport.netrc_file import netrc_credential
from weighlock.transport.proxy import Proxy, find_proxy
from weighlock.transport.tls import make_context
from weighlock.transport.url import Origin


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the network.

    Args:
        plain_http: hosts that may be asked without TLS.
        named: hosts that a person wrote. They may be asked only if a request allows it, but then at a private
            address, too, even if a wildcard or a built-in name covers them: as in a house with its own DNS.
        ca_file: certificates to trust instead of the system's.
        environ: the variables that other programs read, too: https_proxy, SSL_CERT_FILE, NETRC and so on.
    """

    plain_http: Hosts = field(default_factory=Hosts)
    ca_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    named: Hosts = field(default_factory=Hosts)

    def rule_for(self, origin: Origin, hosts: Hosts) -> HostRule:
        """Return the rule by which ``origin`` may be asked, if ``hosts`` are the ones that may.

        Raises DeniedError ``host_not_allowed``, ``plain_http``.
        """
        rule = hosts.find(origin.host, origin.port)
        if rule is None:
            raise host_not_allowed(origin)
        if origin.scheme == "http" and not self.plain_http.find(origin.host, origin.port):
            raise plain_http(origin)
        named = self.named.find(origin.host, origin.port)
        return named if named is not None and named.explicit else rule

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """Return the proxy to ask ``origin`` through, or None; raises UsageError ``proxy_unsupported``."""
        return find_proxy(origin, self.environ)

    def credential_for(self, origin: Origin) -> Credential | None:
        """Return what netrc has for ``origin``; raises UsageError ``netrc_invalid``."""
        return netrc_credential(origin, self.environ)

    def tls_context(self) -> ssl.SSLContext:
        """Return what TLS connections are made with; raises UsageError ``ca_invalid``."""
        return make_context(self.ca_file, self.environ)
