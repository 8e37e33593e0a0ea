"""The HTTP client: asks only who may be asked, and believes nothing about sizes, hosts or ends.

    with Client(Network(environ=os.environ)) as client:
        request = Request("GET", "https://models.example/config.json", Hosts.of(["models.example"]))
        document = client.document(request, limit_bytes=1 << 20)
        with client.open(request) as response:
            while count := response.readinto(buffer):
                ...

The steps of a request: (1) the address is read strictly, and a rule must cover its host; (2) a
connection goes to an address that the rule allows; (3) the answer's head must be readable in one
way only; (4) a redirect goes back to (1), without credentials if the origin changes; (5) a status
that was not asked for is an error; (6) what may pass by itself is tried again.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Final, Self, TypeVar

from weighlock.core.error import WeighlockError
from weighlock.core.progress import Notify, tell_nobody
from weighlock.transport.body import Body
from weighlock.transport.credential import Credential
from weighlock.transport.exchange import Exchange
from weighlock.transport.failure import PassingError, encoding_refused, status_error
from weighlock.transport.message import Document, Request, Response
from weighlock.transport.network import Network
from weighlock.transport.redirect import STATUSES, Hop, first_hop, next_hop
from weighlock.transport.timing import MAX_RETRY_AFTER_S, Timing

__all__ = ["Body", "Client", "Document", "Network", "Request", "Response", "Timing"]

MAX_DISCARDED_BYTES: Final = (
    64 * 1024
)  # reading so much of a redirect's page is cheaper than a new connection
MAX_WAIT_DIGITS: Final = 9  # 30 years; a longer number is one that nobody waits for either
Result = TypeVar("Result")


class Client:
    """Asks over HTTP; for any thread; a context manager. ``notify`` is told of every wait, from any thread."""

    def __init__(
        self, network: Network, *, timing: Timing | None = None, notify: Notify = tell_nobody
    ) -> None:
        self._network = network
        self._timing = timing or Timing()
        self._notify = notify
        self._exchange = Exchange(network, self._timing)

    def open(self, request: Request) -> Response:
        """Return the answer, its body unread; the caller closes it.

        Raises DeniedError ``url_invalid``, ``host_not_allowed``, ``plain_http``, ``address_refused``,
        ``redirect_refused``, ``encoding_refused``, ``response_too_large``, ``response_invalid``,
        ``header_invalid``; UsageError ``remote_missing``, ``proxy_unsupported``, ``ca_invalid``,
        ``netrc_invalid``; UndecidedError ``host_unreachable``, ``tls_failed``, ``timed_out``,
        ``access_refused``, ``request_refused``, ``rate_limited``, ``server_failed``.
        """
        return self._try(request, lambda response: response)

    def document(self, request: Request, *, limit_bytes: int) -> Document:
        """Return the answer as a whole; raises as ``open``, and UndecidedError ``body_truncated``."""

        def read(response: Response) -> Document:
            with response:
                raw = response.read(limit_bytes)
            return Document(raw, response.headers, response.url, response.status)

        return self._try(request, read)

    def close(self) -> None:
        """Close the connections that wait for another request."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, request: Request, use: Callable[[Response], Result]) -> Result:
        failures = 0
        while True:
            try:
                return use(self._follow(request))
            except PassingError as problem:
                failures += 1
                wait_s = problem.retry_after_s or 0
                if not request.may_repeat or failures >= self._timing.attempts or wait_s > MAX_RETRY_AFTER_S:
                    raise
                wait_s = max(wait_s, self._timing.delay(failures))
                self._notify(str(problem.details.get("host", "")), wait_s, _reason(problem))
            self._timing.sleep(wait_s)

    def _follow(self, request: Request) -> Response:
        hop = first_hop(request, self._network)
        hop = replace(hop, credential=self._credential(request, hop))
        while True:
            response = self._exchange.ask(hop, may_repeat=request.may_repeat, answer_s=request.answer_s)
            _watch(request, response)
            if response.status in request.accept:
                return _plain(response, hop)
            _discard(response)
            if response.status not in STATUSES:
                raise self._error(response, hop)
            location = response.headers.get("location")
            hop = next_hop(hop, response.status, location, request.hosts | request.redirects, self._network)

    def _credential(self, request: Request, hop: Hop) -> Credential | None:
        if request.credential is not None or any(name.lower() == "authorization" for name in request.headers):
            return request.credential
        return self._network.credential_for(hop.url.origin)

    def _error(self, response: Response, hop: Hop) -> WeighlockError:
        problem = status_error(response.status, hop.url, hop.method, response.headers)
        if isinstance(problem, PassingError):
            problem.retry_after_s = read_retry_after(response.headers, self._timing.now())
        return problem


def read_retry_after(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds that a server asks to wait, or None if it says nothing clear.

    RFC 9110, section 10.2.3; without that, the longest of what is used up by draft-ietf-httpapi-ratelimit-headers.
    """
    text = headers.get("retry-after", "")
    if not text:
        return _read_used_up(headers.get("ratelimit", ""))
    if text.isascii() and text.isdecimal():
        return float(text[:MAX_WAIT_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000", which means UTC
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())


def _read_used_up(text: str) -> float | None:
    """Return the longest wait of the quotas that are used up, as in ``"api";r=0;t=55, "pages";r=3;t=9``."""
    waits = []
    for quota in text.split(","):
        fields = dict(field.strip().partition("=")[::2] for field in quota.split(";"))
        seconds = fields.get("t", "")
        if fields.get("r") == "0" and seconds.isascii() and seconds.isdecimal():
            waits.append(float(seconds[:MAX_WAIT_DIGITS]))
    return max(waits, default=None)


def _reason(problem: PassingError) -> str:
    """Return why a host is asked again, without anything that it said itself."""
    status = problem.details.get("status")
    if status is None:
        return f"gave no whole answer ({problem.code})"
    return f"asks for it ({status})" if problem.retry_after_s else f"answered {status}"


def _watch(request: Request, response: Response) -> None:
    if request.watch is None:
        return
    try:
        request.watch(response.status, response.headers)
    except BaseException:
        response.close()
        raise


def _plain(response: Response, hop: Hop) -> Response:
    """Return the response unless something on the way encoded its body."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        response.close()
        raise encoding_refused(hop.url.origin.host, encoding)
    return response


def _discard(response: Response) -> None:
    """Read a small page that nobody wants, so that the connection can be used again; else close it."""
    with response:
        if response.length is not None and response.length <= MAX_DISCARDED_BYTES:
            with contextlib.suppress(WeighlockError):  # the status alone decides
                response.read(MAX_DISCARDED_BYTES)
