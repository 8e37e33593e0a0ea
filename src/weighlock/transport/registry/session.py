"""Requests to one registry, with what it wants to see of us."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from weighlock.core.error import InternalError, UndecidedError
from weighlock.core.text import shown
from weighlock.transport.body import Body
from weighlock.transport.client import Client
from weighlock.transport.credential import Credential
from weighlock.transport.failure import PassingError
from weighlock.transport.host import Hosts
from weighlock.transport.message import IDEMPOTENT, Document, Request, Response
from weighlock.transport.registry.auth import Authorizer, Scopes
from weighlock.transport.registry.endpoint import Endpoint
from weighlock.transport.registry.header import parse_challenges, read_error_codes
from weighlock.transport.url import Origin, Url, parse_url

MAX_CHALLENGES: Final = 3  # no token; one that expired; one that allowed too little
MAX_EXPLANATION_BYTES: Final = 64 * 1024  # a registry's errors have about 200 bytes
MAX_BROKEN: Final = 4  # attempts to get one small answer whole, as many as to get an answer at all
_REFUSED: Final = frozenset({401, 403})
_EXPLAINED: Final = frozenset({400, 405, 409, 413, 415, 416, 422})  # the registry says why in its answer


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the registry: as ``message.Request``, with the scopes that it needs."""

    method: str
    url: Url
    scopes: Scopes
    accept: frozenset[int] = frozenset({200})
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = None
    retry: bool | None = None
    redirects: bool = False  # the answer may come from a host that holds the registry's blobs
    answer_s: float | None = None


class Session:
    """One registry being asked. For any thread."""

    def __init__(self, client: Client, endpoint: Endpoint, authorizer: Authorizer) -> None:
        self._client = client
        self.endpoint = endpoint
        self._authorizer = authorizer
        self._anonymous: set[Scopes] = set()  # for which the registry has answered nobody in particular

    def open(self, ask: Ask) -> Response:
        """Return the answer, to be closed; credentials are found and shown where the registry wants them.

        Raises what ``Client.open`` and ``Authorizer.answer`` raise.
        """
        credential = None if ask.scopes in self._anonymous else self._authorizer.ready(ask.scopes)
        for _ in range(MAX_CHALLENGES):
            response = self._client.open(self._request(ask, credential, ask.accept | _REFUSED | _EXPLAINED))
            if response.status not in _REFUSED:
                if credential is None:
                    self._anonymous.add(ask.scopes)
                return self._explained(ask, response)
            with response:
                header = self._challenge(response)
            if header is None:
                break
            self._anonymous.discard(ask.scopes)
            credential = self._authorizer.answer(header, ask.scopes, refused=credential)
        raise self._authorizer.refused()

    def document(self, ask: Ask, *, limit_bytes: int) -> Document:
        """Return a small answer as a whole; one that breaks off is asked for again.

        Raises as ``open``; DeniedError ``response_too_large``, UndecidedError ``body_truncated``.
        """
        for attempt in range(MAX_BROKEN):
            try:
                with self.open(ask) as response:
                    return Document(
                        response.read(limit_bytes), response.headers, response.url, response.status
                    )
            except PassingError as problem:
                last = attempt == MAX_BROKEN - 1
                if last or problem.code != "body_truncated" or ask.method not in IDEMPOTENT:
                    raise
        raise InternalError("unexpected", "no attempt was made")

    def plain_request(self, ask: Ask) -> Request:
        """Return a request for others to make: its credential is looked up, and renewed, each time it is made."""
        return self._request(ask, _Live(self.endpoint.origin, {}, self, ask), ask.accept)

    def credential(self, ask: Ask) -> Credential | None:
        """Return what to show for ``ask``, after asking the registry once if nothing is known."""
        if ask.scopes in self._anonymous:
            return None
        known = self._authorizer.ready(ask.scopes)
        if known is None:
            head = replace(ask, method="HEAD")
            with self.open(head):
                return None if ask.scopes in self._anonymous else self._authorizer.ready(ask.scopes)
        return known

    def _request(self, ask: Ask, credential: Credential | None, accept: frozenset[int]) -> Request:
        hosts, redirects = self.endpoint.hosts, self.endpoint.redirects if ask.redirects else Hosts()
        if ask.url.origin != self.endpoint.origin:
            hosts, credential = self.endpoint.redirects, None
        return Request(
            ask.method,
            str(ask.url),
            hosts,
            headers=ask.headers,
            # with None the client would look into netrc, and who asks would depend on the way that it is asked
            credential=credential or Credential(ask.url.origin, {}),
            body=ask.body,
            accept=accept,
            redirects=redirects,
            retry=ask.retry,
            answer_s=ask.answer_s,
        )

    def _explained(self, ask: Ask, response: Response) -> Response:
        """Return the answer if it is one; raises UndecidedError ``request_refused`` with the registry's codes."""
        if response.status in ask.accept:
            return response
        with response:
            codes = read_error_codes(response.read(MAX_EXPLANATION_BYTES))
        said = f" ({', '.join(codes)})" if codes else ""
        raise UndecidedError(
            "request_refused",
            f"the registry {shown(self.endpoint.registry)} answered {response.status}{said}"
            f" to {ask.method} {shown(ask.url.path)}",
            details={"status": response.status, "host": ask.url.origin.host, "codes": codes},
        )

    def _challenge(self, response: Response) -> str | None:
        """Return the challenge to answer; a refusal by another host is final, and so is one with full rights."""
        header = response.headers.get("www-authenticate")
        if header is None or parse_url(response.url).origin != self.endpoint.origin:
            return None
        if response.status == 401 or any(
            challenge.parameters.get("error") == "insufficient_scope"
            for challenge in parse_challenges(header)
        ):
            return header
        return None


@dataclass(frozen=True, slots=True)
class _Live(Credential):
    """A credential for requests that are made later, and again: always the one that is good then."""

    session: Session = field(repr=False, compare=False)
    ask: Ask = field(repr=False, compare=False)

    def headers_for(self, origin: Origin) -> dict[str, str]:
        """Return the headers to send to ``origin``: none unless it is the registry's."""
        if origin != self.origin:
            return {}
        found = self.session.credential(self.ask)
        return {} if found is None else found.headers_for(origin)
