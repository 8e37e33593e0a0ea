"""Machine code: what the headers of ELF, PE and Mach-O say, and the archive that an executable carries.

ELF: System V ABI, chapters 4 and 5. PE: Microsoft's PE Format. Mach-O: mach-o/loader.h.
"""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip_end import ends_as_zip
from weighlock.inspection.file import File
from weighlock.inspection.span import Reading, Unexamined, read

MAX_HEADER_BYTES: Final = 65_536  # of program headers or load commands; ordinary ones have some hundred bytes
MAX_LIBRARIES: Final = 64
MAX_NAME_BYTES: Final = 256
MAX_DYNAMIC_BYTES: Final = 65_536  # 16 bytes an entry; ordinary libraries have some thirty entries
_ELF_MACHINES: Final = {3: "x86", 8: "MIPS", 21: "PowerPC", 40: "ARM", 62: "x86-64", 183: "AArch64", 190: "CUDA", 224: "AMD GPU", 243: "RISC-V", 258: "LoongArch"}  # fmt: skip
_ELF_KINDS: Final = {1: "object", 2: "executable", 3: "library or executable", 4: "core dump"}
_PE_MACHINES: Final = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "AArch64", 0x1C0: "ARM"}
_MACH_MACHINES: Final = {7: "x86", 0x01000007: "x86-64", 12: "ARM", 0x0100000C: "AArch64"}
_LOAD_DYLIB: Final = frozenset({0xC, 0x18, 0x1F, 0x80000018, 0x8000001F})


def examine_native(file: File) -> Reading[None]:
    """Report machine code with the facts of its header, and examine an archive at its end; raises Unexamined."""
    file.report.find("native-code", "the file is machine code")
    head = yield from read(0, min(file.size, 64))
    if head.startswith(b"\x7fELF"):
        yield from _examine_elf(file, head)
    elif head.startswith(b"MZ"):
        yield from _examine_pe(file, head)
    else:
        _examine_mach(file, (yield from read(0, min(file.size, MAX_HEADER_BYTES))))
    if (yield from ends_as_zip(file.size)):
        yield from _examine_tail(file)
    raise Unexamined("what machine code does is not analysed")


def _examine_tail(file: File) -> Reading[None]:
    """A llamafile is an executable for several systems with an archive of weights at its end."""
    from weighlock.inspection.archive.examine import examine_zip_file  # noqa: PLC0415  # few executables have one

    report = file.report
    named = report.format
    report.fact("archive", "an archive stands at the end of the executable")
    yield from examine_zip_file(file)
    report.format = named


def _examine_elf(file: File, head: bytes) -> Reading[None]:
    if len(head) < 52 or head[4] not in {1, 2} or head[5] not in {1, 2}:
        file.report.find("native-header", "the ELF header is cut or broken")
        return
    order = "little" if head[5] == 1 else "big"
    wide = head[4] == 2

    def number(data: bytes, at: int, length: int) -> int:
        return int.from_bytes(data[at : at + length], "little" if order == "little" else "big")

    machine = number(head, 18, 2)
    file.report.fact("machine", _ELF_MACHINES.get(machine, machine))
    file.report.fact("kind", _ELF_KINDS.get(number(head, 16, 2), "unknown"))
    table = number(head, 32, 8) if wide else number(head, 28, 4)
    size, count = (
        (number(head, 54, 2), number(head, 56, 2)) if wide else (number(head, 42, 2), number(head, 44, 2))
    )
    if not count or size < (56 if wide else 32):
        return
    if table + size * count > file.size or size * count > MAX_HEADER_BYTES:
        file.report.find("native-header", "the program headers lie outside the file")
        return
    raw = yield from read(table, size * count)
    segments = []
    for at in range(0, len(raw), size):
        fields = (0, 8, 16, 32) if wide else (0, 4, 8, 16)
        width = 8 if wide else 4
        segments.append((number(raw, at, 4), *(number(raw, at + field, width) for field in fields[1:])))
    dynamic = next((segment for segment in segments if segment[0] == 2), None)
    if dynamic is None or dynamic[1] + dynamic[3] > file.size or dynamic[3] > MAX_DYNAMIC_BYTES:
        return
    entries = yield from read(dynamic[1], dynamic[3])
    width = 8 if wide else 4
    pairs = [
        (number(entries, at, width), number(entries, at + width, width))
        for at in range(0, len(entries), 2 * width)
    ]
    yield from _elf_libraries(file, pairs, segments)


def _elf_libraries(
    file: File, pairs: list[tuple[int, int]], segments: list[tuple[int, ...]]
) -> Reading[None]:
    """Add the libraries that the dynamic section needs (DT_NEEDED = 1), by the string table (DT_STRTAB = 5)."""
    table = next((value for tag, value in pairs if tag == 5), None)
    loads = [segment for segment in segments if segment[0] == 1 and table is not None]
    place = next((s[1] + (table or 0) - s[2] for s in loads if s[2] <= (table or 0) < s[2] + s[3]), None)
    if place is None:
        return
    names = []
    for offset in [value for tag, value in pairs if tag == 1][:MAX_LIBRARIES]:
        start = place + offset
        if start < file.size:
            raw = yield from read(start, min(MAX_NAME_BYTES, file.size - start))
            names.append(raw.partition(b"\0")[0].decode("utf-8", "replace"))
    if names:
        file.report.fact("libraries", ", ".join(map(shown, names)))


def _examine_pe(file: File, head: bytes) -> Reading[None]:
    at = int.from_bytes(head[60:64], "little") if len(head) >= 64 else 0
    if not 0 < at <= file.size - 24:
        file.report.find("native-header", "the PE header lies outside the file")
        return
    raw = yield from read(at, 24)
    if raw[:4] != b"PE\0\0":
        file.report.fact("kind", "a program for DOS, or for several systems at once")
        return
    machine = int.from_bytes(raw[4:6], "little")
    file.report.fact("machine", _PE_MACHINES.get(machine, machine))
    file.report.fact("kind", "library" if int.from_bytes(raw[22:24], "little") & 0x2000 else "executable")


def _examine_mach(file: File, raw: bytes) -> None:
    if raw[:4] == b"\xca\xfe\xba\xbe":
        file.report.fact("kind", f"{int.from_bytes(raw[4:8], 'big')} architectures, or a class of Java")
        return
    little = raw[:1] in {b"\xce", b"\xcf"}

    def number(at: int) -> int:
        return int.from_bytes(raw[at : at + 4], "little" if little else "big")

    file.report.fact("machine", _MACH_MACHINES.get(number(4), number(4)))
    at = 32 if b"\xcf" in raw[:4] else 28
    names: list[str] = []
    for _ in range(min(number(16), 1000)):
        command, size = number(at), number(at + 4)
        if size < 8 or at + size > len(raw):
            break
        if command in _LOAD_DYLIB and len(names) < MAX_LIBRARIES:
            start = at + number(at + 8)
            names.append(
                raw[start : at + size].partition(b"\0")[0][:MAX_NAME_BYTES].decode("utf-8", "replace")
            )
        at += size
    if names:
        file.report.fact("libraries", ", ".join(map(shown, names)))
