"""What each inspector says of each file of a folder, worked out from its own JSON or exit status.

FOUND: it reports something, at or above its own notion of a problem. CLEAN: it read the file and reports nothing.
UNREAD: it says that it could not or would not read it, or it does not name the file at all.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

PEERS: Final = Path(__file__).resolve().parents[2] / ".venv/peers/bin"
WEIGHLOCK: Final = Path(sys.executable).parent / "weighlock"
FILE_LIMIT_S: Final = 120  # for one file of a program that is started for each
FAMILY_LIMIT_S: Final = 900  # for the slowest program, on one family
ALL_LIMIT_S: Final = 3600  # for one folder of a program that is started once
QUIET: Final = {"NO_COLOR": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}


class Verdict(StrEnum):
    FOUND = "found"
    CLEAN = "clean"
    UNREAD = "not read"


Verdicts = dict[str, Verdict]


def files_of(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _run(line: Iterable[str | Path], folder: Path, *, limit_s: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in line],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=limit_s,
        env={**os.environ, **QUIET},
    )


def _report(line: list[str | Path], folder: Path, *, limit_s: int = ALL_LIMIT_S) -> Any:
    """Return the JSON that a program writes to the file whose name comes last on its command line."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "report.json"
        _run([*(out if part == "OUT" else part for part in line)], folder, limit_s=limit_s)
        return json.loads(out.read_text(encoding="utf-8"))


def weighlock(folder: Path) -> Verdicts:
    done = _run([WEIGHLOCK, "inspect", "--json", "."], folder, limit_s=ALL_LIMIT_S)
    words = {"findings": Verdict.FOUND, "clean": Verdict.CLEAN}
    listed = json.loads(done.stdout)["files"]
    return {each["path"]: words.get(each["outcome"], Verdict.UNREAD) for each in listed}


def picklescan(folder: Path) -> Verdicts:
    """Its exit status: 1 found, 2 failed; a file that it skips or cannot parse it counts as fine, we do not."""

    def one(name: str) -> Verdict:
        done = _run([PEERS / "picklescan", "-p", name], folder, limit_s=FILE_LIMIT_S)
        said = done.stdout + done.stderr
        if done.returncode == 1 and "Infected files" in said:
            return Verdict.FOUND
        lost = done.returncode or "could not parse" in said or "Scanned files: 0" in said or "ERROR" in said
        return Verdict.UNREAD if lost else Verdict.CLEAN

    return _each(folder, one)


def fickling(folder: Path) -> Verdicts:
    """Its exit status: 0 fine, 1 unsafe; 2 and a failure of its own are files it could not read.

    It calls every file that is no pickle to it unsafe, for invalid opcodes: if that is all, it did not read the file.
    """

    def one(name: str) -> Verdict:
        with tempfile.TemporaryDirectory() as place:
            out = Path(place) / "report.json"
            line = [PEERS / "fickling", "--check-safety", "--json-output", out, name]
            try:
                done = _run(line, folder, limit_s=FILE_LIMIT_S)
            except subprocess.TimeoutExpired:
                return Verdict.UNREAD
            said = out.read_text(encoding="utf-8") if out.exists() else ""
        if done.returncode == 1 and said and "Traceback" not in done.stderr:
            only = "invalid opcode(s)" in said and '"detailed_results": {}' in said
            return Verdict.UNREAD if only else Verdict.FOUND
        return Verdict.UNREAD if done.returncode else Verdict.CLEAN

    return _each(folder, one)


def _each(folder: Path, one: Callable[[str], Verdict]) -> Verdicts:
    names = files_of(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def modelscan(folder: Path) -> Verdicts:
    line = [PEERS / "modelscan", "scan", "-r", "json", "-o", "OUT", "--show-skipped", "-p", "."]
    said = _report(line, folder)
    names = files_of(folder)
    verdicts = dict.fromkeys(names, Verdict.UNREAD)

    for source in said["summary"]["scanned"].get("scanned_files", ()):
        verdicts[_file_of(source, verdicts)] = Verdict.CLEAN
    for error in said["errors"]:
        verdicts[_file_of(str(error.get("source") or ""), verdicts)] = Verdict.UNREAD
    for issue in said["issues"]:
        verdicts[_file_of(issue["source"], verdicts)] = Verdict.FOUND
    return {name: verdicts[name] for name in names}


def modelaudit(folder: Path) -> Verdicts:
    """Its warnings and worse are findings, as they are for its exit status; each family is a run of its own."""
    verdicts: Verdicts = dict.fromkeys(files_of(folder), Verdict.UNREAD)
    for family in sorted(each for each in folder.iterdir() if each.is_dir()):
        try:
            said = _report(
                [PEERS / "modelaudit", "scan", "--no-cache", "-f", "json", "-o", "OUT", family.name],
                folder,
                limit_s=FAMILY_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            print(f"modelaudit takes more than {FAMILY_LIMIT_S} s for {family.name}", file=sys.stderr)
            continue
        _audited(said, f"{folder.resolve()}/", verdicts)
    return verdicts


def _audited(said: Any, root: str, verdicts: Verdicts) -> None:
    for path, told in said["file_metadata"].items():
        half = told.get("analysis_incomplete") or told.get("scan_outcome") == "inconclusive"
        verdicts[path.removeprefix(root)] = Verdict.UNREAD if half else Verdict.CLEAN
    for issue in said["issues"]:
        if issue["severity"] in {"warning", "critical"}:
            place = _file_of(str(issue.get("location") or "").removeprefix(root), verdicts)
            if place:
                verdicts[place] = Verdict.FOUND


def _file_of(location: str, names: Verdicts) -> str:
    """Return the file that a location begins with: "file", "file:member", "file (pos 3)"; nothing for none of them."""
    place = location
    while place and place not in names:
        place = place[: max(place.rfind(":"), place.rfind(" "), place.rfind("!"), place.rfind("/"), 0)]
    if not place:
        print(f"no file for the location {location!r}", file=sys.stderr)
    return place


def hayward(folder: Path) -> Verdicts:
    """Its findings of low severity and worse, but for those that say a file was skipped.

    Its report does not list what it read without a finding; ``--verbose`` does.
    """
    verdicts = dict.fromkeys(files_of(folder), Verdict.UNREAD)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "report.json"
        line = [PEERS / "hayward", "scan", "--verbose", "-f", "json", "-o", out, "."]
        done = _run(line, folder, limit_s=ALL_LIMIT_S)
        said = json.loads(out.read_text(encoding="utf-8"))
    for told in done.stderr.splitlines():
        name = told.removeprefix("hayward: scanned ").removeprefix("./")
        if name != told and name in verdicts:
            verdicts[name] = Verdict.CLEAN
    verdicts |= dict.fromkeys(said["coverage_gaps"], Verdict.UNREAD)
    for finding in said["findings"]:
        name = _file_of(finding["file"], verdicts)
        skipped = finding["rule_id"].startswith("MFV-SKIP")
        if skipped and verdicts.get(name) is not Verdict.FOUND:
            verdicts[name] = Verdict.UNREAD
        elif finding["severity"] != "info" and not skipped:
            verdicts[name] = Verdict.FOUND
    return verdicts


PROGRAMS: Final[dict[str, Callable[[Path], Verdicts]]] = {
    "weighlock": weighlock,
    "picklescan": picklescan,
    "modelscan": modelscan,
    "fickling": fickling,
    "modelaudit": modelaudit,
    "hayward": hayward,
}
