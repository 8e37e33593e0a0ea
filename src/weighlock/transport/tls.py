"""TLS: whom it trusts, and why it fails. There is no switch that turns verification off."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.core.error import UndecidedError, UsageError
from weighlock.core.text import shown

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_REASONS: Final = {
    9: ("the server's certificate is not valid yet", "check this machine's clock"),
    10: ("the server's certificate has expired", "tell whoever runs the server; check this machine's clock"),
    18: ("the server's certificate is signed by itself", ""),
    19: ("the server's certificate leads to an authority that is not trusted here", ""),
    20: ("the server's certificate leads to an authority that is not trusted here", ""),
    21: ("the server's certificate leads to an authority that is not trusted here", ""),
    62: (
        "the server's certificate is for another host",
        "check the name; it may be another server that answers",
    ),
    64: ("the server's certificate is for another address", "use the host name instead of its address"),
}
_PRIVATE_CA: Final = (
    "if the server, or a proxy that opens TLS, belongs to your own organisation, put its authority's"
    " certificates into a file and name it in `network.ca_file`"
)
# what curl, requests and OpenSSL read, in the order in which they are believed
_FILES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def make_context(ca_file: Path | None, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return what TLS connections are made with; raises UsageError ``ca_invalid``.

    The certificates are those of ``ca_file`` alone, or of the first variable of the environment
    that names some, or the system's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        _load(context, ca_file, "the setting network.ca_file")
        return context
    file = next((name for name in _FILES if environ.get(name)), None)
    folders = environ.get("SSL_CERT_DIR", "")
    if file == "SSL_CERT_FILE" or (file and not folders):
        _load(context, Path(environ[file]), f"the variable {file}")
    if folders:
        # a list as OpenSSL reads it, of which some folders exist on some systems
        existing = [folder for folder in folders.split(":") if folder and Path(folder).is_dir()]
        for folder in existing or [folders]:
            _load(context, Path(folder), "the variable SSL_CERT_DIR")
    if not file and not folders:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def tls_failed(host: str, problem: ssl.SSLError) -> UndecidedError:
    """Return the error for a handshake that failed, saying why."""
    hint = "check that the server speaks TLS 1.2 or newer at this port"
    why = str(problem.reason or "the connection ended").lower().replace("_", " ")
    if isinstance(problem, ssl.SSLCertVerificationError):
        why, hint = _REASONS.get(problem.verify_code, (shown(problem.verify_message), ""))
    return UndecidedError(
        "tls_failed",
        f"no safe connection to {shown(host)}: {why}",
        hint=hint or _PRIVATE_CA,
        details={"host": host},
    )


def _load(context: ssl.SSLContext, path: Path, origin: str) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except (OSError, ValueError) as problem:
        raise UsageError(
            "ca_invalid",
            f"{origin} names {shown(str(path))}, which is no readable file of certificates",
            hint="a file of certificates is PEM: -----BEGIN CERTIFICATE-----, one after the other",
        ) from problem
