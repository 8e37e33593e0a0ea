"""Bytes that come in chunks from whoever makes them, which may hold a file or a connection open."""

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

_Chunks = TypeVar("_Chunks", bound=Iterable[bytes | memoryview])


@contextlib.contextmanager
def ended(chunks: _Chunks) -> Iterator[_Chunks]:
    """Give ``chunks``, and end the generator that makes them when the context ends, however it does.

    An error's traceback would keep it alive, and with it its file or connections.
    """
    try:
        yield chunks
    finally:
        if isinstance(chunks, Generator):
            chunks.close()
