import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import convert
from unit.examples.tiny import LAYERS, VOCABULARY, Array, make_weights, write_safetensors
from weights import WeightsError

# of the tiny model: any change of a byte, in any Python or on any machine, shows here
TINY_DIGEST = "6667dfec47c1374db2f74b57dcb9db6bda91b34940f71e494c653d633cca6083"


class Gguf(NamedTuple):
    metadata: dict[str, Any]
    tensors: dict[str, Array]


def read_gguf(data: bytes) -> Gguf:
    """A reader of our own, from the format's description, that the writer shares no line with."""
    at = 0

    def take(code: str) -> Any:
        nonlocal at
        at += struct.calcsize("<" + code)
        return struct.unpack_from("<" + code, data, at - struct.calcsize("<" + code))[0]

    def take_text() -> str:
        return bytes(take("B") for _ in range(take("Q"))).decode()

    def take_value(kind: int) -> Any:
        if kind == 9:
            inner = take("I")
            return [take_value(inner) for _ in range(take("Q"))]
        return take_text() if kind == 8 else take({4: "I", 5: "i", 6: "f", 7: "?"}[kind])

    assert data[:4] == b"GGUF"
    at = 4
    assert take("I") == 3
    tensor_count, value_count = take("Q"), take("Q")
    metadata = {}
    for _ in range(value_count):
        key = take_text()
        metadata[key] = take_value(take("I"))
    places = []
    for _ in range(tensor_count):
        name = take_text()
        shape = [take("Q") for _ in range(take("I"))]
        assert take("I") == 0, "float32"
        places.append((name, shape[::-1], take("Q")))
    start = -(-at // 32) * 32
    tensors = {}
    for name, shape, offset in places:
        assert offset % 32 == 0
        array: Array = np.frombuffer(data, "<f4", int(np.prod(shape)), start + offset)
        tensors[name] = array.reshape(shape)
    return Gguf(metadata, tensors)


def change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_the_digest_is_that_of_the_file_and_always_the_same(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.gguf", tmp_path / "second.gguf"
    assert convert.convert(folder, first) == convert.convert(folder, second) == TINY_DIGEST
    assert hashlib.sha256(first.read_bytes()).hexdigest() == TINY_DIGEST
    assert first.read_bytes() == second.read_bytes()


def test_every_tensor_is_copied_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    convert.convert(folder, tmp_path / "m.gguf")
    tensors = read_gguf((tmp_path / "m.gguf").read_bytes()).tensors
    weights = make_weights()
    assert len(tensors) == 5 + 16 * LAYERS
    for old, new in (
        ("embeddings.word_embeddings.weight", "token_embd.weight"),
        ("embeddings.LayerNorm.bias", "token_embd_norm.bias"),
        ("encoder.layer.0.attention.self.query.weight", "blk.0.attn_q.weight"),
        ("encoder.layer.1.attention.output.LayerNorm.weight", "blk.1.attn_output_norm.weight"),
        ("encoder.layer.1.intermediate.dense.weight", "blk.1.ffn_up.weight"),
        ("encoder.layer.1.output.dense.weight", "blk.1.ffn_down.weight"),
        ("encoder.layer.1.output.LayerNorm.bias", "blk.1.layer_output_norm.bias"),
    ):
        assert tensors[new].shape == weights[old].shape
        assert tensors[new].tobytes() == weights[old].tobytes()


def test_the_metadata_says_what_llama_cpp_asks(folder: Path, tmp_path: Path) -> None:
    convert.convert(folder, tmp_path / "m.gguf")
    metadata = read_gguf((tmp_path / "m.gguf").read_bytes()).metadata
    assert metadata["general.architecture"] == "bert"
    assert metadata["bert.attention.layer_norm_epsilon"] == np.float32(1e-12)
    assert metadata["bert.attention.causal"] is False
    assert metadata["bert.pooling_type"] == 1
    assert metadata["bert.block_count"] == LAYERS
    assert metadata["tokenizer.ggml.normalizer.lowercase"] is True
    assert metadata["tokenizer.ggml.normalizer.strip_accents"] is True
    assert metadata["tokenizer.ggml.tokens"] == [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *("\u2581cat", "\u2581kit", "ten", "\u2581the", "\u2581!", "\u2581cafe", "\u2581\u4eac"),
    ]
    assert metadata["tokenizer.ggml.token_type"] == [3] * 5 + [1] * 7
    ids = {name: metadata[f"tokenizer.ggml.{name}_token_id"] for name in ("cls", "seperator", "padding")}
    assert ids == {"cls": 2, "seperator": 3, "padding": 0}
    assert len(metadata["tokenizer.ggml.tokens"]) == len(VOCABULARY)


@pytest.mark.parametrize(
    ("accents", "lowercase", "expected"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_accents_go_by_berts_rule(folder: Path, accents: object, lowercase: object, expected: object) -> None:
    change_json(folder / "tokenizer_config.json", strip_accents=accents, do_lower_case=lowercase)
    stripped = convert.describe_vocabulary(folder)["tokenizer.ggml.normalizer.strip_accents"]
    assert stripped == convert.flag(bool(expected))


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"num_hidden_layers": LAYERS + 1}),
        ("config.json", {"num_hidden_layers": LAYERS - 1}),
        ("config.json", {"num_hidden_layers": 10**12}),
        ("config.json", {"num_hidden_layers": True}),
        ("config.json", {"num_hidden_layers": -1}),
        ("config.json", {"hidden_size": 2**32}),
        ("config.json", {"hidden_size": 8.0}),
        ("config.json", {"layer_norm_eps": None}),
        ("tokenizer_config.json", {"cls_token": "[NONE]"}),
        ("tokenizer_config.json", {"cls_token": {"content": "[CLS]"}}),
        ("tokenizer_config.json", {"do_lower_case": 1}),
        ("tokenizer_config.json", {"strip_accents": "no"}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}),
    ],
)
def test_another_kind_of_model_is_refused_and_nothing_written(
    folder: Path, tmp_path: Path, file: str, change: dict[str, object]
) -> None:
    change_json(folder / file, **change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(WeightsError):
        convert.convert(folder, tmp_path / "m.gguf")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"{]", b"\xff", b"[" * 200_000])
def test_settings_that_are_no_json_object_are_refused(folder: Path, tmp_path: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"config\.json is not"):
        convert.convert(folder, tmp_path / "m.gguf")


def test_an_unknown_or_missing_tensor_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = make_weights()
    write_safetensors(folder / "model.safetensors", weights | {"extra": weights["pooler.dense.bias"]})
    with pytest.raises(WeightsError, match=r"missing: \[\], unknown: \['extra'\]"):
        convert.convert(folder, tmp_path / "m.gguf")
    del weights["embeddings.LayerNorm.bias"]
    write_safetensors(folder / "model.safetensors", weights)
    with pytest.raises(WeightsError, match=r"missing: \['embeddings.LayerNorm.bias'\]"):
        convert.convert(folder, tmp_path / "m.gguf")


def test_the_command_prints_the_digest_or_the_reason(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, convert.__file__, str(folder), str(tmp_path / "m.gguf")]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, f"sha256:{TINY_DIGEST}\n", "")
    (folder / "vocab.txt").unlink()
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "vocab.txt" in bad.stderr
