"""Who may do what in the test registry: nobody's business, Basic, or the Docker registry's token flow."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from registry_content import RefusedError

SERVICE = "test-registry"


@dataclass
class Access:
    """Without users and tokens everybody may do everything."""

    users: dict[str, str] = field(default_factory=dict)
    tokens: bool = False  # the token flow; otherwise Basic for the users
    anonymous_pull: bool = False  # tokens to pull are given to anybody
    refresh_tokens: set[str] = field(default_factory=set)  # good for the OAuth2 flow
    realm: str | None = None  # another address than the registry's own
    expires_in: int = 300
    insufficient_status: int = 401  # for a token that allows too little: 401 in distribution, 403 in RFC 6750
    issued: dict[str, set[str]] = field(default_factory=dict)  # token: its scopes
    asked: list[dict[str, str]] = field(default_factory=list)  # what tokens were asked for

    def challenge(self, credentials: str, name: str, url: str, *, writes: bool) -> str | None:
        """Return the WWW-Authenticate header to refuse a request with, or None to go on."""
        if self.tokens:
            return self._token_challenge(credentials, name, url, writes=writes)
        if self.users and not self._knows(credentials):
            return 'Basic realm="test registry"'
        return None

    def issue(self, method: str, query: str, credentials: str, body: bytes) -> dict[str, Any]:
        """Return the answer of the token endpoint."""
        fields = parse_qs(body.decode() if method == "POST" else query)
        known = fields.get("refresh_token", [""])[0] in self.refresh_tokens or self._knows(credentials)
        given = bool(credentials) or method == "POST"
        if given and not known:
            raise RefusedError(401, "UNAUTHORIZED")
        if fields.get("service") != [SERVICE]:
            raise RefusedError(400, "UNSUPPORTED", "service")
        self.asked.append({"method": method, "scope": " ".join(fields.get("scope", []))})
        scopes = {
            f"{kind}:{name}:{action}"
            for scope in " ".join(fields.get("scope", [])).split()
            for kind, name, actions in [scope.split(":", 2)]
            for action in actions.split(",")
            if known or (self.anonymous_pull and action == "pull")
        }
        token = secrets.token_hex(8)
        self.issued[token] = scopes
        return {"token": token, "access_token": token, "expires_in": self.expires_in}

    def _token_challenge(self, credentials: str, name: str, url: str, *, writes: bool) -> str | None:
        scheme, _, token = credentials.partition(" ")
        needed = f"repository:{name}:{'push' if writes else 'pull'}" if name else ""
        scopes = self.issued.get(token) if scheme == "Bearer" else None
        if scopes is not None and (not needed or needed in scopes):
            return None
        scope = f',scope="repository:{name}:{"pull,push" if writes else "pull"}"' if name else ""
        error = ',error="insufficient_scope"' if scopes is not None else ""
        return f'Bearer realm="{self.realm or url + "/token"}",service="{SERVICE}"{scope}{error}'

    def _knows(self, credentials: str) -> bool:
        scheme, _, value = credentials.partition(" ")
        if scheme != "Basic":
            return False
        user, _, password = base64.b64decode(value).decode().partition(":")
        return self.users.get(user) == password


def write_docker_config(name: str, user: str, password: str) -> str:
    """Return a Docker configuration with the credentials of one registry."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {name: {"auth": auth}}})
