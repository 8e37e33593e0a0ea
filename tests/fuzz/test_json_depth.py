import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from weighlock.core.jsontext import json_depth

TRICKY = st.text(alphabet='a"\\[]{}\n\u00e9', max_size=8)
VALUES = st.recursive(
    TRICKY | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TRICKY, inner, max_size=4),
    max_leaves=40,
)


def depth(value: Any) -> int:
    if isinstance(value, str | int):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
@example(["[", "]", [["\\"], "]"]], True, None)
@example({"[": {"\\\\": ['"[[[']}}, False, None)
def test_depth_is_counted_outside_strings_only(value: Any, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert json_depth(raw) == depth(value)
