import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import evaluate
from evaluate import EvaluationError, Pair

NEAR, FAR = Pair("a", "b", related=True), Pair("a", "c", related=False)
VECTORS = {"a": [1.0, 0.0], "b": [0.8, 0.6], "c": [0.0, 2.0]}


@contextmanager
def serve(status: int, body: bytes) -> Iterator[tuple[str, list[Any]]]:
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            asked.append((self.path, json.loads(self.rfile.read(size))))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_separation_is_the_lowest_related_less_the_highest_unrelated() -> None:
    closer = Pair("b", "b", related=True)
    result = evaluate.evaluate(VECTORS.__getitem__, [NEAR, closer, FAR])
    assert (result["metric"], result["value"], result["threshold"], result["passed"]) == (
        *("separation", 0.8, 0.4, True),
    )
    assert [case["cosine"] for case in result["cases"]] == [0.8, 1.0, 0.0]
    assert result["cases"][0] == {"first": "a", "second": "b", "related": True, "cosine": 0.8}


@pytest.mark.parametrize(
    ("related", "passed"), [(evaluate.THRESHOLD, True), (evaluate.THRESHOLD - 0.001, False)]
)
def test_the_threshold_itself_passes(related: float, passed: object) -> None:
    vectors = VECTORS | {"b": [related, math.sqrt(1 - related**2)]}
    assert evaluate.evaluate(vectors.__getitem__, [NEAR, FAR])["passed"] is passed


def test_a_model_that_answers_the_same_to_everything_does_not_pass() -> None:
    result = evaluate.evaluate(lambda _: [0.5, 0.5])
    assert (result["value"], result["passed"]) == (0, False)
    assert len(result["cases"]) == len(evaluate.PAIRS) == 12


@pytest.mark.parametrize("vector", [[math.nan, 1.0], [0.0, 0.0], [1.0], []])
def test_vectors_without_a_direction_are_an_error_and_no_result(vector: list[float]) -> None:
    with pytest.raises(EvaluationError):
        evaluate.evaluate((VECTORS | {"b": vector}).__getitem__, [NEAR, FAR])


def test_a_server_is_asked_in_openais_shape() -> None:
    with serve(200, b'{"data": [{"embedding": [1, 0.5]}]}') as (address, asked):
        assert evaluate.ask_server(address, "a cat") == [1.0, 0.5]
    assert asked == [("/v1/embeddings", {"input": "a cat"})]


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (500, b'{"data": [{"embedding": [1]}]}', "status 500"),
        (200, b"[", "no embedding"),
        (200, b"[]", "no embedding"),
        (200, b'{"data": []}', "no embedding"),
        (200, b'{"data": [{"embedding": ["x"]}]}', "no embedding"),
        (200, b'{"data": [{"embedding": null}]}', "no embedding"),
    ],
)
def test_a_server_that_gives_no_embedding_is_an_error(status: int, body: bytes, problem: str) -> None:
    with serve(status, body) as (address, _), pytest.raises(EvaluationError, match=problem):
        evaluate.ask_server(address, "a cat")


def test_the_command_writes_json_and_leaves_the_verdict_to_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "result.json"
    monkeypatch.setattr("sys.argv", ["evaluate", str(folder), "--output", str(output)])
    assert evaluate.main() == 0
    result = json.loads(output.read_text("utf-8"))
    assert (result["engine"], result["passed"]) == ("numpy", False)  # the tiny model knows nothing


def test_the_command_says_when_nothing_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "result.json"
    monkeypatch.setattr("sys.argv", ["evaluate", "http://127.0.0.1:1", "--output", str(output)])
    assert evaluate.main() == 1
    assert "evaluate: " in capsys.readouterr().err
    assert not output.exists()
