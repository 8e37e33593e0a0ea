import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding import Embedder, gelu, read_weights
from unit.examples.tiny import make_weights, write_safetensors
from weights import WeightsError

Row = list[float]


def test_gelu_is_x_times_the_normal_distribution() -> None:
    values = np.array([-1, 0, 1, 8], dtype=np.float32)
    assert gelu(values) == pytest.approx([-0.158655, 0, 0.841345, 8], abs=1e-6)


def test_an_embedding_has_length_one_and_depends_on_order(folder: Path) -> None:
    model = Embedder.load(folder)
    first, second = model.embed("the cat"), model.embed("cat the")
    assert first.shape == (8,)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-6)
    assert abs(float(first @ second)) < 0.9999


def test_the_encoder_equals_one_written_with_plain_loops(folder: Path) -> None:
    weights = {name: array.astype(float).tolist() for name, array in make_weights().items()}
    expected = embed_slowly([2, 8, 5, 3], weights)  # [CLS] the cat [SEP]
    assert Embedder.load(folder).embed("the cat") == pytest.approx(expected, abs=1e-5)


def test_one_changed_weight_changes_the_embedding(folder: Path) -> None:
    before = Embedder.load(folder).embed("cat")
    weights = make_weights()
    weights["encoder.layer.1.output.dense.weight"][3, 5] += 4
    write_safetensors(folder / "model.safetensors", weights)
    assert np.abs(Embedder.load(folder).embed("cat") - before).max() > 1e-3


def test_weights_that_are_cut_off_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError):
        read_weights(path)


def embed_slowly(ids: list[int], weights: dict[str, Any]) -> list[float]:
    """Two heads of four numbers, two layers; ``weights`` as nested lists."""
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    state = []
    for place, number in enumerate(ids):
        word = weights["embeddings.word_embeddings.weight"][number]
        position = weights["embeddings.position_embeddings.weight"][place]
        state.append(normalise(add(add(word, position), kind), weights, "embeddings.LayerNorm"))
    for layer in ("encoder.layer.0.", "encoder.layer.1."):
        state = apply_layer(state, weights, layer)
    mean = [sum(column) / len(ids) for column in zip(*state, strict=True)]
    return [number / math.hypot(*mean) for number in mean]


def apply_layer(state: list[Row], weights: dict[str, Any], layer: str) -> list[Row]:
    query, key, value = (
        [project(row, weights, f"{layer}attention.self.{part}") for row in state]
        for part in ("query", "key", "value")
    )
    result = []
    for place, row in enumerate(state):
        mixed = []
        for head in (slice(0, 4), slice(4, 8)):
            mixed += attend(query[place][head], [k[head] for k in key], [v[head] for v in value])
        middle = add(row, project(mixed, weights, layer + "attention.output.dense"))
        middle = normalise(middle, weights, layer + "attention.output.LayerNorm")
        inner = project(middle, weights, layer + "intermediate.dense")
        inner = [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in inner]
        outer = add(middle, project(inner, weights, layer + "output.dense"))
        result.append(normalise(outer, weights, layer + "output.LayerNorm"))
    return result


def attend(query: Row, keys: list[Row], values: list[Row]) -> Row:
    shares = [math.exp(dot(query, key) / math.sqrt(len(query))) for key in keys]
    return [dot(shares, list(column)) / sum(shares) for column in zip(*values, strict=True)]


def normalise(row: Row, weights: dict[str, Any], name: str) -> Row:
    mean = sum(row) / len(row)
    spread = math.sqrt(sum((x - mean) ** 2 for x in row) / len(row) + 1e-12)
    scales, shifts = weights[name + ".weight"], weights[name + ".bias"]
    return [(x - mean) / spread * w + b for x, w, b in zip(row, scales, shifts, strict=True)]


def project(row: Row, weights: dict[str, Any], name: str) -> Row:
    return add([dot(row, w) for w in weights[name + ".weight"]], weights[name + ".bias"])


def add(first: Row, second: Row) -> Row:
    return [a + b for a, b in zip(first, second, strict=True)]


def dot(first: Row, second: Row) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))
