"""What fuzzing calls for one input, and the seeds: a target is a format of the catalogue, or a family of texts.

An input is a byte that chooses the name, among those of the target's seeds, and then the file itself.
Used by ``fuzz/atheris_inspection.py`` and, without atheris, by ``fuzz/test_inspection_target.py``.
"""

import re
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from c_unpickler import Recorder
from corpus.case import SIDECAR
from weighlock.core.finding import Examined
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.report import MAX_FINDINGS
from weighlock.inspection.span import Span, drive, fetch_from

CORPUS: Final = Path(__file__).parent / "corpus"
MAX_SEED_BYTES: Final = 20_000  # larger ones make every run slow and reach nothing new
MAX_NAMES: Final = 256  # one byte chooses
MAX_CPU_S: Final = 5.0  # for an input of some kilobytes, instrumented; ordinary ones take milliseconds
MAX_SPANS: Final = 64  # and one for each byte: a format's smallest record takes more than that
MAX_READ_RATIO: Final = (
    256  # bytes read for each of the file: what follows archives in each other is read anew
)

# texts whose parsers differ more than their formats
_FAMILIES: Final = frozenset({"template", "ollama", "requirements"})
# cut at its end by a byte, a file of these is not clean: the end holds data, or says how much there is
_ENDED: Final = frozenset(
    {
        "7z", "bzip2", "coreml", "executorch", "executorch-tensors", "gguf", "gzip", "hdf5", "joblib",
        "keras-metadata", "keras-zip", "lz4", "lzma", "mar", "npy", "npz", "onnx", "pickle", "safetensors",
        "sentencepiece", "tar", "tf-checkpoint", "tf-fingerprint", "tf-graph", "tf-meta-graph", "tf-saved-model",
        "torch-legacy", "torch-tar", "torch-zip", "wheel", "xz", "zip", "zlib",
    }
)  # fmt: skip
_PADDED: Final = frozenset({"tar", "torch-tar", "gzip", "gguf"})  # with zeros that need not be there
_NOT_KNOWN: Final = frozenset({"pickle-global-unresolved", "pickle-extension-code", "pickle-frame"})
# C allocates sixteen times the number of a PUT
_LARGE_PUT: Final = re.compile(rb"r[\s\S]{2}(?!\0\0)|p[^\n]{6}")


class Target(NamedTuple):
    """A format's seeds: the names that a file may have, and the inputs."""

    names: tuple[str, ...]
    seeds: tuple[bytes, ...]


def find_targets() -> Mapping[str, Target]:
    """Return the targets by name, from the files of the corpus."""
    found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for side in sorted(CORPUS.glob(f"*/*/**/*{SIDECAR}")):
        file = side.with_name(side.name.removesuffix(SIDECAR))
        family, data = file.relative_to(CORPUS).parts[1], file.read_bytes()
        if (
            len(data) <= MAX_SEED_BYTES and "bomb" not in file.name
        ):  # one takes a second, and so would its mutations
            found[family if family in _FAMILIES else examine(file.name, data).format].append(
                (file.name, data)
            )
    return {name: _target(files) for name, files in sorted(found.items())}


def _target(files: list[tuple[str, bytes]]) -> Target:
    names = tuple(dict.fromkeys(_kind(name) for name, _ in files))[:MAX_NAMES]
    numbers = {name: number for number, name in enumerate(names)}
    return Target(names, tuple(bytes([numbers.get(_kind(name), 0)]) + data for name, data in files))


def _kind(name: str) -> str:
    """Return a name that is told from others only where the name itself decides something."""
    telling = name in {"MLmodel", "Modelfile", "chat_template.jinja"} or name.endswith(
        (".json", ".yaml", ".txt")
    )
    return name if telling else f"a{Path(name).suffix}"


def examine(name: str, data: bytes) -> Examined:
    """Return what inspection says; asserts that it asks only for bytes of the file, and not too often."""
    spans = read_bytes = 0

    def fetch(span: Span) -> bytes:
        nonlocal spans, read_bytes
        assert span.offset >= 0
        assert span.length > 0
        assert span.offset + span.length <= len(data)
        spans += 1
        read_bytes += span.length
        assert spans <= MAX_SPANS + len(data)
        assert read_bytes <= MAX_READ_RATIO * (MAX_SPANS + len(data))
        return data[span.offset : span.offset + span.length]

    started = time.process_time()
    examined = drive(inspect_file(name, len(data), listen=_nothing), fetch)
    assert time.process_time() - started < MAX_CPU_S
    return examined


def _nothing(*_: object) -> None:
    pass


def check(target: Target, data: bytes) -> Examined:
    """Examine one input of a target; raises AssertionError, or whatever a parser raises that it may not."""
    name = target.names[data[0] % len(target.names)] if data else target.names[0]
    content = data[1:]
    examined = examine(name, content)
    assert examined.format
    assert len(examined.findings) <= MAX_FINDINGS
    if examined.outcome is Outcome.CLEAN:
        check_cut(name, content, examined.format)
    if examined.format in {"pickle", "joblib", "torch-legacy"}:
        check_imports(content)
    return examined


def check_cut(name: str, data: bytes, format_name: str) -> None:
    """Assert that a clean file without its last byte is not clean, where the format tells its end."""
    if format_name in _ENDED and not (format_name in _PADDED and data.endswith(b"\0")):
        assert examine(name, data[:-1]).outcome is not Outcome.CLEAN


def check_imports(data: bytes) -> None:
    """Assert that the first stream imports, for us, what the C unpickler asks for, in the same order."""
    if _LARGE_PUT.search(data):
        return
    streams = drive(read_pickles(len(data)), fetch_from(data)).streams
    if not streams or {odd.rule for odd in streams[0].oddities} & _NOT_KNOWN:
        return  # reported as such: what C imports there is not known, or read in the wrong place
    recorder = Recorder(data)
    loaded = recorder.try_load()
    asked = list(dict.fromkeys(recorder.names))
    assert [(each.module, each.name) for each in streams[0].names][: len(asked)] == asked
    if loaded:
        assert streams[0].malformed is None
        assert streams[0].stopped
