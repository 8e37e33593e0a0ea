import json
from typing import Any

import pytest

from weighlock.attestation.statement import STATEMENT_TYPE, Statement, Subject
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError

SUBJECT = {"name": "m", "digest": {"sha256": "0" * 64}}
VALID: dict[str, Any] = {
    "_type": STATEMENT_TYPE,
    "subject": [SUBJECT],
    "predicateType": "https://example.org/v1",
    "predicate": {"a": 1},
}


def test_a_statement_survives_writing_and_reading() -> None:
    statement = Statement.parse(json.dumps(VALID).encode())
    assert statement == Statement(
        (Subject.of("m", Digest("sha256", "0" * 64)),), "https://example.org/v1", {"a": 1}
    )
    assert Statement.parse(statement.to_bytes()) == statement


def test_absent_optional_fields_and_unknown_ones_are_accepted() -> None:
    value = {**VALID, "later": True, "subject": [{"digest": {"gitCommit": "ab12"}, "uri": "x:y"}]}
    del value["predicate"]
    statement = Statement.parse(json.dumps(value).encode())
    assert statement.predicate == {}
    assert statement.subjects == (Subject("", {"gitCommit": "ab12"}),)


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"_type": None},
        {"subject": None},
        {"subject": []},
        {"subject": SUBJECT},
        {"subject": ["m"]},
        {"subject": [SUBJECT] * 10_001},
        {"subject": [{"name": "m"}]},
        {"subject": [{"name": "m", "digest": {}}]},
        {"subject": [{"name": "m", "digest": "0" * 64}]},
        {"subject": [{"name": 1, "digest": {"sha256": "0" * 64}}]},
        {"subject": [{"name": "m", "digest": {"sha256": "0" * 63}}]},
        {"subject": [{"name": "m", "digest": {"sha256": "A" * 64}}]},
        {"subject": [{"name": "m", "digest": {"sha256": ["0" * 64]}}]},
        {"subject": [{"name": "m", "digest": {"sha256": "0" * 64 + "\n"}}]},
        {"subject": [{"name": "m", "digest": {"sha256": ""}}]},
        {"predicateType": ""},
        {"predicateType": 7},
        {"predicateType": None},
        {"predicate": []},
        {"predicate": "x"},
    ],
)
def test_statements_that_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DeniedError) as caught:
        Statement.parse(json.dumps({**VALID, **change}).encode())
    assert caught.value.code == "statement_invalid"


def test_as_many_subjects_as_an_artifact_has_files_are_accepted() -> None:
    statement = Statement.parse(json.dumps({**VALID, "subject": [SUBJECT] * 10_000}).encode())
    assert len(statement.subjects) == 10_000
