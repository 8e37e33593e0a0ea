"""skops: what the corpus cannot say."""

import json

import pytest

from corpus.skops_case import archive, constant, items, model, node, table
from corpus.tree_case import written
from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.options import Options
from weighlock.inspection.skops import examine as skops_examine
from weighlock.inspection.skops import judge
from weighlock.inspection.skops import node as skops_node
from weighlock.inspection.span import drive, fetch_from

UNKNOWN = archive(model(table({}), "mypackage.model.Model"))


def test_the_policy_of_the_user_allows_a_class() -> None:
    options = Options(allow={("mypackage.model", "Model"): "ours"})
    examined = drive(inspect_file("m.skops", len(UNKNOWN), options), fetch_from(UNKNOWN))
    assert examined.outcome is Outcome.CLEAN
    assert rules_of(examine("m.skops", UNKNOWN)) == {"skops-type-unknown"}


def test_the_policy_never_allows_what_is_dangerous() -> None:
    danger = archive(node("FunctionNode", "os.system"))
    options = Options(allow={("os", "system"): "ours"})
    assert rules_of(drive(inspect_file("m.skops", len(danger), options), fetch_from(danger))) == {
        "skops-type-dangerous"
    }


def test_a_finding_of_one_kind_is_told_once() -> None:
    many = archive(items(*[node("FunctionNode", "os.system")] * 50))
    assert len(examine("m.skops", many).findings) == 1


def test_nodes_are_found_wherever_they_are() -> None:
    hidden = archive({**constant(1), "extra": {"deep": [[node("FunctionNode", "os.system")]]}})
    assert rules_of(examine("m.skops", hidden)) == {"skops-type-dangerous"}


@pytest.mark.parametrize(
    ("name", "module", "limit"),
    [("MAX_NODES", skops_node, 2), ("MAX_IDENTITIES", judge, 0), ("MAX_JSON_BYTES", skops_examine, 9)],
)
def test_a_limit_is_never_clean(
    monkeypatch: pytest.MonkeyPatch, name: str, module: object, limit: int
) -> None:
    monkeypatch.setattr(module, name, limit)
    assert examine("m.skops", written("pipeline.skops")).outcome is not Outcome.CLEAN


def test_a_member_that_bytes_and_an_array_share_is_examined() -> None:
    pickle = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch markerq\x00\x85R."
    both = items(
        node("BytesNode", "builtins.bytes", file="1.bin"),
        node("NdArrayNode", "numpy.ndarray", type="numpy", file="1.bin"),
    )
    assert "pickle-global-dangerous" in rules_of(examine("m.skops", archive(both, **{"1.bin": pickle})))


def test_a_schema_of_another_program_leaves_a_plain_archive() -> None:
    examined = examine("m.zip", zip_of({"schema.json": json.dumps({"a": 1}).encode()}))
    assert (examined.format, examined.outcome) == ("zip", Outcome.CLEAN)
