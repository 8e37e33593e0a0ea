"""Pickles, one for each way of bringing a callable in."""

import struct

from corpus.case import MARK, Case, accept, reject
from model_file import framed, short_text, zip_of


def pickles() -> list[Case]:
    grave, present, unknown = "pickle-global-dangerous", "pickle-present", "pickle-global-unknown"
    call = f"(S'{MARK}'\ntR".encode()
    system = framed(short_text("os") + short_text("system") + b"\x93" + short_text(MARK) + b"\x85R.")
    memo = framed(
        short_text("os")
        + b"\x940"
        + short_text("system")
        + b"\x940h\x00h\x01\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    overwritten = framed(
        short_text("collections")
        + b"q\x00"
        + b"0"
        + short_text("os")
        + b"q\x000h\x00"
        + short_text("system")
        + b"\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    chained = b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR" + call + b"."
    joined = framed(
        short_text("os")
        + b"cbuiltins\nstr\n"
        + short_text("system")
        + b"\x85R\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    loader = framed(
        short_text("torch.storage") + short_text("_load_from_bytes") + b"\x93C\x05\x80\x04N.\x00\x85R."
    )
    forged = b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00OK\x00K\x01\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"pickle/{name}.pkl", raw, why, present, *rules, not_examined=told)

    return [
        accept("pickle/data-0.pkl", b"(dp0\nS'a'\np1\nI1\ns.", "plain data in protocol 0: still a program", present),
        accept("pickle/data-4.pkl", framed(b"}\x94" + short_text("a") + b"\x94K\x01s."), "plain data in protocol 4", present),
        accept("pickle/ordered-dict.pkl", b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.", "an allowed name, called", present),
        case("global-0", b"cos\nsystem\n" + call + b".", "GLOBAL in protocol 0, which has no magic number", grave),
        case("global-posix", b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R.", "the name that os.system pickles as", grave),
        case("global-python2", b"c__builtin__\neval\n(S'1'\ntR.", "Python 2's name of builtins", grave),
        case("inst", f"(S'{MARK}'\nios\nsystem\n.".encode(), "INST calls without REDUCE", grave),
        case("obj", b"(cos\nsystem\nX\x0c\x00\x00\x00touch markero.", "OBJ calls without REDUCE", grave),
        case("newobj", b"\x80\x02csubprocess\nPopen\nX\x0c\x00\x00\x00touch marker\x85\x81.", "NEWOBJ", grave),
        case("newobj-ex", framed(short_text("subprocess") + short_text("Popen") + b"\x93" + short_text(MARK) + b"\x85}\x92."), "NEWOBJ_EX", grave),
        case("stack-global", system, "STACK_GLOBAL", grave),
        case("stack-global-memo", memo, "module and name come from the memo", grave),
        case("stack-global-memo-overwritten", overwritten, "a memo entry that changes its meaning", grave),
        case("stack-global-string", b"\x80\x04S'os'\nS'sys\\x74em'\n\x93(S'touch marker'\ntR.", "names as quoted text with an escape", grave),
        case("stack-global-unicode", b"\x80\x04Vos\nVsys\\u0074em\n\x93(S'touch marker'\ntR.", "names as raw Unicode text with an escape", grave),
        case("stack-global-binunicode8", b"\x80\x04\x8d" + struct.pack("<Q", 2) + b"os" + short_text("system") + b"\x93)R.", "a name with a 64-bit length", grave),
        case("stack-global-computed", joined, "a name that is computed", "pickle-global-unresolved", "pickle-computed-call"),
        case("stack-global-number", framed(b"K\x01K\x02\x93)R."), "numbers instead of names", "pickle-global-unresolved", told="no text"),
        case("dotted", framed(short_text("collections") + short_text("abc.sys.modules") + b"\x93."), "a dotted name walks attributes", grave),
        case("dotted-unknown", framed(short_text("collections") + short_text("OrderedDict.fromkeys") + b"\x93)R."), "a dotted name of an allowed class", unknown),
        case("dotted-dunder", framed(short_text("collections") + short_text("OrderedDict.__init__.__globals__") + b"\x93."), "a dotted name to the interpreter", grave),
        case("getattr-chain", chained, "getattr over __import__", grave, "pickle-computed-call", "pickle-global-trap"),
        case("persistent-id", b"Panything\n.", "a persistent identifier in protocol 0", "pickle-persistent-id"),
        case("persistent-object", b"\x80\x02X\x05\x00\x00\x00otherK\x01\x86Q.", "a persistent identifier that is no torch storage", "pickle-persistent-id"),
        case("extension", b"\x80\x02\x82\x01)R.", "a call by number of the reader's registry", "pickle-extension-code", "pickle-computed-call"),
        case("extension-4", b"\x80\x02\x84\x01\x02\x03\x04)R.", "the same with 32 bits", "pickle-extension-code", "pickle-computed-call"),
        case("build-global", b"\x80\x02ccollections\nOrderedDict\nN}X\x01\x00\x00\x00aNs\x86b.", "BUILD on a class changes it for everybody", "pickle-global-changed"),
        case("setitem-global", b"\x80\x02ccollections\nOrderedDict\nNNs.", "SETITEM on a class", "pickle-global-changed"),
        case("append-global", b"\x80\x02ccollections\nOrderedDict\nNa.", "APPEND on a class calls its own method", "pickle-global-changed"),
        case("unknown", b"cinnocent_package\nthing\n.", "a name that nobody knows", unknown),
        case("numpy-dtype", forged, "a forged type: bytes would become pointers", "pickle-state"),
        case("codec", b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.", "any registered codec", "pickle-global-trap"),
        case("torch-load", loader, "a file inside a byte string, with a byte too many", "pickle-trailing-bytes"),
        case("second", framed(b"N.") + b"cos\nsystem\n" + call + b".", "the payload is in the second pickle", grave),
        case("after-junk-pickles", framed(b"N.") * 20 + system, "and in the twenty-first", grave),
        case("truncated", system[:-1], "nullifAI: cut after the payload, which has run by then", grave, told="a frame reaches"),
        case("broken", system[:-1] + b"\xff.", "nullifAI: broken after the payload", grave, told="no opcode"),
        case("pop-result", framed(short_text("os") + short_text("system") + b"\x93" + short_text(MARK) + b"\x85R0}."), "the payload's result is thrown away", grave),
        case("underflow-then-payload", b"\x80\x0400cos\nsystem\n.", "an error first: readers stop, we go on", grave, told="the stack is empty"),
        case("length-beyond", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"os", "a text longer than the file", told="beyond the end"),
        case("length-huge", b"\x80\x04\x8d" + b"\xff" * 8 + b"os", "a length of 2^64 - 1", told="beyond the end"),
        case("length-negative", b"\x80\x02T\xff\xff\xff\xffos.", "a negative length", told="negative"),
        case("memo-huge", b"\x80\x02Nr\xff\xff\xff\x7f.", "a memo index that would take gigabytes", told="memo index"),
        case("memo-missing", b"\x80\x02h\x07.", "a memo entry that does not exist", told="memo entry"),
        case("frame-beyond", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N.", "a frame longer than the file", told="frame"),
        case("frame-short", b"\x80\x04\x95" + struct.pack("<Q", 2) + b"M\0\0(.", "C drops the rest of a frame that is too short, when it reads a file", "pickle-frame", told="the stack is empty"),
        case("frame-nested", framed(b"\x95" + struct.pack("<Q", 2) + b"N."), "a frame in a frame", "pickle-frame"),
        case("frame-long", b"\x80\x04\x95" + struct.pack("<Q", 4) + b"N.N.", "a second pickle inside the first one's frame", "pickle-frame"),
        case("protocol-9", b"\x80\x02\x80\x09N.", "a protocol that does not exist", told="protocol 9"),
        case("trailing", b"\x80\x02N.\0\0\0\0", "bytes after the end", "pickle-trailing-bytes"),
        case("last-line-cut", b"\x80\x02cos\nsystemX", "Python's reader takes a last line without newline, less one byte", grave, told="without STOP"),
        case("nul-index", b"Np0\0junk\n0g0\0junk\n0cos\nsystem\n.", "C stops reading a number at a NUL", grave),
        reject("name/pickle.safetensors", system, "a pickle under a safe name", present, grave, "name-mismatch"),
        reject("name/pickle.bin", b"cos\nsystem\n" + call, "no magic, no STOP, and a name that promises nothing", present, grave, not_examined="without STOP"),
        reject("name/pickle.txt", b"cos\nsystem\n" + call + b".", "a pickle under the name of a text", present, grave, "name-mismatch"),
        reject("name/zip.safetensors", zip_of({"a.txt": b"text\n"}), "an archive under a safe name", "name-mismatch"),
        reject("name/7z.pt", b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 32, "nullifAI: 7z, which the usual tools do not open", "name-mismatch", "archive-corrupt", not_examined="CRC"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*pickles()]
