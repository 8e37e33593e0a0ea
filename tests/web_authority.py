"""A certificate authority for test servers on loopback, trusted by nobody but tests."""

import atexit
import datetime as dt
import functools
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

import pki


class Authority:
    """A certificate authority for tests; its files are in ``folder``, what to trust is ``ca_file``.

    Two that are trusted at once need two names: an issuer is looked up by its name.
    """

    def __init__(self, folder: Path, name: str = "root") -> None:
        self.now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        self.root = pki.issue(pki.authority(name, start=self.now - day, end=self.now + day))
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self.root.pem)
        self._count = 0

    def context(self, *names: str, signed_by_itself: bool = False, days: int = 1) -> ssl.SSLContext:
        """Return what a server for ``names`` needs; with ``days`` below 0 its certificate has expired."""
        day = dt.timedelta(days=1)
        wish = pki.Wish(
            names[0],
            purposes=[ExtendedKeyUsageOID.SERVER_AUTH],
            names=[_general(name) for name in names],
            start=self.now - 5 * day,
            end=self.now + days * day,
            ca=None,
        )
        node = pki.issue(wish, None if signed_by_itself else self.root)
        self._count += 1
        file = self._folder / f"{self._count}.pem"
        key = node.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(node.pem + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@functools.cache
def common_authority() -> Authority:
    """Return the one authority of all test servers that need no other; its files are gone when the tests end."""
    folder = tempfile.TemporaryDirectory(prefix="authority-")
    atexit.register(folder.cleanup)
    return Authority(Path(folder.name), "common")


@functools.cache
def loopback_context() -> ssl.SSLContext:
    """Return what a server on loopback needs to be trusted with the common authority."""
    return common_authority().context("127.0.0.1", "localhost")


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
