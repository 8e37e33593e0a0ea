"""Run every benchmark, one after the other, and print one Markdown document.

    python benchmarks/run.py [NAME…]

docs/benchmarks.md keeps the output of a quiet machine. Ratios compare; times only give an idea.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    names = sys.argv[1:] or sorted(file.stem for file in HERE.glob("*.py") if file.stem != "run")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n", flush=True)
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode
    ]
    for name in failed:
        print(f"{name} did not finish", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
