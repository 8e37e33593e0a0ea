"""The corpus of inspection: every file, why it is there, and exactly what must be said of it.

Run as a program it writes ``accept/`` and ``reject/`` with a sidecar beside each file; a test
holds the folders equal to these tables. Files are assembled byte by byte from the formats'
specifications and from the mechanisms that public advisories describe. The payloads would at
most create a file named ``marker``; nothing here or in the product ever loads one.
"""

import shutil
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus.archive_case import archives, arrays
from corpus.case import Case
from corpus.gguf_case import gguf_accepted, gguf_rejected
from corpus.pickle_case import pickles
from corpus.safetensors_case import safetensors_accepted, safetensors_rejected
from corpus.text_case import configurations, others

HERE = Path(__file__).parent
SIDECAR = ".expected.json"


def cases() -> list[Case]:
    groups = (
        safetensors_accepted, safetensors_rejected, gguf_accepted, gguf_rejected, pickles, archives, arrays,
        configurations, others,
    )  # fmt: skip
    return [case for group in groups for case in group()]


def write() -> None:
    """Write the corpus anew."""
    for name in ("accept", "reject"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for case in cases():
        file = HERE / case.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(case.data)
        file.with_name(file.name + SIDECAR).write_text(case.sidecar(), encoding="utf-8")


if __name__ == "__main__":
    write()
