"""The program's entry: what `inspect` needs a second process for starts before anything else is imported."""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run as a program."""
    # the collector runs a dozen times while modules are imported, and finds nothing there
    gc.set_threshold(50_000)
    if sys.argv[1:2] == ["inspect"]:
        from weighlock.service.inspection_start import start_early

        start_early()  # its start-up runs beside ours, on another processor
    from weighlock.cli.main import run

    sys.exit(run(sys.argv[1:]))
