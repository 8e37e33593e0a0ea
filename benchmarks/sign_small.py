"""How long do `sign` and `verify` of a small model take, the whole command?

    python benchmarks/sign_small.py [--rounds N]

Prints Markdown. Every row is the least disturbed of interleaved rounds in one run. Needs
tests/interop/setup; without it, model_signing is left out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
OTHER = ROOT / ".venv" / "interop" / "python" / "bin" / "model_signing"
WEIGHLOCK = [sys.executable, "-m", "weighlock"]
FILES = {"model.safetensors": 900_000, "config.json": 600, "tokenizer.json": 90_000, "1/modules.json": 300}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        for path, size in FILES.items():
            (folder / "model" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "model" / path).write_bytes(os.urandom(size))
        run([*WEIGHLOCK, "keys", "make", str(folder / "key"), "--trial"])
        lines = commands(folder)
        times: dict[str, list[float]] = {label: [] for label in lines}
        for _ in range(rounds):
            for label, line in lines.items():
                times[label].append(run(line))
    bare = min(times["python -c pass"])
    print(f"\nA model of {sum(FILES.values()) / 1e6:.1f} MB in {len(FILES)} files:\n")
    print("| whole command | ms | ratio to the interpreter |\n|---|---|---|")
    for label, seconds in times.items():
        best = min(seconds)
        print(f"| {label} | {best * 1000:.0f} | {best / bare:.1f} |")


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the command lines to compare, in an order in which each can succeed."""
    model, private, public = (str(folder / name) for name in ("model", "key.pem", "key.pub"))
    ours, theirs = str(folder / "ours.sig"), str(folder / "theirs.sig")
    lines = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "weighlock --version": [*WEIGHLOCK, "--version"],
        "weighlock --help": [*WEIGHLOCK, "--help"],
        "weighlock sign": [*WEIGHLOCK, "sign", model, "--key", private, "--signature", ours],
        "weighlock verify": [*WEIGHLOCK, "verify", model, "--key", public, "--signature", ours],
    }
    if OTHER.exists():
        their_sign = ["sign", "key", model, "--private_key", private, "--signature", theirs]
        their_verify = ["verify", "key", model, "--public_key", public, "--signature", theirs]
        lines["model_signing sign"] = [str(OTHER), *their_sign]
        lines["model_signing verify"] = [str(OTHER), *their_verify]
    return lines


def run(line: list[str]) -> float:
    """Return the seconds that a command takes, which must succeed."""
    start = time.perf_counter()
    subprocess.run(line, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
