"""What proves who asks, and to whom alone it is shown."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from weighlock.transport.url import Origin


class Secret:
    """A text that no message, log or ``repr`` shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True)
class Credential:
    """Headers for one exact origin. After a redirect to another origin they are not sent again, not even back."""

    origin: Origin
    headers: Mapping[str, Secret]

    def headers_for(self, origin: Origin) -> dict[str, str]:
        """Return the headers to send to ``origin``: none unless it is this credential's own."""
        if origin != self.origin:
            return {}
        return {name: secret.reveal() for name, secret in self.headers.items()}


def basic(origin: Origin, user: str, password: str | Secret) -> Credential:
    """Return a credential with a user name and password (RFC 7617)."""
    return Credential(origin, {"Authorization": basic_value(user, password)})


def bearer(origin: Origin, token: str | Secret) -> Credential:
    """Return a credential with a token (RFC 6750)."""
    text = token.reveal() if isinstance(token, Secret) else token
    return Credential(origin, {"Authorization": Secret(f"Bearer {text}")})


def basic_value(user: str, password: str | Secret) -> Secret:
    """Return the value of the header that carries a user name and password."""
    text = password.reveal() if isinstance(password, Secret) else password
    return Secret("Basic " + base64.b64encode(f"{user}:{text}".encode()).decode())
