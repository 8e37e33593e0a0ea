"""The opcodes of pickle, protocols 0 to 5, and how long their arguments are.

Source: CPython, Modules/_pickle.c (the reader that models meet) and PEP 307, 3154, 574.
"""

import enum
from typing import Final


class Shape(enum.IntEnum):
    """How an opcode's argument is laid out."""

    NONE = 0
    FIXED = 1  # a number of bytes, little-endian
    LINE = 2  # up to a newline
    LINES = 3  # two lines: module and name
    COUNTED = 4  # an unsigned length of 1, 4 or 8 bytes, then that many bytes
    COUNTED_SIGNED = 5  # a signed length of 4 bytes; negative is an error


MARK, STOP, POP, POP_MARK, DUP = b"(.012"
FLOAT, INT, BININT, BININT1, LONG, BININT2 = b"FIJKLM"
NONE, PERSID, BINPERSID, REDUCE = b"NPQR"
STRING, BINSTRING, SHORT_BINSTRING = b"STU"
UNICODE, BINUNICODE = b"VX"
APPEND, BUILD, GLOBAL, DICT, EMPTY_DICT = b"abcd}"
APPENDS, GET, BINGET, INST, LONG_BINGET = b"eghij"
LIST, EMPTY_LIST, OBJ, PUT, BINPUT, LONG_BINPUT = b"l]opqr"
SETITEM, TUPLE, EMPTY_TUPLE, SETITEMS, BINFLOAT = b"st)uG"
PROTO, NEWOBJ, EXT1, EXT2, EXT4 = b"\x80\x81\x82\x83\x84"
TUPLE1, TUPLE2, TUPLE3, NEWTRUE, NEWFALSE, LONG1, LONG4 = b"\x85\x86\x87\x88\x89\x8a\x8b"
BINBYTES, SHORT_BINBYTES = b"BC"
SHORT_BINUNICODE, BINUNICODE8, BINBYTES8, EMPTY_SET = b"\x8c\x8d\x8e\x8f"
ADDITEMS, FROZENSET, NEWOBJ_EX, STACK_GLOBAL, MEMOIZE, FRAME = b"\x90\x91\x92\x93\x94\x95"
BYTEARRAY8, NEXT_BUFFER, READONLY_BUFFER = b"\x96\x97\x98"

_FIXED: Final = {
    BININT: 4, BININT1: 1, BININT2: 2, BINGET: 1, LONG_BINGET: 4, BINPUT: 1, LONG_BINPUT: 4, BINFLOAT: 8,
    PROTO: 1, EXT1: 1, EXT2: 2, EXT4: 4, FRAME: 8,
}  # fmt: skip
_COUNTED: Final = {
    BINUNICODE: 4, BINBYTES: 4, SHORT_BINSTRING: 1, SHORT_BINBYTES: 1, SHORT_BINUNICODE: 1,
    BINUNICODE8: 8, BINBYTES8: 8, BYTEARRAY8: 8, LONG1: 1,
}  # fmt: skip
_LINE: Final = (FLOAT, INT, LONG, PERSID, STRING, UNICODE, GET, PUT)
_PLAIN: Final = (
    MARK, STOP, POP, POP_MARK, DUP, NONE, BINPERSID, REDUCE, APPEND, BUILD, DICT, EMPTY_DICT, APPENDS, LIST,
    EMPTY_LIST, OBJ, SETITEM, TUPLE, EMPTY_TUPLE, SETITEMS, NEWOBJ, TUPLE1, TUPLE2, TUPLE3, NEWTRUE, NEWFALSE,
    EMPTY_SET, ADDITEMS, FROZENSET, NEWOBJ_EX, STACK_GLOBAL, MEMOIZE, NEXT_BUFFER, READONLY_BUFFER,
)  # fmt: skip

# opcode → (shape, bytes of the argument or of its length)
LAYOUT: Final[dict[int, tuple[Shape, int]]] = {
    **{code: (Shape.FIXED, size) for code, size in _FIXED.items()},
    **{code: (Shape.COUNTED, size) for code, size in _COUNTED.items()},
    **dict.fromkeys((BINSTRING, LONG4), (Shape.COUNTED_SIGNED, 4)),
    **dict.fromkeys(_LINE, (Shape.LINE, 0)),
    **dict.fromkeys((GLOBAL, INST), (Shape.LINES, 0)),
    **dict.fromkeys(_PLAIN, (Shape.NONE, 0)),
}

# opcodes that push plain data that nothing here needs to follow
PUSHES_DATA: Final = frozenset(
    {
        FLOAT, INT, BININT, BININT1, LONG, BININT2, NONE, EMPTY_DICT, EMPTY_LIST, BINFLOAT, NEWTRUE, NEWFALSE,
        LONG1, LONG4, BINBYTES, SHORT_BINBYTES, BINBYTES8, EMPTY_SET, BYTEARRAY8, NEXT_BUFFER,
    }
)  # fmt: skip
TEXT: Final = frozenset(
    {STRING, UNICODE, BINSTRING, SHORT_BINSTRING, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8}
)
