"""The errors of this package, each made in one place so that all say the same."""

from collections.abc import Mapping

from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.hint import lines_for
from weighlock.core.text import shown
from weighlock.transport.host import leads_nowhere
from weighlock.transport.url import Origin, Url

_LATER = "try again later; what has arrived is kept"
_NO_BLIND_ALLOW = "find out why it is asked for before allowing it"


class PassingError(UndecidedError):
    """The outside world failed in a way that may pass; ``retry_after_s`` is what a server asked for."""

    retry_after_s: float | None = None


def host_not_allowed(origin: Origin) -> DeniedError:
    """Return the error for a host that no rule covers."""
    return DeniedError(
        "host_not_allowed",
        f"{shown(origin.authority)} may not be asked",
        hint=_how_to_allow(origin),
        details={"host": origin.host},
    )


def _how_to_allow(origin: Origin) -> str:
    if leads_nowhere(origin.host):
        return "nobody has a reason to send us there: the server that did is hostile or broken, so report it"
    names = ("hosts", "plain_http") if origin.scheme == "http" else ("hosts",)
    return f"{_NO_BLIND_ALLOW}; if it is right, {lines_for('network', *names, entry=origin.authority)}"


def plain_http(origin: Origin) -> DeniedError:
    """Return the error for a host that would be asked without TLS."""
    return DeniedError(
        "plain_http",
        f"{shown(origin.authority)} would be asked without TLS, so that anyone between could read and answer",
        hint=f"use https; only for a server in your own network, "
        f"{lines_for('network', 'plain_http', entry=origin.authority)}",
        details={"host": origin.host},
    )


def address_refused(host: str, address: str) -> DeniedError:
    """Return the error for a name that leads where it may not."""
    return DeniedError(
        "address_refused",
        f"{shown(host)} leads to the address {shown(address)}, which is not a public one or never allowed",
        hint="only a host that `network.hosts` or another setting names in full may lead to a private address,"
        f" and none to a link-local one; {_NO_BLIND_ALLOW}",
        details={"host": host, "address": address},
    )


def redirect_refused(origin: Origin, why: str, hint: str = "") -> DeniedError:
    """Return the error for a redirect out of policy; ``why`` continues "sent the request on"."""
    return DeniedError(
        "redirect_refused",
        f"{shown(origin.authority)} sent the request on {why}",
        hint=hint or "a server that does this is misconfigured or not what it seems",
        details={"host": origin.host},
    )


def host_unreachable(host: str, why: str, *, role: str = "", passing: bool = True) -> UndecidedError:
    """Return the error for a connection that did not come about, or broke before an answer; ``role``: "the proxy"."""
    kind = PassingError if passing else UndecidedError
    return kind(
        "host_unreachable",
        f"{role} {shown(host)} cannot be reached: {shown(why)}".lstrip(),
        hint="check the name, the network and the proxy (https_proxy, no_proxy)",
        details={"host": host},
    )


def timed_out(host: str, why: str) -> PassingError:
    """Return the error for a peer that is silent or slow."""
    return PassingError("timed_out", f"{shown(host)} {why}", hint=_LATER, details={"host": host})


def body_truncated(host: str, why: str) -> PassingError:
    """Return the error for a connection that ended inside an answer."""
    return PassingError(
        "body_truncated", f"the answer of {shown(host)} broke off: {why}", hint=_LATER, details={"host": host}
    )


def response_invalid(host: str, why: str) -> DeniedError:
    """Return the error for an answer that could be read in two ways, or in none."""
    return DeniedError(
        "response_invalid",
        f"the answer of {shown(host)} is not well-formed HTTP: {why}",
        hint="something between here and the server may be broken or hostile",
        details={"host": host},
    )


def response_too_large(host: str, what: str, limit_bytes: int) -> DeniedError:
    """Return the error for an answer of more bytes than its reader accepts."""
    return DeniedError(
        "response_too_large",
        f"{what} of {shown(host)} is larger than {limit_bytes} bytes",
        hint="no honest answer of this kind is that large",
        details={"host": host, "limit_bytes": limit_bytes},
    )


def encoding_refused(host: str, encoding: str) -> DeniedError:
    """Return the error for an answer that was compressed on the way."""
    return DeniedError(
        "encoding_refused",
        f"{shown(host)} sent its answer with the encoding {shown(repr(encoding))}, where none was asked for",
        hint="a proxy or server between changes answers; its bytes would not have the promised digest",
        details={"host": host},
    )


def status_error(status: int, url: Url, method: str, headers: Mapping[str, str]) -> WeighlockError:
    """Return the error for a status that the caller does not accept."""
    host = url.origin.host
    said = f"{shown(url.origin.authority)} answered {status} to {method} {shown(url.path)}"
    details: dict[str, object] = {"status": status, "host": host}
    if status in {401, 403, 407}:
        who = "the proxy" if status == 407 else "that host"
        return UndecidedError(
            "access_refused",
            said,
            hint=f"check the token or password for {who}, and whether it may read this",
            details=details,
        )
    if status in {404, 410}:
        return UsageError("remote_missing", said, hint="check the name and the revision", details=details)
    if status == 429:
        return PassingError("rate_limited", said, hint=_wait_hint(headers), details=details)
    if status in {502, 503, 504}:
        return PassingError("server_failed", said, hint=_LATER, details=details)
    if status >= 500:
        return UndecidedError("server_failed", said, hint=_LATER, details=details)
    return UndecidedError("request_refused", said, details=details)


def _wait_hint(headers: Mapping[str, str]) -> str:
    asked = "wait before trying again"
    if wait := headers.get("retry-after"):
        asked = f"the server asks to wait: {shown(wait)} (seconds or a date)"
    elif wait := headers.get("ratelimit"):
        asked = f"wait until the server gives more, in t seconds: {shown(wait)}"
    return f"{asked}; a token or fewer `pull.connections` may help"
