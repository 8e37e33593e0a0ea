"""7z archives."""

from archive_file import COPY_7Z, coder_7z, encoded_7z, listing_7z, lzma2, sevenzip, sevenzip_file
from corpus.case import Case, accept, reject
from corpus.zip_case import PAYLOAD, PAYLOAD_RULES

TEXTS = {"a.txt": b"one\n", "d/b.txt": b"two\n"}
PICKLED = {"a.txt": b"one\n", "m.pkl": PAYLOAD}


def cases() -> list[Case]:
    return [*sound(), *broken()]


def made(members: dict[str, bytes], coders: list[bytes], packed: bytes | None = None) -> bytes:
    raw = b"".join(members.values()) if packed is None else packed
    return sevenzip_file(raw, listing_7z(members, raw, coders, {}))


def sound() -> list[Case]:
    return [
        accept("7z/texts.7z", sevenzip(TEXTS), "two texts, packed together"),
        accept("7z/encoded.7z", encoded_7z(TEXTS), "a packed header"),
        accept("7z/copied.7z", made(TEXTS, [COPY_7Z]), "not compressed"),
        accept("7z/filtered.7z", made(TEXTS, [coder_7z(b"\x21", b"\x10"), coder_7z(b"\3\3\1\3")], lzma2(b"one\ntwo\n")), "a filter for machine code"),
        accept("7z/empty.7z", sevenzip_file(b"", b""), "no member"),
        accept("7z/link.7z", sevenzip({"a.txt": b"one\n", "l.txt": b"a.txt"}, {"l.txt": 0o120777}), "a link within the archive", "archive-link-inside"),
        reject("7z/pickle.7z", sevenzip(PICKLED), "a pickle", *PAYLOAD_RULES),
        reject("7z/pickle-encoded.7z", encoded_7z(PICKLED), "a pickle, and a packed header", *PAYLOAD_RULES),
        reject("7z/model.pt", sevenzip({"archive/data.pkl": PAYLOAD}), "under a torch name: what scanners that know only torch do not open", "name-mismatch", *PAYLOAD_RULES),
    ]  # fmt: skip


def broken() -> list[Case]:
    plain = sevenzip(PICKLED)
    other = bytearray(made(PICKLED, [COPY_7Z]))
    other[32] ^= 1
    cut = lzma2(b"".join(PICKLED.values()))
    return [
        reject("7z/encrypted.7z", made(PICKLED, [coder_7z(b"\6\xf1\7\1", b"\x13\0")]), "encrypted", "archive-encrypted", not_examined="it is encrypted"),
        reject("7z/method.7z", made(PICKLED, [coder_7z(b"\3\4\1", b"\6\0\0\0\1")]), "a method that is not read", not_examined="method 030401"),
        reject("7z/behind.7z", plain + PAYLOAD, "a pickle behind the archive", "archive-trailing", *PAYLOAD_RULES),
        reject("7z/sum.7z", bytes(other), "a wrong CRC", "archive-corrupt", *PAYLOAD_RULES),
        reject("7z/packed-broken.7z", made(PICKLED, [coder_7z(b"\x21", b"\x10")], cut[:-8]), "packed data that breaks off", "archive-corrupt", *PAYLOAD_RULES, not_examined="corrupt"),
        reject("7z/start-sum.7z", plain[:8] + b"abcd" + plain[12:], "a wrong CRC of the start", "archive-corrupt", not_examined="start is wrong"),
        reject("7z/header-sum.7z", plain[:-4] + b"abcd", "a wrong CRC of the header", "archive-corrupt", not_examined="header is wrong"),
        reject("7z/cut.7z", plain[:-9], "cut off", "archive-corrupt", not_examined="too early"),
        reject("7z/no-chain.7z", made(TEXTS, []), "no coder", "archive-corrupt", not_examined="no chain"),
        reject("7z/name-up.7z", sevenzip({"../a.txt": b"one\n"}), "a name that leads out", "archive-path"),
        reject("7z/link-out.7z", sevenzip({"l.txt": b"../../x"}, {"l.txt": 0o120777}), "a link that leads out", "archive-link"),
        reject("7z/device.7z", sevenzip({"d.txt": b"x\n"}, {"d.txt": 0o020666}), "a device", "archive-device"),
    ]  # fmt: skip
