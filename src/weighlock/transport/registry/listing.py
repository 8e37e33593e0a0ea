"""Listings that come in pages: tags and referrers. No count, order or end is believed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.transport.message import Document
from weighlock.transport.registry.header import find_next, invalid_answer
from weighlock.transport.registry.session import Ask, Session
from weighlock.transport.url import join_url, parse_url

MAX_PAGES: Final = 1_000  # of 1,000 tags each: more than any repository that is kept in order
MAX_LISTING_BYTES: Final = 64 * 1024 * 1024  # of all pages; 100,000 tags have 13 MB, 10,000 referrers 5 MB
MAX_PAGE_BYTES: Final = (
    16 * 1024 * 1024
)  # 100,000 tags of 128 characters, where a registry ignores page sizes


def pages(session: Session, first: Ask) -> Iterator[Document]:
    """Yield the pages of a listing, following ``Link: …; rel="next"`` within the registry.

    Raises DeniedError ``listing_endless``, ``registry_answer_invalid``, and what ``Session.document`` raises.
    """
    ask, seen, size = first, set[str](), 0
    while True:
        seen.add(str(ask.url))
        document = session.document(ask, limit_bytes=MAX_PAGE_BYTES)
        size += len(document.raw)
        if size > MAX_LISTING_BYTES:
            raise endless(f"more than {MAX_LISTING_BYTES} bytes")
        yield document
        target = find_next(document.headers.get("link", ""))
        if target is None:
            return
        url = join_url(parse_url(document.url), target)
        if url.origin != session.endpoint.origin:
            raise invalid_answer("its listing goes on at another host")
        if str(url) in seen or len(seen) >= MAX_PAGES:
            raise endless(f"more than {MAX_PAGES} pages, or a page twice")
        # after the first page nothing may be missing any more
        ask = replace(first, url=url, accept=frozenset({200}))


def endless(what: str) -> DeniedError:
    """Return the error for a listing that has ``what``."""
    return DeniedError(
        "listing_endless",
        f"the registry's listing has {what}",
        hint="no honest registry does that; a repository for one purpose stays small",
    )
