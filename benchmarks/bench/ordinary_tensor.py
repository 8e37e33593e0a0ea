"""Safetensors and GGUF files by their own libraries; GGUF with vocabularies and chat templates of common shapes."""

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

from bench.ordinary_config import TEMPLATES


def make(folder: Path) -> None:
    chance = np.random.default_rng(4)
    for kind in ("f2", "f4", "f8", "i1", "u1", "i4", "i8", "?"):
        tensors = {f"layer.{n}.weight": chance.integers(0, 2, (n + 1, 3)).astype(kind) for n in range(4)}
        save_file(tensors, folder / f"tensors-{kind.replace('?', 'bool')}.safetensors")
    save_file({"a": np.zeros(())}, folder / "scalar.safetensors")
    save_file({"a": np.zeros((0, 4)), "b": np.ones(3)}, folder / "empty.safetensors")
    save_file(
        {"a": np.zeros(3)},
        folder / "described.safetensors",
        {"format": "pt", "note": "trained for three epochs"},
    )
    _sharded(folder / "sharded")
    for name, template in TEMPLATES.items():
        _gguf(folder / f"{name}.gguf", template)


def _sharded(folder: Path) -> None:
    folder.mkdir()
    places = {}
    for number in (1, 2):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({f"layer.{number}": np.zeros((2, 3), np.float32)}, folder / file)
        places[f"layer.{number}"] = file
    index = {"metadata": {"total_size": 48}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _gguf(file: Path, template: str) -> None:
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("small")
    writer.add_context_length(128)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{number}" for number in range(64)])
    writer.add_token_scores([0.0] * 64)
    writer.add_token_types([1] * 64)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(template)
    for number in range(3):
        writer.add_tensor(f"blk.{number}.weight", np.ones((4, 8), np.float32))
    writer.add_tensor("half", np.ones((2, 3), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
