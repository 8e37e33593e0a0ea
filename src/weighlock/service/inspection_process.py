"""Ask and kill the process that parses untrusted files (``inspection_worker``).

One process serves a whole run, because starting one costs more than most files. Each file
has a deadline; a process that misses it or dies is replaced, and its file was not examined,
unless the process had told of a finding before: that stands.
"""

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from weighlock.core.finding import Examined, Finding
from weighlock.core.text import shown
from weighlock.inspection.message import examined_from, finding_from
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile
from weighlock.inspection.span import Span
from weighlock.service.inspection_channel import DATA_LENGTH_BYTES, frame, receive
from weighlock.service.inspection_start import MAX_MEMORY_BYTES, Started, take_worker

DEADLINE_S: Final = 60.0  # for one file; 10 million pickle operations take about 20 where nothing is compiled
GRACE_S: Final = 2.0  # for a worker that broke off to say why; then it is killed
MAX_FOUND: Final = 1000  # told of one file before its end; a worker that tells more is not one of ours
_MAX_ERROR_CHARACTERS: Final = 200  # of the last line of a traceback, for people
_MAX_LAST_BYTES: Final = 65_536  # what a pipe holds
_SIGKILL: Final = 9  # the module signal makes classes of them all, 1 ms
_TICK_S: Final = 0.01  # between two looks whether a worker that closed its channel has ended

Fetch = Callable[[Span], bytes]


class Asked(NamedTuple):
    """A file to be examined: its name, its size in bytes, and its descriptor; or who answers for its bytes."""

    path: str
    size: int
    descriptor: int = -1
    fetch: Fetch | None = None


@dataclass(slots=True)
class _Told:
    """What the worker has told of one file so far, in case that it tells no more."""

    format: str = "unknown"
    findings: dict[Finding, None] = field(default_factory=dict)
    read_bytes: int = 0


