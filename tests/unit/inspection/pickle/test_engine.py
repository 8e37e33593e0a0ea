"""The machine: what it has on its stack and says of a stream, compiled and interpreted."""

import struct
from types import ModuleType
from typing import Any

import pytest

from engine_variant import VARIANTS
from weighlock.inspection import pickle as package
from weighlock.inspection.span import Span, drive, fetch_from

SYSTEM = b"cos\nsystem\n"


@pytest.fixture(params=VARIANTS, ids=["in use", "interpreted"])
def engine(request: pytest.FixtureRequest) -> dict[str, ModuleType]:
    modules: dict[str, ModuleType] = request.param
    return modules


def read(engine: dict[str, ModuleType], data: bytes, *harmless: tuple[str, str]) -> Any:
    """Return the first stream of ``data``."""
    return drive(engine["stream"].read_pickles(len(data), frozenset(harmless)), fetch_from(data)).streams[0]


def events(engine: dict[str, ModuleType], data: bytes, *harmless: tuple[str, str]) -> list[str]:
    """Return the events but those of IMPORT, as text."""
    stream = read(engine, data, *harmless)
    return [
        f"{each.kind} {each.target!r} {each.arguments!r}" for each in stream.events if each.kind != "IMPORT"
    ]


def test_the_variants_are_what_they_say(engine: dict[str, ModuleType]) -> None:
    compiled = not (engine["machine"].__file__ or "").endswith(".py")
    assert compiled is (engine is VARIANTS[0] and package.is_compiled())
    assert {
        (module.__file__ or "").endswith(".py")
        for name, module in engine.items()
        if name in package.COMPILED_MODULES
    } == {not compiled}


T = "Sequence('tuple', [{}], cut=0)"
SYS = "Global('os', 'system')"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SYSTEM + b"K\x01\x85R.", f"REDUCE {SYS} {T.format(1)}"),
        (SYSTEM + b"(K\x01tR.", f"REDUCE {SYS} {T.format(1)}"),
        (SYSTEM + b"]R.", f"REDUCE {SYS} Sequence('list', [], cut=0)"),
        (SYSTEM + b")\x81.", f"NEWOBJ {SYS} {T.format('')}"),
        (SYSTEM + b")}\x92.", f"NEWOBJ_EX {SYS} {T.format('')}"),
        (b"(K\x01ios\nsystem\n.", f"INST {SYS} {T.format(1)}"),
        (b"(" + SYSTEM + b"K\x01o.", f"OBJ {SYS} {T.format(1)}"),
        (SYSTEM + b"}b.", f"BUILD {SYS} Sequence('dict', [], cut=0)"),
        (SYSTEM + b"NK\x02s.", f"SETITEM {SYS} Sequence('dict', [None, 2], cut=0)"),
        (SYSTEM + b"(NK\x02u.", f"SETITEM {SYS} Sequence('dict', [None, 2], cut=0)"),
        (SYSTEM + b"Na.", f"APPEND {SYS} Sequence('list', [None], cut=0)"),
        (SYSTEM + b"(Ne.", f"APPEND {SYS} Sequence('list', [None], cut=0)"),
        (SYSTEM + b"(N\x90.", f"APPEND {SYS} Sequence('list', [None], cut=0)"),
        (b"Pname\n.", "PERSID 'name' UNKNOWN"),
        (b"K\x07Q.", "PERSID 7 UNKNOWN"),
        (b"\x82\x07.", "EXT 7 UNKNOWN"),
        (b"\x83\x07\x01.", "EXT 263 UNKNOWN"),
        (b"\x84\x07\0\0\0.", "EXT 7 UNKNOWN"),
        (b"K\x07)R.", f"REDUCE 7 {T.format('')}"),
    ],
)
def test_each_effect_is_an_event(engine: dict[str, ModuleType], data: bytes, expected: str) -> None:
    assert events(engine, b"\x80\x04" + data) == [expected]


@pytest.mark.parametrize(
    "data", [b"]Na.", b"](NNe.", b"}NNs.", b"}(NNu.", b"\x8f(N\x90.", SYSTEM + b"(e.", SYSTEM + b"(u."]
)
def test_containers_of_the_pickles_own_make_no_events(engine: dict[str, ModuleType], data: bytes) -> None:
    assert events(engine, data) == []


def test_a_name_that_is_harmless_makes_one_event(engine: dict[str, ModuleType]) -> None:
    data = (SYSTEM + b")R(NNu}b0") * 3 + b"N."
    assert events(engine, data, ("os", "system")) == []
    assert [each.kind for each in read(engine, data, ("os", "system")).events] == ["IMPORT"]


