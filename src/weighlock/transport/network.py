"""What this machine and its owner say about the network: proxies, trusted certificates, plain http, netrc."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weighlock.transport.credential import Credential
from weighlock.transport.host import Hosts
from weighlock.transport.netrc_file import netrc_credential
from weighlock.transport.proxy import Proxy, find_proxy
from weighlock.transport.tls import make_context
from weighlock.transport.url import Origin


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the network.

    Args:
        plain_http: hosts that may be asked without TLS.
        ca_file: certificates to trust instead of the system's.
        environ: the variables that other programs read, too: https_proxy, SSL_CERT_FILE, NETRC and so on.
    """

    plain_http: Hosts = field(default_factory=Hosts)
    ca_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """Return the proxy to ask ``origin`` through, or None; raises UsageError ``proxy_unsupported``."""
        return find_proxy(origin, self.environ)

    def credential_for(self, origin: Origin) -> Credential | None:
        """Return what netrc has for ``origin``; raises UsageError ``netrc_invalid``."""
        return netrc_credential(origin, self.environ)

    def tls_context(self) -> ssl.SSLContext:
        """Return what TLS connections are made with; raises UsageError ``ca_invalid``."""
        return make_context(self.ca_file, self.environ)
