"""What the corpus cannot show of ONNX: files that are two things, cost, and what links say."""

import pytest

from corpus.onnx_case import external, graph, model, node, tensor, with_tensor
from graph_file import number, sized, varint
from model_file import examine, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.span import Span, drive

REST = sized(7, graph(node("Add"))) + number(1, 8) + sized(8, number(2, 17))


@pytest.mark.parametrize(
    "padding", [b"", b"npy\nx\n0X" + (70_000).to_bytes(4, "little") + b"a" * 70_000 + b"0cru"]
)
@pytest.mark.parametrize("name", ["a.onnx", "a.pkl", "a.bin", "a"])
def test_a_model_that_is_a_pickle_too_is_a_pickle(name: str, padding: bytes) -> None:
    # model_version is "(", a metadata entry "r": MARK, and GLOBAL of a module whose name begins with "r"
    text = padding + b"npy\nrun_path\n(X\x06\x00\x00\x00markertR."
    polyglot = b"(cr" + (varint(len(text)) if padding else b"u") + text.ljust(0x75, b" ") + REST
    assert "pickle-global-dangerous" in rules_of(examine(name, polyglot))


def test_tensor_data_is_not_read() -> None:
    size = 64 * 1024 * 1024
    head = number(1, 8) + sized(2, "maker")
    body = tensor("w", dims=(size,), kind=2, raw=None) + b"\x4a" + varint(size)
    inner = sized(1, node("Add")) + b"\x2a" + varint(len(body) + size) + body
    start = head + b"\x3a" + varint(len(inner) + size) + inner
    end = sized(8, number(2, 17))
    whole = len(start) + size + len(end)
    read = 0

    def fetch(span: Span) -> bytes:
        nonlocal read
        read += span.length
        piece = start[span.offset : span.offset + span.length]
        until = span.offset + span.length
        behind = (
            end[max(0, span.offset - start_of_end) : until - start_of_end] if until > start_of_end else b""
        )
        return piece + bytes(span.length - len(piece) - len(behind)) + behind

    start_of_end = len(start) + size
    examined = drive(inspect_file("a.onnx", whole), fetch)
    assert examined.outcome is Outcome.CLEAN, examined
    assert read < 300_000


def test_links_say_how_far_tensors_reach_into_a_file() -> None:
    tensors = [external("a", location="w.bin", offset="64", length="8"), external("b", location="w.bin")]
    links = {(link.kind, link.target) for link in examine("a.onnx", with_tensor(*tensors)).links}
    assert links == {("tensor-data", "w.bin"), ("tensor-data-size", "72 w.bin")}


def test_a_model_of_many_nodes_takes_linear_time_and_little_memory() -> None:
    examined = examine("a.onnx", model(graph(*[node("Add")] * 20_000)))
    assert examined.outcome is Outcome.CLEAN
    assert ("nodes", "20000") in examined.facts


@pytest.mark.parametrize("path", ["w.bin", "data/w.bin", "a..b/w", "...", "layer:0", "a b", "ä/ö"])
def test_paths_inside(path: str) -> None:
    assert escape_of(path) is None


@pytest.mark.parametrize(
    "path", ["/w", "\\w", "..", "a/..", "a\\..\\b", "C:w", "w:1", "c:\\w", "file:/w", "s3://b/w", "~", "~root/w", "w\n", "//h/w"]
)  # fmt: skip
def test_paths_outside(path: str) -> None:
    assert escape_of(path)