@pytest.mark.parametrize("state", [b"}(X\x09\0\0\0__class__Nu", b"N}\x86", SYSTEM, b"}(NNu"])
def test_a_state_that_is_not_plain_is_told_for_harmless_names_too(
    engine: dict[str, ModuleType], state: bytes
) -> None:
    told = events(engine, SYSTEM + b")R" + state + b"b.", ("os", "system"))
    assert [each.partition(" ")[0] for each in told] == ["BUILD"]


def test_a_change_of_an_imported_object_is_told_for_harmless_names_too(engine: dict[str, ModuleType]) -> None:
    assert len(events(engine, SYSTEM + b"}b.", ("os", "system"))) == 1


def test_what_is_imported_and_dropped_was_imported(engine: dict[str, ModuleType]) -> None:
    for drop in (b"0", b"\x85(0\x31"):
        stream = read(engine, SYSTEM + drop + b"N.")
        assert [each.kind for each in stream.events] == ["IMPORT"]


def test_a_list_that_grows_after_its_use_is_not_settled(engine: dict[str, ModuleType]) -> None:
    data = b"]q\0" + SYSTEM + b"h\0\x85R0h\0K\x05a."
    call = read(engine, data).events[-1]
    assert repr(call.arguments) == T.format("Sequence('list', [5], cut=0)")
    assert not engine["value"].settled(call.arguments, call.offset)
    call = read(engine, data.replace(b"K\x05a", b"K\x050")).events[-1]
    assert engine["value"].settled(call.arguments, call.offset)


def test_a_key_that_is_set_again_keeps_both_values(engine: dict[str, ModuleType]) -> None:
    assert events(engine, SYSTEM + b"}NK\x01sNK\x02sb.") == [
        f"BUILD {SYS} Sequence('dict', [None, 1, None, 2], cut=0)"
    ]


def test_a_memo_entry_that_is_written_again_is_the_new_one(engine: dict[str, ModuleType]) -> None:
    assert events(engine, b"K\x01q\0K\x02q\0" + SYSTEM + b"h\0\x85R.") == [f"REDUCE {SYS} {T.format(2)}"]


def test_names_come_through_the_memo(engine: dict[str, ModuleType]) -> None:
    data = b"\x8c\x02osq\x05\x8c\x06system\x94h\x05j\x01\0\0\0\x93."
    assert [repr(each.target) for each in read(engine, data).events] == [SYS]


def test_a_name_that_is_not_text_is_unresolved(engine: dict[str, ModuleType]) -> None:
    for data in (b"\x8c\x02osC\x06system\x93.", SYSTEM + b")R\x8c\x06system\x93."):
        assert [odd.rule for odd in read(engine, data).oddities] == ["pickle-global-unresolved"]


def test_events_that_are_equal_come_once(engine: dict[str, ModuleType]) -> None:
    assert len(events(engine, (SYSTEM + b"K\x01\x85R0") * 50 + b"N.")) == 1
    assert (
        len(events(engine, b"".join(SYSTEM + b"K" + bytes([n]) + b"\x85R0" for n in range(50)) + b"N.")) == 50
    )


def test_true_and_one_are_not_the_same_event(engine: dict[str, ModuleType]) -> None:
    assert (
        len(events(engine, SYSTEM + b"K\x01\x85R0" + SYSTEM + b"\x88\x85R0" + SYSTEM + b"I01\n\x85R.")) == 2
    )


def test_after_an_error_only_names_are_told(engine: dict[str, ModuleType]) -> None:
    stream = read(engine, SYSTEM + b")R0000" + SYSTEM + b")Rcposix\nsystem\n)Rca b\nc\n.")
    assert [each.kind for each in stream.events] == ["IMPORT", "REDUCE", "IMPORT"]
    assert "the stack is empty" in stream.malformed


def test_the_fence_of_a_mark_holds(engine: dict[str, ModuleType]) -> None:
    assert read(engine, b"N(0.").usable  # POP takes the mark
    assert not read(engine, b"N(00.").stopped or not read(engine, b"N(.").usable
    assert not read(engine, b"N(\x850.").usable


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"I0x1F\n", 31), (b"I010\n", 8), (b"I01\n", True), (b"I00\n", False), (b"I1\n", 1), (b"I1\0junk\n", 1),
        (b"I 7\n", 7), (b"I-7\n", -7), (b"I1_0\n", 10), (b"I" + b"9" * 25 + b"\n", 10**25 - 1), (b"L12L\n", 12),
        (b"L0x10L\n", 16), (b"L12\n", 12), (b"S'a\\x62\\143'\n", "abc"), (b'S"a"\n', "a"), (b"V\\u0061\n", "a"),
        (b"S'\\\\n'\n", "\\n"), (b"S'\xe9'\n", "é"), (b"U\x02\xc3\xa9", "é"), (b"T\1\0\0\0\xe9", "é"),
        (b"J\xff\xff\xff\xff", -1), (b"M\1\2", 513), (b"\x8a\0", 0), (b"\x8a\1\xff", -1), (b"\x8b\1\0\0\0\x05", 5),
        (b"C\1a", b"a"), (b"\x8d\1" + b"\0" * 7 + b"a", "a"), (b"X\3\0\0\0\xed\xa0\x80", "\ud800"),
    ],
)  # fmt: skip
def test_constants_are_what_the_c_reader_makes_of_them(
    engine: dict[str, ModuleType], line: bytes, value: object
) -> None:
    stream = read(engine, SYSTEM + line + b"\x85R.")
    assert stream.malformed is None
    (argument,) = stream.events[-1].arguments.items
    assert argument == value
    assert type(argument) is type(value)


