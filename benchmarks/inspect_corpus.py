"""What inspectors of model files find and wrongly find: an independent corpus of attacks, and ordinary models.

    python benchmarks/inspect_corpus.py [--only NAME,…] [--python PYTHON] [--ordinary FOLDER]… [--list]

The attacks are made by ``bench/attack_maker.py``, the ordinary models by ``bench/ordinary_maker.py`` with the libraries of
PYTHON (by default of ``.venv/models``; without them there are none), and FOLDERs hold more of them. ``--list`` names
each attack that the first program did not find and each ordinary file that it flagged or did not read.
The others are found in ``.venv/peers`` (``make peers``). Starting one for each file takes some minutes.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench.attack_maker import make
from bench.corpus_verdict import PEERS, PROGRAMS, WEIGHLOCK, Verdict, Verdicts, files_of

HERE: Final = Path(__file__).resolve().parent
MODELS: Final = HERE.parent / ".venv/models/bin/python"


def there(only: str) -> list[str]:
    """Return the programs that are installed."""
    wanted = only.split(",") if only else list(PROGRAMS)
    return [name for name in wanted if (WEIGHLOCK if name == "weighlock" else PEERS / name).exists()]


def counted(families: dict[str, str], verdicts: Verdicts) -> dict[str, Counter[Verdict]]:
    """Return how many of each verdict each family has; the family "all" is their sum."""
    counts: dict[str, Counter[Verdict]] = {family: Counter() for family in ["all", *families.values()]}
    for path, family in families.items():
        verdict = verdicts.get(path, Verdict.UNREAD)
        counts[family][verdict] += 1
        counts["all"][verdict] += 1
    return counts


def table(
    title: str, families: dict[str, str], results: dict[str, Verdicts], shown: Iterable[Verdict]
) -> None:
    """Print one row a family and one column a program."""
    order = list(shown)
    print(f"### {title}: {' / '.join(order)}\n")
    print("| family | files | " + " | ".join(results) + " |\n|" + " --- |" * (len(results) + 2))
    counts = {name: counted(families, verdicts) for name, verdicts in results.items()}
    sizes = Counter(families.values())
    for family in ["all", *sizes]:
        cells = [" / ".join(str(each[family][verdict]) for verdict in order) for each in counts.values()]
        print(f"| {family} | {sizes[family] or len(families)} | " + " | ".join(cells) + " |")
    print(flush=True)


def run(programs: list[str], folder: Path) -> dict[str, Verdicts]:
    """Return what each program says of each file; a program that fails on the whole has no column."""
    results = {}
    for name in programs:
        try:
            results[name] = PROGRAMS[name](folder)
            print(f"{name} is done", file=sys.stderr, flush=True)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"{name} did not finish: {error}", file=sys.stderr, flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--python", type=Path, default=MODELS)
    parser.add_argument("--ordinary", type=Path, action="append", default=[])
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    programs = there(arguments.only)
    print("## What inspectors find\n")
    with tempfile.TemporaryDirectory() as place:
        families = {path: family for family, path, _ in make(Path(place))}
        results = run(programs, Path(place) / "files")
    table("Attacks", families, results, (Verdict.FOUND, Verdict.CLEAN, Verdict.UNREAD))
    if arguments.list:
        listed(families, results[programs[0]], (Verdict.CLEAN, Verdict.UNREAD))
    with tempfile.TemporaryDirectory() as place:
        compare_ordinary(Path(place), programs, arguments)


def compare_ordinary(folder: Path, programs: list[str], arguments: argparse.Namespace) -> None:
    """Print what the programs say of ordinary models: of those made here, and of each folder given."""
    sets: list[tuple[str, Path]] = [(each.name, each) for each in arguments.ordinary]
    if arguments.python.exists():
        subprocess.run([arguments.python, HERE / "bench/ordinary_maker.py", folder], check=True)
        sets.insert(0, ("Ordinary models", folder))
    for title, each in sets:
        families = {name: name.split("/")[0] for name in files_of(each)}
        results = run(programs, each)
        table(title, families, results, (Verdict.FOUND, Verdict.UNREAD, Verdict.CLEAN))
        if arguments.list:
            listed(families, results[programs[0]], (Verdict.FOUND, Verdict.UNREAD))


def listed(families: Iterable[str], verdicts: Verdicts, wanted: tuple[Verdict, ...]) -> None:
    for path in families:
        verdict = verdicts.get(path, Verdict.UNREAD)
        if verdict in wanted:
            print(f"- {verdict}: {path}")
    print()


if __name__ == "__main__":
    main()
