"""Kill writers at random moments and check the store after each: run as a program, so that forking is safe.

``crashing.py FOLDER SEED KILLS`` prints how many writers died and how much they had acknowledged;
it exits 1 with the reason as soon as the store is damaged or something acknowledged is gone.
"""

import contextlib
import datetime as dt
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LayoutStore

TYPE = "application/vnd.example.note"
KILLS_PER_STORE = 25
MAX_LINES = 4000  # of store code; an ingest with evidence takes about 1,500
MAX_SECONDS = 0.04
SHARED = tuple(random.Random(number).randbytes(150_000) for number in range(4))  # what all writers fetch
PIECE_BYTES = 10_000


class Writer:
    """A process that works on a store and notes what it was told is done."""

    def __init__(self, root: Path, notes: int, draw: random.Random) -> None:
        self.store = LayoutStore.open(root)
        self.notes = notes
        self.draw = draw
        self.models: list[Descriptor] = []
        self.number = 0

    def note(self, *words: object) -> None:
        os.write(self.notes, (" ".join(map(str, words)) + "\n").encode())

    def work(self) -> None:
        steps = [
            self.ingest,
            self.ingest,
            self.attach,
            self.attach,
            self.tag,
            self.delete,
            self.collect,
            self.abandon,
            self.fetch,
            self.fetch,
        ]
        self.ingest()
        while True:
            self.draw.choice(steps)()

    def content(self) -> Iterator[bytes]:
        for _ in range(self.draw.randrange(1, 5)):
            yield self.draw.randbytes(self.draw.choice((10, 5_000, 100_000)))

    def name(self) -> str:
        self.number += 1
        return f"p{os.getpid()}-{self.number}"

    def ingest(self) -> None:
        blobs = [self.store.write_blob(self.content()) for _ in range(self.draw.randrange(1, 4))]
        artifact, config = Artifact.build(
            [ArtifactFile(f"{number}.bin", *blob) for number, blob in enumerate(blobs)]
        )
        self.store.write_blob([config])
        name = self.name()
        model = self.store.put_manifest(artifact.manifest, name=name)
        self.note("model", model.digest, name)
        self.models.append(model)

    def attach(self) -> None:
        model = self.draw.choice(self.models)
        evidence = self.store.attach(model, TYPE, self.draw.randbytes(100), TYPE)
        self.note("evidence", model.digest, evidence.digest)

    def tag(self) -> None:
        model, name = self.draw.choice(self.models), self.name()
        self.store.tag(model.digest, name)
        self.note("model", model.digest, name)

    def delete(self) -> None:
        if len(self.models) > 1:
            model = self.models.pop()
            self.note("deleting", model.digest)
            self.store.delete(model.digest)
            self.note("deleted", model.digest)

    def collect(self) -> None:
        collect_garbage(self.store)

    def fetch(self) -> None:
        data = self.draw.choice(SHARED)

        def chunks_from(start: int) -> Iterator[bytes]:
            for place in range(start, len(data), PIECE_BYTES):
                if self.draw.random() < 0.02:
                    raise ConnectionResetError
                yield data[place : place + PIECE_BYTES]

        blob = None
        with contextlib.suppress(ConnectionResetError):
            blob = self.store.resume_blob(
                Digest.of(data), len(data), chunks_from, wait=self.draw.random() < 0.5
            )
        if blob is not None:
            own = self.store.write_blob([self.draw.randbytes(100)])
            artifact, config = Artifact.build(
                [ArtifactFile("shared.bin", *blob), ArtifactFile("own.bin", *own)]
            )
            self.store.write_blob([config])
            name = self.name()
            model = self.store.put_manifest(artifact.manifest, name=name)
            self.note("model", model.digest, name)
            self.models.append(model)

    def abandon(self) -> None:
        self.store.write_blob([self.draw.randbytes(1000)])


def die_after(lines: int) -> None:
    """Have this process kill itself after that many lines of the store's code."""
    rest = lines

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal rest
        if "/weighlock/store/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            rest -= 1
            if rest <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def start(root: Path, notes: int, draw: random.Random, lines: int | None) -> int:
    with warnings.catch_warnings():
        # the check's threads are joined; Python 3.12 asks the kernel, which may still count one
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    try:
        if lines is not None:
            die_after(lines)
        Writer(root, notes, draw).work()
    finally:
        os._exit(1)  # reached only by an error, which stderr shows


def check_partials(root: Path) -> int:
    """Return the bytes that broken fetches left, each the beginning of what it should become."""
    contents = {f"{Digest.of(data).hex}.partial": data for data in SHARED}
    partials = [file for file in (root / "ingest").iterdir() if file.name in contents]
    for file in partials:
        if not contents[file.name].startswith(file.read_bytes()):
            sys.exit(f"not a beginning: {file}")
    return sum(file.stat().st_size for file in partials)


def in_two_days() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=2)


def check(root: Path, noted: str) -> None:
    report = check_store(root, threads=1)
    if report.damage:
        sys.exit(f"damaged: {report.damage}")
    lines = [line.split() for line in noted.splitlines()]
    deleting = {words[1] for words in lines if words[0] == "deleting"}
    with LayoutStore.open(root) as store:
        for kind, digest, *rest in lines:
            if kind == "deleted":
                with contextlib.suppress(UsageError):
                    sys.exit(f"still there: {store.resolve(digest)}")
            elif digest not in deleting and kind == "model":
                assert str(store.resolve(rest[0]).digest) == digest
            elif digest not in deleting and kind == "evidence":
                assert rest[0] in {str(each.digest) for each in store.referrers(Digest.parse(digest))}


def read_notes(file: Path) -> str:
    whole, _, _ = file.read_text().rpartition("\n")
    return whole


def main(folder: Path, seed: int, kills: int) -> None:
    draw = random.Random(seed)
    acknowledged = left = 0
    root = file = folder
    for number in range(kills):
        if number % KILLS_PER_STORE == 0:
            root, file = folder / f"store{number}", folder / f"notes{number}"
            LayoutStore.create(root).close()
        notes = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        by_line = number % 2 == 0
        children = [
            start(
                root, notes, random.Random(draw.random()), draw.randrange(1, MAX_LINES) if by_line else None
            )
            for _ in range(draw.choice((1, 1, 2)))
        ]
        os.close(notes)
        if not by_line:
            time.sleep(draw.random() * MAX_SECONDS)
        for child in children:
            if not by_line:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                sys.exit("a writer ended by itself")
        check(root, read_notes(file))
        left += check_partials(root)
        if number % KILLS_PER_STORE == KILLS_PER_STORE - 1:
            acknowledged += read_notes(file).count("\n") + 1
            with LayoutStore.open(root, in_two_days) as store:
                collect_garbage(store)
            if (report := check_store(root)).findings:
                sys.exit(f"gc left {report.findings}")
    sys.stdout.write(f"{kills} kills, {acknowledged} acknowledged, {left} resumable\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
