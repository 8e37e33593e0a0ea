"""Leave out the beginning of a stream that can only be read from its beginning."""

from collections.abc import Iterator


def skip(chunks: Iterator[memoryview], start: int) -> Iterator[memoryview]:
    """Yield what follows the first ``start`` bytes of ``chunks``."""
    for chunk in chunks:
        if start < len(chunk):
            yield chunk[start:]
        start = max(0, start - len(chunk))
