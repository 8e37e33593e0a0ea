"""Sentence embeddings of a BERT model, computed in NumPy from its Hugging Face folder.

The reference for the server's answers, and small enough to be read: the encoder of
Devlin et al. 2018 (arXiv:1810.04805), the mean over its tokens, scaled to length 1.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from weights import read_index
from wordpiece import Tokenizer

Floats = npt.NDArray[np.float32]


class Embedder:
    """A BERT encoder with mean pooling.

    Shapes below: t tokens, d = hidden size, h heads of d/h numbers each.
    """

    def __init__(
        self, tokenizer: Tokenizer, weights: Mapping[str, Floats], config: Mapping[str, float]
    ) -> None:
        """Take the weights under their Hugging Face names and the keys of ``config.json``."""
        self._tokenizer = tokenizer
        self._weights = weights
        self._heads = int(config["num_attention_heads"])
        self._layers = int(config["num_hidden_layers"])
        self._epsilon = config["layer_norm_eps"]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the model in ``folder``; raises WeightsError if its weights are malformed."""
        config = json.loads((folder / "config.json").read_text("utf-8"))
        return cls(Tokenizer.load(folder), read_weights(folder / "model.safetensors"), config)

    def embed(self, text: str) -> Floats:
        """Return the embedding of ``text``: shape (d,), of length 1."""
        ids = self._tokenizer.encode(text)
        state = self._embed_tokens(ids)
        for layer in range(self._layers):
            state = self._apply_layer(state, f"encoder.layer.{layer}.")
        mean = state.mean(axis=0)
        return _as_floats(mean / np.linalg.norm(mean))

    def _embed_tokens(self, ids: Sequence[int]) -> Floats:
        words = self._weights["embeddings.word_embeddings.weight"][list(ids)]
        positions = self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normalise(_as_floats(words + positions + kind), "embeddings.LayerNorm")

    def _apply_layer(self, state: Floats, layer: str) -> Floats:
        attended = self._project(self._attend(state, layer), layer + "attention.output.dense")
        state = self._normalise(state + attended, layer + "attention.output.LayerNorm")
        inner = gelu(self._project(state, layer + "intermediate.dense"))
        outer = self._project(inner, layer + "output.dense")
        return self._normalise(state + outer, layer + "output.LayerNorm")

    def _attend(self, state: Floats, layer: str) -> Floats:
        query, key, value = (
            self._split_heads(self._project(state, f"{layer}attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])  # (h, t, t)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value  # (h, t, d/h)
        return _as_floats(mixed.transpose(1, 0, 2).reshape(state.shape))

    def _split_heads(self, state: Floats) -> Floats:
        return state.reshape(len(state), self._heads, -1).transpose(1, 0, 2)

    def _project(self, state: Floats, name: str) -> Floats:
        return state @ self._weights[name + ".weight"].T + self._weights[name + ".bias"]

    def _normalise(self, state: Floats, name: str) -> Floats:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + self._epsilon)
        scaled = centred / spread * self._weights[name + ".weight"]
        return _as_floats(scaled + self._weights[name + ".bias"])


_erf = np.vectorize(math.erf, otypes=[np.float32])  # NumPy has none of its own


def gelu(values: Floats) -> Floats:
    """Return x·Φ(x) for every x in ``values``; Φ is the normal distribution's, exactly."""
    return _as_floats(values * (1 + _erf(values / math.sqrt(2))) / 2)


def read_weights(path: Path) -> dict[str, Floats]:
    """Return the float32 tensors of the safetensors file at ``path``, by name."""
    data = np.memmap(path, mode="r", dtype=np.uint8)
    weights = {}
    for name, tensor in read_index(path).items():
        if tensor.dtype == "F32":
            raw = data[tensor.offset : tensor.offset + tensor.size_bytes]
            weights[name] = raw.view("<f4").reshape(tensor.shape)
    return weights


def _as_floats(values: npt.NDArray[np.floating]) -> Floats:
    return values.astype(np.float32)
