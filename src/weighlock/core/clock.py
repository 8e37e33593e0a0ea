"""The injected clock. No code but ``system_clock`` asks the machine for the time of day."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Final, TypeAlias

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

Clock: TypeAlias = Callable[[], dt.datetime]

MAX_CLOCK_SKEW: Final = dt.timedelta(minutes=5)  # honest machines' clocks differ by less

_RFC3339_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def system_clock() -> dt.datetime:
    """Return the machine's time, in UTC."""
    return dt.datetime.now(dt.UTC)


def write_time(moment: dt.datetime) -> str:
    """Return ``moment`` as RFC 3339 in UTC with whole seconds, the only form that we write."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone means nothing")
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: object, *, what: str) -> dt.datetime:
    """Return the moment that ``text`` writes; raises DeniedError ``time_invalid``."""
    if isinstance(text, str) and _RFC3339_UTC.fullmatch(text):
        try:
            return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
        except ValueError:
            pass  # the 30th of February: said below, as for any other text
    raise DeniedError("time_invalid", f"{what} is {shown(repr(text))}, not a time like 2026-01-31T12:00:00Z")
