"""Sign requests to object stores: AWS Signature Version 4 in headers, for requests without a body.

Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header". Every header
that is passed in is signed; a server accepts the signature for 15 minutes, so each attempt is
signed anew.
"""

import datetime as dt
import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from weighlock.transport.credential import Credential, Secret
from weighlock.transport.url import Url

NO_BODY: Final = hashlib.sha256(b"").hexdigest()
ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "s3"
_UNRESERVED: Final = "-._~"  # besides letters and digits


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a person signs with; ``repr`` shows neither secret nor token."""

    id: str
    secret: Secret
    session_token: Secret | None = None


def quote(text: str, *, slash: bool = False) -> str:
    """Return ``text`` percent-encoded as signatures demand it, a slash kept on demand."""
    return urllib.parse.quote(text, safe=_UNRESERVED + ("/" if slash else ""))


def quote_query(parameters: Mapping[str, str]) -> str:
    """Return a query, sorted as signatures demand it, without its question mark."""
    return "&".join(sorted(f"{quote(name)}={quote(value)}" for name, value in parameters.items()))


def sign(
    method: str,
    url: Url,
    headers: Mapping[str, str],
    key: AccessKey,
    *,
    region: str,
    moment: dt.datetime,
) -> Credential:
    """Return the headers that prove who asks for ``url`` with ``headers``, at about ``moment``.

    ``url`` must be encoded by ``quote`` and ``quote_query``; ``headers`` are sent exactly so.
    """
    stamp = moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    own = {"x-amz-content-sha256": NO_BODY, "x-amz-date": stamp}
    if key.session_token:
        own["x-amz-security-token"] = key.session_token.reveal()
    signed = {"host": url.origin.authority, **{name.lower(): text for name, text in headers.items()}, **own}
    names = ";".join(sorted(signed))
    scope = f"{stamp[:8]}/{region}/{SERVICE}/aws4_request"
    canonical = "\n".join(
        [
            method,
            url.path,
            url.query.removeprefix("?"),
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            NO_BODY,
        ]
    )
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = _mac(_signing_key(key, stamp[:8], region), text).hex()
    own["Authorization"] = (
        f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return Credential(url.origin, {name: Secret(text) for name, text in own.items()})


def _signing_key(key: AccessKey, date: str, region: str) -> bytes:
    made = f"AWS4{key.secret.reveal()}".encode()
    for part in (date, region, SERVICE, "aws4_request"):
        made = _mac(made, part)
    return made


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
