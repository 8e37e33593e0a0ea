"""The corpus of inspection: every file, why it is there, and exactly what must be said of it.

Run as a program it writes ``accept/`` and ``reject/`` with a sidecar beside each file (with a word, only the
cases of that family); a test
holds the folders equal to these tables. Files are assembled byte by byte from the formats'
specifications and from the mechanisms that public advisories describe. The payloads would at
most create a file named ``marker``; nothing here or in the product ever loads one.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus.case import SIDECAR, Case

HERE = Path(__file__).parent


def cases(family: str = "") -> list[Case]:
    """Return every case, or those of the module ``family``_case; each such module has a function ``cases``."""
    found: list[Case] = []
    for module in sorted(HERE.glob(f"{family or '*'}_case.py")):
        found += import_module(f"corpus.{module.stem}").cases()
    return found


def write(family: str = "") -> None:
    """Write the corpus anew, or the cases of one family."""
    if not family:
        for name in ("accept", "reject"):
            shutil.rmtree(HERE / name, ignore_errors=True)
    for case in cases(family):
        file = HERE / case.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(case.data)
        file.with_name(file.name + SIDECAR).write_text(case.sidecar(), encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:])