class InspectionProcess:
    """A worker that is started when the first file comes. Use as a context manager: it is killed at the end.

    ``confinement`` is what holds for the worker (``inspection_confinement.confine``), ``engine`` whether its hot loops
    are compiled or interpreted; both are known after the first file.
    """

    def __init__(
        self,
        *,
        options: Options | None = None,
        deadline_s: float = DEADLINE_S,
        memory_bytes: int = MAX_MEMORY_BYTES,
    ) -> None:
        chosen = options or Options()
        self._options = {
            "allow": [[*name, reason] for name, reason in chosen.allow.items()],
            "keepTemplates": chosen.keep_templates,
            "base": chosen.base,
        }
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._worker: Started | None = None
        self._interrupted = False
        self._introduced = (
            False  # whether the worker has said what holds for it: before the first untrusted byte
        )
        self.confinement: tuple[str, ...] = ()
        self.engine: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._worker.pid if self._worker else None

    def interrupt(self) -> None:
        """Kill the worker from another thread; there will be no other."""
        self._interrupted = True
        worker = self._worker
        if worker is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, _SIGKILL)

    def examine(self, path: str, size: int, descriptor: int) -> InspectedFile:
        """Return what the open file holds; never raises for what happens to the worker."""
        return next(self.examine_all([Asked(path, size, descriptor)]))

    def examine_spans(self, path: str, size: int, fetch: Fetch) -> InspectedFile:
        """Return what a file holds that lies elsewhere: ``fetch`` gets the ranges that its parser asks for.

        ``fetch`` may take as long as it likes; what it raises ends the worker and is raised here.
        """
        return next(self.examine_all([Asked(path, size, fetch=fetch)]))

    def examine_all(
        self, batch: Sequence[Asked], *, meanwhile: Callable[[], None] = lambda: None
    ) -> Iterator[InspectedFile]:
        """Yield what each file holds, in order; ``meanwhile`` is called once while the worker is at it.

        A batch is of at most ``MAX_BATCH`` open files, or of one file that lies elsewhere. Never raises for what
        happens to the worker; what ``meanwhile`` raises ends it.
        """
        left = deque(batch)
        while left and not self._interrupted:
            sent = self._send(left)
            try:
                meanwhile()
            except BaseException:
                self._end()
                raise
            meanwhile = _nothing
            while left:
                asked = left.popleft()
                yield self._await(asked) if sent else self._broken_off(asked, _Told())
                if self._worker is None:
                    break  # the rest is for the next worker

    def _send(self, batch: Sequence[Asked]) -> bool:
        try:
            if self._worker is None:
                self._worker = take_worker(self._memory_bytes)
                self._introduced = False
            message = frame({"files": [(each.path, each.size) for each in batch], **self._options})
            descriptors = [each.descriptor for each in batch if each.fetch is None]
            channel = self._worker.channel
            channel.settimeout(self._deadline_s)
            sent = socket.send_fds(channel, [message], descriptors) if descriptors else 0
            channel.sendall(message[sent:])
        except OSError:
            return False
        return True

    def _await(self, asked: Asked) -> InspectedFile:
        told = _Told()
        try:
            return self._listen(asked, told)
        except _FetchError as error:
            self._end()
            raise error.cause from None
        except TimeoutError:
            self._end()
            return _part(asked, told, f"its examination took longer than {self._deadline_s:g} s")
        except (OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # whatever came back is not a result; why the worker died is said, and the next file gets a new one
            return self._broken_off(asked, told)

    def _listen(self, asked: Asked, told: _Told) -> InspectedFile:
        worker = self._worker
        if worker is None:
            raise EOFError
        until = time.monotonic() + self._deadline_s

        def wait() -> None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            worker.channel.settimeout(left)

        while True:
            message = receive(worker.channel, wait)
            if "done" in message:
                examined = examined_from(message["done"])
                if examined.path != asked.path:
                    raise ValueError("the answer is about another file")
                return InspectedFile(examined, asked.size, int(message["bytesRead"]))
            if "span" in message and asked.fetch is not None:
                until += self._answer(worker.channel, asked.fetch, _span(message["span"], asked.size))
            elif not self._note(message, told):
                told.read_bytes = int(message["bytesRead"])
                self._end()  # what filled its memory may be there still
                return _part(asked, told, shown(str(message["broken"])))

    def _note(self, message: dict[str, Any], told: _Told) -> bool:
        """Keep what the worker tells on the way; returns False if that was its last word about the file."""
        if "confined" in message:
            if self._introduced:
                raise ValueError("the worker says again what holds for it")
            self._introduced = True
            self.confinement = tuple(str(word) for word in message["confined"])
            self.engine = str(message["engine"])
        elif "found" in message:
            if len(told.findings) == MAX_FOUND:
                raise ValueError("the worker finds too much")
            told.format = shown(str(message["format"]))
            told.findings[finding_from(message["found"])] = None
        else:
            return False
        return True

    def _answer(self, channel: socket.socket, fetch: Fetch, span: Span) -> float:
        """Send the bytes of a span; return how many seconds it took to get them."""
        began = time.monotonic()
        try:
            data = fetch(span)
        except (
            Exception
        ) as error:  # of any kind: it is raised again in ``_await``, apart from the worker's errors
            raise _FetchError(error) from error
        channel.settimeout(self._deadline_s)
        channel.sendall(len(data).to_bytes(DATA_LENGTH_BYTES, "little"))
        channel.sendall(data)
        return time.monotonic() - began

    def _broken_off(self, asked: Asked, told: _Told) -> InspectedFile:
        return _part(asked, told, f"its examination broke off: {self._end(grace_s=GRACE_S)}")

    def _end(self, *, grace_s: float = 0.0) -> str:
        """Kill the worker, if there is one and ``grace_s`` is over, and return how it ended, for people."""
        worker, self._worker = self._worker, None
        if worker is None:
            return "its worker could not be started"
        worker.channel.close()
        status = _status_within(worker.pid, grace_s)
        if status is None:
            os.kill(worker.pid, _SIGKILL)
            _, status = os.waitpid(worker.pid, 0)
        os.set_blocking(worker.errors, False)
        try:
            raw = os.read(worker.errors, _MAX_LAST_BYTES)
        except BlockingIOError:
            raw = b""
        finally:
            os.close(worker.errors)
        last = (raw.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        code = os.waitstatus_to_exitcode(status)
        return f"the worker ended with status {code}: {shown(last, limit=_MAX_ERROR_CHARACTERS)}"


class _FetchError(Exception):
    """The caller's ``fetch`` raised ``cause``."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _span(asked: Any, size: int) -> Span:
    """Return the span that a worker asks for; raises ValueError or TypeError unless it lies in the file."""
    span = Span(*map(int, asked))
    if not 0 <= span.offset <= span.offset + span.length <= size:
        raise ValueError("the worker asks for bytes that the file does not have")
    return span


def _nothing() -> None:
    """Do nothing."""


def _status_within(pid: int, seconds: float) -> int | None:
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= until:
            return None
        time.sleep(_TICK_S)


def _part(asked: Asked, told: _Told, reason: str) -> InspectedFile:
    """Return the result for a file whose examination ended before its time: what was found before stands."""
    findings = tuple(sorted(told.findings, key=lambda each: (-each.severity, each.location, each.rule)))
    examined = Examined(asked.path, told.format, findings, not_examined=reason, skipped=(reason,))
    return InspectedFile(examined, asked.size, told.read_bytes)


def not_examined(path: str, size: int, reason: str) -> InspectedFile:
    """Return the result for a file that could not be examined."""
    return _part(Asked(path, size), _Told(), reason)
