import datetime as dt
import json
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.ledger.entry import MAX_ENTRY_BYTES, Action, Actor, Ending, Entry

ENTRY = Entry(
    time=dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
    environment="production",
    action=Action.APPROVE,
    outcome=Ending.DENY,
    subjects=(Digest.of(b"a model"),),
    code="approvals_missing",
    actor=Actor("7e57" * 16, "ada"),
    message="two lines\nand a \u202e trick",
)


def test_an_entry_is_one_line_and_comes_back() -> None:
    raw = ENTRY.to_bytes()
    assert b"\n" not in raw
    assert Entry.parse(raw) == ENTRY


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"extra": 1},
        {"action": "dance"},
        {"action": 1},
        {"outcome": "perhaps"},
        {"environment": "../x"},
        {"environment": None},
        {"code": "Not A Code"},
        {"subjects": "sha256:"},
        {"actor": {"key": "", "principal": "", "mother": ""}},
        {"actor": {"key": 1, "principal": ""}},
        {"message": None},
    ],
)
def test_what_is_no_entry_is_refused(change: dict[str, Any]) -> None:
    raw = json.dumps({**json.loads(ENTRY.to_bytes()), **change}).encode()
    with pytest.raises(DeniedError) as caught:
        Entry.parse(raw)
    assert caught.value.code == "log_entry_invalid"


def test_what_could_not_be_read_back_is_not_written() -> None:
    huge = Entry(ENTRY.time, "production", Action.RUN, Ending.ALLOW, message="x" * MAX_ENTRY_BYTES)
    with pytest.raises(DeniedError) as caught:
        huge.to_bytes()
    assert caught.value.code == "json_invalid"
    with pytest.raises(DeniedError) as caught:
        Entry(ENTRY.time, "no such/name", Action.RUN, Ending.ALLOW).to_bytes()
    assert caught.value.code == "log_entry_invalid"
