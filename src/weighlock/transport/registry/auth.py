"""Tokens and passwords for one registry: who is asked for them, and when they are asked for again.

Sources: RFC 7235 and RFC 6750; distribution/distribution, docs/spec/auth/{token,oauth,scope}.md.
The realm in a challenge is the registry's word: a token is asked for, and a credential shown, only
on the registry's own origin or on a host that was allowed for it.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlencode

from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.text import shown
from weighlock.transport.client import Client
from weighlock.transport.credential import Credential, Secret, basic, bearer
from weighlock.transport.message import Request
from weighlock.transport.registry.docker_config import CredentialStore, Login
from weighlock.transport.registry.endpoint import Endpoint
from weighlock.transport.registry.header import Challenge, parse_challenges
from weighlock.transport.url import Url, parse_url

MAX_TOKEN_ANSWER_BYTES: Final = 64 * 1024  # tokens that list many scopes have about 5 KB
MAX_TOKENS: Final = 64  # kept for one registry; a copy between repositories needs about 4
LEAST_LIFE_S: Final = 60  # token.md: what a token without expires_in lives, and the least that there is
LONGEST_LIFE_S: Final = 3600  # believed of a server; asking again costs little
LEEWAY_S: Final = 10  # a request begun with a token may be slow to arrive
CLIENT_ID: Final = "weighlock"
_TOKEN_TEXT: Final = re.compile(r"[\x21-\x7e]{1,32768}")  # becomes a header: no space, no line end
_SCOPE: Final = re.compile(r"repository:([^\s:]+(?::[0-9]+/[^\s:]+)?):([a-z*,]+)", re.ASCII)
_ACTIONS: Final = frozenset({"pull", "push", "delete", "*"})


class Scope(NamedTuple):
    """One action on one repository."""

    repository: str
    action: str


Scopes: TypeAlias = frozenset[Scope]


class _Held(NamedTuple):
    scopes: Scopes
    credential: Credential
    expires_at: float  # on the injected clock, in seconds


def scopes_for(repository: str, *actions: str) -> Scopes:
    """Return the scopes of ``actions`` on a repository."""
    return frozenset(Scope(repository, action) for action in actions)


def write_scopes(scopes: Iterable[Scope]) -> list[str]:
    """Return scopes as token services read them: one text a repository (scope.md)."""
    by_repository: dict[str, list[str]] = {}
    for scope in sorted(scopes):
        by_repository.setdefault(scope.repository, []).append(scope.action)
    return [f"repository:{name}:{','.join(actions)}" for name, actions in by_repository.items()]


class Authorizer:
    """The credentials of one registry, asked for when it wants them. For any thread."""

    def __init__(
        self,
        client: Client,
        endpoint: Endpoint,
        credentials: CredentialStore,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._credentials = credentials
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._held: list[_Held] = []
        self._basic: Credential | None = None
        self._challenge: Challenge | None = None  # the last one that wanted a token
        self._has_login = False  # whether one was found when it was looked for

    def ready(self, scopes: Scopes) -> Credential | None:
        """Return what the registry should accept for ``scopes``; None while it has not said what it wants to see.

        A token that is about to expire is replaced before a request is made in vain. Raises as ``answer``.
        """
        with self._lock:
            known = self._known(scopes)
            if known is not None or self._challenge is None:
                return known
            return self._take(self._challenge, scopes).credential

    def answer(self, header: str, scopes: Scopes, *, refused: Credential | None) -> Credential:
        """Return a credential for a challenge, ``refused`` being the one that did not do.

        Raises DeniedError ``challenge_invalid``, ``realm_refused``, ``token_invalid``; UndecidedError
        ``access_refused``, and what the client and the credential store raise.
        """
        with self._lock:  # other threads need the same token: they wait for it
            known = self._known(scopes)
            if known is not None and known != refused:
                return known
            self._forget(refused)
            challenge = self._choose(parse_challenges(header))
            if challenge.scheme == "basic":
                return self._use_basic(scopes, refused)
            self._challenge = challenge
            taken = self._take(challenge, scopes | self._asked_for(challenge, scopes)).credential
            if taken == refused:
                raise self.refused()
            return taken

    def refused(self) -> WeighlockError:
        """Return the error for a registry that does not let us in."""
        name = self._endpoint.registry
        return UndecidedError(
            "access_refused",
            f"the registry {shown(name)} does not accept the login that is stored for it, or not for this"
            if self._has_login
            else f"the registry {shown(name)} does not allow that to strangers, and no login is stored for it",
            hint=f"log in with `docker login {shown(name)}`, or podman or skopeo, as somebody who may",
            details={"host": self._endpoint.origin.host},
        )

    def _known(self, scopes: Scopes) -> Credential | None:
        now = self._monotonic()
        self._held = [held for held in self._held if held.expires_at > now]
        fitting = [held for held in self._held if scopes <= held.scopes]
        return fitting[-1].credential if fitting else self._basic

    def _take(self, challenge: Challenge, scopes: Scopes) -> _Held:
        held = self._fetch(challenge, scopes)
        self._held = [*self._held[-MAX_TOKENS + 1 :], held]
        return held

    def _forget(self, refused: Credential | None) -> None:
        self._held = [held for held in self._held if held.credential != refused]
        if self._basic == refused:
            self._basic = None

    def _choose(self, challenges: list[Challenge]) -> Challenge:
        for scheme in ("bearer", "basic"):
            for challenge in challenges:
                if challenge.scheme == scheme:
                    return challenge
        names = ", ".join(sorted({challenge.scheme for challenge in challenges})) or "nothing"
        raise UndecidedError(
            "access_refused",
            f"the registry {shown(self._endpoint.registry)} asks for {shown(names)}; "
            "only Bearer and Basic are supported",
        )

    def _use_basic(self, scopes: Scopes, refused: Credential | None) -> Credential:
        login = self._login(scopes)
        if login is None or login.identity_token is not None:
            raise self.refused()
        made = basic(self._endpoint.origin, login.user, login.password)
        if made == refused:
            raise self.refused()
        self._basic = made
        return made

    def _login(self, scopes: Scopes) -> Login | None:
        repository = min(scopes).repository if scopes else ""
        found = self._credentials.find(self._endpoint.registry, repository)
        self._has_login = found is not None
        return found

    def _asked_for(self, challenge: Challenge, scopes: Scopes) -> Scopes:
        """Return what the registry wants beyond what we know, as far as it is about the same repositories."""
        ours = {scope.repository for scope in scopes}
        found = (_SCOPE.fullmatch(text) for text in challenge.parameters.get("scope", "").split())
        return frozenset(
            Scope(match[1], action)
            for match in found
            if match is not None and match[1] in ours
            for action in match[2].split(",")
            if action in _ACTIONS
        )

    def _fetch(self, challenge: Challenge, scopes: Scopes) -> _Held:
        realm = self._check_realm(challenge.parameters.get("realm", ""))
        fields = [("scope", text) for text in write_scopes(scopes)]
        if "service" in challenge.parameters:
            fields.append(("service", challenge.parameters["service"]))
        began = self._monotonic()
        try:
            document = self._client.document(
                self._token_request(realm, fields, self._login(scopes)), limit_bytes=MAX_TOKEN_ANSWER_BYTES
            )
        except WeighlockError as error:
            if error.code == "access_refused":
                raise self.refused() from error
            if (
                error.code == "remote_missing"
            ):  # else it would look as if the registry lacked what was asked for
                raise _invalid_token("there is none at the address that the registry gives") from error
            raise
        token, life_s = read_token(document.raw)
        credential = bearer(self._endpoint.origin, token)
        return _Held(scopes, credential, began + life_s - LEEWAY_S)

    def _check_realm(self, text: str) -> Url:
        own = self._endpoint.origin
        try:
            realm = parse_url(text)
        except DeniedError as error:
            raise _realm_refused(own.host, "an address that is none") from error
        if realm.origin == own:
            return realm
        if self._endpoint.realms.find(realm.origin.host, realm.origin.port) is None:
            raise _realm_refused(own.host, shown(realm.origin.authority))
        if own.scheme == "https" and realm.origin.scheme != "https":
            raise _realm_refused(own.host, f"{shown(realm.origin.authority)} without TLS")
        return realm

    def _token_request(self, realm: Url, fields: list[tuple[str, str]], login: Login | None) -> Request:
        is_own = realm.origin == self._endpoint.origin
        hosts = self._endpoint.hosts if is_own else self._endpoint.realms
        # another host's netrc entry must not buy a token that this registry then gets to see
        nobody = None if is_own else Credential(realm.origin, {})
        if login is not None and login.identity_token is not None:
            granted = [
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT_ID),
                ("refresh_token", login.identity_token.reveal()),
            ]
            scope = " ".join(text for name, text in fields if name == "scope")
            rest = [*((name, text) for name, text in fields if name != "scope"), ("scope", scope)]
            return Request(
                "POST",
                str(realm),
                hosts,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                credential=nobody,
                body=urlencode([*granted, *rest]).encode(),
                retry=True,  # asking twice gives two tokens
            )
        credential = nobody if login is None else basic(realm.origin, login.user, login.password)
        joint = "&" if realm.query else "?"
        return Request("GET", f"{realm}{joint}{urlencode(fields)}", hosts, credential=credential)


def read_token(raw: bytes) -> tuple[Secret, float]:
    """Return the token of a token service's answer and its life in seconds.

    Raises DeniedError ``token_invalid``; nothing of the answer is shown.
    """
    try:
        document: Mapping[str, object] = read_object(raw, what="the answer", limit=MAX_TOKEN_ANSWER_BYTES)
    except DeniedError:
        raise _invalid_token("it is not JSON") from None  # the cause might show a part of a token
    token = document.get("token") or document.get("access_token")
    if not isinstance(token, str) or not _TOKEN_TEXT.fullmatch(token):
        raise _invalid_token("it holds no token, or one that cannot stand in a header")
    life_s = document.get("expires_in", LEAST_LIFE_S)
    if isinstance(life_s, bool) or not isinstance(life_s, int | float):
        raise _invalid_token("it does not say how long the token lives")
    return Secret(token), min(max(float(life_s), LEAST_LIFE_S), LONGEST_LIFE_S)


def _invalid_token(why: str) -> DeniedError:
    return DeniedError(
        "token_invalid",
        f"the token service's answer is refused: {why}",
        hint="something between you and it changes its answers, or it is no token service",
    )


def _realm_refused(host: str, where: str) -> DeniedError:
    return DeniedError(
        "realm_refused",
        f"the registry {shown(host)} wants a token from {where}, which is neither itself nor allowed for it;"
        " no credential was sent",
        hint="if that host belongs to the registry, add it to `network.hosts`",
        details={"host": host},
    )
