"""What to tell a person when a hub says no (huggingface_hub, ``hf_raise_for_status``).

A hub answers 401 both for what does not exist and for what the asker may not see, so as
not to tell which; the header ``X-Error-Code`` says more where it is sent.
"""

from collections.abc import Mapping
from typing import Final

from weighlock.core.error import UndecidedError, UsageError, WeighlockError
from weighlock.core.text import shown

CODE_HEADER: Final = "x-error-code"
MESSAGE_HEADER: Final = "x-error-message"
REFUSED: Final = frozenset({401, 403, 404, 410})  # the statuses that this module explains
_BAD_TOKEN: Final = "invalid credentials in authorization header"  # noqa: S105  # the hub's own words


def explain(what: str, status: int, headers: Mapping[str, str], *, with_token: bool) -> WeighlockError:
    """Return the error for an answer that refuses ``what``, a repository or a file of it."""
    code, message = headers.get(CODE_HEADER, ""), headers.get(MESSAGE_HEADER, "")
    details = {"status": status, "hub_code": shown(code)} if code else {"status": status}
    if code == "GatedRepo":
        return _refused(
            f"{what} is gated: its owner lets in who accepts the terms", _gate(with_token=with_token), details
        )
    if code == "RevisionNotFound":
        hint = "look up its branches and tags on the hub; a commit is written with all 40 digits"
        return UsageError(
            "source_missing", f"{what} does not exist: no such revision", hint=hint, details=details
        )
    if code == "EntryNotFound":
        hint = "the list of files and what is served differ: try again later, or another mirror"
        return UsageError("remote_missing", f"{what} is not served", hint=hint, details=details)
    if status == 401 and with_token and message.lower() == _BAD_TOKEN:
        hint = "make a new token on the hub's page of access tokens, and set HF_TOKEN or hf.token_file"
        return _refused("the hub does not accept the token", hint, details)
    if status == 403:
        said = f", and says: {shown(message)}" if message else ""
        hint = "the token needs the right to read this repository" if with_token else _NO_TOKEN
        who = "this token" if with_token else "us, without a token,"
        return _refused(f"the hub does not let {who} see {what}{said}", hint, details)
    hint = "check the name; the token may lack the right to see it" if with_token else _NO_TOKEN
    return UsageError("source_missing", f"{what} does not exist, or is private", hint=hint, details=details)


_NO_TOKEN: Final = "check the name; for a private or gated model set HF_TOKEN, or hf.token_file, to a token with the right to read it"  # noqa: S105  # a hint


def _gate(*, with_token: bool) -> str:
    accept = "accept the terms on the model's page of the hub with your account"
    return accept if with_token else f"{accept}, then set HF_TOKEN or hf.token_file to a token of it"


def _refused(message: str, hint: str, details: Mapping[str, object]) -> UndecidedError:
    return UndecidedError("access_refused", message, hint=hint, details=details)
