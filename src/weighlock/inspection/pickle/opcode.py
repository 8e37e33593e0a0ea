"""The opcodes of pickle, protocols 0 to 5, how long their arguments are, and what kind of step each is.

Source: CPython, Modules/_pickle.c (the reader that models meet) and PEP 307, 3154, 574. The numbers are
written out because only then the compiler puts them into the code.
"""

from typing import Final

MARK: Final = 0x28  # (
STOP: Final = 0x2E  # .
POP: Final = 0x30  # 0
POP_MARK: Final = 0x31  # 1
DUP: Final = 0x32  # 2
FLOAT: Final = 0x46  # F
INT: Final = 0x49  # I
BININT: Final = 0x4A  # J
BININT1: Final = 0x4B  # K
LONG: Final = 0x4C  # L
BININT2: Final = 0x4D  # M
NONE: Final = 0x4E  # N
PERSID: Final = 0x50  # P
BINPERSID: Final = 0x51  # Q
REDUCE: Final = 0x52  # R
STRING: Final = 0x53  # S
BINSTRING: Final = 0x54  # T
SHORT_BINSTRING: Final = 0x55  # U
UNICODE: Final = 0x56  # V
BINUNICODE: Final = 0x58  # X
APPEND: Final = 0x61  # a
BUILD: Final = 0x62  # b
GLOBAL: Final = 0x63  # c
DICT: Final = 0x64  # d
EMPTY_DICT: Final = 0x7D  # }
APPENDS: Final = 0x65  # e
GET: Final = 0x67  # g
BINGET: Final = 0x68  # h
INST: Final = 0x69  # i
LONG_BINGET: Final = 0x6A  # j
LIST: Final = 0x6C  # l
EMPTY_LIST: Final = 0x5D  # ]
OBJ: Final = 0x6F  # o
PUT: Final = 0x70  # p
BINPUT: Final = 0x71  # q
LONG_BINPUT: Final = 0x72  # r
SETITEM: Final = 0x73  # s
TUPLE: Final = 0x74  # t
EMPTY_TUPLE: Final = 0x29  # )
SETITEMS: Final = 0x75  # u
BINFLOAT: Final = 0x47  # G
PROTO: Final = 0x80
NEWOBJ: Final = 0x81
EXT1: Final = 0x82
EXT2: Final = 0x83
EXT4: Final = 0x84
TUPLE1: Final = 0x85
TUPLE2: Final = 0x86
TUPLE3: Final = 0x87
NEWTRUE: Final = 0x88
NEWFALSE: Final = 0x89
LONG1: Final = 0x8A
LONG4: Final = 0x8B
BINBYTES: Final = 0x42  # B
SHORT_BINBYTES: Final = 0x43  # C
SHORT_BINUNICODE: Final = 0x8C
BINUNICODE8: Final = 0x8D
BINBYTES8: Final = 0x8E
EMPTY_SET: Final = 0x8F
ADDITEMS: Final = 0x90
FROZENSET: Final = 0x91
NEWOBJ_EX: Final = 0x92
STACK_GLOBAL: Final = 0x93
MEMOIZE: Final = 0x94
FRAME: Final = 0x95
BYTEARRAY8: Final = 0x96
NEXT_BUFFER: Final = 0x97
READONLY_BUFFER: Final = 0x98

# kinds of steps
UNKNOWN_STEP: Final = 0  # no opcode
CONSTANT_STEP: Final = 1  # pushes a constant whose length is fixed
COUNTED_STEP: Final = 2  # pushes a constant that begins with its length
LINE_STEP: Final = 3  # its argument is a line, or two
MEMO_STEP: Final = 4  # reads or writes the memo
COLLECT_STEP: Final = 5  # makes or fills a container
CALL_STEP: Final = 6  # calls or changes something
STREAM_STEP: Final = 7  # is about the stream or the stack itself

_STEPS: Final[dict[int, tuple[int, ...]]] = {
    CONSTANT_STEP: (
        BININT, BININT1, BININT2, NONE, NEWTRUE, NEWFALSE, BINFLOAT, EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE,
        EMPTY_SET, NEXT_BUFFER,
    ),
    COUNTED_STEP: (
        BINSTRING, SHORT_BINSTRING, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, BINBYTES, SHORT_BINBYTES,
        BINBYTES8, BYTEARRAY8, LONG1, LONG4,
    ),
    LINE_STEP: (FLOAT, INT, LONG, PERSID, STRING, UNICODE, GLOBAL, INST, GET, PUT),
    MEMO_STEP: (BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE),
    COLLECT_STEP: (
        TUPLE, TUPLE1, TUPLE2, TUPLE3, LIST, DICT, FROZENSET, APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS,
    ),
    CALL_STEP: (REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, BUILD, STACK_GLOBAL, BINPERSID, EXT1, EXT2, EXT4),
    STREAM_STEP: (MARK, STOP, POP, POP_MARK, DUP, PROTO, FRAME, READONLY_BUFFER),
}  # fmt: skip

# bytes behind an opcode: of its argument, or of its argument's length
_WIDTHS: Final = {
    1: (
        BININT1, BINGET, BINPUT, PROTO, EXT1, SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE, LONG1,
    ),
    2: (BININT2, EXT2),
    4: (BININT, LONG_BINGET, LONG_BINPUT, EXT4, BINUNICODE, BINBYTES, BINSTRING, LONG4),
    8: (BINFLOAT, FRAME, BINUNICODE8, BINBYTES8, BYTEARRAY8),
}  # fmt: skip

OPCODES: Final = frozenset(code for codes in _STEPS.values() for code in codes)


def _table(rows: dict[int, tuple[int, ...]]) -> bytes:
    made = bytearray(256)
    for value, codes in rows.items():
        for code in codes:
            made[code] = value
    return bytes(made)


STEP: Final = _table(_STEPS)
WIDTH: Final = _table(_WIDTHS)
MAX_WIDTH: Final = 8
