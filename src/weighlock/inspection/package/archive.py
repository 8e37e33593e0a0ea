"""Wheels (PEP 427) and TorchServe's model archives: what installing or serving them runs."""

import base64
import csv
import hashlib
import json
import posixpath
from collections.abc import Mapping
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.member import Member
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined

MAX_RECORD_BYTES: Final = 16 * 1024 * 1024  # a line a file; the largest wheels have some ten thousand files
MAX_MANIFEST_BYTES: Final = 1024 * 1024
MAX_DIGESTED_BYTES: Final = 2 * 1024 * 1024 * 1024  # of one member: unpacking and digesting takes some 20 s
_START_FILES: Final = frozenset({"sitecustomize.py", "usercustomize.py"})


def examine_wheel(file: File, archive: Archive) -> Reading[None]:
    """Examine every member of a wheel, hold them against RECORD, and tell what installing it sets up."""
    report = file.report
    members = {member.name: member for member in archive.members}
    for name in members:
        _examine_place(report, name)
    record = next(
        (name for name in members if name.endswith(".dist-info/RECORD") and name.count("/") == 1), None
    )
    if record is not None:
        yield from _check_record(archive, members, record)
    for member in archive.members:
        yield from archive.examine(member)


def _examine_place(report: Report, name: str) -> None:
    parts = name.split("/")
    if parts[-1] in _START_FILES and (len(parts) == 1 or ".data" in parts[0]):
        report.find("package-start-file", f"it installs {shown(name)}")
    if len(parts) > 2 and parts[0].endswith(".data") and parts[1] == "scripts":
        report.find("package-scripts", f"it installs the program {shown(parts[-1])}")
    if parts[-1] == "entry_points.txt" and parts[0].endswith(".dist-info"):
        report.find("package-entry-point", "it registers entry points")


def _check_record(archive: Archive, members: Mapping[str, Member], record: str) -> Reading[None]:
    report = archive.file.report
    try:
        text = (yield from archive.read(members[record], MAX_RECORD_BYTES)).decode("utf-8", "replace")
    except Unexamined as limit:
        report.not_examined(f"RECORD: {limit.reason}")
        return
    try:
        rows = {row[0]: row for row in csv.reader(text.splitlines()) if row}
    except csv.Error:
        report.find("package-record", "RECORD is not a table")
        return
    free = {record, f"{record}.jws", f"{record}.p7s"}
    for name in members:
        if name not in rows and name not in free and not name.endswith("/"):
            report.find("package-record", f"{shown(name)} is not in RECORD")
    for name, row in rows.items():
        if name in members and name not in free:
            yield from _check_row(archive, members[name], row)
        elif name not in members:
            report.find("package-record", f"RECORD names {shown(name)}, which is not there")


def _check_row(archive: Archive, member: Member, row: list[str]) -> Reading[None]:
    report = archive.file.report
    algorithm, _, encoded = row[1].partition("=") if len(row) > 1 else ("", "", "")
    if algorithm != "sha256":
        report.find("package-record", f"RECORD gives no SHA-256 for {shown(member.name)}")
        return
    if member.size > MAX_DIGESTED_BYTES:
        report.not_examined(f"{shown(member.name)} is too large to be held against RECORD")
        return
    found = hashlib.sha256()
    try:
        yield from archive.feed(member, found.update)
        expected = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except Unexamined as limit:
        report.not_examined(f"{shown(member.name)}: {limit.reason}")
        return
    except ValueError:
        expected = b""  # not base64
    if found.digest() != expected:
        report.find("package-record", f"{shown(member.name)} has another digest than RECORD says")


def examine_mar(file: File, archive: Archive) -> Reading[None]:
    """Examine every member of a model archive; its manifest names the handler (torch-model-archiver)."""
    report = file.report
    members = {member.name: member for member in archive.members}
    try:
        raw = yield from archive.read(members["MAR-INF/MANIFEST.json"], MAX_MANIFEST_BYTES)
        manifest = json.loads(raw)
        model = manifest["model"]
        handler = str(model["handler"])
    except (Unexamined, ValueError, KeyError, TypeError, RecursionError):
        report.find("package-manifest", "the manifest cannot be read, or names no handler")
    else:
        _check_handler(report, members, handler)
        for key in ("serializedFile", "modelFile", "requirementsFile"):
            named = model.get(key)
            if isinstance(named, str) and named not in members:
                report.find("package-manifest", f"{key} names {shown(named)}, which is not there")
    for member in archive.members:
        yield from archive.examine(member)


def _check_handler(report: Report, members: Mapping[str, Member], handler: str) -> None:
    place = handler.partition(":")[0]
    own = place if place.endswith(".py") else f"{place}.py"
    if own in members:
        report.find("package-handler", f"the handler is {shown(handler)}, code of the archive")
    elif "/" in place or "." in posixpath.splitext(place)[0]:
        report.find("package-manifest", f"the handler {shown(handler)} is not there")
    else:
        report.fact("handler", handler)