@pytest.mark.parametrize(
    "line",
    [
        b"I\n",
        b"I08\n",
        b"Ix\n",
        b"L\n",
        b"LL\n",
        b"Fx\n",
        b"S'a\n",
        b"Sa\n",
        b"S'\\x6'\n",
        b"V\\u00\n",
        b"gx\n",
        b"Np-1\n",
        b"X\1\0\0\0\xff",
    ],
)
def test_lines_that_no_reader_takes_end_the_stream(engine: dict[str, ModuleType], line: bytes) -> None:
    assert read(engine, line + b".").malformed is not None


@pytest.mark.parametrize(
    "head", [b"T\xff\xff\xff\xff", b"\x8b\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8, b"\x95" + b"\xff" * 8]
)
def test_lengths_that_reach_beyond_the_file_are_said(engine: dict[str, ModuleType], head: bytes) -> None:
    assert read(engine, head + b"N.").malformed is not None


def test_a_last_line_without_its_end_is_read(engine: dict[str, ModuleType]) -> None:
    """Python's own reader imports, before it finds that the stream has no STOP."""
    stream = read(engine, b"cos\nsystemx")
    assert [repr(each.target) for each in stream.events] == [SYS]
    assert not stream.stopped


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"".join(b"cm%d\nn\n0" % n for n in range(20_000)) + b"N.", "names"),
        (b"".join(SYSTEM + b"J" + struct.pack("<i", n) + b"\x85R0" for n in range(150_000)) + b"N.", "calls"),
        (b"Nr\0\0\x20\0.", "memo"),
    ],
    ids=["names", "events", "memo"],
)
def test_budgets_that_are_used_up_are_said_and_what_was_found_is_kept(
    engine: dict[str, ModuleType], data: bytes, said: str
) -> None:
    stream = read(engine, SYSTEM + b"0" + data)
    assert said in stream.unexamined
    assert repr(stream.events[0].target) == SYS


def test_a_text_that_lies_too_far_back_is_no_name(engine: dict[str, ModuleType]) -> None:
    """Texts are kept as long as they are few; a name made of one that is not is reported, never guessed."""
    many = b"".join(b"\x8c\x08%08d\x94" % n for n in range(220_000))
    stream = read(
        engine,
        many + b"\x8c\x02os\x94\x8c\x06system\x94\x93j" + struct.pack("<I", 220_000) + b"\x8c\x05popen\x93.",
    )
    assert [repr(each.target) for each in stream.events] == [SYS, "Global('os', 'popen')"]
    assert stream.unexamined is None
    stream = read(engine, many + b"j" + struct.pack("<I", 205_000) + b"\x8c\x05popen\x93.")
    assert "too far back" in stream.unexamined


@pytest.mark.parametrize(
    "data", [b"\x80\x02)" + b"\x85" * 1_000_000 + b".", b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b"."]
)
def test_deep_nesting_does_not_exhaust_the_stack(engine: dict[str, ModuleType], data: bytes) -> None:
    stream = read(engine, data)
    assert stream.stopped
    assert stream.usable


def test_a_frame_that_ends_inside_an_operation_is_odd(engine: dict[str, ModuleType]) -> None:
    def framed(length: int) -> list[str]:
        return [
            odd.rule
            for odd in read(engine, b"\x80\x04\x95" + struct.pack("<Q", length) + b"\x8c\x01aN0.").oddities
        ]

    assert framed(6) == []
    assert framed(3) == []
    assert framed(2) == ["pickle-frame"]


def test_long_constants_are_left_behind_unread(engine: dict[str, ModuleType]) -> None:
    size = 3_000_000
    head, tail = SYSTEM + b"\x8e" + struct.pack("<Q", size), b"\x85R."
    asked = 0

    def fetch(span: Span) -> bytes:
        nonlocal asked
        asked += span.length
        whole = head + b"x" * size + tail
        return whole[span.offset : span.offset + span.length]

    stream = drive(engine["stream"].read_pickles(len(head) + size + len(tail)), fetch).streams[0]
    assert repr(stream.events[-1].arguments) == T.format(f"Data('bytes', {size}, {len(head)})")
    assert asked < 100_000
