"""A server that `weighlock run` started, as a test sees it."""

import contextlib
import json
import subprocess
import urllib.request
from typing import Any


class Serving:
    """A server that `run` started, and that process."""

    def __init__(self, process: subprocess.Popen[bytes], facts: dict[str, Any]) -> None:
        self.process = process
        self.facts = facts

    def ask(self, path: str = "/") -> bytes:
        """Return what the server answers; it may still be starting."""
        for attempt in range(200):
            try:
                with urllib.request.urlopen(f"http://{self.facts['address']}{path}", timeout=10) as answer:
                    body: bytes = answer.read()
                    return body
            except OSError:
                if self.process.poll() is not None or attempt == 199:
                    raise
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.05)
        raise AssertionError

    def end(self, timeout_s: float = 30) -> tuple[int, str]:
        """Return how `run` ended by itself: its status and what it said."""
        _, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, err.decode()


def first_object(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return the JSON object that `run` prints when the server runs."""
    assert process.stdout is not None
    text = b""
    for line in process.stdout:
        text += line
        if line.rstrip() == b"}":
            break
    if not text:
        _, err = process.communicate(timeout=30)
        raise AssertionError(err.decode())
    facts: dict[str, Any] = json.loads(text)
    return facts
