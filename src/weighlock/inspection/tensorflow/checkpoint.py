"""The text file ``checkpoint`` beside TensorFlow's checkpoints, which says which of them is the latest.

Source: CheckpointState in tensorflow/python/training/checkpoint_state.proto, in protobuf's text format.
"""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.config.pair import leaves
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined

MAX_LINES: Final = 100_000  # a line or two for each checkpoint that was kept
_PATH: Final = re.compile(r'\s*(?:all_)?model_checkpoint_paths?\s*:\s*"((?:[^"\\]|\\.)*)"\s*')
_TIME: Final = re.compile(
    r"\s*(?:all_model_checkpoint_timestamps|last_preserved_timestamp)\s*:\s*[-+.\deE]+\s*"
)


def examine_checkpoint_state(report: Report, text: str) -> None:
    """Hold the paths of checkpoints against the model's folder; raises Unexamined for what is no such file."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise Unexamined(f"the state of checkpoints has more than {MAX_LINES} lines")
    named: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        found = _PATH.fullmatch(line)
        if found and "\\" not in found[1]:
            named[found[1]] = None
        elif line.strip() and not _TIME.fullmatch(line):
            raise Unexamined(f"line {number} is none of a file of the name checkpoint")
    for path in named:
        _examine_path(report, path)
    report.fact("checkpoints", len(named))


def _examine_path(report: Report, path: str) -> None:
    if "://" in path:
        report.find("config-path", f"the checkpoint {shown(path)} lies on the network")
    elif ".." in path.split("/"):
        report.find("config-path", f"the checkpoint {shown(path)} lies outside the model")
    elif leaves(path):  # where it was trained: ordinary, and nothing of the publisher's is there
        report.fact("absolute path", path)
