"""Archives, compressed files and NumPy arrays."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    FETCH_AGAIN,
    HIGH,
    INFO,
    LIKELY,
    LOW,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

_REPACK: Final = "unpack it in a sandbox, look at what is in it, and pack it anew"

RULES: Final = (
    Rule(
        "archive-bomb", HIGH, LIKELY, "A few bytes grow to more than any reader should unpack.", FETCH_AGAIN, ("CWE-409",), controls=TAMPERING,
        detail="Whoever unpacks the file fills memory or disk. Weights shrink by less than ten, and deflate by at most a thousand. A bomb grows over 64 MiB by more than two thousand, or uses up the budget of one file, four GiB, by more than a "
        "hundred. Large files that grow by less are not examined, without this finding.",
    ),
    Rule(
        "archive-collision", MEDIUM, SURE, "Two members have names that are one on some systems, so that one replaces the other.", _REPACK, ("CWE-178",), controls=TAMPERING,
        detail="File systems of macOS and Windows, and PyTorch's own reader of archives, do not tell capitals apart, and some normalise Unicode. "
        "Which of the two members is read depends on the reader. NumPy's archives are exempt: their arrays are found by exact names and never unpacked.",
    ),
    Rule("archive-corrupt", MEDIUM, SURE, "Data breaks off or breaks its format before its end; a loader that reads on the go has run what comes before.", FETCH_AGAIN, controls=TAMPERING),
    Rule("archive-device", HIGH, SURE, "A member is a device, a pipe or a socket: unpacking it makes one.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "archive-duplicate", HIGH, SURE, "Two members have one name: readers differ in which of them they take.", FETCH_AGAIN, ("CWE-694",), controls=TAMPERING,
        detail="Python's zipfile takes the last entry of the directory, others the first; unpacking writes both in turn. A harmless member is shown to one reader and another one given to the next.",
    ),
    Rule("archive-encrypted", MEDIUM, SURE, "A member is encrypted: nobody sees what it holds before it is loaded.", "ask the publisher for a file without a password", controls=TAMPERING),
    Rule("archive-link", HIGH, SURE, "A link leads out of the folder that the archive is unpacked to.", FETCH_AGAIN, ("CWE-59",), controls=TAMPERING),
    Rule("archive-link-inside", INFO, SURE, "A member is a link to another place in the archive.", "keep it if it is meant", controls=TAMPERING),
    Rule("archive-name", LOW, LIKELY, "A member's name means another file, or none, on some systems.", _REPACK, controls=TAMPERING),
    Rule(
        "archive-path", HIGH, SURE, "A member's name leads out of the folder that the archive is unpacked to.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING,
        detail="Unpacking writes wherever the name points: over a start-up file, a key, a package. Absolute names, `..`, drive letters, and the same with "
        "backslashes count, and names with a NUL, which end there for readers written in C.",
    ),
    Rule("archive-trailing", MEDIUM, SURE, "Bytes follow the end of the archive or of the compressed data: some readers skip them, some read on.", FETCH_AGAIN, controls=TAMPERING),
    Rule("npy-header", HIGH, SURE, "A NumPy header breaks its format, or the data is not as long as it says.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "npy-object-array", INFO, SURE, "An array of Python objects is a pickle behind a NumPy header.", "store the array with a numeric type", controls=TAMPERING,
        detail="NumPy loads it only with `allow_pickle=True`, which is not the default since 1.16.3. What the pickle does is examined as in any other file and has findings of its own.",
    ),
    Rule(
        "tar-structure", HIGH, SURE, "The archive breaks its format, or readers of tar files would see different members in it.", FETCH_AGAIN, ("CVE-2025-62518",), controls=TAMPERING,
        detail="Extended headers may give a member another name or size than its own header. A reader that misses or misreads one takes the content of a member for headers, "
        "and sees files that others do not.",
    ),
    Rule(
        "zip-crc", HIGH, SURE, "A member's CRC-32 is wrong: some readers refuse it, others load it.", FETCH_AGAIN, ("CVE-2025-10156",), controls=TAMPERING,
        detail="Python's zipfile refuses such a member at its end, and a scanner built on it gives up; PyTorch's reader loads it (seen with torch 2.15). The member is examined all the same. "
        "The CRC is computed for packed members and for stored ones up to 1 MiB; of larger ones only the bounds are checked.",
    ),
    Rule("zip-crc-missing", INFO, SURE, "A member's CRC-32 is zero: it was not computed, as PyTorch does after `set_crc32_options(False)`.", "write the file with its CRC, so that other readers take it", controls=TAMPERING),
    Rule(
        "zip-structure", HIGH, SURE, "The archive's two directories disagree, members overlap, or bytes hide between them: readers see different files.", FETCH_AGAIN, ("CVE-2025-1944", "CVE-2025-1945"), controls=TAMPERING,
        detail="A ZIP file describes each member twice, and its directory is found from the end. Seen with Python 3.11 and torch 2.15: Python refuses a member whose two names differ, an "
        "archive that needs version 6.4 or more of the format, and a 64-bit end record that is gone, where torch loads; Python reads an archive behind other bytes and one with flag bit 13, where torch refuses; both ignore "
        "local methods, sizes and flags, by which readers of streams go. Whatever two readers would read differently is this finding, and every member that any of them would find is examined.",
    ),
)  # fmt: skip
