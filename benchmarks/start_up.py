"""How long do --help and --version take, against the bare interpreter?

    python benchmarks/start_up.py [--rounds N]

Prints Markdown. Every row is the least disturbed of interleaved rounds in one run.
"""

import argparse
import subprocess
import sys
import time

COMMANDS = {
    "bare interpreter": [sys.executable, "-c", "pass"],
    "`weighlock --version`": [sys.executable, "-m", "weighlock", "--version"],
    "`weighlock --help`": [sys.executable, "-m", "weighlock", "--help"],
    "`weighlock promote --help`": [sys.executable, "-m", "weighlock", "promote", "--help"],
    "`weighlock config`": [sys.executable, "-m", "weighlock", "config"],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            best[name] = min(best[name], time.perf_counter() - started)
    bare = best["bare interpreter"]
    print("## Start-up\n\n| command | time | ratio to the bare interpreter |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds * 1000:.0f} ms | {seconds / bare:.1f} x |")


if __name__ == "__main__":
    main()
